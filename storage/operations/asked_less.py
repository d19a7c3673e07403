"""A bill asks for less, or for more again, by a line of its own: what was issued stays readable."""

from typing import Final

from sqlalchemy import Connection, update

from storage.kinds import LineKind
from storage.models.bills import bill_lines, bills

_KEPT_AS: Final = {
    LineKind.WAIVER: bills.c.waived_fen,
    LineKind.WRITE_OFF: bills.c.written_off_fen,
}
"""Line → the column that keeps how much of a bill is asked no more for that cause."""


def change_asked(
    tx: Connection, bill_id: int, change_fen: int, *, kind: LineKind, label: str
) -> None:
    """Let a locked bill ask for less (below 0) or for more again; the entry is the caller's."""
    line = {"bill_id": bill_id, "label": label[:60], "kind": str(kind)}
    tx.execute(
        bill_lines.insert().values(quantity="", unit_price="", amount_fen=change_fen, **line)
    )
    kept = _KEPT_AS[kind]
    tx.execute(
        update(bills)
        .where(bills.c.id == bill_id)
        .values({bills.c.amount_fen: bills.c.amount_fen + change_fen, kept: kept - change_fen})
    )
