"""Who did what to which record."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from storage.models.operating import audit_records, discrepancies
from storage.sql import insert_once


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member of staff, a resident's chat identity, or (both None) the clock."""

    staff_id: int | None = None
    identity_id: int | None = None


CLOCK = Actor()


def note(
    tx: Connection,
    actor: Actor,
    act: str,
    noun: str,
    reference: str,
    *,
    at: datetime,
    detail: str = "",
) -> None:
    """Write one line of the audit trail. Never a name, a phone number or an openid in it."""
    tx.execute(
        audit_records.insert().values(
            done_at=at,
            staff_id=actor.staff_id,
            identity_id=actor.identity_id,
            act=act,
            noun=noun,
            reference=reference[:60],
            detail=detail[:300],
        )
    )


def open_discrepancy(
    tx: Connection, kind: str, reference: str, detail: str, *, at: datetime
) -> bool:
    """Put a contradiction before an operator, once per kind, reference and detail."""
    key = f"{kind}:{reference}:{detail}"[:120]
    values = {
        "discrepancy_key": key,
        "kind": kind,
        "reference": reference[:64],
        "detail": detail[:300],
        "opened_at": at,
    }
    return insert_once(tx, discrepancies, values) is not None
