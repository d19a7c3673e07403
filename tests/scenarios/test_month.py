"""A month passes: bills on the 1st, reminders on their days, and never of what is paid."""

from datetime import datetime, timedelta

import pytest

from tests.scenarios.acting import Demo

pytestmark = pytest.mark.timeout(600)

WEEK = timedelta(days=7)


def unasked(demo: Demo, openid: str, mark: int) -> list[datetime]:
    """Return when bills or reminders reached a person."""
    rows = demo.inbox(openid, mark)
    rows = [one for one in rows if one["route"] != "passive" and "已收到" not in one["text"]]
    return [datetime.fromisoformat(one["at"]) for one in rows]


def days(instants: list[datetime]) -> list[str]:
    return [f"{one:%m-%d}" for one in instants]


def test_a_month_of_bills_and_reminders(demo: Demo):
    debtor, _ = demo.newcomer()
    payer, _ = demo.newcomer()
    demo.pay(payer)
    debtor_mark, payer_mark = demo.mark(debtor), demo.mark(payer)

    demo.to("2026-11-30 23:00")
    assert "没有待缴账单" in demo.say(payer, "我欠多少")
    demo.to("2026-12-01 07:00")
    assert "2026年12月 物业费" in demo.say(payer, "我欠多少")
    demo.to("2026-12-24 12:00")
    assert days(unasked(demo, payer, payer_mark)) == ["12-01", "12-22"]
    demo.pay(payer)
    demo.to("2026-12-25 10:00")

    # Due on 25 November and 25 December. The step of 22 November fell before she bound and is
    # made up for once; those of the 28th and the 5th would be the third message in seven days
    # and come on the first day after.
    heard = unasked(demo, debtor, debtor_mark)
    assert days(heard) == ["11-24", "11-25", "12-01", "12-02", "12-08", "12-15", "12-22", "12-25"]
    assert len(heard) <= 8
    for one in heard:
        assert (8, 30) <= (one.hour, one.minute) < (21, 0)
    reminders = [one for one in heard if f"{one:%m-%d}" != "12-01"]
    for one in reminders:
        assert sum(one - WEEK < other <= one for other in reminders) <= 2
    assert days(unasked(demo, payer, payer_mark)) == ["12-01", "12-22"]
