"""What a viewer owes, item by item, and how each amount came about."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Select,
    String,
    TypeDecorator,
    and_,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
)

from storage.frozen import dataclass
from storage.kinds import Basis, BindingState, OccupancyRole
from storage.many import Keyed
from storage.models.bills import bill_lines, bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.payments import allocations, payments
from storage.models.people import bindings, occupancies
from storage.models.sharing import shared_costs
from storage.periods import BillingPeriod
from storage.prepared import Prepared
from storage.queries.residents import Person


class OpenBill(NamedTuple):
    """A bill with something left to pay; a tuple, for each "账单" makes a dozen of them."""

    bill_id: int
    bill_no: str
    item_code: str
    item_name: str
    period: BillingPeriod
    amount_fen: int
    open_fen: int
    due_on: date
    written_off_fen: int = 0
    """Written off as bad debt (核销): the company's own act, so it is neither owed nor forgiven."""

    @property
    def charged_fen(self) -> int:
        """What the bill came to: asked for, or written off by now; not what was waived."""
        return self.amount_fen + self.written_off_fen


_parsed = lru_cache(maxsize=1024)(BillingPeriod.parse)


class _Period(TypeDecorator[BillingPeriod]):
    """A column's text as the period that it is."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: str | None, _dialect: Dialect) -> BillingPeriod | None:
        """Read "2025-03"."""
        return None if value is None else _parsed(value)


_COLUMNS = (
    bills.c.id,
    bills.c.bill_no,
    fee_items.c.code,
    fee_items.c.name,
    type_coerce(bills.c.period, _Period()).label("period"),
    bills.c.amount_fen,
    (bills.c.amount_fen - bills.c.paid_fen).label("open_fen"),
    bills.c.due_on,
    bills.c.written_off_fen,
)

_IS_OPEN = and_(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen)
"""What is owed. What was written off is not in `amount_fen`, so no answer calls it owed."""


def _visible(is_asked: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say which bills a binding may see: its own debts, and the owners' for all but tenants.

    A binding that has ended sees nothing. Debt follows the person: a bill shows the party who
    was liable when it was issued.
    """
    owners = select(occupancies.c.resident_id).where(
        occupancies.c.unit_id == bindings.c.unit_id,
        occupancies.c.role == OccupancyRole.OWNER,
        occupancies.c.until_on.is_(None),
    )
    return and_(
        is_asked,
        bindings.c.state == BindingState.ACTIVE,
        bills.c.unit_id == bindings.c.unit_id,
        or_(
            bills.c.liable_id == bindings.c.resident_id,
            and_(
                bindings.c.role != OccupancyRole.TENANT,
                or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(owners)),
            ),
        ),
    )


_IS_ASKED = bindings.c.id == bindparam("binding_id")


def _seen_by_binding(
    *columns: Any,  # noqa: ANN401
    is_asked: ColumnElement[bool] = _IS_ASKED,
) -> Select[Any]:
    return (
        select(*columns)
        .select_from(
            bindings.join(bills, bills.c.unit_id == bindings.c.unit_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(_visible(is_asked))
    )


_OPEN = Prepared(
    lambda _: _seen_by_binding(*_COLUMNS).where(_IS_OPEN).order_by(bills.c.period, bills.c.id)
)
_ALL = _seen_by_binding(*_COLUMNS).where(bills.c.voided_at.is_(None))
_OPEN_OF_UNITS = (
    select(*_COLUMNS, bills.c.unit_id)
    .select_from(bills.join(fee_items))
    .where(bills.c.unit_id.in_(bindparam("unit_ids", expanding=True)), _IS_OPEN)
    .order_by(bills.c.period, bills.c.id)
)


def open_bills(tx: Connection, binding_id: int) -> list[OpenBill]:
    """Return the open bills that a binding may see, the oldest first."""
    return list(map(_OPENED, _OPEN.rows(tx, binding_id=binding_id)))


_OPENED: Callable[[Sequence[Any]], OpenBill] = partial(tuple.__new__, OpenBill)
"""`OpenBill._make`, without a step through Python for each."""


def open_fen_of_bindings(tx: Connection, binding_ids: Collection[int]) -> dict[int, int]:
    """Return binding → the fen that are open of the bills it may see."""
    found = {row.id: int(row.open_fen) for row in _OPEN_FEN.run(tx, binding_ids)}
    return {one: found.get(one, 0) for one in binding_ids}


_OPEN_FEN = Keyed(
    lambda among: (
        _seen_by_binding(
            bindings.c.id,
            func.sum(bills.c.amount_fen - bills.c.paid_fen).label("open_fen"),
            is_asked=among(bindings.c.id),
        )
        .where(_IS_OPEN)
        .group_by(bindings.c.id)
    )
)


class Foreseen(NamedTuple):
    """The open bills that a binding saw when its message was taken in."""

    binding_id: int
    bills: list[OpenBill]


def open_bills_at_home(tx: Connection, person: Person) -> Foreseen | None:
    """Return the open bills of the flat that a person's talk is about, None where unclear."""
    home = person.home
    return None if home is None else Foreseen(home.binding_id, open_bills(tx, home.binding_id))


def owes_for(tx: Connection, binding_id: int, period: BillingPeriod) -> bool:
    """Tell whether a binding may see anything that is still open of a month."""
    return any(bill.period == period for bill in open_bills(tx, binding_id))


def open_bills_of_unit(tx: Connection, unit_id: int) -> list[OpenBill]:
    """Return all open bills of a unit, the oldest first: for staff and the paper bill."""
    return open_bills_of_units(tx, [unit_id])[unit_id]


def open_bills_of_units(tx: Connection, unit_ids: Sequence[int]) -> dict[int, list[OpenBill]]:
    """Return unit → all its open bills, the oldest first, of some hundred units in one query."""
    found: dict[int, list[OpenBill]] = {unit_id: [] for unit_id in unit_ids}
    for row in tx.execute(_OPEN_OF_UNITS, {"unit_ids": list(unit_ids)}):
        found[row.unit_id].append(_bill(row))
    return found


def bills_between(
    tx: Connection, binding_id: int, first: BillingPeriod, last: BillingPeriod
) -> list[OpenBill]:
    """Return all bills of some months that a binding may see, paid ones too."""
    chosen = _ALL.where(bills.c.period.between(str(first), str(last)))
    rows = tx.execute(chosen.order_by(bills.c.period, bills.c.id), {"binding_id": binding_id})
    return [_bill(row) for row in rows]


def latest_period(tx: Connection, binding_id: int) -> BillingPeriod | None:
    """Return the newest month that a binding has a bill of, or None."""
    newest = _ALL.with_only_columns(bills.c.period).order_by(bills.c.period.desc()).limit(1)
    found = tx.execute(newest, {"binding_id": binding_id}).scalar_one_or_none()
    return None if found is None else BillingPeriod.parse(found)


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill, as printed."""

    label: str
    quantity: str
    unit_price: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class BillDetail:
    """A bill with its lines and the frozen account of how it came about."""

    bill: OpenBill
    unit_label: str
    unit_id: int
    fee_item_id: int
    lines: tuple[BillLine, ...]
    explanation: dict[str, str]
    """basis, quantity, unit_price, months, sum: texts as they were on the day of issue."""


def bill_details(tx: Connection, bill_ids: list[int]) -> list[BillDetail]:
    """Return bills with lines and explanations, in the order of their periods.

    Asks nothing about who may see them: pass ids that another query of this file returned.
    """
    found = tx.execute(
        select(
            *_COLUMNS,
            bills.c.explanation,
            bills.c.unit_id,
            bills.c.fee_item_id,
            units.c.label.label("unit_label"),
        )
        .select_from(bills.join(fee_items).join(units, units.c.id == bills.c.unit_id))
        .where(bills.c.id.in_(bill_ids))
        .order_by(bills.c.period, bills.c.id)
    ).all()
    lines: dict[int, list[BillLine]] = {}
    for row in tx.execute(
        select(bill_lines).where(bill_lines.c.bill_id.in_(bill_ids)).order_by(bill_lines.c.id)
    ):
        line = BillLine(row.label, row.quantity, row.unit_price, row.amount_fen)
        lines.setdefault(row.bill_id, []).append(line)
    return [
        BillDetail(
            _bill(row),
            row.unit_label,
            row.unit_id,
            row.fee_item_id,
            tuple(lines.get(row.id, ())),
            json.loads(row.explanation),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class PastPayment:
    """One payment of a unit, as its history shows it."""

    payment_id: int
    paid_at: datetime
    amount_fen: int
    gateway: str
    reserved_fen: int


def payment_history(tx: Connection, binding_id: int, *, limit: int) -> list[PastPayment]:
    """Return the newest payments that paid something this binding may see."""
    mine = (
        _seen_by_binding(allocations.c.payment_id)
        .join(allocations, allocations.c.bill_id == bills.c.id)
        .distinct()
    )
    rows = tx.execute(
        select(payments)
        .where(payments.c.id.in_(mine))
        .order_by(payments.c.paid_at.desc(), payments.c.id.desc())
        .limit(limit),
        {"binding_id": binding_id},
    )
    return [
        PastPayment(row.id, row.paid_at, row.amount_fen, row.gateway, row.reserved_fen)
        for row in rows
    ]


def _bill(row: Any) -> OpenBill:  # noqa: ANN401 - a row that begins with _COLUMNS
    return OpenBill(*row[: len(_COLUMNS)])


def all_seen(*columns: Any) -> Select[Any]:  # noqa: ANN401
    """Return a SELECT over every bill that the binding `:binding_id` may see, voided ones too."""
    return _seen_by_binding(*columns)


SHARED_CODE: Final = "shared_utilities"
_NAMED: Final = {SHARED_CODE: "公摊", "elevator": "电梯"}
"""Fee item said → the word by which a fee of another code is meant too: 电梯费公摊."""


def bills_of_item(
    tx: Connection,
    binding_id: int,
    item_code: str,
    *,
    months: tuple[BillingPeriod, BillingPeriod] | None = None,
) -> list[OpenBill]:
    """Return the bills of a fee item that a binding may see, paid ones too.

    Those of the first to the last of `months`, the oldest first; without, the newest of each fee
    that is meant, the newest first. A fee is meant by its code or its name; 公摊 also means each
    that is shared.
    """
    chosen = _ALL.where(_means(item_code))
    if months is not None:
        first, last = months
        chosen = chosen.where(bills.c.period.between(str(first), str(last)))
    rows = tx.execute(chosen.order_by(bills.c.period, bills.c.id), {"binding_id": binding_id})
    found = [_bill(row) for row in rows]
    if months is not None:
        return found
    newest = {one.item_name: one.period for one in found}
    kept = [one for one in found if one.period == newest[one.item_name]]
    return sorted(kept, key=lambda one: one.period, reverse=True)


def _means(item_code: str) -> Any:  # noqa: ANN401 - a SQL condition
    ways = [fee_items.c.code == item_code]
    if item_code in _NAMED:
        ways.append(fee_items.c.name.contains(_NAMED[item_code]))
    if item_code == SHARED_CODE:
        priced = select(tariffs.c.fee_item_id).where(tariffs.c.basis == Basis.SHARED)
        ways.append(fee_items.c.id.in_(priced))
        ways.append(fee_items.c.id.in_(select(shared_costs.c.fee_item_id)))
    return or_(*ways)
