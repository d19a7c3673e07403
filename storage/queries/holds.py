"""What nobody is reminded of for a while (催缴暂停): holds, and what of a debt is left to dun."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, or_, select

from storage.frozen import dataclass
from storage.kinds import FeeClass, HoldKind
from storage.models.bills import bills, fee_items
from storage.models.dunning import promises
from storage.models.late_fees import holds
from storage.queries.bills import OpenBill, open_bills, open_bills_of_units

PROMISED: Final = frozenset((HoldKind.PROMISE, HoldKind.INSTALMENT))


@dataclass(frozen=True, slots=True)
class Hold:
    """Of a unit's debts, or of one bill (or a part of it), nobody is reminded.

    `until_on` is the first day on which it holds no more, None while its end is open.
    """

    hold_id: int
    unit_id: int
    bill_id: int | None
    kind: HoldKind
    amount_fen: int | None
    from_on: date
    until_on: date | None
    reason: str
    made_at: datetime

    def covers(self, bill_id: int, issued_at: datetime) -> bool:
        """Tell whether a bill is held; a promise covers no bill that came after it."""
        if self.kind in PROMISED and issued_at > self.made_at:
            return False
        return self.bill_id in (None, bill_id)


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody said that she would pay by a day."""

    promise_id: int
    hold_id: int
    due_on: date
    amount_fen: int
    state: str


class DunnedBill(NamedTuple):
    """An open bill, and what of it is asked for: less where a part is held."""

    bill: OpenBill
    open_fen: int


def holds_on(tx: Connection, unit_id: int, day: date) -> list[Hold]:
    """Return the holds of a unit that are in force on a Shanghai day, the oldest first."""
    return _holds_of_units(tx, [unit_id], day)[unit_id]


def _holds_of_units(tx: Connection, unit_ids: Sequence[int], day: date) -> dict[int, list[Hold]]:
    found: dict[int, list[Hold]] = {unit_id: [] for unit_id in unit_ids}
    rows = tx.execute(
        select(holds)
        .where(
            holds.c.unit_id.in_(unit_ids),
            holds.c.from_on <= day,
            or_(holds.c.until_on.is_(None), holds.c.until_on > day),
        )
        .order_by(holds.c.id)
    )
    for row in rows:
        found[row.unit_id].append(_hold(row))
    return found


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        row.id,
        row.unit_id,
        row.bill_id,
        HoldKind(row.kind),
        row.amount_fen,
        row.from_on,
        row.until_on,
        row.reason,
        row.made_at,
    )


def dunned_bills(tx: Connection, binding_id: int, unit_id: int, day: date) -> list[DunnedBill]:
    """Return what a person may know of and is reminded of: open, no deposit or renewal, not held.

    A tenant knows nothing of the owner's arrears, an owner nothing of those before her time.
    """
    return _left(tx, open_bills(tx, binding_id), holds_on(tx, unit_id, day))


def bills_to_promise(tx: Connection, binding_id: int, unit_id: int, day: date) -> list[DunnedBill]:
    """Return what a person may name a day for: what she is reminded of, or has promised already."""
    held = [one for one in holds_on(tx, unit_id, day) if one.kind not in PROMISED]
    return _left(tx, open_bills(tx, binding_id), held)


def dunned_bills_of_unit(tx: Connection, unit_id: int, day: date) -> list[DunnedBill]:
    """Return what of a unit's open bills the office asks for, whoever owes it."""
    return dunned_bills_of_units(tx, [unit_id], day)[unit_id]


def dunned_bills_of_units(
    tx: Connection, unit_ids: Sequence[int], day: date
) -> dict[int, list[DunnedBill]]:
    """Return unit → what the office asks for, of some hundred units in three queries."""
    found = open_bills_of_units(tx, unit_ids)
    held = _holds_of_units(tx, unit_ids, day)
    issued = _issued(tx, [one.bill_id for several in found.values() for one in several])
    return {
        unit_id: _without_held(several, held[unit_id], issued) for unit_id, several in found.items()
    }


def _left(tx: Connection, found: Sequence[OpenBill], held: Sequence[Hold]) -> list[DunnedBill]:
    return _without_held(found, held, _issued(tx, [one.bill_id for one in found]))


def _without_held(
    found: Sequence[OpenBill], held: Sequence[Hold], issued: Mapping[int, datetime]
) -> list[DunnedBill]:
    left = [
        DunnedBill(one, one.open_fen - _held_fen(held, one, issued[one.bill_id]))
        for one in found
        if one.bill_id in issued
    ]
    return [one for one in left if one.open_fen > 0]


def _held_fen(held: Iterable[Hold], bill: OpenBill, issued_at: datetime) -> int:
    mine = [one for one in held if one.covers(bill.bill_id, issued_at)]
    parts = [bill.open_fen if one.amount_fen is None else one.amount_fen for one in mine]
    return min(sum(parts), bill.open_fen)


def _issued(tx: Connection, bill_ids: Sequence[int]) -> dict[int, datetime]:
    """Return bill → when it was issued; not of what is no arrears: deposits, what renews."""
    if not bill_ids:
        return {}
    rows = tx.execute(
        select(bills.c.id, bills.c.issued_at)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            bills.c.id.in_(bill_ids),
            fee_items.c.fee_class.not_in([FeeClass.DEPOSIT, FeeClass.RENEWAL]),
        )
    )
    return {row.id: row.issued_at for row in rows}


def promises_of(tx: Connection, unit_id: int) -> list[Promise]:
    """Return a unit's promises that nobody has kept or broken yet, the first due first."""
    rows = tx.execute(
        select(promises)
        .where(promises.c.unit_id == unit_id, promises.c.state == "open")
        .order_by(promises.c.due_on, promises.c.id)
    )
    return [Promise(row.id, row.hold_id, row.due_on, row.amount_fen, row.state) for row in rows]


AGREED_AT_MOST: Final = 3
"""So often a unit may agree on a day by chat within two months."""
LOOKED_BACK: Final = timedelta(days=60)


def may_promise(tx: Connection, unit_id: int, *, now: datetime) -> bool:
    """Tell whether a unit may name a day by chat: none was missed lately, and not too often."""
    rows = tx.execute(
        select(promises.c.hold_id, promises.c.state).where(
            promises.c.unit_id == unit_id, promises.c.made_at >= now - LOOKED_BACK
        )
    ).all()
    was_broken = any(row.state == "broken" for row in rows)
    return not was_broken and len({row.hold_id for row in rows}) < AGREED_AT_MOST
