"""What staff asked to be lowered of a bill (减免, 坏账核销), with the bill that it is about."""

from typing import Any

from sqlalchemy import Column, Select, Table, select

from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.people import staff


def with_their_bills(asks: Table, *columns: Column[Any]) -> Select[Any]:
    """Select columns of what was asked, its flat, fee item, bill and asker, the oldest first."""
    return (
        select(
            *columns,
            units.c.label,
            fee_items.c.name.label("item_name"),
            bills.c.period,
            bills.c.bill_no,
            staff.c.name.label("asker"),
        )
        .select_from(
            asks.join(bills, bills.c.id == asks.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(staff, staff.c.id == asks.c.asked_by)
        )
        .order_by(asks.c.id)
    )
