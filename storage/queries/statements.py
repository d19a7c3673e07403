"""The statement of account (往来明细) of a unit: what was billed, paid and given back, by day.

What is owed is told bill by bill, as far as the viewer may see them; what lies in advance is the
ledger's own account of the unit, which all but tenants see, from the day they came to live there.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from storage.errors import LinkExpired
from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole
from storage.links import PayLink
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import bindings, occupancies
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.bills import all_seen
from storage.queries.happenings import (
    Happening,
    ItemMonth,
    RowKind,
    Scope,
    billed,
    in_advance,
    merged,
    paid,
)
from storage.queries.orders import payer_of

_ORDER: Final = tuple(RowKind)


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One thing that happened on a Shanghai day, and what was open and in advance after it.

    `owed_fen` is above 0 where more is owed and below where less; `prepaid_fen` is above 0 where
    more lies in advance. `number` is that of the bill, the payment order or the refund.
    """

    on: date
    at: datetime
    kind: RowKind
    owed_fen: int
    prepaid_fen: int
    open_fen: int
    in_advance_fen: int
    number: str = ""
    bills: tuple[ItemMonth, ...] = ()
    gateway: str = ""
    paid_on: date | None = None
    note: str = ""

    def after(self, open_fen: int, in_advance_fen: int) -> "StatementRow":
        """Return the same line with other balances after it."""
        return replace(self, open_fen=open_fen, in_advance_fen=in_advance_fen)


def in_order(one: StatementRow | Happening) -> tuple[date, datetime, int, str]:
    """Return by what lines are put in order."""
    return one.on, one.at, _ORDER.index(one.kind), one.number


@dataclass(frozen=True, slots=True)
class Statement:
    """Between two Shanghai days, both included: how it stood before, what came, how it stands.

    No name and no phone number. `has_prepayment` is False for a tenant, who sees none of it.
    """

    unit_label: str
    community_name: str
    company_name: str
    office_phone: str
    first_on: date
    last_on: date
    has_prepayment: bool
    opening_open_fen: int
    opening_in_advance_fen: int
    rows: tuple[StatementRow, ...]

    @property
    def open_fen(self) -> int:
        """What is owed at the end of the last day."""
        return self.opening_open_fen + sum(one.owed_fen for one in self.rows)

    @property
    def in_advance_fen(self) -> int:
        """What lies in advance at the end of the last day."""
        return self.opening_in_advance_fen + sum(one.prepaid_fen for one in self.rows)

    @property
    def billed_fen(self) -> int:
        """What was billed, less what was voided or waived."""
        kinds = (RowKind.BILL, RowKind.BROUGHT, RowKind.CORRECTION, RowKind.VOID, RowKind.WAIVER)
        return self._owed(*kinds)

    @property
    def written_off_fen(self) -> int:
        """What was written off as bad debt, less what of it is asked for again."""
        return -self._owed(RowKind.WRITE_OFF, RowKind.RECOVERY)

    @property
    def settled_fen(self) -> int:
        """What bills were paid with: payments that stand, and what lay in advance."""
        return -self._owed(RowKind.PAYMENT, RowKind.REVERSAL, RowKind.OFFSET)

    @property
    def reopened_fen(self) -> int:
        """What is owed again because its payment was given back."""
        return self._owed(RowKind.REFUND)

    @property
    def paid_fen(self) -> int:
        """What was paid in, for bills and in advance."""
        kinds = (RowKind.PAYMENT, RowKind.REVERSAL)
        came = [one for one in self.rows if one.kind in kinds]
        return sum(one.prepaid_fen - one.owed_fen for one in came)

    @property
    def refunded_fen(self) -> int:
        """What was given back, or set aside to be."""
        went = [one for one in self.rows if one.kind is RowKind.REFUND]
        return sum(one.owed_fen - one.prepaid_fen for one in went)

    def _owed(self, *kinds: RowKind) -> int:
        return sum(one.owed_fen for one in self.rows if one.kind in kinds)


def statement_for(tx: Connection, link: PayLink, *, first_on: date, last_on: date) -> Statement:
    """Return the statement that the holder of a proved link may see.

    Raises LinkExpired where the binding or the unit's links have ended, and for a paper bill's
    link, behind which is nobody whose eyes we know.
    """
    payer = payer_of(tx, link)
    return statement_of_binding(
        tx, payer.unit_id, payer.binding_id, first_on=first_on, last_on=last_on
    )


def statement_of_binding(
    tx: Connection, unit_id: int, binding_id: int, *, first_on: date, last_on: date
) -> Statement:
    """Return the statement that an active binding may see. Raises LinkExpired for another."""
    binding = tx.execute(
        select(bindings.c.role, bindings.c.resident_id, bindings.c.bound_at).where(
            bindings.c.id == binding_id, bindings.c.state == BindingState.ACTIVE
        )
    ).one_or_none()
    if binding is None:
        raise LinkExpired
    seen = all_seen(bills.c.id).params(binding_id=binding_id)
    sees_prepayment = binding.role != OccupancyRole.TENANT
    since = _lives_here_since(tx, unit_id, binding) if sees_prepayment else None
    return statement_of_bills(tx, unit_id, seen, since=since, first_on=first_on, last_on=last_on)


def statement_of_unit(tx: Connection, unit_id: int, *, first_on: date, last_on: date) -> Statement:
    """Return the whole statement of a unit, whoever owes: for the office. Equal to the ledger."""
    everything = select(bills.c.id).where(bills.c.unit_id == unit_id)
    return statement_of_bills(
        tx, unit_id, everything, since=date.min, first_on=first_on, last_on=last_on
    )


def _lives_here_since(tx: Connection, unit_id: int, binding: Any) -> date:  # noqa: ANN401 - a row
    """Return from which day on a viewer is told line by line what was paid in advance."""
    moved_in = tx.execute(
        select(func.min(occupancies.c.from_on)).where(
            occupancies.c.unit_id == unit_id,
            occupancies.c.resident_id == binding.resident_id,
            occupancies.c.until_on.is_(None),
        )
    ).scalar_one()
    return moved_in or shanghai_day(binding.bound_at)


def statement_of_bills(
    tx: Connection,
    unit_id: int,
    scope: Scope,
    *,
    since: date | None,
    first_on: date,
    last_on: date,
) -> Statement:
    """Return the statement of some bills of a unit.

    What lies in advance for the unit is told line by line from the day `since` on; None leaves it
    out.
    """
    happened = billed(tx, scope) + paid(tx, scope)
    before: list[Happening] = []
    if since is not None:
        told, before = in_advance(tx, unit_id, since)
        happened = merged(happened, told)
    happened = [one for one in happened if one.on <= last_on]
    earlier = [one for one in happened if one.on < first_on]
    within = sorted((one for one in happened if one.on >= first_on), key=in_order)
    open_fen = sum(one.owed_fen for one in earlier)
    folded = [one for one in before if one.on <= last_on]
    ahead_fen = sum(one.prepaid_fen for one in [*earlier, *folded])
    unit = tx.execute(
        select(units.c.label, communities.c.name, communities.c.company_name, communities.c.phone)
        .join(communities, communities.c.id == units.c.community_id)
        .where(units.c.id == unit_id)
    ).one()
    return Statement(
        unit_label=unit.label,
        community_name=unit.name,
        company_name=unit.company_name,
        office_phone=unit.phone,
        first_on=first_on,
        last_on=last_on,
        has_prepayment=since is not None,
        opening_open_fen=open_fen,
        opening_in_advance_fen=ahead_fen,
        rows=tuple(_running(within, open_fen, ahead_fen)),
    )


def _running(
    happened: Iterable[Happening], open_fen: int, in_advance_fen: int
) -> Iterable[StatementRow]:
    for one in happened:
        open_fen += one.owed_fen
        in_advance_fen += one.prepaid_fen
        yield StatementRow(
            on=one.on,
            at=one.at,
            kind=one.kind,
            owed_fen=one.owed_fen,
            prepaid_fen=one.prepaid_fen,
            open_fen=open_fen,
            in_advance_fen=in_advance_fen,
            number=one.number,
            bills=one.bills,
            gateway=one.gateway,
            paid_on=one.paid_on,
            note=one.note,
        )


def days_of_year(today: date) -> tuple[date, date]:
    """Return the days of a year so far: what is shown where nobody named any."""
    return date(today.year, 1, 1), today


def days_of_months(first: BillingPeriod, last: BillingPeriod, *, today: date) -> tuple[date, date]:
    """Return the days of some months, not beyond today."""
    first_on = min(first.first_on, today)
    return first_on, max(min(last.last_on, today), first_on)
