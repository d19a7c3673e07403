"""The history of a difference (差异): found, asked about, healed, closed, each on a line."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.models.reconciliation import difference_notes
from storage.rules.agreeing import CLOSED


def note_act(
    tx: Connection,
    difference_id: int,
    act: str,
    *,
    at: datetime,
    note: str = "",
    staff_id: int | None = None,
) -> None:
    """Write a line of a difference's history."""
    tx.execute(
        difference_notes.insert().values(
            difference_id=difference_id, noted_at=at, staff_id=staff_id, act=act, note=note[:200]
        )
    )


def last_act(tx: Connection, difference_id: int) -> str:
    """Return what was done last with a difference; without a history a person closed it."""
    found = tx.execute(
        select(difference_notes.c.act)
        .where(difference_notes.c.difference_id == difference_id)
        .order_by(difference_notes.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found or CLOSED
