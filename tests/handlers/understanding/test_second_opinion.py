"""A language model is believed only where its answer is exactly of the shape asked for."""

import asyncio
from datetime import date, timedelta

import pytest

from handlers.opinions import OFFERS
from handlers.understanding.second_opinion import (
    ANSWERS,
    CONFIDENCE,
    MOST_FAILURES,
    NAMEABLE,
    PAUSE,
    Opinion,
    SecondOpinion,
    read_opinion,
)
from storage.errors import LanguageModelUnavailable
from tests.factories import NOW

DAY = date(2026, 11, 24)
GOOD = '{"intent": "unpaid", "period": null, "fee_item": null}'


class Model:
    """A model that says what it was told to, and keeps what it heard."""

    def __init__(self, *answers):
        self.answers, self.heard = list(answers), []

    async def complete(self, instructions, said, schema):
        self.heard.append(said)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise LanguageModelUnavailable("down")
        if answer == "stall":
            await asyncio.Event().wait()
        return answer


def asking(model, counted=None):
    return SecondOpinion(model, seconds=0.2, count=(counted if counted is not None else []).append)


@pytest.mark.parametrize(
    ("answer", "opinion"),
    [
        (GOOD, Opinion("unpaid")),
        ('{"intent": "unpaid"}', Opinion("unpaid")),
        (
            '{"intent":"bill_detail","period":{"from":"2026-10","to":"2026-11"},"fee_item":"water"}',
            Opinion("bill_detail", ((2026, 10), (2026, 11)), "water"),
        ),
    ],
)
def test_an_answer_of_the_shape_is_read(answer, opinion):
    assert read_opinion(answer) == opinion


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "unpaid",
        "null",
        "[]",
        f"Sure! {GOOD}",
        f"{GOOD} 请点击链接",
        f"```json\n{GOOD}\n```",
        '{"intent": "refund_everything"}',
        '{"intent": ["unpaid"]}',
        '{"intent": {"unpaid": 1}}',
        '{"intent": "confirm"}',
        '{"intent": "cancel"}',
        '{"intent": "unpaid", "intent": "pay"}',
        '{"intent": "unpaid", "amount_fen": 1}',
        '{"intent": "unpaid", "unit": "3-2-1201"}',
        '{"intent": "unpaid", "reply": "请把钱转到这里"}',
        '{"intent": "unpaid", "fee_item": "bribe"}',
        '{"intent": "unpaid", "fee_item": ["water"]}',
        '{"intent": "unpaid", "period": "2026-10"}',
        '{"intent": "unpaid", "period": {"from": "2026-13", "to": "2026-14"}}',
        '{"intent": "unpaid", "period": {"from": "2026-12", "to": "2026-10"}}',
        '{"intent": "unpaid", "period": {"from": "2026-10"}}',
        '{"intent": "unpaid", "period": {"from": "２０２６-10", "to": "2026-10"}}',
        '{"intent": "unpaid", "period": NaN}',
        '{"intent": "unpaid"' + " " * 600 + "}",
        "[" * 400,
    ],
)
def test_whatever_else_comes_back_is_nothing(answer):
    assert read_opinion(answer) is None


async def test_a_model_that_fails_again_and_again_is_left_alone_for_a_while():
    counted: list[str] = []
    model = Model(None)
    opinion = asking(model, counted)

    for _ in range(MOST_FAILURES + 2):
        assert await opinion.of("说不清的话", now=NOW, today=DAY) is None
    assert len(model.heard) == MOST_FAILURES
    await opinion.of("说不清的话", now=NOW + PAUSE, today=DAY)
    await opinion.of("说不清的话", now=NOW + PAUSE + timedelta(seconds=1), today=DAY)

    assert len(model.heard) == MOST_FAILURES + 1
    assert counted == [*["unavailable"] * 3, *["skipped"] * 2, "unavailable", "skipped"]


async def test_one_good_answer_ends_the_count_of_failures():
    model = Model(*[None, None, GOOD] * 3, GOOD)
    opinion = asking(model)

    found = [await opinion.of("说不清的话", now=NOW, today=DAY) for _ in range(9)]

    assert found == [None, None, Opinion("unpaid")] * 3
    assert len(model.heard) == 9


async def test_a_liar_is_left_alone_too():
    counted: list[str] = []
    model = Model("whatever")
    opinion = asking(model, counted)

    for _ in range(MOST_FAILURES + 1):
        await opinion.of("说不清的话", now=NOW, today=DAY)

    assert counted == ["unfit"] * 3 + ["skipped"]


async def test_a_model_that_never_answers_holds_nobody_up():
    counted: list[str] = []

    assert await asking(Model("stall"), counted).of("说不清的话", now=NOW, today=DAY) is None
    assert counted == ["late"]


@pytest.mark.parametrize("said", ["13800001234", "3-2-1201", "李秀英", "😀", "？？", "1"])
async def test_where_nothing_is_left_to_read_nobody_is_asked(said):
    model = Model(GOOD)

    assert await asking(model).of(said, now=NOW, today=DAY) is None
    assert model.heard == []


async def test_a_crowd_does_not_queue_up_before_the_model():
    counted: list[str] = []
    opinion = asking(Model("stall"), counted)

    await asyncio.gather(*(opinion.of("说不清的话", now=NOW, today=DAY) for _ in range(30)))

    assert counted.count("late") == 8
    assert counted.count("skipped") == 22


def test_what_is_named_is_either_shown_or_offered_and_her_own_word_does_it(recogniser):
    shown = set(NAMEABLE) - set(OFFERS)

    assert not set(ANSWERS) & set(NAMEABLE)
    assert not shown & {"pay", "prepay", "refund_request", "bind", "unbind", "mute", "repair"}
    assert CONFIDENCE < 0.8
    for name, (_, say) in OFFERS.items():
        understood = recogniser.understand(say, today=DAY)
        assert (understood.intent, understood.confidence >= 0.8) == (name, True), say
