"""What lies on the table when a unit changes hands: parties, debts, money, spaces."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy import Column, ColumnElement, Connection, or_, select

from storage.frozen import dataclass
from storage.kinds import OccupancyRole, Payer
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.payments import payment_orders, payments
from storage.models.people import bindings, occupancies, residents
from storage.models.prepayments import deposits
from storage.periods import BillingPeriod
from storage.queries.prepayments import pots
from storage.queries.tariffs import assignments_of


class HandoverKind(StrEnum):
    """Why a unit changes hands."""

    SALE = "sale"
    RENAME = "rename"
    MOVE_OUT = "move_out"


class Noun(StrEnum):
    """What has to be decided about."""

    ARREAR = "arrear"
    PREPAYMENT = "prepayment"
    DEPOSIT = "deposit"
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who leaves a unit; `is_main`: an owner, or the tenant who moves out."""

    occupancy_id: int
    resident_id: int
    name: str
    role: OccupancyRole
    from_on: date
    is_main: bool


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to decide: it stays with who leaves, or is taken over.

    `reference` names it: the number of a bill or order, or the code of a space; `key` is its row.
    """

    noun: Noun
    reference: str
    key: int
    unit_id: int
    unit_label: str
    item_name: str
    period: str
    amount_fen: int
    is_after: bool = False
    """It is for days on which the new party is there already."""
    is_across: bool = False
    """It is for days of both."""


MAIN: dict[HandoverKind, OccupancyRole] = {
    HandoverKind.SALE: OccupancyRole.OWNER,
    HandoverKind.RENAME: OccupancyRole.OWNER,
    HandoverKind.MOVE_OUT: OccupancyRole.TENANT,
}


def leaving_of(tx: Connection, unit_id: int, kind: HandoverKind) -> list[Party]:
    """Return who leaves: all owners with their family, the owners, or all tenants."""
    roles = [MAIN[kind], *([OccupancyRole.FAMILY] if kind is HandoverKind.SALE else [])]
    rows = tx.execute(
        select(occupancies, residents.c.name)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(
            occupancies.c.unit_id == unit_id,
            occupancies.c.role.in_(roles),
            occupancies.c.until_on.is_(None),
        )
        .order_by(occupancies.c.from_on, occupancies.c.id)
    )
    return [
        Party(
            row.id,
            row.resident_id,
            row.name,
            OccupancyRole(row.role),
            row.from_on,
            row.role == MAIN[kind],
        )
        for row in rows
    ]


def spaces_of(
    tx: Connection, unit_id: int, parties: Collection[Party], kind: HandoverKind
) -> list[Matter]:
    """Return the other units of the community where the same people are what they are here."""
    here = select(units.c.community_id).where(units.c.id == unit_id).scalar_subquery()
    rows = tx.execute(
        select(units.c.id, units.c.code, units.c.label)
        .join(occupancies, occupancies.c.unit_id == units.c.id)
        .where(
            units.c.id != unit_id,
            units.c.community_id == here,
            occupancies.c.resident_id.in_([one.resident_id for one in parties if one.is_main]),
            occupancies.c.role == MAIN[kind],
            occupancies.c.until_on.is_(None),
        )
        .order_by(units.c.id)
        .distinct()
    )
    return [Matter(Noun.SPACE, row.code, row.id, row.id, row.label, "", "", 0) for row in rows]


def items_of(
    tx: Connection,
    unit_ids: Sequence[int],
    parties: Collection[Party],
    kind: HandoverKind,
    *,
    handed_on: date,
) -> list[Matter]:
    """Return the open bills, prepayments and deposits of who leaves, unit by unit."""
    gone = [one.resident_id for one in parties]
    found: list[Matter] = []
    for unit_id in unit_ids:
        found += _arrears(tx, unit_id, gone, kind, handed_on)
        found += _prepayments(tx, unit_id, kind)
        found += _deposits(tx, unit_id, gone, kind)
    return found


def _arrears(
    tx: Connection, unit_id: int, gone: Collection[int], kind: HandoverKind, handed_on: date
) -> list[Matter]:
    rows = tx.execute(
        select(bills, fee_items.c.name, units.c.label.label("unit_label"))
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .join(units, units.c.id == bills.c.unit_id)
        .where(
            bills.c.unit_id == unit_id,
            bills.c.voided_at.is_(None),
            bills.c.paid_fen < bills.c.amount_fen,
            _is_theirs(bills.c.liable_id, gone, kind),
        )
        .order_by(bills.c.period, bills.c.id)
    ).all()
    firms = _paid_by_firms(tx, unit_id)
    return [
        Matter(
            Noun.ARREAR,
            row.bill_no,
            row.id,
            unit_id,
            row.unit_label,
            row.name,
            row.period,
            row.amount_fen - row.paid_fen,
            is_after=(row.begins_on or BillingPeriod.parse(row.period).first_on) >= handed_on,
            is_across=row.begins_on is not None and row.begins_on < handed_on <= row.last_on,
        )
        for row in rows
        if row.liable_id is not None or row.fee_item_id not in firms
    ]


def _is_theirs(
    column: Column[int], gone: Collection[int], kind: HandoverKind
) -> ColumnElement[bool]:
    """Say that something is of who leaves; what names nobody is the owners'."""
    if kind is HandoverKind.MOVE_OUT:
        return column.in_(gone)
    return or_(column.in_(gone), column.is_(None))


def _paid_by_firms(tx: Connection, unit_id: int) -> set[int]:
    """Return the fee items that no resident of a unit has to pay."""
    return {
        item_id
        for item_id, assigned in assignments_of(tx, [unit_id]).get(unit_id, {}).items()
        if any(one.payer in (Payer.DEVELOPER, Payer.COMPANY) for one in assigned)
    }


def _prepayments(tx: Connection, unit_id: int, kind: HandoverKind) -> list[Matter]:
    """Return what is left of payments; of a tenant's by who paid, all else is the owners'."""
    found = []
    for pot in pots(tx, unit_id):
        tenants = (
            select(bindings.c.id)
            .where(
                bindings.c.unit_id == unit_id,
                bindings.c.identity_id == payment_orders.c.identity_id,
                bindings.c.role == OccupancyRole.TENANT,
            )
            .exists()
        )
        row = tx.execute(
            select(
                payment_orders.c.order_no,
                units.c.label,
                fee_items.c.name,
                tenants.label("is_tenants"),
            )
            .select_from(
                payments.join(payment_orders, payment_orders.c.id == payments.c.order_id)
                .join(units, units.c.id == payments.c.unit_id)
                .outerjoin(fee_items, fee_items.c.id == pot.fee_item_id)
            )
            .where(payments.c.id == pot.payment_id)
        ).one()
        if bool(row.is_tenants) == (kind is HandoverKind.MOVE_OUT):
            found.append(
                Matter(
                    Noun.PREPAYMENT,
                    row.order_no,
                    pot.payment_id,
                    unit_id,
                    row.label,
                    row.name or "",
                    "",
                    pot.left_fen,
                )
            )
    return found


def _deposits(
    tx: Connection, unit_id: int, gone: Collection[int], kind: HandoverKind
) -> list[Matter]:
    left_fen = deposits.c.amount_fen - deposits.c.deducted_fen - deposits.c.returned_fen
    rows = tx.execute(
        select(deposits, bills.c.bill_no, bills.c.period, units.c.label, left_fen.label("left_fen"))
        .join(bills, bills.c.id == deposits.c.bill_id)
        .join(units, units.c.id == deposits.c.unit_id)
        .where(
            deposits.c.unit_id == unit_id,
            left_fen > 0,
            _is_theirs(deposits.c.resident_id, gone, kind),
        )
        .order_by(deposits.c.id)
    )
    return [
        Matter(
            Noun.DEPOSIT,
            row.bill_no,
            row.id,
            unit_id,
            row.label,
            row.purpose,
            row.period,
            row.left_fen,
        )
        for row in rows
    ]


def former_party(tx: Connection, unit_id: int, name: str) -> int | None:
    """Return who of this name owned or rented a unit and has left it last, or None."""
    found: int | None = tx.execute(
        select(occupancies.c.resident_id)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(
            occupancies.c.unit_id == unit_id,
            occupancies.c.role.in_([OccupancyRole.OWNER, OccupancyRole.TENANT]),
            occupancies.c.until_on.is_not(None),
            residents.c.name == name,
        )
        .order_by(occupancies.c.until_on.desc(), occupancies.c.id)
        .limit(1)
    ).scalar_one_or_none()
    return found
