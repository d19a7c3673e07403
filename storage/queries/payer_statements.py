"""One statement of account (往来明细) for a payer with many units: sums by unit, and in all.

It is made of the statements of the units, each as far as this payer answers for it, so that what
holds of them holds of it: together they are the ledger's.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from storage.frozen import dataclass
from storage.kinds import OccupancyRole, Payer
from storage.links import PayLink
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs
from storage.queries.late_fees import LATE_FEE
from storage.queries.orders import payer_of
from storage.queries.statements import (
    Statement,
    StatementRow,
    in_order,
    statement_of_bills,
    statement_of_binding,
)

FIRMS: Final = (Payer.DEVELOPER, Payer.COMPANY)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A line of one unit; the balances on it are those of all units together."""

    unit_label: str
    row: StatementRow


@dataclass(frozen=True, slots=True)
class PayerStatement:
    """Between two Shanghai days: each unit's statement, and all their lines in one order."""

    parts: tuple[Statement, ...]
    rows: tuple[UnitRow, ...]
    first_on: date
    last_on: date

    @property
    def has_prepayment(self) -> bool:
        """Whether the payer sees what lies in advance for any of the units."""
        return any(one.has_prepayment for one in self.parts)

    @property
    def opening_open_fen(self) -> int:
        """What was owed before the first day."""
        return self._sum(lambda one: one.opening_open_fen)

    @property
    def opening_in_advance_fen(self) -> int:
        """What lay in advance before the first day."""
        return self._sum(lambda one: one.opening_in_advance_fen)

    @property
    def open_fen(self) -> int:
        """What is owed at the end of the last day."""
        return self._sum(lambda one: one.open_fen)

    @property
    def in_advance_fen(self) -> int:
        """What lies in advance at the end of the last day."""
        return self._sum(lambda one: one.in_advance_fen)

    @property
    def billed_fen(self) -> int:
        """What was billed, less what was voided or waived."""
        return self._sum(lambda one: one.billed_fen)

    @property
    def written_off_fen(self) -> int:
        """What was written off as bad debt, less what of it is asked for again."""
        return self._sum(lambda one: one.written_off_fen)

    @property
    def settled_fen(self) -> int:
        """What bills were paid with."""
        return self._sum(lambda one: one.settled_fen)

    @property
    def reopened_fen(self) -> int:
        """What is owed again because its payment was given back."""
        return self._sum(lambda one: one.reopened_fen)

    @property
    def paid_fen(self) -> int:
        """What was paid in, for bills and in advance."""
        return self._sum(lambda one: one.paid_fen)

    @property
    def refunded_fen(self) -> int:
        """What was given back, or set aside to be."""
        return self._sum(lambda one: one.refunded_fen)

    def _sum(self, of: Callable[[Statement], int]) -> int:
        return sum(map(of, self.parts))


def statement_for_holder(
    tx: Connection, link: PayLink, *, first_on: date, last_on: date
) -> PayerStatement:
    """Return what the holder of a proved link may see of all her units in the link's community.

    Raises LinkExpired as for one unit's statement.
    """
    payer = payer_of(tx, link)
    bound = {payer.unit_id: payer.binding_id}
    bound |= {unit_id: binding_id for binding_id, unit_id in payer.other_bindings}
    parts = [
        statement_of_binding(tx, unit_id, binding_id, first_on=first_on, last_on=last_on)
        for unit_id, binding_id in sorted(bound.items())
    ]
    return _together(parts, first_on, last_on)


def statement_of_resident(
    tx: Connection, community_id: int, resident_id: int, *, first_on: date, last_on: date
) -> PayerStatement:
    """Return the statement of what a resident, or a firm that is entered as one, answers for.

    Of all units of the community of which she ever owed anything or in which she lives; with
    what lies in advance for those that she has not rented, from the day she came.
    """
    lives_in = {
        row.unit_id: row.since
        for row in tx.execute(
            select(occupancies.c.unit_id, func.min(occupancies.c.from_on).label("since"))
            .where(
                occupancies.c.resident_id == resident_id,
                occupancies.c.role != OccupancyRole.TENANT,
                occupancies.c.until_on.is_(None),
            )
            .group_by(occupancies.c.unit_id)
        )
    }
    hers = or_(
        units.c.id.in_(list(lives_in)), exists(_owed(bills.c.liable_id == resident_id, units.c.id))
    )
    parts = [
        statement_of_bills(
            tx,
            unit_id,
            _owed(bills.c.liable_id == resident_id, unit_id),
            since=lives_in.get(unit_id),
            first_on=first_on,
            last_on=last_on,
        )
        for unit_id in _units(tx, community_id, hers)
    ]
    return _together(parts, first_on, last_on)


def statement_of_firm(
    tx: Connection, community_id: int, firm: Payer, *, first_on: date, last_on: date
) -> PayerStatement:
    """Return the statement of the developer's, or the company's own, fees of all units."""
    owed = of_firm(firm)
    parts = [
        statement_of_bills(
            tx, unit_id, _owed(owed, unit_id), since=None, first_on=first_on, last_on=last_on
        )
        for unit_id in _units(tx, community_id, exists(_owed(owed, units.c.id)))
    ]
    return _together(parts, first_on, last_on)


def residents_called(tx: Connection, community_id: int, said: str) -> list[tuple[int, str, str]]:
    """Return (key, name, phone) of those whose name or phone this is."""
    rows = tx.execute(
        select(residents.c.id, residents.c.name, residents.c.phone)
        .where(
            residents.c.community_id == community_id,
            or_(residents.c.name == said, residents.c.phone == said),
        )
        .order_by(residents.c.id)
    )
    return [(row.id, row.name, row.phone) for row in rows]


def _owed(whose: ColumnElement[bool], unit_id: int | ColumnElement[int]) -> Select[tuple[int]]:
    return select(bills.c.id).where(bills.c.unit_id == unit_id, whose)


def _units(tx: Connection, community_id: int, wanted: ColumnElement[bool]) -> list[int]:
    found = select(units.c.id).where(units.c.community_id == community_id, wanted)
    return list(tx.execute(found.order_by(units.c.id)).scalars())


def of_firm(firm: Payer) -> ColumnElement[bool]:
    """Say that a bill is a firm's: it names no resident, and the firm pays the fee on its day.

    A late fee is with the developer where both firms pay for the unit.
    """
    is_late_fee = bills.c.fee_item_id.in_(
        select(fee_items.c.id).where(fee_items.c.code == LATE_FEE)
    )
    its_late_fee = and_(is_late_fee, _pays(firm))
    if firm is not Payer.DEVELOPER:
        its_late_fee = and_(its_late_fee, ~_pays(Payer.DEVELOPER))
    its_fee = _pays(firm, unit_tariffs.c.fee_item_id == bills.c.fee_item_id)
    return and_(bills.c.liable_id.is_(None), or_(its_fee, its_late_fee))


def _pays(firm: Payer, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    day = func.coalesce(bills.c.begins_on, bills.c.due_on)
    return exists().where(
        unit_tariffs.c.unit_id == bills.c.unit_id,
        unit_tariffs.c.payer == firm,
        unit_tariffs.c.from_on <= day,
        or_(unit_tariffs.c.until_on.is_(None), unit_tariffs.c.until_on > day),
        *more,
    )


def _together(parts: Iterable[Statement], first_on: date, last_on: date) -> PayerStatement:
    """Put the lines of all units in one order, with balances over all of them."""
    found = tuple(parts)
    labelled = [(one.unit_label, row) for one in found for row in one.rows]
    open_fen = sum(one.opening_open_fen for one in found)
    ahead_fen = sum(one.opening_in_advance_fen for one in found)
    rows = []
    for label, row in sorted(labelled, key=lambda one: in_order(one[1])):
        open_fen += row.owed_fen
        ahead_fen += row.prepaid_fen
        rows.append(UnitRow(label, row.after(open_fen, ahead_fen)))
    return PayerStatement(found, tuple(rows), first_on, last_on)
