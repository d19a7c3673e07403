"""What platforms report afterwards: credits for notices, and messages that did not arrive."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from storage import inbox, outbox
from storage.database import Database
from storage.events import LateAnswer
from storage.kinds import OutboxState, Urgency
from storage.models.messages import outbox as rows
from storage.models.people import identities
from storage.outbox import Addressee, Outcome
from storage.ports.chat import Attempt, IncomingKind, Route, Verdict
from tests.factories import ACCOUNT, NOW, incoming


async def report(db: Database, kind: IncomingKind, key: str, **said: str) -> None:
    heard = replace(incoming("oLi", "", key=key, kind=kind), report=said)
    await db.write(inbox.accept, heard, now=NOW)


async def credits_left(db: Database) -> dict[str, int]:
    kept = await db.read(lambda tx: tx.execute(select(identities.c.credits)).scalar_one())
    found: dict[str, int] = json.loads(kept)
    return found


async def send(db: Database, attempt: Attempt) -> None:
    identity_id = await db.read(lambda tx: tx.execute(select(identities.c.id)).scalar_one())
    to = Addressee(ACCOUNT, "oLi", identity_id)
    event = LateAnswer("您好", "")
    await db.write(outbox.enqueue, event, to, key="k", urgency=Urgency.RECEIPT, now=NOW)
    (claimed,) = await db.write(outbox.claim, now=NOW, limit=9)
    done = Outcome(claimed, OutboxState.SENT, (attempt,), kind="reminder")
    await db.write(outbox.finish, [done], now=NOW)


async def test_each_tap_is_one_notice_and_a_refusal_is_none(db: Database):
    await report(db, IncomingKind.CREDIT, "1", reminder="accept", bills_issued="accept")
    await report(db, IncomingKind.CREDIT, "2", reminder="accept", bills_issued="reject")

    assert await credits_left(db) == {"reminder": 2}


@pytest.mark.parametrize(
    ("verdict", "left"),
    [(Verdict.SENT, {"reminder": 1}), (Verdict.UNKNOWN, {"reminder": 1}), (Verdict.NOT_NOW, {})],
)
async def test_a_notice_sent_is_a_credit_spent_and_none_are_left_where_the_platform_says_so(
    db: Database, verdict: Verdict, left: dict[str, int]
):
    for key in ("1", "2"):
        await report(db, IncomingKind.CREDIT, key, reminder="accept")

    await send(db, Attempt(Route.SUBSCRIBE, verdict))

    assert await credits_left(db) == left


async def test_another_route_spends_no_credit(db: Database):
    await report(db, IncomingKind.CREDIT, "1", reminder="accept")

    await send(db, Attempt(Route.TEMPLATE, Verdict.SENT))

    assert await credits_left(db) == {"reminder": 1}


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [("success", OutboxState.SENT, ""), ("failed:user block", OutboxState.DEAD, "user block")],
)
async def test_g17_a_job_that_failed_afterwards_is_not_sent_any_more(
    db: Database, said: str, state: OutboxState, why: str
):
    await report(db, IncomingKind.TEXT, "1")
    await send(db, Attempt(Route.TEMPLATE, Verdict.SENT, platform_message_id="17"))

    for key in ("2", "3"):
        await report(db, IncomingKind.DELIVERY, key, message_id="17", state=said)

    row = await db.read(lambda tx: tx.execute(select(rows.c.state, rows.c.why)).one())
    assert row.state == state
    assert why in row.why


async def test_g17_a_report_on_a_message_that_is_not_ours_changes_nothing(db: Database):
    await report(db, IncomingKind.TEXT, "1")
    await send(db, Attempt(Route.TEMPLATE, Verdict.SENT, platform_message_id="17"))

    await report(db, IncomingKind.DELIVERY, "2", message_id="99", state="failed:freq limit")

    assert await db.read(lambda tx: tx.execute(select(rows.c.state)).scalar_one()) == "sent"
