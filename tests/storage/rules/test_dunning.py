"""Which step is said today, what is reached and nobody has told of yet, and which debts are old."""

from datetime import date, timedelta

from storage.rules.dunning import last_due_on, limit_on, reached_steps, step_to_say

DUE_ON = date(2026, 11, 25)
STEPS = reached_steps((-3, 0, 3))


def say(late: int, *more: int, told: int | None = None):
    """Return the step said so many days after the due day; other bills are due days later."""
    due_days = {DUE_ON, *(DUE_ON + timedelta(days=one) for one in more)}
    told_on = None if told is None else DUE_ON + timedelta(days=told)
    said = step_to_say(STEPS, due_days, today=DUE_ON + timedelta(days=late), told_on=told_on)
    return said and (said[0], (said[1] - DUE_ON).days)


def test_a_step_is_said_on_its_day():
    assert [say(late) for late in (-4, -3, 0, 3)] == [None, (-3, 0), (0, 0), (3, 0)]


def test_a_step_is_said_once():
    assert [say(late, told=3) for late in (3, 4, 9)] == [None] * 3


def test_a_step_that_was_missed_is_said_later_unless_a_week_has_passed():
    assert [say(late, told=0) for late in (4, 9, 10)] == [(3, 0), (3, 0), None]


def test_a_step_before_the_last_reminder_was_told_with_it():
    assert say(5, told=4) is None
    assert say(5, told=2) == (3, 0)


def test_todays_step_of_one_bill_goes_before_a_missed_step_of_another():
    assert say(4, 7) == (-3, 7)
    assert say(5, 7) == (3, 0)


def test_nothing_open_is_nothing_to_say():
    assert step_to_say(STEPS, (), today=DUE_ON, told_on=None) is None


def test_no_debt_that_is_due_later_is_too_old_by_the_same_day():
    for days in range(5 * 366):
        limit = date(2026, 1, 1) + timedelta(days=days)
        last = last_due_on(limit)

        assert limit_on(last, asked_on=None) <= limit
        assert limit_on(last + timedelta(days=1), asked_on=None) > limit
