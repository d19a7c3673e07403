"""What was done about a unit's debt (催缴记录): one line for every act, kept for good."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from storage.models.dunning import dunning_acts

DETAIL_CHARS: Final = 200


def note_act(
    tx: Connection,
    unit_id: int,
    act: str,
    *,
    now: datetime,
    amount_fen: int = 0,
    days_from_due: int | None = None,
    detail: str = "",
    staff_id: int | None = None,
) -> None:
    """Write down an act: reminder, task, letter, promise, hold and what became of them."""
    tx.execute(
        dunning_acts.insert().values(
            unit_id=unit_id,
            act=act,
            days_from_due=days_from_due,
            amount_fen=amount_fen,
            detail=detail[:DETAIL_CHARS],
            staff_id=staff_id,
            done_at=now,
        )
    )
