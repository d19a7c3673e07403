"""How long a ticket may take: in hours of duty, by kind; danger waits for no duty."""

from datetime import UTC, datetime, time, timedelta

import pytest

from storage.periods import SHANGHAI
from storage.rules.duty import Duty
from storage.rules.tickets import are_ticket_hours, due_at, ticket_hours, warned_at
from storage.ticket_kinds import Priority, TicketKind

WEEKDAYS = Duty(time(8, 30), time(17, 30), (1, 2, 3, 4, 5))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a Shanghai minute of November 2026; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("said_at", "hours", "due"),
    [
        (at(23, 10), 4, at(23, 14)),
        (at(23, 10), 9, at(24, 10)),
        (at(23, 16, 30), 1, at(23, 17, 30)),
        (at(23, 20), 1, at(24, 9, 30)),
        (at(23, 6), 1, at(23, 9, 30)),
        (at(27, 17), 1, at(30, 9)),
        (at(28, 12), 9, at(30, 17, 30)),
        (at(23, 10), 45, at(30, 10)),
    ],
)
def test_only_hours_of_duty_count(said_at, hours, due):
    assert WEEKDAYS.after(said_at, hours) == due


@pytest.mark.parametrize(
    ("when", "is_there", "next_at"),
    [
        (at(23, 8, 29), False, at(23, 8, 30)),
        (at(23, 8, 30), True, at(23, 8, 30)),
        (at(23, 17, 30), False, at(24, 8, 30)),
        (at(28, 12), False, at(30, 8, 30)),
    ],
)
def test_somebody_is_there_from_the_first_minute_and_not_in_the_last(when, is_there, next_at):
    assert WEEKDAYS.covers(when) is is_there
    assert WEEKDAYS.next_at(when) == next_at


def test_danger_is_due_in_half_an_hour_at_night_too():
    due = due_at(TicketKind.REPAIR, Priority.URGENT, at(28, 3), duty=WEEKDAYS, chosen="repair=99")

    assert due == at(28, 3, 30)


def test_a_community_chooses_hours_for_a_kind_and_the_others_stay():
    def due(kind: TicketKind) -> datetime:
        return due_at(kind, Priority.NORMAL, at(23, 10), duty=Duty(), chosen="repair=2")

    assert due(TicketKind.REPAIR) == at(23, 12)
    assert due(TicketKind.QUESTION) == at(24, 10)


@pytest.mark.parametrize("text", ["", "repair=9; question=4", "repair=9；complaint = 18"])
def test_hours_that_can_be_read_can_be_kept(text):
    assert are_ticket_hours(text)
    assert all(hours > 0 for hours in ticket_hours(text).values())


@pytest.mark.parametrize(
    "text", ["repair", "repair=0", "repair=1.5", "roof=9", "repair=１", "repair=1000"]
)
def test_hours_that_say_nothing_are_refused(text):
    assert not are_ticket_hours(text)


def test_staff_are_warned_two_hours_before_or_at_half_of_a_short_time():
    assert warned_at(at(23, 10), at(24, 10)) == at(24, 8)
    assert warned_at(at(23, 10), at(23, 10, 30)) == at(23, 10, 30) - timedelta(minutes=15)
