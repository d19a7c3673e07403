"""Whether this is a moment to ask a person how it was, and what people answered (满意度)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, or_, select

from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.models.estate import buildings, units
from storage.models.messages import conversations
from storage.models.payments import refunds
from storage.models.ratings import ratings
from storage.models.talks import talks
from storage.models.tickets import tickets
from storage.periods import DaySpan, shanghai_instant
from storage.queries.residents import MEMORY_LASTS
from storage.ticket_kinds import RatingTopic, TalkReason, TicketKind

CALM_AFTER: Final = timedelta(days=7)
"""So long after she was angry nobody asks a person to praise us."""
LEAST: Final = 5
"""Of fewer answers no building's are shown: one would know whose they are."""
_TAILS: Final = ("栋", "号楼", "幢", "座", "")
"""How a register may write the building that is named by its number."""
_UNHAPPY: Final = (
    TicketKind.DISPUTE,
    TicketKind.COMPLAINT,
    TicketKind.QUESTION,
    TicketKind.PAYMENT,
)
_WAITING: Final = (
    RefundStep.REQUESTED,
    RefundStep.APPROVED,
    RefundStep.SUBMITTED,
    RefundStep.UNFUNDED,
    RefundStep.UNKNOWN,
    RefundStep.ABNORMAL,
)


def is_good_moment(tx: Connection, identity_id: int, *, now: datetime) -> bool:
    """Tell whether nothing stands between us and a person, and no question of ours is open.

    Not while she disputes, complains or waits for an answer, for money back or for a person, and
    not soon after she was angry; nor while her next number answers something else.
    """
    return not (
        _is_asked_something(tx, identity_id, now)
        or _has_open_ticket(tx, identity_id)
        or _talks(tx, identity_id, now)
        or _waits_for_money(tx, identity_id)
    )


def _is_asked_something(tx: Connection, identity_id: int, now: datetime) -> bool:
    talk = tx.execute(
        select(conversations.c.memory, conversations.c.updated_at).where(
            conversations.c.identity_id == identity_id
        )
    ).one_or_none()
    if talk is None or talk.updated_at <= now - MEMORY_LASTS:
        return False
    return bool(json.loads(talk.memory).get("expecting"))


def _has_open_ticket(tx: Connection, identity_id: int) -> bool:
    found = select(tickets.c.id).where(
        tickets.c.identity_id == identity_id,
        tickets.c.closed_at.is_(None),
        tickets.c.kind.in_(_UNHAPPY),
    )
    return tx.execute(found.limit(1)).first() is not None


def _talks(tx: Connection, identity_id: int, now: datetime) -> bool:
    """Tell whether she waits for a person, talks with one, or came in anger lately."""
    found = (
        select(talks.c.id)
        .select_from(talks.outerjoin(conversations, conversations.c.talk_id == talks.c.id))
        .where(
            talks.c.identity_id == identity_id,
            or_(
                talks.c.ended_at.is_(None) & (conversations.c.talk_until > now),
                (talks.c.reason == TalkReason.ANGER) & (talks.c.begun_at > now - CALM_AFTER),
            ),
        )
    )
    return tx.execute(found.limit(1)).first() is not None


def _waits_for_money(tx: Connection, identity_id: int) -> bool:
    found = select(refunds.c.id).where(
        refunds.c.identity_id == identity_id, refunds.c.state.in_(_WAITING)
    )
    return tx.execute(found.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Contentment:
    """What people answered about one topic, of all that were asked."""

    topic: RatingTopic
    asked: int
    answered: int
    stars: int
    """All stars together: divided by `answered` the mean."""
    low: int
    """Answers of one or two stars."""


@dataclass(frozen=True, slots=True)
class LowWord:
    """What somebody said who gave one or two stars; nothing says who."""

    topic: RatingTopic
    stars: int
    words: str


def contentment(
    tx: Connection, *, community_ids: Sequence[int], during: DaySpan, building: str = ""
) -> list[Contentment]:
    """Return what was answered on some Shanghai days, by topic.

    Of one building only the topics that were answered often enough to hide who did.
    """
    counted = select(
        ratings.c.topic,
        func.count().label("asked"),
        func.count(ratings.c.stars).label("answered"),
        func.coalesce(func.sum(ratings.c.stars), 0).label("stars"),
        func.count().filter(ratings.c.stars <= 2).label("low"),
    ).where(
        ratings.c.community_id.in_(community_ids),
        ratings.c.asked_at >= shanghai_instant(during.begins_on),
        ratings.c.asked_at < shanghai_instant(during.ends_on),
    )
    if building:
        counted = (
            counted.select_from(ratings.join(units).join(buildings))
            .where(buildings.c.label.in_([f"{building}{tail}" for tail in _TAILS]))
            .having(func.count(ratings.c.stars) >= LEAST)
        )
    rows = tx.execute(counted.group_by(ratings.c.topic)).all()
    found = [
        Contentment(RatingTopic(row.topic), row.asked, row.answered, int(row.stars), row.low)
        for row in rows
    ]
    order = list(RatingTopic)
    return sorted(found, key=lambda one: order.index(one.topic))


def buildings_rated(
    tx: Connection, *, community_ids: Sequence[int], during: DaySpan
) -> list[tuple[str, int, int]]:
    """Return (building, answers, stars together) of those that were answered often enough."""
    rows = tx.execute(
        select(buildings.c.label, func.count(), func.sum(ratings.c.stars))
        .select_from(ratings.join(units).join(buildings))
        .where(
            ratings.c.community_id.in_(community_ids),
            ratings.c.asked_at >= shanghai_instant(during.begins_on),
            ratings.c.asked_at < shanghai_instant(during.ends_on),
            ratings.c.stars.is_not(None),
        )
        .group_by(buildings.c.id, buildings.c.label)
        .having(func.count() >= LEAST)
        .order_by(buildings.c.label)
    ).all()
    return [(row[0], row[1], int(row[2])) for row in rows]


def low_words(
    tx: Connection, *, community_ids: Sequence[int], during: DaySpan, limit: int
) -> list[LowWord]:
    """Return what was said with one or two stars, the newest first."""
    rows = tx.execute(
        select(ratings.c.topic, ratings.c.stars, ratings.c.words)
        .where(
            ratings.c.community_id.in_(community_ids),
            ratings.c.asked_at >= shanghai_instant(during.begins_on),
            ratings.c.asked_at < shanghai_instant(during.ends_on),
            ratings.c.stars <= 2,
            ratings.c.words != "",
        )
        .order_by(ratings.c.id.desc())
        .limit(limit)
    )
    return [LowWord(RatingTopic(row.topic), row.stars, row.words) for row in rows]
