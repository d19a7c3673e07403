"""Income of months to come (递延收入): set apart when a bill is issued, taken back with it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage import ledger
from storage.many import Rows
from storage.models.deferrals import deferrals
from storage.rules.recognition import Parts

KEY: Final = "recognise"
"""The key of a month's entry is "recognise:2027-02:B2027-01-000001": its month, then its bill."""

_ROWS: Final = Rows(deferrals, "bill_id", "period", "amount_fen")


def defer(tx: Connection, bills_parts: Iterable[tuple[int, Parts]]) -> None:
    """Write down which months of bills (key, parts) are to come; their entries are the caller's."""
    _ROWS.insert(
        tx,
        [(bill_id, str(period), fen) for bill_id, parts in bills_parts for period, fen in parts],
    )


def take_back(tx: Connection, bill_id: int, bill_no: str, *, now: datetime) -> None:
    """Answer each month's entry of a bill that is voided by its opposite, once."""
    months = tx.execute(
        select(deferrals.c.period)
        .where(deferrals.c.bill_id == bill_id, deferrals.c.recognised_at.is_not(None))
        .order_by(deferrals.c.period)
    ).scalars()
    for period in list(months):
        ledger.reverse(tx, key=f"{KEY}:{period}:{bill_no}", memo="作废", posted_at=now)
