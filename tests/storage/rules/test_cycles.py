"""Which spans a cycle gives up to a day: each once, in order, however often one asks."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.kinds import CycleLength, CycleTiming
from storage.periods import BillingPeriod, DaySpan, months_after
from storage.rules.cycles import MONTHS, Cycle, span_around, spans_up_to
from storage.rules.proration import months_of
from tests.storage.rules import model

MONTHLY, QUARTERLY, YEARLY = CycleLength
ADVANCE, ARREARS = CycleTiming
lengths, timings = st.sampled_from(CycleLength), st.sampled_from(CycleTiming)
anchors = st.one_of(st.none(), st.dates(date(1988, 1, 1), date(2030, 12, 31)))
cycles = st.builds(Cycle, lengths, timings, anchors, st.integers(0, 40))
days = st.dates(date(2024, 1, 1), date(2029, 12, 31))


def begins(cycle: Cycle, since: date, up_to: date) -> list[str]:
    return [one.days.begins_on.isoformat() for one in spans_up_to(cycle, up_to, since=since)]


def test_calendar_months_are_billed_on_their_first_day_in_advance_and_after_their_last_in_arrears():
    since, today = date(2026, 1, 1), date(2026, 3, 31)

    assert begins(Cycle(MONTHLY, ADVANCE), since, today) == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    assert begins(Cycle(MONTHLY, ARREARS), since, today) == ["2026-01-01", "2026-02-01"]
    assert begins(Cycle(MONTHLY, ARREARS), since, date(2026, 4, 1))[-1] == "2026-03-01"
    assert begins(Cycle(QUARTERLY, ADVANCE, lead_days=10), since, date(2026, 3, 22))[-1] == (
        "2026-04-01"
    )


def test_f01_a_cycle_of_the_31st_begins_on_the_last_day_of_short_months():
    anchored = Cycle(MONTHLY, ADVANCE, date(2026, 1, 31))

    assert begins(anchored, date(2026, 1, 31), date(2026, 12, 31)) == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
    ]


def test_f02_a_year_from_29_february_begins_on_the_28th_until_the_next_leap_year():
    anchored = Cycle(YEARLY, ADVANCE, date(2028, 2, 29))

    found = spans_up_to(anchored, date(2032, 12, 31), since=date(2028, 2, 29))

    assert [one.days.begins_on for one in found] == [
        date(2028, 2, 29),
        date(2029, 2, 28),
        date(2030, 2, 28),
        date(2031, 2, 28),
        date(2032, 2, 29),
    ]
    assert [one.days.days for one in found] == [365, 365, 365, 366, 365]
    assert {months_of(one.days, anchor_day=29) for one in found} == {12}


def test_f12_a_lease_of_1988_counts_its_months_to_this_day():
    anchored = Cycle(QUARTERLY, ADVANCE, date(1988, 7, 1))

    assert begins(anchored, date(2026, 1, 1), date(2026, 4, 1)) == ["2026-01-01", "2026-04-01"]


def test_the_first_and_the_last_span_are_cut_where_the_household_comes_and_goes():
    found = spans_up_to(
        Cycle(QUARTERLY, ARREARS),
        date(2026, 12, 31),
        since=date(2026, 2, 10),
        until_on=date(2026, 8, 5),
    )

    assert [one.days for one in found] == [
        DaySpan(date(2026, 2, 10), date(2026, 4, 1)),
        DaySpan(date(2026, 4, 1), date(2026, 7, 1)),
        DaySpan(date(2026, 7, 1), date(2026, 8, 5)),
    ]
    assert found[-1].bills_on == date(2026, 8, 5)
    assert [one.period for one in found] == [BillingPeriod(2026, month) for month in (1, 4, 7)]


def test_nothing_is_billed_before_anyone_is_there():
    assert spans_up_to(Cycle(MONTHLY, ADVANCE), date(2026, 1, 31), since=date(2026, 2, 1)) == ()
    assert (
        spans_up_to(
            Cycle(MONTHLY, ADVANCE),
            date(2026, 5, 1),
            since=date(2026, 2, 1),
            until_on=date(2026, 2, 1),
        )
        == ()
    )


@given(cycle=cycles, since=days, length=st.integers(0, 900), later=st.integers(0, 400))
@settings(deadline=None)
def test_m11_m14_asked_later_a_cycle_gives_the_same_spans_and_then_new_ones(
    cycle, since, length, later
):
    first_day = since + timedelta(days=length)

    early = spans_up_to(cycle, first_day, since=since)
    late = spans_up_to(cycle, first_day + timedelta(days=later), since=since)

    assert late[: len(early)] == early
    assert all(one.bills_on > first_day for one in late[len(early) :])
    closed_on = early[-1].days.ends_on if early else since
    assert all(one.days.begins_on >= closed_on for one in late[len(early) :])


@given(cycle=cycles, since=days, length=st.integers(1, 900))
@settings(deadline=None)
def test_m11_spans_hold_each_day_once_and_begin_where_the_model_says(cycle, since, length):
    until_on = since + timedelta(days=length)
    found = spans_up_to(cycle, until_on + timedelta(days=500), since=since, until_on=until_on)

    walked = [day for one in found for day in model.days(one.days.begins_on, one.days.ends_on)]
    assert walked == list(model.days(since, until_on))
    origin = cycle.anchored_on or date(2000, 1, 1)
    for day in model.days(since + model.A_DAY, until_on):
        months = (day.year - origin.year) * 12 + day.month - origin.month
        begins = model.begins_month(day, origin.day) and months % MONTHS[cycle.length] == 0
        assert begins == any(one.days.begins_on == day for one in found)
    assert len({one.period for one in found}) == len(found)


@given(cycle=cycles, day=days)
@settings(deadline=None)
def test_a_whole_span_is_as_many_months_as_the_cycle_says(cycle, day):
    span = span_around(cycle, day)

    assert span.begins_on <= day < span.ends_on
    assert months_of(span, anchor_day=cycle.anchor_day) == MONTHS[cycle.length]


@pytest.mark.parametrize(
    ("months", "day"),
    [
        (1, "2026-02-28"),
        (2, "2026-03-31"),
        (-1, "2025-12-31"),
        (25, "2028-02-29"),
        (0, "2026-01-31"),
    ],
)
def test_months_are_counted_from_the_origin(months, day):
    assert months_after(date(2026, 1, 31), months) == date.fromisoformat(day)


def test_a_span_has_days_and_knows_them():
    june = DaySpan.of(BillingPeriod(2026, 6))

    assert (june.days, june.last_on) == (30, date(2026, 6, 30))
    assert june.cut([date(2026, 6, 10), date(2026, 6, 1), date(2026, 7, 1)]) == (
        DaySpan(date(2026, 6, 1), date(2026, 6, 10)),
        DaySpan(date(2026, 6, 10), date(2026, 7, 1)),
    )
    assert june.common(DaySpan(date(2026, 6, 20), date(2027, 1, 1))) == DaySpan(
        date(2026, 6, 20), date(2026, 7, 1)
    )
    assert june.common(DaySpan(date(2026, 7, 1), date(2027, 1, 1))) is None
    with pytest.raises(ValueError, match="at least one day"):
        DaySpan(date(2026, 6, 1), date(2026, 6, 1))
