"""What we decided to say: once per key, in the hands of one process at a time."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from storage import events, outbox
from storage.database import Database, open_database
from storage.errors import NothingToPay
from storage.events import Event, NoticeSent
from storage.frozen import dataclass
from storage.kinds import OutboxState, Urgency
from storage.models.messages import outbox as messages
from storage.models.people import identities
from storage.outbox import Addressee, Outcome
from storage.ports.chat import Attempt, Route, Verdict
from storage.queries.due_messages import DUE
from tests import factories
from tests.factories import ACCOUNT, NOW


def say(tx: Connection, /, key: str, recipient: str = "oLi", **more) -> bool:
    return outbox.enqueue(
        tx,
        NoticeSent("N1", "翡翠湾", "notice", key),
        Addressee(ACCOUNT, recipient),
        key=key,
        urgency=Urgency.NOTICE,
        now=NOW,
        **more,
    )


def rows(tx: Connection) -> list:
    return list(tx.execute(select(messages).order_by(messages.c.id)))


def sent(claimed: outbox.Claimed) -> Outcome:
    return Outcome(claimed, OutboxState.SENT, (Attempt(Route.CUSTOM, Verdict.SENT, "ok", "m1"),))


def let_the_lease_run_out(tx: Connection) -> None:
    tx.execute(update(messages).values(claimed_until=NOW - timedelta(days=400)))


async def test_a_key_is_said_once(db: Database):
    decided = await asyncio.gather(*(db.write(say, "k1") for _ in range(10)))

    assert sorted(decided) == [False] * 9 + [True]
    assert len(await db.read(rows)) == 1


async def test_n3_what_was_refused_is_not_said(db: Database):
    def refuse(tx: Connection) -> None:
        say(tx, "k1")
        raise NothingToPay("")

    with pytest.raises(NothingToPay):
        await db.write(refuse)

    assert await db.read(rows) == []


async def test_an_event_survives_being_stored(db: Database):
    await db.write(say, "k1")

    (claimed,) = await db.write(outbox.claim, now=NOW, limit=9)

    assert claimed.event == NoticeSent("N1", "翡翠湾", "notice", "k1")
    assert claimed.tries == 1


def test_fields_that_a_newer_version_added_fall_away():
    @dataclass(frozen=True, slots=True)
    class Other(Event):
        text: str

    facts = '{"broadcast_no":"N1","community_name":"c","category":"g","text":"t","colour":"red"}'

    assert events.load("NoticeSent", facts) == NoticeSent("N1", "c", "g", "t")
    with pytest.raises(KeyError):
        events.load("Other", "{}")


async def test_nothing_is_claimed_before_its_time(db: Database):
    await db.write(say, "k1", not_before=NOW + timedelta(minutes=1))

    assert await db.write(outbox.claim, now=NOW, limit=9) == []
    assert await db.read(outbox.next_due_at) == NOW + timedelta(minutes=1)
    assert len(await db.write(outbox.claim, now=NOW + timedelta(minutes=1), limit=9)) == 1


async def test_a_claim_is_one_workers_alone(db: Database):
    for number in range(30):
        await db.write(say, f"k{number}", f"o{number}")

    taken = await asyncio.gather(*(db.write(outbox.claim, now=NOW, limit=7) for _ in range(6)))

    ids = [one.outbox_id for batch in taken for one in batch]
    assert len(ids) == len(set(ids)) == 30
    assert max(len(batch) for batch in taken) <= 7


@pytest.mark.postgresql
async def test_two_processes_never_claim_the_same_message(migrated_postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as one, open_database(url) as two:
        for number in range(60):
            await one.write(say, f"k{number}", f"o{number}")

        taken = await asyncio.gather(
            *(db.write(outbox.claim, now=NOW, limit=5) for db in [one, two] * 8)
        )
    migrated_postgres.drop(url)

    ids = [claimed.outbox_id for batch in taken for claimed in batch]
    assert len(ids) == len(set(ids)) == 60
    assert max(len(batch) for batch in taken) <= 5


async def test_g16_a_worker_whose_claim_ran_out_cannot_finish(db: Database):
    await db.write(say, "k1")
    (slow,) = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(let_the_lease_run_out)
    (quick,) = await db.write(outbox.claim, now=NOW, limit=9)

    assert quick.epoch == slow.epoch + 1
    dead = Outcome(slow, OutboxState.DEAD, ())
    assert await db.write(outbox.finish, [dead], now=NOW) == 0
    assert await db.write(outbox.finish, [sent(quick)], now=NOW) == 1
    assert await db.write(outbox.finish, [dead], now=NOW) == 0

    assert [row.state for row in await db.read(rows)] == ["sent"]


async def test_a_claim_that_has_not_run_out_is_left_alone(db: Database):
    await db.write(say, "k1")
    await db.write(outbox.claim, now=NOW, limit=9)

    assert await db.write(outbox.claim, now=NOW + timedelta(days=9), limit=9) == []


async def test_asking_whether_anything_is_due_agrees_with_claiming(db: Database):
    async def is_due(now=NOW) -> bool:
        return await db.read(outbox.has_due, now=now)

    assert not await is_due()
    await db.write(say, "k1", not_before=NOW + timedelta(minutes=1))
    assert not await is_due()
    assert await is_due(NOW + timedelta(minutes=1))
    (claimed,) = await db.write(outbox.claim, now=NOW + timedelta(minutes=1), limit=9)
    assert not await is_due(NOW + timedelta(days=1))

    await db.write(let_the_lease_run_out)
    assert await is_due(NOW + timedelta(minutes=1))
    await db.write(outbox.finish, [sent(claimed)], now=NOW)
    assert not await is_due(NOW + timedelta(days=1))


@pytest.mark.parametrize("end_of_claim", [outbox.forget_claims, let_the_lease_run_out])
async def test_d17_a_claim_that_nobody_finished_tells_since_when_it_may_have_been_sent(
    db: Database, end_of_claim
):
    await db.write(say, "k1")
    (first,) = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(end_of_claim)
    (second,) = await db.write(outbox.claim, now=NOW + timedelta(minutes=5), limit=9)
    await db.write(end_of_claim)
    (third,) = await db.write(outbox.claim, now=NOW + timedelta(minutes=9), limit=9)

    assert [one.risky_since for one in (first, second, third)] == [None, NOW, NOW]


async def test_d12_only_a_try_that_may_have_arrived_is_remembered_as_one(db: Database):
    for key in ("lost", "refused", "quiet"):
        await db.write(say, key, f"o-{key}")
    lost, refused, quiet = await db.write(outbox.claim, now=NOW, limit=9)
    again = [
        Outcome(lost, OutboxState.WAITING, (Attempt(Route.TEMPLATE, Verdict.UNKNOWN),)),
        Outcome(refused, OutboxState.WAITING, (Attempt(Route.TEMPLATE, Verdict.LATER),)),
        Outcome(quiet, OutboxState.WAITING, (), "quiet_hours"),
    ]
    await db.write(outbox.finish, again, now=NOW)

    claimed = await db.write(outbox.claim, now=NOW + timedelta(minutes=1), limit=9)

    assert [one.risky_since for one in claimed] == [NOW, None, None]


async def test_what_the_platform_took_back_and_staff_send_again_is_no_risk(db: Database):
    def send_again(tx: Connection) -> None:
        tx.execute(update(messages).values(state=OutboxState.WAITING, tries=0))

    await db.write(say, "k1")
    (claimed,) = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(outbox.finish, [sent(claimed)], now=NOW)
    await db.write(send_again)

    (again,) = await db.write(outbox.claim, now=NOW + timedelta(days=1), limit=9)

    assert again.risky_since is None


async def test_after_a_crash_the_only_owner_takes_up_what_was_claimed(db: Database):
    await db.write(say, "k1")
    await db.write(say, "k2", "oWang")
    first, second = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(outbox.finish, [sent(first)], now=NOW)

    assert await db.write(outbox.forget_claims) == 1

    (again,) = await db.write(outbox.claim, now=NOW, limit=9)
    assert again.outbox_id == second.outbox_id
    assert again.epoch > second.epoch


async def test_what_is_sent_is_never_claimed_again(db: Database):
    await db.write(say, "k1")
    (claimed,) = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(outbox.finish, [sent(claimed)], now=NOW)
    await db.write(let_the_lease_run_out)

    assert await db.write(outbox.claim, now=NOW + timedelta(days=99), limit=9) == []
    assert await db.write(outbox.forget_claims) == 0


async def test_finding_what_is_due_reads_an_index_and_not_the_whole_outbox(sqlite_url: str):
    """The very text is explained, its parameters open: the index is used only for its own words."""

    def plan(tx: Connection) -> list[str]:
        text = DUE.compile(dialect=tx.dialect, compile_kwargs={"render_postcompile": True})
        nothing = (None,) * len(text.positiontup or ())
        return [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", nothing)]

    async with open_database(sqlite_url) as db:
        steps = await db.read(plan)

    assert any("ix_outbox_due" in step for step in steps)
    assert not any("TEMP B-TREE" in step or step == "SCAN outbox" for step in steps)


async def test_people_whose_windows_were_used_several_times_have_so_many_fewer(db: Database):
    def meet(tx: Connection) -> tuple[int, int]:
        often, once = factories.meet(tx, "oOften"), factories.meet(tx, "oOnce")
        tx.execute(update(identities).values(window_left=3))
        return often, once

    often, once = await db.write(meet)

    def enqueue(tx: Connection) -> None:
        for number, person in enumerate([often, often, often, often, once]):
            outbox.enqueue(
                tx, NoticeSent("N1", "翡翠湾", "notice", "x"), Addressee(ACCOUNT, "o", person),
                key=f"k{number}", urgency=Urgency.NOTICE, now=NOW,
            )  # fmt: skip

    await db.write(enqueue)
    claimed = await db.write(outbox.claim, now=NOW, limit=9)
    await db.write(outbox.finish, [sent(one) for one in claimed], now=NOW)

    people = await db.read(lambda tx: tx.execute(select(identities)).all())
    assert {row.id: row.window_left for row in people} == {often: 0, once: 2}
