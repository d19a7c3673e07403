"""What leaves the books as sheets: read a page at a time, so that no community fills the memory."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Select, func, select

from storage.models.bills import bills, fee_items, tariffs
from storage.models.estate import buildings, communities, entrances, units
from storage.models.people import occupancies, residents
from storage.models.tariffs import unit_tariffs

PAGE: Final = 2_000
OPENING: Final = 1
"""`is_imported` of a debt that was brought along."""


class UnitLine(NamedTuple):
    """A unit, as a sheet of an estate has it."""

    community: str
    code: str
    label: str
    building: str
    entrance: str
    kind: str
    floor_area_m2: Decimal | None


class ResidentLine(NamedTuple):
    """Somebody in the register."""

    community: str
    name: str
    phone: str


class StayLine(NamedTuple):
    """Somebody in a unit; `until_on` is the first day that she is no longer there."""

    community: str
    code: str
    label: str
    name: str
    phone: str
    role: str
    from_on: date
    until_on: date | None


class TariffLine(NamedTuple):
    """A price, from a day on; ten-thousandths of a yuan."""

    community: str
    fee_item: str
    fee_class: str
    unit_kind: str
    scheme: str
    name: str
    basis: str
    price_e4: int
    effective_on: date
    ends_on: date | None
    due_day: int
    cycle: str
    timing: str
    terms: str


class ChoiceLine(NamedTuple):
    """What a unit is charged by, from a day on; `until_on` is the first day after."""

    community: str
    code: str
    label: str
    fee_item: str
    scheme: str
    is_charged: bool
    pieces: int
    heads: int | None
    payer: str
    anchored_on: date | None
    plate: str
    from_on: date
    until_on: date | None


class BillLine(NamedTuple):
    """A bill that was not voided, nor waived whole."""

    community: str
    code: str
    label: str
    fee_item: str
    period: str
    amount_fen: int
    paid_fen: int
    written_off_fen: int
    due_on: date
    bill_no: str
    owner_role: str
    """What the liable party is to the unit: owner, tenant or family; "" where nobody is named."""


Make = Callable[..., Any]


def _paged(
    tx: Connection,
    key: Column[int],
    wanted: Select[Any],
    community: str,
    make: Make,
) -> Iterator[Any]:
    """Run a SELECT page by page, in the order of its first column, which is the key."""
    if community:
        wanted = wanted.where(communities.c.name == community)
    last = 0
    for _ in count():
        rows = tx.execute(wanted.where(key > last).order_by(key).limit(PAGE)).all()
        for row in rows:
            yield make(*row[1:])
        if len(rows) < PAGE:
            return
        last = rows[-1][0]


_OF_UNIT: Final = units.join(communities, communities.c.id == units.c.community_id)
_NAMED: Final = (communities.c.name, units.c.code, units.c.label)


def units_of(tx: Connection, community: str = "") -> Iterator[UnitLine]:
    """Give every unit of a community, or of all."""
    wanted = select(
        units.c.id,
        *_NAMED,
        func.coalesce(buildings.c.label, ""),
        func.coalesce(entrances.c.label, ""),
        units.c.kind,
        units.c.floor_area_m2,
    ).select_from(
        _OF_UNIT.outerjoin(buildings, buildings.c.id == units.c.building_id).outerjoin(
            entrances, entrances.c.id == units.c.entrance_id
        )
    )
    return _paged(tx, units.c.id, wanted, community, UnitLine)


def residents_of(tx: Connection, community: str = "") -> Iterator[ResidentLine]:
    """Give everybody in the register."""
    wanted = select(
        residents.c.id, communities.c.name, residents.c.name.label("person"), residents.c.phone
    ).select_from(residents.join(communities, communities.c.id == residents.c.community_id))
    return _paged(tx, residents.c.id, wanted, community, ResidentLine)


def stays_of(tx: Connection, community: str = "") -> Iterator[StayLine]:
    """Give who lives where, and who did."""
    wanted = select(
        occupancies.c.id,
        *_NAMED,
        residents.c.name.label("person"),
        residents.c.phone,
        occupancies.c.role,
        occupancies.c.from_on,
        occupancies.c.until_on,
    ).select_from(
        occupancies.join(residents, residents.c.id == occupancies.c.resident_id)
        .join(units, units.c.id == occupancies.c.unit_id)
        .join(communities, communities.c.id == units.c.community_id)
    )
    return _paged(tx, occupancies.c.id, wanted, community, StayLine)


def tariffs_of(tx: Connection, community: str = "") -> Iterator[TariffLine]:
    """Give every price, past ones too."""
    wanted = select(
        tariffs.c.id,
        communities.c.name,
        fee_items.c.name.label("item"),
        fee_items.c.fee_class,
        tariffs.c.unit_kind,
        tariffs.c.scheme,
        tariffs.c.name.label("called"),
        tariffs.c.basis,
        tariffs.c.price_e4,
        tariffs.c.effective_on,
        tariffs.c.ends_on,
        tariffs.c.due_day,
        tariffs.c.cycle,
        tariffs.c.timing,
        tariffs.c.terms,
    ).select_from(
        tariffs.join(fee_items, fee_items.c.id == tariffs.c.fee_item_id).join(
            communities, communities.c.id == tariffs.c.community_id
        )
    )
    return _paged(tx, tariffs.c.id, wanted, community, TariffLine)


def choices_of(tx: Connection, community: str = "") -> Iterator[ChoiceLine]:
    """Give who has which tariff."""
    wanted = select(
        unit_tariffs.c.id,
        *_NAMED,
        fee_items.c.name.label("item"),
        unit_tariffs.c.scheme,
        unit_tariffs.c.is_charged,
        unit_tariffs.c.count,
        unit_tariffs.c.heads,
        unit_tariffs.c.payer,
        unit_tariffs.c.anchored_on,
        unit_tariffs.c.plate,
        unit_tariffs.c.from_on,
        unit_tariffs.c.until_on,
    ).select_from(
        unit_tariffs.join(units, units.c.id == unit_tariffs.c.unit_id)
        .join(communities, communities.c.id == units.c.community_id)
        .join(fee_items, fee_items.c.id == unit_tariffs.c.fee_item_id)
    )
    return _paged(tx, unit_tariffs.c.id, wanted, community, ChoiceLine)


def bills_of(tx: Connection, community: str = "") -> Iterator[BillLine]:
    """Give every bill that was not voided, paid or not."""
    return _paged(tx, bills.c.id, _bills(), community, BillLine)


def opening_of(tx: Connection, community: str = "") -> Iterator[BillLine]:
    """Give the debts that were brought along from the old books."""
    wanted = _bills().where(bills.c.is_imported == OPENING)
    return _paged(tx, bills.c.id, wanted, community, BillLine)


def _bills() -> Select[Any]:
    hers = (
        select(occupancies.c.role)
        .where(
            occupancies.c.unit_id == bills.c.unit_id,
            occupancies.c.resident_id == bills.c.liable_id,
        )
        .order_by(occupancies.c.from_on.desc(), occupancies.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            bills.c.id,
            *_NAMED,
            fee_items.c.name.label("item"),
            bills.c.period,
            bills.c.amount_fen,
            bills.c.paid_fen,
            bills.c.written_off_fen,
            bills.c.due_on,
            bills.c.bill_no,
            func.coalesce(hers, ""),
        )
        .select_from(
            bills.join(units, units.c.id == bills.c.unit_id)
            .join(communities, communities.c.id == bills.c.community_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(bills.c.voided_at.is_(None), bills.c.amount_fen + bills.c.written_off_fen > 0)
    )
