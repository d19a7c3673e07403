"""A refund that no platform sends (线下退款): who has to hand it over, and whether it may go."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.events import StaffTask
from storage.kinds import StaffRole
from storage.models.estate import units
from storage.operations.hearers import tell_staff
from storage.rules.counter import is_by_hand


def next_step_at(way: str, now: datetime) -> datetime | None:
    """Return when the clock sends an agreed refund; None where a person hands it over."""
    return None if is_by_hand(way) else now


def ask_for_payout(tx: Connection, row: Row[Any], *, now: datetime) -> None:
    """Tell the counter that money may be handed over now, where no platform sends it."""
    if not is_by_hand(row.gateway):
        return
    label = tx.execute(select(units.c.label).where(units.c.id == row.unit_id)).scalar_one()
    account = " ".join(filter(None, (row.payout_name, row.payout_bank, row.payout_account)))
    note = f"{row.gateway} {account}".strip()
    tell_staff(
        tx,
        StaffTask("refund_payout", row.refund_no, label, row.amount_fen - row.kept_fen, note),
        community_id=row.community_id,
        roles=(StaffRole.CASHIER, StaffRole.MANAGER),
        key=f"payout:{row.refund_no}",
        now=now,
    )
