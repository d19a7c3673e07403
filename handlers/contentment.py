"""What residents answered (满意度) on some days, as staff read it in chat and on the console."""

from collections.abc import Sequence
from typing import Final

from handlers import words
from handlers.tickets import masked
from storage.queries.contentment import Contentment, LowWord
from storage.ticket_kinds import RatingTopic

TOPICS: Final = {
    RatingTopic.PAYMENT: "缴费",
    RatingTopic.REFUND: "退款",
    RatingTopic.REPAIR: "报修",
    RatingTopic.COMPLAINT: "投诉",
    RatingTopic.SUGGESTION: "建议",
    RatingTopic.DISPUTE: "账单核对",
    RatingTopic.QUESTION: "提问",
    RatingTopic.PERSON: "人工",
}


def lines(
    found: Sequence[Contentment],
    by_building: Sequence[tuple[str, int, int]],
    said: Sequence[LowWord],
) -> list[str]:
    """Say each topic, each building and each low word on a line of its own."""
    return [
        *map(_topic, found),
        *(f"{label} {_mean(stars, count)}分，{count}人打分" for label, count, stars in by_building),
        *(f"{TOPICS[one.topic]} {one.stars}分：{_said(one)}" for one in said),
    ]


def _topic(one: Contentment) -> str:
    asked = f"请了{one.asked}人"
    if not one.answered:
        return f"{TOPICS[one.topic]} {asked}，还没有人打分"
    low = f"，{one.low}人只给1到2分" if one.low else ""
    mean = _mean(one.stars, one.answered)
    return f"{TOPICS[one.topic]} {mean}分，{asked}，{one.answered}人打分{low}"


def _mean(stars: int, count: int) -> str:
    """Say stars divided by answers with one decimal, half upwards."""
    tenths = (stars * 20 + count) // (2 * count)
    return f"{tenths // 10}.{tenths % 10}"


def _said(one: LowWord) -> str:
    return masked(words.shorten(one.words, 60))
