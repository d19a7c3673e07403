"""Money taken at the counter (线下收款): cash, POS, cheque, the code on the wall; and its void."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.counter_errors import (
    ReasonMissing,
    RequestReused,
    SlipTaken,
    UnknownVoucher,
    VoucherFinal,
)
from storage.errors import NotAllowed
from storage.frozen import dataclass
from storage.kinds import OrderState, RefundStep
from storage.models.bills import bills
from storage.models.offline import vouchers
from storage.models.payments import (
    payment_order_bills,
    payment_orders,
    payments,
    receipts,
)
from storage.models.people import staff
from storage.models.refund_terms import bill_waivers
from storage.operations.bookings import book_payment
from storage.operations.refund_results import note_refund
from storage.operations.refund_sources import sources_undone
from storage.operations.refunds import RefundAskedFor, write_refund
from storage.operations.waiver_entries import lower, rounding_no, take_back
from storage.paying_kinds import CashMethod, WaiverKind, WaiverState
from storage.periods import shanghai_day, shanghai_instant
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState, TradeKind
from storage.queries.counter import CASHIERS, CounterAsk, CounterPlan, plan_of
from storage.queries.residents import Staff
from storage.rules.counter import place_of
from storage.rules.refunds import VOID
from storage.sql import next_number

NOON: Final = timedelta(hours=12)
ROUNDING: Final = "抹零"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Money that is in the books: its numbers, and whether this request wrote it."""

    voucher_no: str
    order_no: str
    receipt_no: str
    payment_id: int
    amount_fen: int
    is_new: bool


def take_money(tx: Connection, ask: CounterAsk, *, by: Staff, now: datetime) -> Recorded:
    """Write down money that came over the counter: payment, voucher, receipt, message, at once.

    The same request key again is the same payment. Raises what `plan_of` raises, SlipTaken, and
    RequestReused where the key was used for something else.
    """
    _lock_counter(tx, by)
    known = tx.execute(
        select(vouchers).where(vouchers.c.request_key == ask.request_key)
    ).one_or_none()
    if known is not None:
        return _again(tx, known, ask)
    _lock_open_bills(tx, ask.unit_id)
    plan = plan_of(tx, ask, by=by, today=shanghai_day(now))
    day = shanghai_day(now)
    voucher_no = f"V{day:%y%m%d}{next_number(tx, f'voucher:{day:%y%m%d}'):05d}"
    _refuse_same_slip(tx, ask, plan.community_id)
    _round_off(tx, plan, voucher_no, by=by, now=now)
    order = _write_order(tx, ask, plan, voucher_no, now)
    fact = PaymentFact(
        gateway=ask.method,
        order_no=order.order_no,
        state=PaymentState.PAID,
        amount_fen=ask.amount_fen,
        currency="CNY",
        merchant_id="",
        app_id="",
        transaction_id=voucher_no,
        paid_at=_came_at(plan.day_on, now),
    )
    payment_id = book_payment(tx, order, fact, now, into=place_of(ask.method))
    tx.execute(
        vouchers.insert().values(
            voucher_no=voucher_no,
            community_id=plan.community_id,
            staff_id=by.staff_id,
            payment_id=payment_id,
            method=ask.method,
            amount_fen=ask.amount_fen,
            day_on=plan.day_on,
            made_at=now,
            reference=ask.reference.strip()[:64],
            request_key=ask.request_key,
            note=ask.note.strip()[:120],
        )
    )
    detail = f"{ask.method} {ask.amount_fen} {plan.day_on}"
    audit.note(tx, Actor(by.staff_id), "take", "voucher", voucher_no, at=now, detail=detail)
    return _recorded(tx, payment_id, is_new=True)


def _lock_counter(tx: Connection, by: Staff) -> None:
    """Let a cashier do one thing at a time: a close never misses what she is just taking."""
    mine = select(staff.c.id).where(staff.c.id == by.staff_id)
    tx.execute(mine.with_for_update(key_share=True))


def _lock_open_bills(tx: Connection, unit_id: int) -> None:
    wanted = select(bills.c.id).where(
        bills.c.unit_id == unit_id,
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
    )
    tx.execute(wanted.order_by(bills.c.id).with_for_update()).all()


def _again(tx: Connection, known: Row[Any], ask: CounterAsk) -> Recorded:
    unit_id = tx.execute(
        select(payments.c.unit_id).where(payments.c.id == known.payment_id)
    ).scalar_one_or_none()
    before = (unit_id, known.method, known.amount_fen)
    if before != (ask.unit_id, ask.method, ask.amount_fen):
        raise RequestReused(known.voucher_no)
    return _recorded(tx, known.payment_id, is_new=False)


def _recorded(tx: Connection, payment_id: int, **told: bool) -> Recorded:
    row = tx.execute(
        select(
            vouchers.c.voucher_no,
            payment_orders.c.order_no,
            receipts.c.receipt_no,
            payments.c.amount_fen,
        )
        .select_from(
            payments.join(payment_orders, payment_orders.c.id == payments.c.order_id)
            .join(vouchers, vouchers.c.payment_id == payments.c.id)
            .join(receipts, receipts.c.payment_id == payments.c.id)
        )
        .where(payments.c.id == payment_id)
        .order_by(receipts.c.id.desc())
        .limit(1)
    ).one()
    numbers = (row.voucher_no, row.order_no, row.receipt_no)
    return Recorded(*numbers, payment_id, row.amount_fen, told["is_new"])


def _refuse_same_slip(tx: Connection, ask: CounterAsk, community_id: int) -> None:
    """Refuse a slip, or a cheque, that is in the books; the numbering has queued us by now."""
    said = ask.reference.strip()[:64]
    if not said or ask.method is CashMethod.CASH:
        return
    found = (
        tx.execute(
            select(vouchers.c.voucher_no).where(
                vouchers.c.community_id == community_id,
                vouchers.c.method == ask.method,
                vouchers.c.reference == said,
                vouchers.c.voided_at.is_(None),
            )
        )
        .scalars()
        .first()
    )
    if found is not None:
        raise SlipTaken(said, found)


def _came_at(day_on: date, now: datetime) -> datetime:
    """Return the instant that counts for the money: now, or noon of the day that was said."""
    return now if day_on == shanghai_day(now) else shanghai_instant(day_on) + NOON


def _round_off(
    tx: Connection, plan: CounterPlan, voucher_no: str, *, by: Staff, now: datetime
) -> None:
    """Drop the odd fen (抹零) as a waiver of its own kind, within the limit that was checked."""
    for line in plan.lines:
        if not line.waived_fen:
            continue
        bill = tx.execute(select(bills).where(bills.c.id == line.bill_id)).one()
        tx.execute(
            bill_waivers.insert().values(
                waiver_no=rounding_no(voucher_no),
                bill_id=bill.id,
                community_id=bill.community_id,
                kind=WaiverKind.ROUNDING,
                state=WaiverState.APPROVED,
                amount_fen=line.waived_fen,
                reason=f"收款抹零 {voucher_no}",
                asked_by=by.staff_id,
                asked_at=now,
                approvals_needed=0,
                decided_at=now,
            )
        )
        lower(tx, bill, rounding_no(voucher_no), line.waived_fen, ROUNDING, now=now)


def _write_order(
    tx: Connection, ask: CounterAsk, plan: CounterPlan, voucher_no: str, now: datetime
) -> Row[Any]:
    order = tx.execute(
        payment_orders.insert()
        .values(
            order_no=f"C{voucher_no[1:]}",
            community_id=plan.community_id,
            unit_id=ask.unit_id,
            payee_id=plan.payee_id,
            gateway=ask.method,
            kind=TradeKind.NATIVE,
            choice_key=voucher_no,
            state=OrderState.OPEN,
            amount_fen=ask.amount_fen,
            merchant_id="",
            app_id="",
            payer_id="",
            created_at=now,
            expires_at=now,
        )
        .returning(payment_orders)
    ).one()
    chosen = [
        {"order_id": order.id, "bill_id": one.bill_id, "amount_fen": one.paid_fen}
        for one in plan.lines
        if one.paid_fen
    ]
    if chosen:
        tx.execute(payment_order_bills.insert(), chosen)
    return order


@dataclass(frozen=True, slots=True)
class Voided:
    """A voucher that was taken back, and what is owed again."""

    voucher_no: str
    amount_fen: int
    receipt_no: str


def void_voucher(
    tx: Connection, voucher_no: str, *, reason: str, by: Staff, now: datetime
) -> Voided:
    """Take back what was written down wrongly (冲正): a reversal, before the cashier's close.

    Only who took the money does, with a reason; the receipt is void and the bills are owed as
    before. Again it changes nothing. Raises UnknownVoucher, NotAllowed, ReasonMissing, and
    VoucherFinal where the day is closed or the money has moved on: then a refund is the way.
    """
    _lock_counter(tx, by)
    voucher = tx.execute(
        select(vouchers)
        .where(vouchers.c.voucher_no == voucher_no, vouchers.c.community_id.in_(by.community_ids))
        .with_for_update()
    ).one_or_none()
    if voucher is None:
        raise UnknownVoucher(voucher_no)
    if voucher.staff_id != by.staff_id or by.role not in CASHIERS:
        raise NotAllowed
    if not reason.strip():
        raise ReasonMissing
    if voucher.voided_at is None:
        _reverse(tx, voucher, reason.strip(), now)
        audit.note(tx, Actor(by.staff_id), "void", "voucher", voucher_no, at=now, detail=reason)
    receipt_no = (
        tx.execute(select(receipts.c.receipt_no).where(receipts.c.payment_id == voucher.payment_id))
        .scalars()
        .first()
    )
    return Voided(voucher_no, voucher.amount_fen, receipt_no or "")


def _reverse(tx: Connection, voucher: Row[Any], reason: str, now: datetime) -> None:
    """Give every fen of the payment back where it went, as of the day on which it came."""
    if voucher.cashier_day_id is not None or voucher.payment_id is None:
        raise VoucherFinal(voucher.voucher_no)
    payment = tx.execute(
        select(payments).where(payments.c.id == voucher.payment_id).with_for_update()
    ).one()
    left_fen = sum(one.left_fen for one in sources_undone(tx, payment))
    if payment.reserved_fen or left_fen != payment.amount_fen:
        raise VoucherFinal(voucher.voucher_no)
    asked = RefundAskedFor(
        payment.id, payment.amount_fen, VOID, reason, f"void:{voucher.voucher_no}"
    )
    actor = Actor(voucher.staff_id)
    row = write_refund(tx, payment, asked, RefundStep.SUBMITTED, actor, now)
    # The receipt first: what is told of the void reads it, and it is no proof any more.
    tx.execute(
        update(receipts)
        .where(receipts.c.payment_id == payment.id, receipts.c.voided_at.is_(None))
        .values(voided_at=now, void_reason=reason[:120])
    )
    fact = RefundFact(
        gateway=row.gateway,
        refund_no=row.refund_no,
        order_no=row.order_no,
        state=RefundState.SUCCESS,
        amount_fen=row.amount_fen,
        settled_at=payment.paid_at,
    )
    note_refund(tx, fact, heard_at=now)
    take_back(tx, voucher.voucher_no, reason=reason, now=now)
    tx.execute(
        update(vouchers)
        .where(vouchers.c.id == voucher.id)
        .values(voided_at=now, voided_by=voucher.staff_id, void_reason=reason[:120])
    )
