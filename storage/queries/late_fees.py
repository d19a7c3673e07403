"""Late fees (违约金) as they stand on a day: derived from payments, refunds and disputes."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from storage.frozen import dataclass
from storage.kinds import FeeClass, HoldKind, LateFeeMode, LateFeeStart
from storage.models.bills import bills, fee_items
from storage.models.late_fees import holds, late_fee_policies, waivers
from storage.models.payments import allocations, payments, refunds
from storage.models.write_offs import write_offs
from storage.paying_kinds import WriteOffState
from storage.periods import shanghai_day
from storage.rules.late_fees import Freeze, LateFee, LateFeePolicy, PrincipalChange, late_fee
from storage.workdays import next_workday

LATE_FEE: Final = "late_fee"
"""The code of the fee item that late fees are charged under."""

LATE_FEE_NAME: Final = "违约金"

RECALCULATED: Final = "按实际重算"
"""Why a late-fee bill was voided by us: what it charged is charged anew, or not at all."""

_BOOKED: Final = (WriteOffState.APPROVED, WriteOffState.REVERSED)

ISSUED_HERE: Final = 0
AT_ONCE: Final = 400


@dataclass(frozen=True, slots=True)
class Terms:
    """A community's terms from a day on, with the clause of the contract that charging needs."""

    policy: LateFeePolicy
    clause: str


@dataclass(frozen=True, slots=True)
class Principal:
    """A bill that may bear a late fee."""

    bill_id: int
    bill_no: str
    unit_id: int
    community_id: int
    liable_id: int | None
    item_name: str
    period: str
    due_on: date
    """The due day, moved to the next day that is worked."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """What the lateness of one bill comes to up to a day, with what was waived of it, in fen."""

    principal: Principal
    late_fee: LateFee
    waived_fen: int


@dataclass(frozen=True, slots=True)
class ChargedPart:
    """What a late-fee bill charges for one principal."""

    principal_id: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class LateFeeBill:
    """A bill that charges late fees; one taken back by a person still counts as charged."""

    bill_id: int
    bill_no: str
    unit_id: int
    liable_id: int | None
    period: str
    revision: int
    amount_fen: int
    paid_fen: int
    due_on: date
    last_on: date
    is_void: bool
    is_asked: bool
    """False where all of it was waived or written off."""
    parts: tuple[ChargedPart, ...]


def terms_of(tx: Connection, community_id: int) -> tuple[Terms, ...]:
    """Return a community's terms, the earliest first; none at all is the same as off."""
    rows = tx.execute(
        select(late_fee_policies)
        .where(late_fee_policies.c.community_id == community_id)
        .order_by(late_fee_policies.c.effective_on)
    )
    return tuple(Terms(_policy(row), row.clause) for row in rows)


def _policy(row: Row[Any]) -> LateFeePolicy:
    cap = row.cap_percent_e2
    return LateFeePolicy(
        effective_on=row.effective_on,
        mode=LateFeeMode(row.mode),
        rate_ppm=row.rate_ppm,
        grace_days=row.grace_days,
        cap_percent=None if cap is None else Decimal(cap).scaleb(-2),
        start=LateFeeStart(row.start),
        name=row.effective_on.isoformat(),
    )


def units_in_question(
    tx: Connection, community_id: int, *, due_before: date, since: datetime
) -> list[int]:
    """Return the units with a late bill that is open, or for which money moved since an instant."""
    asked = _bearing().where(bills.c.community_id == community_id, bills.c.due_on < due_before)
    asked = asked.with_only_columns(bills.c.unit_id).distinct()
    still_open = asked.where(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen)
    moved = asked.join(allocations, allocations.c.bill_id == bills.c.id).where(
        bills.c.voided_at.is_(None), allocations.c.booked_at >= since
    )
    return sorted({*tx.execute(still_open).scalars(), *tx.execute(moved).scalars()})


def late_bills(tx: Connection, unit_ids: Collection[int], *, since: datetime) -> list[int]:
    """Return the bills of units that may bear a fee: open ones, and those money moved for since."""
    moved = exists().where(allocations.c.bill_id == bills.c.id, allocations.c.booked_at >= since)
    asked = _bearing().with_only_columns(bills.c.id)
    asked = asked.where(
        bills.c.voided_at.is_(None), or_(bills.c.paid_fen < bills.c.amount_fen, moved)
    )
    return [
        int(key)
        for some in _some(unit_ids)
        for key in tx.execute(asked.where(bills.c.unit_id.in_(some))).scalars()
    ]


def _bearing() -> Select[Any]:
    """Return our own fees: never what was brought along, is collected for others or given back."""
    return (
        select(bills, fee_items.c.name.label("item_name"))
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            bills.c.is_imported == ISSUED_HERE,
            fee_items.c.fee_class == FeeClass.OWN,
            fee_items.c.code != LATE_FEE,
        )
    )


def lateness(
    tx: Connection, bill_ids: Collection[int], *, terms: Sequence[Terms], as_of: date
) -> dict[int, Lateness]:
    """Return bill → what its lateness comes to, up to and with a Shanghai day.

    Depends only on what happened, never on what was charged. A bill that bears no fee (of
    another class, brought along, voided) is not in it.
    """
    found: dict[int, Lateness] = {}
    for some in _some(bill_ids):
        rows = tx.execute(_bearing().where(bills.c.id.in_(some), bills.c.voided_at.is_(None))).all()
        changes, written_off = _settled(tx, some), _written_off(tx, some)
        waived = _waived(tx, some)
        disputes = _disputes(tx, {row.unit_id for row in rows})
        for row in rows:
            issued = PrincipalChange(
                shanghai_day(row.issued_at), row.amount_fen + row.written_off_fen
            )
            principal = _principal(row)
            freezes = [
                freeze
                for bill_id, freeze in disputes.get(row.unit_id, ())
                if bill_id in (None, row.id)
            ]
            made = late_fee(
                [issued, *changes.get(row.id, ()), *written_off.get(row.id, ())],
                due_on=principal.due_on,
                as_of=as_of,
                policies=[one.policy for one in terms],
                freezes=freezes,
                waived_fen=waived.get(row.id, 0),
            )
            found[row.id] = Lateness(principal, made, waived.get(row.id, 0))
    return found


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        row.id,
        row.bill_no,
        row.unit_id,
        row.community_id,
        row.liable_id,
        row.item_name,
        row.period,
        next_workday(row.due_on),
    )


def _settled(tx: Connection, bill_ids: Sequence[int]) -> dict[int, list[PrincipalChange]]:
    """Return bill → what was paid and given back, each on the day that counts for it.

    That is the platform's success time, the bank's day of a transfer, the receipt of cash: the
    payment's `paid_at`. What was booked without a payment counts from its booking.
    """
    rows = tx.execute(
        select(
            allocations.c.bill_id,
            allocations.c.amount_fen,
            allocations.c.refund_id,
            func.coalesce(payments.c.paid_at, allocations.c.booked_at).label("paid_at"),
            func.coalesce(refunds.c.settled_at, allocations.c.booked_at).label("given_back_at"),
        )
        .select_from(
            allocations.outerjoin(payments, payments.c.id == allocations.c.payment_id).outerjoin(
                refunds, refunds.c.id == allocations.c.refund_id
            )
        )
        .where(allocations.c.bill_id.in_(bill_ids))
    )
    found: dict[int, list[PrincipalChange]] = {}
    for row in rows:
        at = row.paid_at if row.refund_id is None else row.given_back_at
        change = PrincipalChange(shanghai_day(at), -row.amount_fen)
        found.setdefault(row.bill_id, []).append(change)
    return found


def _written_off(tx: Connection, bill_ids: Sequence[int]) -> dict[int, list[PrincipalChange]]:
    """Return bill → what was written off and asked for again; no fee grows in between."""
    rows = tx.execute(
        select(write_offs)
        .where(write_offs.c.bill_id.in_(bill_ids), write_offs.c.state.in_(_BOOKED))
        .order_by(write_offs.c.id)
    )
    found: dict[int, list[PrincipalChange]] = {}
    for row in rows:
        mine = found.setdefault(row.bill_id, [])
        mine.append(PrincipalChange(shanghai_day(row.decided_at), -row.amount_fen))
        if row.reversed_at is not None:
            mine.append(PrincipalChange(shanghai_day(row.reversed_at), row.amount_fen))
    return found


def _waived(tx: Connection, bill_ids: Sequence[int]) -> dict[int, int]:
    rows = tx.execute(
        select(waivers.c.bill_id, func.sum(waivers.c.amount_fen))
        .where(waivers.c.bill_id.in_(bill_ids))
        .group_by(waivers.c.bill_id)
    )
    return {bill_id: int(fen) for bill_id, fen in rows}


def _disputes(
    tx: Connection, unit_ids: Collection[int]
) -> dict[int, list[tuple[int | None, Freeze]]]:
    """Return unit → (bill, or None for all of them; the days and fen that bear nothing)."""
    found: dict[int, list[tuple[int | None, Freeze]]] = {}
    for some in _some(unit_ids):
        rows = tx.execute(
            select(holds)
            .where(holds.c.unit_id.in_(some), holds.c.kind == HoldKind.DISPUTE)
            .order_by(holds.c.id)
        )
        for row in rows:
            freeze = Freeze(row.from_on, row.until_on, row.amount_fen)
            found.setdefault(row.unit_id, []).append((row.bill_id, freeze))
    return found


def late_fee_bills(tx: Connection, unit_ids: Collection[int]) -> dict[int, list[LateFeeBill]]:
    """Return unit → its late-fee bills that count as charged, by the last of their days."""
    found: dict[int, list[LateFeeBill]] = {}
    asked = (
        select(bills)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            fee_items.c.code == LATE_FEE,
            bills.c.is_imported == ISSUED_HERE,
            or_(bills.c.voided_at.is_(None), bills.c.void_reason != RECALCULATED),
        )
        .order_by(bills.c.last_on, bills.c.id)
    )
    for some in _some(unit_ids):
        for row in tx.execute(asked.where(bills.c.unit_id.in_(some))):
            found.setdefault(row.unit_id, []).append(_late_fee_bill(row))
    return found


def _late_fee_bill(row: Row[Any]) -> LateFeeBill:
    return LateFeeBill(
        bill_id=row.id,
        bill_no=row.bill_no,
        unit_id=row.unit_id,
        liable_id=row.liable_id,
        period=row.period,
        revision=row.revision,
        amount_fen=row.amount_fen,
        paid_fen=row.paid_fen,
        due_on=row.due_on,
        last_on=row.last_on,
        is_void=row.voided_at is not None,
        is_asked=row.amount_fen > 0,
        parts=tuple(
            ChargedPart(step["of"]["bill_id"], step["fen"])
            for step in json.loads(row.explanation).get("steps", ())
        ),
    )


def units_charged(tx: Connection, community_id: int) -> list[int]:
    """Return the units of a community with a late-fee bill that is not paid."""
    asked = (
        select(bills.c.unit_id)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            bills.c.community_id == community_id,
            fee_items.c.code == LATE_FEE,
            and_(bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen),
        )
        .distinct()
        .order_by(bills.c.unit_id)
    )
    return list(tx.execute(asked).scalars())


def charged_by_principal(charged: Iterable[LateFeeBill]) -> dict[int, int]:
    """Return principal → fen of late fees that bills have charged for it."""
    found: dict[int, int] = {}
    for bill in charged:
        for part in bill.parts:
            found[part.principal_id] = found.get(part.principal_id, 0) + part.amount_fen
    return found


@dataclass(frozen=True, slots=True)
class UnitLateFee:
    """A unit's late fees up to a day, in fen: what the terms give, and what is on bills."""

    calculated_fen: int
    owed_fen: int
    charged_fen: int
    bills: tuple[Lateness, ...]


def late_fee_of_unit(tx: Connection, unit_id: int, *, as_of: date) -> UnitLateFee | None:
    """Return what the late bills of a unit bear up to a day; None where the terms are off."""
    community_id = tx.execute(
        select(bills.c.community_id).where(bills.c.unit_id == unit_id).limit(1)
    ).scalar_one_or_none()
    terms = () if community_id is None else terms_of(tx, community_id)
    if all(one.policy.mode == LateFeeMode.OFF for one in terms):
        return None
    charged = charged_by_principal(late_fee_bills(tx, [unit_id]).get(unit_id, ()))
    asked = _bearing().where(
        bills.c.unit_id == unit_id, bills.c.voided_at.is_(None), bills.c.due_on < as_of
    )
    still_open = asked.where(bills.c.paid_fen < bills.c.amount_fen)
    ids = {*tx.execute(still_open.with_only_columns(bills.c.id)).scalars(), *charged}
    found = lateness(tx, ids, terms=terms, as_of=as_of)
    late = [one for _, one in sorted(found.items()) if one.late_fee.calculated_fen]
    return UnitLateFee(
        calculated_fen=sum(one.late_fee.calculated_fen for one in late),
        owed_fen=sum(one.late_fee.owed_fen for one in late),
        charged_fen=sum(charged.values()),
        bills=tuple(late),
    )


def _some(keys: Collection[int]) -> Iterator[list[int]]:
    """Cut keys into as many as one question may name."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]
