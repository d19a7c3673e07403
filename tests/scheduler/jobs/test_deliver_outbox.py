"""Saying what was decided: once, in order, by a way that is open, and never too late to matter."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from scheduler.jobs import deliver_outbox
from storage import inbox, outbox
from storage.errors import StorageUnavailable
from storage.events import BillsIssued, NoticeSent, ReminderDue
from storage.kinds import OutboxState, Urgency
from storage.models.messages import delivery_attempts
from storage.models.messages import outbox as messages
from storage.models.people import bindings, identities
from storage.outbox import Addressee
from storage.ports.chat import Route, Verdict
from tests.factories import ACCOUNT, incoming
from tests.scheduler.conftest import Hall
from tests.scheduler.jobs.conftest import receipt

NIGHT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
"""Ten in the evening in Shanghai."""


async def deliver(hall: Hall) -> dict[str, int]:
    return await deliver_outbox.run(hall.deps, hall.now)


async def person(hall: Hall, openid: str = "oLi", **changes):
    if changes:
        which = identities.c.openid == openid
        await hall.db.write(
            lambda tx: tx.execute(update(identities).where(which).values(**changes)) and None
        )
    return next(row for row in await hall.stage.rows(identities) if row.openid == openid)


async def test_what_waits_is_said_once(hall: Hall, put, states):
    await put("R1")

    assert await deliver(hall) == {"sent": 1}
    assert await deliver(hall) == {}

    assert hall.channel.heard("oLi") == ["R1"]
    assert await states() == {"R1": ("sent", "")}


async def test_each_is_told_in_the_manner_she_wishes(hall: Hall, put):
    wishes: dict[str, dict[str, str | bool]] = {
        "oAn": {"language": "en", "is_plain": True},
        "oBo": {"is_plain": True},
        "oCai": {},
    }
    for openid, wish in wishes.items():
        await put(openid, openid)
        await person(hall, openid, **wish)

    await deliver(hall)

    told = [hall.channel.heard(openid) for openid in wishes]
    assert told == [["oAn (english)"], ["oBo (plain)"], ["oCai"]]


VERDICTS = {
    Verdict.SENT: (OutboxState.SENT, OutboxState.SENT, 1),
    Verdict.NOT_NOW: (OutboxState.HELD, OutboxState.HELD, 1),
    Verdict.LATER: (OutboxState.WAITING, OutboxState.SENT, 2),
    Verdict.UNKNOWN: (OutboxState.WAITING, OutboxState.SENT, 2),
    Verdict.GONE: (OutboxState.SUPPRESSED, OutboxState.SUPPRESSED, 1),
    Verdict.MUTED: (OutboxState.SUPPRESSED, OutboxState.SUPPRESSED, 1),
    Verdict.BAD_CONTENT: (OutboxState.DEAD, OutboxState.DEAD, 1),
    Verdict.PAUSED: (OutboxState.WAITING, OutboxState.SENT, 2),
}


def test_every_verdict_has_its_test():
    assert set(VERDICTS) == set(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
async def test_each_verdict_of_the_platform_has_its_end(hall: Hall, put, states, verdict):
    at_once, in_the_end, tries = VERDICTS[verdict]
    await put("R1")
    hall.channel.will_say("oLi", verdict)

    await deliver(hall)
    assert (await states())["R1"][0] == at_once
    assert await deliver(hall) == {}, "nothing is tried twice at one instant"
    hall.later(days=1)
    await deliver(hall)

    assert (await states())["R1"][0] == in_the_end
    assert len(hall.channel.tries) == tries
    kept = await hall.stage.rows(delivery_attempts)
    assert [row.verdict for row in kept][:1] == [verdict]


async def test_where_one_way_is_shut_the_next_is_tried(hall: Hall, put, states):
    hall.channel.routes = (Route.CUSTOM, Route.TEMPLATE)
    hall.channel.will_say("oLi", Verdict.NOT_NOW, Verdict.SENT)
    await put("R1")

    await deliver(hall)

    assert hall.channel.tries == [("oLi", Route.CUSTOM), ("oLi", Route.TEMPLATE)]
    assert (await states())["R1"][0] == "sent"
    assert (await person(hall)).window_left == 0, "the platform says that the window is shut"


async def test_g02_a_busy_platform_is_asked_less_and_less_often(hall: Hall, put):
    await put("R1")
    hall.channel.will_say("oLi", *[Verdict.LATER] * 40)
    waits = []
    for _ in range(9):
        await deliver(hall)
        row = (await hall.stage.rows(messages))[0]
        waits.append((row.not_before - hall.now).total_seconds())
        hall.later(seconds=waits[-1])

    assert waits == sorted(waits)
    assert waits[0] >= 5
    assert waits[-1] == 3600


async def test_a_platform_that_is_down_for_hours_costs_no_receipt(hall: Hall, put, states):
    await put("R1")
    hall.channel.will_say("oLi", *[Verdict.LATER] * 12)

    for _ in range(30):
        await deliver(hall)
        hall.later(hours=1)

    assert (await states())["R1"][0] == "sent"


async def test_what_never_goes_through_ends_and_staff_see_why(hall: Hall, put, states):
    await put("R1")
    hall.channel.detail = "-1 system busy"
    hall.channel.will_say("oLi", *[Verdict.LATER] * 99)

    for _ in range(40):
        await deliver(hall)
        hall.later(hours=1)

    assert (await states())["R1"] == ("dead", "-1 system busy")


async def test_g01_a_way_that_is_shut_for_all_keeps_the_queue_until_it_opens(
    hall: Hall, put, states
):
    await put("R1")
    hall.channel.not_before = hall.now + timedelta(hours=14)
    hall.channel.will_say("oLi", *[Verdict.PAUSED] * 60)
    await deliver(hall)
    row = (await hall.stage.rows(messages))[0]
    assert row.not_before == hall.channel.not_before

    for _ in range(60):
        hall.later(days=1)
        await deliver(hall)
    hall.later(days=1)
    await deliver(hall)

    assert (await states())["R1"][0] == "sent"


@pytest.mark.parametrize(
    ("route", "urgency", "end", "copies"),
    [
        (Route.TEMPLATE, Urgency.REMINDER, "sent", 1),
        (Route.TEMPLATE, Urgency.RECEIPT, "sent", 1),
        (Route.APP, Urgency.NOTICE, "sent", 1),
        (Route.SUBSCRIBE, Urgency.NOTICE, "unknown", 1),
        (Route.CUSTOM, Urgency.NOTICE, "unknown", 1),
        (Route.CUSTOM, Urgency.RECEIPT, "sent", 2),
    ],
)
async def test_g07_an_answer_that_was_lost_is_never_a_second_reminder(
    hall: Hall, put, states, route, urgency, end, copies
):
    """A template carries our id; a receipt is worth a double; anything else is left unknown."""
    hall.channel.routes = (route,)
    hall.channel.will_say("oLi", Verdict.UNKNOWN)
    await put("R1", urgency=urgency)

    await deliver(hall)
    hall.later(minutes=1)
    await deliver(hall)

    assert (await states())["R1"][0] == end
    assert hall.channel.heard("oLi") == ["R1"] * copies


async def test_g07_after_ten_minutes_the_platform_has_forgotten_our_id(hall: Hall, put, states):
    hall.channel.routes = (Route.TEMPLATE,)
    await put("R1", urgency=Urgency.NOTICE)
    hall.later(minutes=10)
    hall.channel.will_say("oLi", Verdict.UNKNOWN)

    await deliver(hall)

    assert (await states())["R1"][0] == "unknown"


async def cut_off(hall: Hall) -> None:
    """Claim what is due, as a process does that dies at once; the next one starts."""
    await hall.db.write(outbox.claim, now=hall.now, limit=9)
    await hall.db.write(outbox.forget_claims)


CUT_OFF = [
    (Route.CUSTOM, Urgency.RECEIPT, True, 0, "sent"),
    (Route.CUSTOM, Urgency.RECEIPT, True, 600, "sent"),
    (Route.CUSTOM, Urgency.NOTICE, True, 0, "unknown"),
    (Route.CUSTOM, Urgency.REMINDER, True, 0, "unknown"),
    (Route.SUBSCRIBE, Urgency.REMINDER, False, 0, "unknown"),
    (Route.TEMPLATE, Urgency.REMINDER, False, 8, "sent"),
    (Route.TEMPLATE, Urgency.REMINDER, False, 9, "unknown"),
    (Route.TEMPLATE, Urgency.NOTICE, False, 60, "unknown"),
    (Route.TEMPLATE, Urgency.NOTICE, True, 0, "unknown"),
]


@pytest.mark.parametrize(("route", "urgency", "is_open", "minutes", "end"), CUT_OFF)
async def test_d12_d17_what_a_crash_may_have_sent_goes_again_only_where_it_cannot_double(
    hall: Hall, put, states, route, urgency, is_open, minutes, end
):
    """A receipt is worth a double, a template carries our id; no other is sent twice."""
    hall.channel.routes = (route,)
    await put("R1", urgency=urgency)
    await person(hall, window_until=hall.now + timedelta(hours=1 if is_open else -1))
    await cut_off(hall)
    hall.later(minutes=minutes)

    await deliver(hall)
    hall.later(days=1)
    await deliver(hall)

    assert (await states())["R1"][0] == end
    assert hall.channel.heard("oLi") == (["R1"] if end == "sent" else [])


async def test_d17_a_second_crash_does_not_make_the_first_forgotten(hall: Hall, put, states):
    hall.channel.routes = (Route.TEMPLATE,)
    await put("R1", urgency=Urgency.REMINDER)
    await person(hall, window_until=None)
    await cut_off(hall)
    hall.later(minutes=6)
    await cut_off(hall)
    hall.later(minutes=6)

    await deliver(hall)

    assert (await states())["R1"] == ("unknown", "cut_off")
    assert hall.channel.tries == []


async def test_d12_a_reminder_whose_answer_was_lost_waits_no_longer_than_our_id_lasts(
    hall: Hall, put, states
):
    hall.channel.routes = (Route.TEMPLATE,)
    hall.channel.will_say("oLi", Verdict.UNKNOWN, Verdict.LATER, Verdict.LATER)
    await put("R1", urgency=Urgency.REMINDER)
    for _ in range(3):
        await deliver(hall)
        hall.later(minutes=4)

    await deliver(hall)

    assert (await states())["R1"][0] == "unknown"
    assert len(hall.channel.tries) == 3


async def test_d12_a_try_that_may_have_arrived_is_not_followed_by_one_of_another_way(
    hall: Hall, put, states
):
    hall.channel.routes = (Route.TEMPLATE,)
    hall.channel.will_say("oLi", Verdict.UNKNOWN)
    await put("R1", urgency=Urgency.REMINDER)
    await put("R2", "oWang", urgency=Urgency.REMINDER)
    hall.channel.will_say("oWang", Verdict.UNKNOWN)
    await deliver(hall)
    hall.later(minutes=1)

    hall.channel.routes = (Route.CUSTOM, Route.TEMPLATE)
    hall.channel.will_say("oWang", Verdict.NOT_NOW)
    await deliver(hall)

    assert {route for _, route in hall.channel.tries} == {Route.TEMPLATE}
    assert {key: state for key, (state, _) in (await states()).items()} == {
        "R1": "sent",
        "R2": "unknown",
    }


async def test_f13_d17_what_may_have_been_sent_does_not_wait_for_the_morning(
    hall: Hall, put, states
):
    hall.channel.routes = (Route.TEMPLATE,)
    hall.later(seconds=(NIGHT - hall.now).total_seconds() - 3700)
    await put("R1", urgency=Urgency.REMINDER)
    await person(hall, window_until=None)
    await cut_off(hall)
    hall.later(seconds=100)

    await deliver(hall)

    assert (await states())["R1"] == ("unknown", "cut_off")
    assert hall.channel.tries == []


async def test_what_waited_for_longer_than_its_claim_is_not_sent_on_it(
    hall: Hall, put, states, monkeypatch: pytest.MonkeyPatch
):
    """By then another process may have it."""
    await put("R1", urgency=Urgency.NOTICE)
    with monkeypatch.context() as stuck:
        stuck.setattr(deliver_outbox, "CLAIM_SECONDS", 0)
        stuck.setattr(deliver_outbox, "PASS_SECONDS", 0)
        await deliver(hall)
    assert hall.channel.tries == []
    assert await states() == {"R1": ("waiting", "claim_ran_out")}

    assert await deliver(hall) == {"sent": 1}


async def test_a_job_that_is_cut_short_lets_go_of_what_it_has_not_begun(
    hall: Hall, put, states, monkeypatch: pytest.MonkeyPatch
):
    begun = asyncio.Event()

    async def never(*_args, **_more):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(deliver_outbox, "AT_ONCE", 1)
    monkeypatch.setattr(hall.channel, "send", never)
    await put("R1", urgency=Urgency.NOTICE)
    await put("W1", "oWang", urgency=Urgency.NOTICE)
    job = asyncio.create_task(deliver(hall))
    await begun.wait()
    job.cancel()
    await asyncio.wait({job})

    found = await states()
    assert (found["R1"][0], found["W1"][0]) == ("claimed", "waiting")
    monkeypatch.undo()
    await hall.db.write(outbox.forget_claims)
    await deliver(hall)
    assert {key: state for key, (state, _) in (await states()).items()} == {
        "R1": "unknown",
        "W1": "sent",
    }


async def test_what_could_not_be_marked_stops_the_sending_and_is_marked_in_the_end(
    hall: Hall, put, states, monkeypatch: pytest.MonkeyPatch
):
    refusals = [StorageUnavailable("disk full")]
    finish = outbox.finish

    def moody(tx, outcomes, *, now):
        if refusals:
            raise refusals.pop()
        return finish(tx, outcomes, now=now)

    monkeypatch.setattr(outbox, "finish", moody)
    monkeypatch.setattr(deliver_outbox, "MARK_MOST", 1)
    for number in range(5):
        await put(f"R{number}", f"o{number}")

    await deliver(hall)

    assert {state for state, _ in (await states()).values()} == {"sent"}
    assert len(hall.channel.delivered) == 5


async def test_g08_g09_one_who_has_gone_is_not_tried_again(hall: Hall, put, states):
    await put("R1")
    hall.channel.will_say("oLi", Verdict.GONE)
    await deliver(hall)
    await put("R2")

    await deliver(hall)

    assert not (await person(hall)).is_following
    assert len(hall.channel.tries) == 1
    assert (await states())["R2"] == ("suppressed", "not_following")


async def test_n5_receipts_reach_a_person_in_their_order(hall: Hall, put):
    for name in ("R1", "R2", "R3"):
        await put(name)
    await put("W1", "oWang")
    hall.channel.will_say("oLi", Verdict.LATER, Verdict.SENT, Verdict.LATER)

    for _ in range(6):
        await deliver(hall)
        hall.later(minutes=1)

    assert hall.channel.heard("oLi") == ["R1", "R2", "R3"]
    assert hall.channel.heard("oWang") == ["W1"]


async def test_n5_what_came_later_waits_for_what_is_tried_again(hall: Hall, put):
    await put("R1")
    hall.channel.will_say("oLi", Verdict.LATER)
    await deliver(hall)

    await put("R2")
    await deliver(hall)
    assert hall.channel.heard("oLi") == []

    hall.later(seconds=5)
    await deliver(hall)
    assert hall.channel.heard("oLi") == ["R1", "R2"]


async def test_receipts_go_before_notices_and_notices_before_reminders(hall: Hall, put):
    await put("reminder", urgency=Urgency.REMINDER)
    await put("notice", urgency=Urgency.NOTICE)
    await put("receipt")

    await deliver(hall)

    assert hall.channel.heard("oLi") == ["receipt", "notice", "reminder"]


async def test_what_no_way_is_open_for_is_held_until_she_writes(hall: Hall, put, states):
    hall.channel.minds_windows = True
    await person(hall, window_left=0)
    await put("R1")
    await put("R2")
    assert await deliver(hall) == {"held": 2}
    hall.later(days=20)
    assert await deliver(hall) == {}

    await hall.db.jot(inbox.accept, incoming("oLi", "你好", key="m1"), now=hall.now)
    assert await deliver(hall) == {"sent": 2}

    assert hall.channel.heard("oLi") == ["R1", "R2"]
    assert (await person(hall)).window_left == 3
    assert (await person(hall)).has_held == 0


async def test_one_who_writes_while_her_message_is_on_its_way_to_be_held_gets_it(
    hall: Hall, put, states
):
    hall.channel.minds_windows = True
    await person(hall, window_left=0)
    await put("R1")
    claimed = await hall.db.write(outbox.claim, now=hall.now, limit=9)

    await hall.db.jot(inbox.accept, incoming("oLi", "你好", key="m1"), now=hall.now)
    held = [outbox.Outcome(one, OutboxState.HELD, (), "no_way_open") for one in claimed]
    await hall.db.write(outbox.finish, held, now=hall.now)
    await deliver(hall)

    assert hall.channel.heard("oLi") == ["R1"]


async def test_the_window_is_spent_message_by_message(hall: Hall, put, states):
    hall.channel.minds_windows = True
    hall.channel.routes = (Route.CUSTOM, Route.TEMPLATE)
    await person(hall, window_left=2)
    for number in range(4):
        await put(f"R{number}")
        await deliver(hall)

    routes = [route for _, route in hall.channel.tries]
    assert routes == [Route.CUSTOM, Route.CUSTOM, Route.TEMPLATE, Route.TEMPLATE]


async def test_a_window_that_time_has_shut_is_shut(hall: Hall, put, states):
    hall.channel.minds_windows = True
    await put("R1")
    hall.later(hours=48)

    assert await deliver(hall) == {"held": 1}


async def test_one_who_turned_reminders_off_still_gets_receipts_and_urgent_notices(
    hall: Hall, put, states
):
    await person(hall, muted="reminders notices")
    await put("reminder", urgency=Urgency.REMINDER)
    await put("notice", event=NoticeSent("N1", "翡翠湾", "notice", "x"), urgency=Urgency.NOTICE)
    await put("urgent", event=NoticeSent("N2", "翡翠湾", "urgent", "停水"), urgency=Urgency.NOTICE)
    await put("receipt")

    assert await deliver(hall) == {"sent": 2, "suppressed": 2}

    found = await states()
    assert found["reminder"] == found["notice"] == ("suppressed", "muted")
    assert found["urgent"][0] == found["receipt"][0] == "sent"


async def test_f13_at_night_only_receipts_and_what_is_urgent_are_said(hall: Hall, put, states):
    hall.later(seconds=(NIGHT - hall.now).total_seconds())
    await put("reminder", urgency=Urgency.REMINDER)
    await put("notice", event=NoticeSent("N1", "翡翠湾", "notice", "x"), urgency=Urgency.NOTICE)
    await put("urgent", event=NoticeSent("N2", "翡翠湾", "urgent", "停水"), urgency=Urgency.NOTICE)
    await put("receipt")

    await deliver(hall)
    assert hall.channel.heard("oLi") == ["receipt", "NoticeSent"]
    waiting = [row for row in await hall.stage.rows(messages) if row.state == "waiting"]
    morning = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    assert {row.not_before for row in waiting} == {morning}

    hall.later(seconds=(morning - hall.now).total_seconds() - 1)
    assert await deliver(hall) == {}
    hall.later(seconds=1)
    assert await deliver(hall) == {"sent": 2}


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("08:29", True),
     ("08:30", False)],
)  # fmt: skip
async def test_f13_quiet_hours_have_exact_ends(hall: Hall, put, states, at, is_quiet):
    hour, minute = map(int, at.split(":"))
    shanghai = datetime(2026, 11, 25, hour, minute, tzinfo=UTC) - timedelta(hours=8)
    hall.later(seconds=(shanghai - hall.now).total_seconds())
    await put("R1", urgency=Urgency.REMINDER)

    await deliver(hall)

    assert ((await states())["R1"][0] == "waiting") is is_quiet


def reminder(hall: Hall, binding_id: int) -> ReminderDue:
    return ReminderDue(hall.stage.world.unit_id, "3栋2单元1201", binding_id, 0, -3)


async def binding(hall: Hall):
    return (await hall.stage.rows(bindings))[0].id


async def test_g13_nobody_is_reminded_of_what_was_paid_meanwhile(hall: Hall, put, states):
    await put("due", event=reminder(hall, await binding(hall)), urgency=Urgency.REMINDER)
    await hall.stage.paid(hall.stage.both)

    await deliver(hall)

    assert (await states())["due"] == ("suppressed", "paid_meanwhile")
    assert not [text for text in hall.channel.heard("oLi") if "1201" in text]


async def test_g13_a_reminder_says_what_is_open_now_and_not_when_it_was_decided(hall: Hall, put):
    await put("due", event=reminder(hall, await binding(hall)), urgency=Urgency.REMINDER)
    await hall.stage.paid([hall.stage.world.october_id])

    await deliver(hall)

    assert "3栋2单元1201 1 25060 -3" in hall.channel.heard("oLi")


async def test_g13_one_who_has_unbound_the_flat_hears_nothing_of_its_debts(hall: Hall, put, states):
    await put("due", event=reminder(hall, await binding(hall)), urgency=Urgency.REMINDER)

    await hall.db.write(
        lambda tx: tx.execute(update(bindings).values(state="removed", ended_at=hall.now)) and None
    )
    await deliver(hall)

    assert (await states())["due"][0] == "suppressed"
    assert hall.channel.delivered == []


async def test_n4_news_of_bills_that_are_paid_by_now_are_not_told(hall: Hall, put, states):
    news = BillsIssued(
        hall.stage.world.unit_id, "3栋2单元1201", await binding(hall), 0, "2026-11",
        (("物业费", 25_060),), 25_060, "2026-11-25",
    )  # fmt: skip
    await put("early", event=news, urgency=Urgency.REMINDER)
    await deliver(hall)
    await hall.stage.paid(hall.stage.both)
    await put("late", event=news, urgency=Urgency.REMINDER)
    await deliver(hall)

    found = await states()
    assert (found["early"][0], found["late"][0]) == ("sent", "suppressed")


async def test_g15_a_message_that_cannot_be_put_in_words_is_dead_and_the_rest_goes_on(
    hall: Hall, put, states, caplog
):
    for name in ("R1", "poison", "R2"):
        await put(name)

    assert await deliver(hall) == {"sent": 2, "dead": 1}

    assert hall.channel.heard("oLi") == ["R1", "R2"]
    assert (await states())["poison"][0] == "dead"


async def test_g15_a_message_of_another_version_is_dead_and_the_rest_goes_on(
    hall: Hall, put, states
):
    def spoil(tx: Connection, row: int, values: dict[str, str]) -> None:
        tx.execute(update(messages).where(messages.c.id == row).values(**values))

    for number, values in enumerate(
        ({"event": "FromTheFuture"}, {"facts": "{}"}, {"facts": "not json"})
    ):
        await hall.db.write(spoil, await put(f"bad{number}", f"o{number}"), values)
    await put("R1")

    assert await deliver(hall) == {"sent": 1}

    found = await states()
    assert {found[f"bad{number}"] for number in range(3)} == {("dead", "unreadable")}


async def test_an_account_that_is_no_longer_configured_holds_up_nobody(hall: Hall, put, states):
    def stray(tx):
        to = Addressee("old-account", "oOld")
        outbox.enqueue(tx, receipt("R0"), to, key="R0", urgency=Urgency.RECEIPT, now=hall.now)

    await hall.db.write(stray)
    await put("R1")

    await deliver(hall)

    assert await states() == {"R0": ("dead", "no_such_account"), "R1": ("sent", "")}


async def test_a_thousand_messages_are_drained_in_one_go_each_once(hall: Hall):
    def enqueue_all(tx):
        for number in range(1000):
            to = Addressee(ACCOUNT, f"o{number % 600}")
            outbox.enqueue(
                tx, receipt(f"R{number}"), to, key=f"R{number}", urgency=Urgency.RECEIPT,
                now=hall.now,
            )  # fmt: skip

    await hall.db.write(enqueue_all)

    assert await deliver(hall) == {"sent": 1000}

    texts = Counter(one.text for one in hall.channel.delivered)
    assert len(texts) == 1000
    assert set(texts.values()) == {1}
    for number in range(400):
        assert hall.channel.heard(f"o{number}") == [f"R{number}", f"R{number + 600}"]


@pytest.mark.parametrize(
    ("days", "name", "waits"),
    [
        (74, "除夕", 4),
        (75, "初一", 3),
        (77, "初三", 1),
        (133, "清明", 1),
    ],
)
async def test_a_reminder_that_was_decided_before_a_festival_is_said_after_it(
    hall: Hall, put, states, days, name, waits
):
    hall.later(days=days)
    await put("R1", urgency=Urgency.REMINDER)
    await put("R2")

    await deliver(hall)
    during = await states()
    hall.later(days=waits)
    await deliver(hall)

    assert during == {"R1": ("waiting", "quiet_hours"), "R2": ("sent", "")}, name
    assert (await states())["R1"][0] == "sent"
