"""Every trouble has words: what happened, then what to do next, and nothing of our insides."""

import re
from dataclasses import fields
from datetime import date, timedelta

import pytest

from handlers import refusals
from storage.errors import (
    AmountMismatch,
    AudienceEmpty,
    BindingMismatch,
    BroadcastStateWrong,
    CommunitySilent,
    Contradiction,
    NotAllowed,
    NotAnAmount,
    PersonalInGroup,
    PrivacyLint,
    RefundStateWrong,
    Refusal,
    SelfApproval,
    TextTooLong,
    TooManyTries,
    Unavailable,
    UnitNotChosen,
    UnknownAudience,
    UnknownBroadcast,
    UnknownDifference,
    UnknownRefund,
    UnknownVariable,
)
from storage.ticket_errors import TicketStateWrong, UnknownColleague, UnknownTalk, UnknownTicket
from tests.factories import NOW


def kinds(of: type) -> list[type]:
    found: list[type] = of.__subclasses__()
    return [one for kind in found for one in (kind, *kinds(kind))]


EXAMPLES = {
    "text": "一百二",
    "unit_labels": ("3栋2单元1201", "3栋2单元1202"),
    "missing": ("房号", "姓名"),
    "retry_at": NOW + timedelta(minutes=15),
    "paid_on": date(2025, 3, 31),
    "left_fen": 25_060,
    "limit_chars": 500,
    "rows": ("物业费 3栋", "水费 1栋"),
    "unit_label": "3栋2单元1201",
    "reason": "正在对账",
    "community_name": "翡翠湾",
    "words": "五栋",
    "fee_item": "物业费",
    "taken_from_on": date(2026, 1, 1),
    "found": "房号和欠费",
}


def example(kind: type) -> Refusal | Unavailable:
    names = [one.name for one in fields(kind)] if hasattr(kind, "__dataclass_fields__") else []
    trouble = kind(**{name: EXAMPLES.get(name, "T1") for name in names})
    assert isinstance(trouble, (Refusal, Unavailable))
    return trouble


@pytest.mark.parametrize("kind", [*kinds(Refusal), *kinds(Unavailable)])
def test_a_trouble_says_what_happened_and_what_to_do_next(kind):
    said = refusals.words(example(kind))

    assert kind in refusals.WORDS, "give it words of its own"
    assert said.endswith("。")
    assert len(said.splitlines()) >= 2
    assert "{" not in said
    assert not re.search(r"[A-Za-z_]{3,}", said), "no word of our insides"
    assert not re.search("滞纳金|停水|停电|法院|起诉", said)


def test_no_words_are_kept_for_a_trouble_that_is_gone():
    assert set(refusals.WORDS) <= {*kinds(Refusal), *kinds(Unavailable)}
    assert set(refusals.STAFF_WORDS) <= set(refusals.WORDS)


AT_WORK = (
    *(NotAllowed, UnknownRefund, RefundStateWrong, SelfApproval, UnknownAudience, AudienceEmpty),
    *(
        PrivacyLint,
        UnknownVariable,
        PersonalInGroup,
        UnknownBroadcast,
        BroadcastStateWrong,
        CommunitySilent,
        TextTooLong,
    ),
    *(BindingMismatch, TooManyTries, UnknownDifference),
    *(UnknownTicket, TicketStateWrong, UnknownColleague, UnknownTalk),
)
"""What the intents of the staff may be refused with."""


@pytest.mark.parametrize("kind", AT_WORK)
def test_a_member_of_staff_is_not_sent_to_the_staff(kind):
    said = refusals.words_to_staff(example(kind))

    assert said.endswith("。")
    assert len(said.splitlines()) >= 2
    assert "{" not in said
    assert not re.search("人工|管家|请物业|退款进度|回复“申请”|住户信息", said)


@pytest.mark.parametrize("kind", kinds(Contradiction))
def test_a_contradiction_names_no_sum_and_promises_nothing_is_lost(kind):
    said = refusals.words(AmountMismatch("W1", 1, 2))

    assert issubclass(kind, Contradiction)
    assert "不会丢" in said
    assert "W1" not in said


def test_several_flats_are_listed_with_the_numbers_that_pick_them():
    said = refusals.words(UnitNotChosen(("甲", "乙")))

    assert "1 甲\n2 乙" in said


def test_what_was_typed_cannot_fill_in_our_words():
    said = refusals.words(NotAnAmount("{left_fen}"))

    assert "{left_fen}" in said
