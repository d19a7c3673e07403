"""Who did what to which record."""

from datetime import datetime

from sqlalchemy import Connection, update

from storage.frozen import dataclass
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
) -> int | None:
    """Write down a contradiction, once per kind, reference and detail; return its number.

    None where it was written down before. Who has to hear of it is told by
    `operations.differences`: nobody else calls this.
    """
    values = {
        "discrepancy_key": _key(kind, reference, detail),
        "kind": kind,
        "reference": reference[:64],
        "detail": detail[:300],
        "opened_at": at,
    }
    return insert_once(tx, discrepancies, values)


def reopen_discrepancy(
    tx: Connection, kind: str, reference: str, detail: str, *, at: datetime
) -> int | None:
    """Open a contradiction again that somebody has closed; return its number, or None."""
    found: int | None = tx.execute(
        update(discrepancies)
        .where(
            discrepancies.c.discrepancy_key == _key(kind, reference, detail),
            discrepancies.c.closed_at.is_not(None),
        )
        .values(closed_at=None, opened_at=at)
        .returning(discrepancies.c.id)
    ).scalar_one_or_none()
    return found


def _key(kind: str, reference: str, detail: str) -> str:
    return f"{kind}:{reference}:{detail}"[:120]
