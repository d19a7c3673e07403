"""What a platform reports: a message of ours failed after all, a notice was accepted or refused."""

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select, update

from storage.kinds import OutboxState
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities
from storage.ports.chat import Attempt, IncomingKind, IncomingMessage, Route, Verdict

DELIVERED: Final = "success"
MOST_CREDITS: Final = 99


def take_report(tx: Connection, message: IncomingMessage, identity_id: int) -> None:
    """Write down a platform's report; other messages change nothing here."""
    if message.kind is IncomingKind.CREDIT:
        _change_credits(tx, identity_id, message.report)
    elif message.kind is IncomingKind.DELIVERY:
        _note_delivery(tx, message.report)


def _change_credits(tx: Connection, identity_id: int, report: Mapping[str, str]) -> None:
    """Count one more notice for each kind accepted, and none for each refused."""
    left = _credits(tx, identity_id)
    for kind, word in report.items():
        left[kind] = min(left.get(kind, 0) + 1, MOST_CREDITS) if word == "accept" else 0
    _keep(tx, identity_id, left)


def spend_credit(tx: Connection, identity_id: int, kind: str, attempt: Attempt) -> None:
    """Count a subscription notice as used, or all as gone where the platform knows of none."""
    if attempt.route is not Route.SUBSCRIBE:
        return
    if attempt.verdict not in (Verdict.SENT, Verdict.UNKNOWN, Verdict.NOT_NOW):
        return
    left = _credits(tx, identity_id)
    rest = 0 if attempt.verdict is Verdict.NOT_NOW else left.get(kind, 0) - 1
    _keep(tx, identity_id, {**left, kind: max(rest, 0)})


def _credits(tx: Connection, identity_id: int) -> dict[str, int]:
    kept = tx.execute(
        select(identities.c.credits).where(identities.c.id == identity_id).with_for_update()
    ).scalar_one()
    found: dict[str, int] = json.loads(kept)
    return found


def _keep(tx: Connection, identity_id: int, left: Mapping[str, int]) -> None:
    tx.execute(
        update(identities)
        .where(identities.c.id == identity_id)
        .values(credits=json.dumps({kind: count for kind, count in left.items() if count}))
    )


def _note_delivery(tx: Connection, report: Mapping[str, str]) -> None:
    """Take back "sent" where the platform says later that it did not arrive."""
    message_id, state = report.get("message_id", ""), report.get("state", "")
    if not message_id or state == DELIVERED:
        return
    ours = select(delivery_attempts.c.outbox_id).where(
        delivery_attempts.c.platform_message_id == message_id
    )
    tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(ours), outbox.c.state == OutboxState.SENT)
        .values(state=OutboxState.DEAD, why=state[:200])
    )
