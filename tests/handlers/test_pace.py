"""A flood from one person is dropped in silence; the others are undisturbed."""

from datetime import timedelta

from handlers import pace
from tests.factories import NOW


def test_so_many_messages_a_minute_are_heard_and_no_more():
    gate = pace.Pace()

    heard = [gate.allows(1, NOW) for _ in range(pace.MESSAGES + 5)]

    assert heard == [True] * pace.MESSAGES + [False] * 5


def test_a_minute_later_she_is_heard_again():
    gate = pace.Pace()
    for _ in range(pace.MESSAGES + 5):
        gate.allows(1, NOW)

    assert gate.allows(1, NOW + pace.WITHIN)
    assert gate.allows(2, NOW)


def test_l05_only_so_many_people_are_remembered(monkeypatch):
    monkeypatch.setattr(pace, "PEOPLE", 3)
    gate = pace.Pace()

    for person in range(10):
        gate.allows(person, NOW)

    assert len(gate._counts) == 3


def test_a_clock_that_was_set_back_does_not_silence_anybody():
    gate = pace.Pace()
    for _ in range(pace.MESSAGES + 5):
        gate.allows(1, NOW)

    assert gate.allows(1, NOW - timedelta(days=1))
