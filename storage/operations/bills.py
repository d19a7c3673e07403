"""Booking single bills, voiding one (作废), and telling households what was issued."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from storage import audit, ledger
from storage.audit import Actor
from storage.errors import BillAlreadyPaid, UnknownBill
from storage.events import BillsIssued
from storage.frozen import dataclass
from storage.kinds import Account, BindingState, CycleTiming, LineKind, OccupancyRole, Urgency
from storage.ledger import Leg, NewEntry
from storage.models.bills import HISTORY, MONTHLY, bill_lines, bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.people import bindings, identities, occupancies
from storage.operations.bill_rows import lock_series
from storage.operations.deferrals import defer, recognise, take_back
from storage.operations.issuing import lock_billing
from storage.operations.waiver_entries import forget
from storage.operations.write_off_entries import bring_back
from storage.outbox import Addressee, enqueue
from storage.periods import BillingPeriod, DaySpan, shanghai_day
from storage.queries.closes import closed_periods
from storage.queries.opening import spoken_to
from storage.rules.pricing import Line
from storage.rules.recognition import Parts, parts_apart
from storage.sql import insert


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to be booked."""

    unit_id: int
    fee_item_id: int
    item_name: str
    period: BillingPeriod
    amount_fen: int
    due_on: date
    explanation: Mapping[str, Any]
    liable_id: int | None = None
    revision: int = 0
    tariff_id: int | None = None
    kind: int = MONTHLY
    begins_on: date | None = None
    last_on: date | None = None
    corrects_id: int | None = None
    part: int = 0
    """Which of the bills of its unit, fee and month it is, where several parties share them."""
    lines: tuple[Line, ...] = ()
    """What sums to the amount; none for one line of all of it."""


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
    lines = [line for row in written for line in _line_rows(row.id, numbered[row.bill_no])]
    tx.execute(bill_lines.insert(), lines)
    apart = {row.id: _apart(numbered[row.bill_no], against, shanghai_day(now)) for row in written}
    defer(tx, apart.items())
    entries = [
        NewEntry(
            f"bill:{row.bill_no}",
            "出账" if bill.kind == MONTHLY else "期初",
            community_id,
            now,
            _legs(bill, against, sum(fen for _, fen in apart[row.id])),
        )
        for row in written
        if (bill := numbered[row.bill_no]).kind != HISTORY
    ]
    ledger.post_many(tx, entries)
    while any(apart.values()) and recognise(tx, community_id=community_id, now=now):
        pass  # what months before have earned is theirs at once
    return [numbered[row.bill_no] for row in written]


def _apart(bill: NewBill, against: Account, today: date) -> Parts:
    """Return what of an income other months earn than this; () where its days are not known."""
    if against is not Account.INCOME or bill.begins_on is None or bill.last_on is None:
        return ()
    days = DaySpan(bill.begins_on, bill.last_on + timedelta(days=1))
    return parts_apart(bill.amount_fen, days, booked_on=today)


def _legs(bill: NewBill, against: Account, apart_fen: int) -> tuple[Leg, ...]:
    legs = (
        Leg(Account.RECEIVABLE, bill.amount_fen, bill.unit_id),
        Leg(against, apart_fen - bill.amount_fen),
        Leg(Account.DEFERRED, -apart_fen),
    )
    return tuple(leg for leg in legs if leg.amount_fen)


def _numbered(tx: Connection, new: Sequence[NewBill]) -> dict[str, NewBill]:
    """Give each bill its number; the numbers of a month run on without gaps."""
    by_period: dict[BillingPeriod, list[NewBill]] = {}
    for bill in new:
        by_period.setdefault(bill.period, []).append(bill)
    found: dict[str, NewBill] = {}
    for period, of_month in by_period.items():
        last = lock_series(tx, str(period), take=len(of_month))
        for offset, bill in enumerate(of_month, start=last - len(of_month) + 1):
            found[f"B{period}-{offset:06d}"] = bill
    return found


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
        "explanation": json.dumps(dict(bill.explanation), ensure_ascii=False),
        "is_imported": bill.kind,
        "begins_on": bill.begins_on,
        "last_on": bill.last_on,
        "corrects_id": bill.corrects_id,
        "part": bill.part,
    }


def _line_rows(bill_id: int, bill: NewBill) -> list[dict[str, Any]]:
    only = Line(
        bill.item_name,
        str(bill.explanation.get("quantity", ""))[:30],
        str(bill.explanation.get("unit_price", ""))[:30],
        LineKind.PIECE,
        bill.amount_fen,
    )
    return [{"bill_id": bill_id, **line._asdict()} for line in bill.lines or (only,)]


def void_bill(tx: Connection, *, bill_id: int, reason: str, actor: Actor, now: datetime) -> bool:
    """Take a bill back that nobody has paid anything of. Returns False where it was voided before.

    It counts on the day of voiding: of a closed month no figure moves. Raises UnknownBill, and
    BillAlreadyPaid where some of it is paid: refund that first.
    """
    bill = tx.execute(select(bills).where(bills.c.id == bill_id).with_for_update()).one_or_none()
    if bill is None:
        raise UnknownBill
    if bill.voided_at is not None:
        return False
    if bill.paid_fen > 0:
        raise BillAlreadyPaid(bill.bill_no)
    lock_billing(tx, bill.community_id)
    bring_back(tx, bill_id, reason=reason, now=now)
    closed = closed_periods(tx, bill.community_id)
    tx.execute(
        update(bills)
        .where(bills.c.id == bill_id)
        .values(voided_at=now, void_reason=reason.strip()[:120])
    )
    forget(tx, bill_id, now=now)
    ledger.reverse(tx, key=f"bill:{bill.bill_no}", memo="作废", posted_at=now)
    take_back(tx, bill_id, bill.bill_no, now=now)
    after = after_close(bill.period, closed, now)
    audit.note(tx, actor, "void", "bill", bill.bill_no, at=now, detail=f"{reason}{after}")
    return True


def after_close(period: str, closed: Collection[str], now: datetime) -> str:
    """Say for the audit trail in which month a change to a closed month's bill is booked, or ""."""
    if period not in closed:
        return ""
    return f" ({period} is closed, booked in {BillingPeriod.of(shanghai_day(now))})"


def announce(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    now: datetime,
    not_before: datetime | None = None,
) -> int:
    """Tell each who has bound a unit what was issued for a month, all of it in one message.

    Says only what this person may see and what is still open; again only where a bill came after
    those that were told. Returns how many messages are new; none to whom the community may not
    speak unasked yet.
    """
    merged: dict[tuple[int, int], list[Row[Any]]] = {}
    for row in tx.execute(
        _issued_and_seen(community_id, period).where(spoken_to(tx, community_id))
    ):
        merged.setdefault((row.unit_id, row.identity_id), []).append(row)
    newest = {place: max(row.bill_id for row in rows) for place, rows in merged.items()}
    still_open = {
        place: [row for row in rows if row.open_fen and row.voided_at is None]
        for place, rows in merged.items()
    }
    return sum(
        enqueue(
            tx,
            _news(rows, period),
            Addressee(rows[0].account, rows[0].openid, identity_id),
            key=f"bills:{period}:{unit_id}:{identity_id}:{newest[unit_id, identity_id]}",
            urgency=Urgency.REMINDER,
            now=now,
            not_before=not_before,
            community_id=community_id,
        )
        for (unit_id, identity_id), rows in still_open.items()
        if rows
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
            bills.c.id.label("bill_id"),
            bills.c.voided_at,
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
            .outerjoin(tariffs, tariffs.c.id == bills.c.tariff_id)
        )
        .where(
            bills.c.community_id == community_id,
            _is_of_run(period),
            bills.c.is_imported == MONTHLY,
            bindings.c.state == BindingState.ACTIVE,
            may_see,
        )
        .order_by(bindings.c.identity_id, bills.c.unit_id, bills.c.id)
    )


def _is_of_run(period: BillingPeriod) -> Any:  # noqa: ANN401 - a SQL condition
    """Say which bills the run of a month makes: see `storage.rules.billing.dues_of`."""
    a_day = timedelta(days=1)
    in_arrears = tariffs.c.timing == CycleTiming.IN_ARREARS
    return or_(
        and_(bills.c.begins_on.is_(None), bills.c.period == str(period)),
        and_(in_arrears, bills.c.last_on.between(period.first_on - a_day, period.last_on - a_day)),
        and_(
            or_(tariffs.c.id.is_(None), tariffs.c.timing == CycleTiming.IN_ADVANCE),
            bills.c.begins_on.between(period.first_on, period.last_on),
        ),
    )
