"""Issuing bills (出账), voiding one (作废), and telling households what was issued."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import audit, ledger
from storage.audit import Actor
from storage.errors import BillAlreadyPaid, UnknownBill
from storage.events import BillsIssued
from storage.kinds import Account, BindingState, OccupancyRole, Urgency
from storage.ledger import Leg, NewEntry
from storage.models.bills import bill_lines, bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.payments import serials
from storage.models.people import bindings, identities, occupancies
from storage.outbox import Addressee, enqueue
from storage.periods import BillingPeriod
from storage.queries.estate import Unit, liable_parties, units_of
from storage.queries.opening import spoken_to
from storage.rules.tariffs import charge
from storage.sql import insert

MONTHLY: Final = 0
OPENING: Final = 1
HISTORY: Final = 2
"""What `bills.is_imported` says: issued here, a debt brought along, or paid before we came.

A paid bill of the past has no allocations and no ledger entry: its money is in the old books.
"""


class SkipReason(StrEnum):
    """Why a unit got no bill."""

    AREA_MISSING = "area_missing"
    AMOUNT_ZERO = "amount_zero"


@dataclass(frozen=True, slots=True)
class IssueReport:
    """What issuing did: bills made now, bills that were there before, and units left out."""

    issued: int
    repeated: int
    skipped: tuple[tuple[int, SkipReason], ...]
    totals: dict[int, int] = field(default_factory=dict)
    """Unit → fen issued now."""


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to be booked."""

    unit_id: int
    fee_item_id: int
    item_name: str
    period: BillingPeriod
    amount_fen: int
    due_on: date
    explanation: dict[str, str]
    liable_id: int | None = None
    revision: int = 0
    tariff_id: int | None = None
    kind: int = MONTHLY


def issue_bills(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    now: datetime,
    unit_ids: Collection[int] | None = None,
) -> IssueReport:
    """Make the bills of a month from the tariffs in force on its first day, each once.

    Run again, in parts (`unit_ids`), or by two processes at once, it makes the same set. A bill
    that was voided is not made again. Tells nobody: see `announce`.
    """
    _lock_series(tx, period)
    prices = _tariffs_in_force(tx, community_id, period)
    known = {
        (row.unit_id, row.fee_item_id)
        for row in tx.execute(
            select(bills.c.unit_id, bills.c.fee_item_id).where(
                bills.c.community_id == community_id, bills.c.period == str(period)
            )
        )
    }
    liable = liable_parties(tx, community_id, period)
    new: list[NewBill] = []
    repeated, skipped = 0, []
    for unit in units_of(tx, community_id):
        if unit_ids is not None and unit.unit_id not in unit_ids:
            continue
        for price in prices.get(unit.kind, ()):
            if (unit.unit_id, price.fee_item_id) in known:
                repeated += 1
                continue
            made = _priced(unit, price, period, liable.get(unit.unit_id))
            if isinstance(made, NewBill):
                new.append(made)
            else:
                skipped.append((unit.unit_id, made))
    booked = book_bills(tx, new, community_id=community_id, against=Account.INCOME, now=now)
    totals: dict[int, int] = {}
    for bill in booked:
        totals[bill.unit_id] = totals.get(bill.unit_id, 0) + bill.amount_fen
    return IssueReport(len(booked), repeated, tuple(skipped), totals)


def _tariffs_in_force(
    tx: Connection, community_id: int, period: BillingPeriod
) -> dict[str, list[Row[Any]]]:
    rows = tx.execute(
        select(tariffs, fee_items.c.name.label("item_name"))
        .join(fee_items, fee_items.c.id == tariffs.c.fee_item_id)
        .where(
            tariffs.c.community_id == community_id,
            tariffs.c.effective_on <= period.first_on,
            or_(tariffs.c.ends_on.is_(None), tariffs.c.ends_on > period.first_on),
        )
        .order_by(tariffs.c.fee_item_id, tariffs.c.id)
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.unit_kind, []).append(row)
    return found


def _priced(
    unit: Unit, price: Row[Any], period: BillingPeriod, liable_id: int | None
) -> NewBill | SkipReason:
    made = charge(
        price.basis,
        price_e4=price.price_e4,
        floor_area_m2=unit.floor_area_m2,
        tariff=f"{price.id}/{price.effective_on.isoformat()}",
    )
    if made is None:
        return SkipReason.AREA_MISSING
    if made.amount_fen <= 0:
        return SkipReason.AMOUNT_ZERO
    return NewBill(
        unit_id=unit.unit_id,
        fee_item_id=price.fee_item_id,
        item_name=price.item_name,
        period=period,
        amount_fen=made.amount_fen,
        due_on=period.day(price.due_day),
        explanation=made.explanation,
        liable_id=liable_id,
        tariff_id=price.id,
    )


def book_bills(
    tx: Connection,
    new: Sequence[NewBill],
    *,
    community_id: int,
    against: Account,
    now: datetime,
) -> list[NewBill]:
    """Write bills with their lines and ledger entries; return those that were not there before.

    Bills of the past that were paid elsewhere are written as paid and booked nowhere.
    """
    numbered = _numbered(tx, sorted(new, key=lambda one: (one.period, one.unit_id, one.item_name)))
    if not numbered:
        return []
    written = tx.execute(
        insert(tx, bills).on_conflict_do_nothing().returning(bills.c.id, bills.c.bill_no),
        [_bill_row(bill_no, bill, community_id, now) for bill_no, bill in numbered.items()],
    ).all()
    if not written:
        return []
    tx.execute(bill_lines.insert(), [_line_row(row.id, numbered[row.bill_no]) for row in written])
    entries = [
        NewEntry(
            f"bill:{row.bill_no}",
            "出账" if bill.kind == MONTHLY else "期初",
            (
                Leg(Account.RECEIVABLE, bill.amount_fen, bill.unit_id),
                Leg(against, -bill.amount_fen),
            ),
        )
        for row in written
        if (bill := numbered[row.bill_no]).kind != HISTORY
    ]
    ledger.post_many(tx, entries, community_id=community_id, posted_at=now)
    return [numbered[row.bill_no] for row in written]


def _numbered(tx: Connection, new: Sequence[NewBill]) -> dict[str, NewBill]:
    """Give each bill its number; the numbers of a month run on without gaps."""
    by_period: dict[BillingPeriod, list[NewBill]] = {}
    for bill in new:
        by_period.setdefault(bill.period, []).append(bill)
    found: dict[str, NewBill] = {}
    for period, of_month in by_period.items():
        last = _lock_series(tx, period, take=len(of_month))
        for offset, bill in enumerate(of_month, start=last - len(of_month) + 1):
            found[f"B{period}-{offset:06d}"] = bill
    return found


def _lock_series(tx: Connection, period: BillingPeriod, *, take: int = 0) -> int:
    """Take numbers of a month's series, hold its row until the end, and return the last one."""
    statement = (
        insert(tx, serials)
        .values(name=f"bill:{period}", last_used=take)
        .on_conflict_do_update(
            index_elements=["name"], set_={"last_used": serials.c.last_used + take}
        )
        .returning(serials.c.last_used)
    )
    last: int = tx.execute(statement).scalar_one()
    return last


def _bill_row(bill_no: str, bill: NewBill, community_id: int, now: datetime) -> dict[str, Any]:
    return {
        "bill_no": bill_no,
        "community_id": community_id,
        "unit_id": bill.unit_id,
        "fee_item_id": bill.fee_item_id,
        "liable_id": bill.liable_id,
        "period": str(bill.period),
        "revision": bill.revision,
        "amount_fen": bill.amount_fen,
        "paid_fen": bill.amount_fen if bill.kind == HISTORY else 0,
        "due_on": bill.due_on,
        "issued_at": now,
        "tariff_id": bill.tariff_id,
        "explanation": json.dumps(bill.explanation, ensure_ascii=False),
        "is_imported": bill.kind,
    }


def _line_row(bill_id: int, bill: NewBill) -> dict[str, Any]:
    return {
        "bill_id": bill_id,
        "label": bill.item_name,
        "quantity": bill.explanation.get("quantity", ""),
        "unit_price": bill.explanation.get("unit_price", ""),
        "amount_fen": bill.amount_fen,
    }


def void_bill(tx: Connection, *, bill_id: int, reason: str, actor: Actor, now: datetime) -> bool:
    """Take a bill back that nobody has paid anything of. Returns False where it was voided before.

    Raises UnknownBill, and BillAlreadyPaid where some of it is paid: refund that first.
    """
    bill = tx.execute(select(bills).where(bills.c.id == bill_id).with_for_update()).one_or_none()
    if bill is None:
        raise UnknownBill
    if bill.voided_at is not None:
        return False
    if bill.paid_fen > 0:
        raise BillAlreadyPaid(bill.bill_no)
    tx.execute(
        update(bills)
        .where(bills.c.id == bill_id)
        .values(voided_at=now, void_reason=reason.strip()[:120])
    )
    ledger.reverse(tx, key=f"bill:{bill.bill_no}", memo="作废", posted_at=now)
    audit.note(tx, actor, "void", "bill", bill.bill_no, at=now, detail=reason)
    return True


def announce(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    now: datetime,
    not_before: datetime | None = None,
) -> int:
    """Tell each who has bound a unit what was issued for a month, all of it in one message.

    Says only what this person may see and what is still open. Returns how many messages are new;
    none to whom the community may not speak unasked yet.
    """
    merged: dict[tuple[int, int], list[Row[Any]]] = {}
    for row in tx.execute(
        _issued_and_seen(community_id, period).where(spoken_to(tx, community_id))
    ):
        merged.setdefault((row.unit_id, row.identity_id), []).append(row)
    return sum(
        enqueue(
            tx,
            _news(rows, period),
            Addressee(rows[0].account, rows[0].openid, identity_id),
            key=f"bills:{period}:{unit_id}:{identity_id}",
            urgency=Urgency.REMINDER,
            now=now,
            not_before=not_before,
            community_id=community_id,
        )
        for (unit_id, identity_id), rows in merged.items()
    )


def _news(rows: list[Row[Any]], period: BillingPeriod) -> BillsIssued:
    return BillsIssued(
        unit_id=rows[0].unit_id,
        unit_label=rows[0].unit_label,
        period=str(period),
        lines=tuple((row.item_name, row.open_fen) for row in rows),
        total_fen=sum(row.open_fen for row in rows),
        due_on=min(row.due_on for row in rows).isoformat(),
        binding_id=rows[0].binding_id,
        link_epoch=rows[0].link_epoch,
    )


def _issued_and_seen(community_id: int, period: BillingPeriod) -> Any:  # noqa: ANN401 - a SELECT
    """Return bill by bill who may see it: the liable party, and the owner's family her debts."""
    owners = select(occupancies.c.resident_id).where(
        occupancies.c.unit_id == bindings.c.unit_id,
        occupancies.c.role == OccupancyRole.OWNER,
        occupancies.c.until_on.is_(None),
    )
    may_see = or_(
        bills.c.liable_id == bindings.c.resident_id,
        and_(
            bindings.c.role != OccupancyRole.TENANT,
            or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(owners)),
        ),
    )
    return (
        select(
            bills.c.unit_id,
            units.c.label.label("unit_label"),
            fee_items.c.name.label("item_name"),
            (bills.c.amount_fen - bills.c.paid_fen).label("open_fen"),
            bills.c.due_on,
            bindings.c.id.label("binding_id"),
            units.c.link_epoch,
            bindings.c.identity_id,
            identities.c.account,
            identities.c.openid,
        )
        .select_from(
            bills.join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(bindings, bindings.c.unit_id == bills.c.unit_id)
            .join(identities, identities.c.id == bindings.c.identity_id)
        )
        .where(
            bills.c.community_id == community_id,
            bills.c.period == str(period),
            bills.c.is_imported == MONTHLY,
            bills.c.voided_at.is_(None),
            bills.c.paid_fen < bills.c.amount_fen,
            bindings.c.state == BindingState.ACTIVE,
            may_see,
        )
        .order_by(bindings.c.identity_id, bills.c.unit_id, bills.c.id)
    )
