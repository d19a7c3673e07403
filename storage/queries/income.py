"""What a month earned and what it took in (权责发生、收付实现): by fee item, to the fen."""

from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from storage.frozen import dataclass
from storage.kinds import Account, FeeClass, RefundStep
from storage.models.bills import bills, fee_items
from storage.models.ledger import entries, postings
from storage.models.payments import allocations, payments, refund_parts, refunds
from storage.models.tariffs import period_closes
from storage.periods import BillingPeriod, shanghai_instant

_OURS: Final = (FeeClass.OWN, FeeClass.RENEWAL)
_MONTH: Final = len("2026-01:")


@dataclass(frozen=True, slots=True)
class ItemSum:
    """A fee item's fen; "" where no bill stands behind it."""

    item_name: str
    fen: int


@dataclass(frozen=True, slots=True)
class MonthlyIncome:
    """A month of a community in two views."""

    accrued: tuple[ItemSum, ...]
    """Earned in the month, whoever has paid it and when: the ledger's income of its days."""
    received: tuple[ItemSum, ...]
    """Paid in the month on bills of ours, less what went back, whatever months they are for."""
    set_aside_fen: int
    """Came in for no bill yet (prepaid, paid twice), less what of it went back."""
    for_others_fen: int
    """Came in for others and as deposits (代收、押金), less what went back: never our income."""
    deferred_fen: int
    """Billed by the month's end for months after it."""
    unbilled_fen: int
    """Earned by the month's end and billed after it (in arrears, or late)."""
    corrected_fen: int
    """What of `accrued` is corrections of months before: bills taken back, less those made anew."""
    waived_fen: int
    """Waived in the month (减免), of whatever month it was; not taken off `accrued`."""
    bad_debt_fen: int
    """Written off in the month (坏账核销), less what was asked for again; off `accrued` neither."""

    @property
    def accrued_fen(self) -> int:
        """All that the month earned."""
        return sum(one.fen for one in self.accrued)

    @property
    def received_fen(self) -> int:
        """All that came in on our own bills."""
        return sum(one.fen for one in self.received)


def income_of(tx: Connection, community_id: int, period: BillingPeriod) -> MonthlyIncome:
    """Return what a community earned and took in in a month, as Shanghai counts it.

    Money counts on the platform's day, or, where that month was closed before it was heard of, on
    the day of that; a draw of what was put aside is no new money.
    """
    moved = _Moved(tx, community_id, period)
    received, for_others_fen = _received(tx, community_id, moved)
    return MonthlyIncome(
        _accrued(tx, community_id, period),
        received,
        _set_aside(tx, community_id, moved),
        for_others_fen,
        *_apart(tx, community_id, period),
        _corrected(tx, community_id, period),
        _moved(tx, community_id, Account.WAIVER, period.first_on, period),
        _moved(tx, community_id, Account.BAD_DEBT, period.first_on, period),
    )


def _accrued(tx: Connection, community_id: int, period: BillingPeriod) -> tuple[ItemSum, ...]:
    name = func.coalesce(fee_items.c.name, "").label("item_name")
    rows = tx.execute(
        select(name, func.sum(-postings.c.amount_fen).label("fen"))
        .select_from(
            postings.join(entries, entries.c.id == postings.c.entry_id)
            .outerjoin(bills, bills.c.bill_no == _bill_no())
            .outerjoin(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(
            postings.c.account == Account.INCOME,
            entries.c.community_id == community_id,
            entries.c.effective_on.between(period.first_on, period.last_on),
        )
        .group_by(name)
        .order_by(name)
    )
    return tuple(ItemSum(row.item_name, int(row.fen)) for row in rows if row.fen)


def _corrected(tx: Connection, community_id: int, period: BillingPeriod) -> int:
    """Return by how much correcting bills of months before changed what the month earned."""
    first_on = period.first_on
    answered, wrong = entries.alias("answered"), bills.alias("wrong")
    is_taken_back = exists().where(
        answered.c.id == entries.c.reverses_id, answered.c.effective_on < first_on
    )
    is_made_anew = exists().where(
        entries.c.entry_key == literal("bill:").concat(bills.c.bill_no),
        wrong.c.id == bills.c.corrects_id,
        wrong.c.issued_at < shanghai_instant(first_on),
    )
    found = tx.execute(
        select(func.coalesce(func.sum(-postings.c.amount_fen), 0))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(
            postings.c.account == Account.INCOME,
            entries.c.community_id == community_id,
            entries.c.effective_on.between(first_on, period.last_on),
            or_(is_taken_back, is_made_anew),
        )
    )
    return int(found.scalar_one())


def _bill_no() -> ColumnElement[Any]:
    """Return the number of the bill that an entry is about, "" for none."""
    key = entries.c.entry_key
    plain = case((key.startswith("reversal:"), func.substr(key, len("reversal:") + 1)), else_=key)

    def after(name: str, skipped: int = 0) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
        return plain.startswith(name), func.substr(plain, len(name) + skipped + 1)

    return case(
        after("bill:"), after("recognise:", _MONTH), after("deposit-deduct:"), else_=literal("")
    )


def _received(
    tx: Connection, community_id: int, moved: "_Moved"
) -> tuple[tuple[ItemSum, ...], int]:
    came = (
        select(fee_items.c.name, fee_items.c.fee_class, func.sum(allocations.c.amount_fen))
        .select_from(
            allocations.join(payments, payments.c.id == allocations.c.payment_id)
            .join(bills, bills.c.id == allocations.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(
            payments.c.community_id == community_id,
            allocations.c.refund_id.is_(None),
            allocations.c.move_id.is_(None),
            moved.came,
        )
        .group_by(fee_items.c.name, fee_items.c.fee_class)
    )
    went = (
        select(fee_items.c.name, fee_items.c.fee_class, -func.sum(refund_parts.c.amount_fen))
        .select_from(
            refund_parts.join(refunds, refunds.c.id == refund_parts.c.refund_id)
            .join(bills, bills.c.id == refund_parts.c.bill_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(moved.went)
        .group_by(fee_items.c.name, fee_items.c.fee_class)
    )
    ours: dict[str, int] = {}
    for_others_fen = 0
    for question in (came, went):
        for name, fee_class, fen in tx.execute(question):
            if fee_class in _OURS:
                ours[name] = ours.get(name, 0) + int(fen)
            else:
                for_others_fen += int(fen)
    return tuple(ItemSum(name, fen) for name, fen in sorted(ours.items()) if fen), for_others_fen


def _set_aside(tx: Connection, community_id: int, moved: "_Moved") -> int:
    came = select(
        func.coalesce(func.sum(payments.c.surplus_fen + payments.c.returned_fen), 0)
    ).where(payments.c.community_id == community_id, moved.came)
    went = (
        select(func.coalesce(func.sum(refund_parts.c.amount_fen), 0))
        .join(refunds, refunds.c.id == refund_parts.c.refund_id)
        .where(refund_parts.c.bill_id.is_(None), moved.went)
    )
    return int(tx.execute(came).scalar_one()) - int(tx.execute(went).scalar_one())


def _apart(tx: Connection, community_id: int, period: BillingPeriod) -> tuple[int, int]:
    """Return what bills had billed and not earned by a month's end, and what the other way."""
    of_bill = (
        select(func.sum(-postings.c.amount_fen).label("fen"))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(
            postings.c.account == Account.DEFERRED,
            entries.c.community_id == community_id,
            entries.c.effective_on <= period.last_on,
        )
        .group_by(_bill_no())
        .subquery("of_bill")
    )
    fen = of_bill.c.fen
    deferred, unbilled = tx.execute(
        select(
            func.coalesce(func.sum(case((fen > 0, fen), else_=0)), 0),
            func.coalesce(func.sum(case((fen < 0, -fen), else_=0)), 0),
        )
    ).one()
    return int(deferred), int(unbilled)


def _moved(
    tx: Connection, community_id: int, account: Account, since: date, until: BillingPeriod
) -> int:
    """Return what an account moved by from a day to a month's end, debit positive."""
    moved = (
        select(func.coalesce(func.sum(postings.c.amount_fen), 0))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(
            postings.c.account == account,
            entries.c.community_id == community_id,
            entries.c.effective_on.between(since, until.last_on),
        )
    )
    return int(tx.execute(moved).scalar_one())


class _Moved:
    """Which payments and refunds are a month's.

    What was heard of after its own month was closed counts when it was heard of, so that no
    figure of a closed month moves.
    """

    def __init__(self, tx: Connection, community_id: int, period: BillingPeriod) -> None:
        self._period = period
        self._closes = tx.execute(
            select(period_closes).where(period_closes.c.community_id == community_id)
        ).all()
        booked_at = (
            select(entries.c.posted_at)
            .where(entries.c.entry_key == literal("refund:").concat(refunds.c.refund_no))
            .scalar_subquery()
        )
        self.came = self._counted(payments.c.paid_at, payments.c.settled_at)
        self.went = and_(
            refunds.c.community_id == community_id,
            refunds.c.state == RefundStep.SUCCESS,
            self._counted(refunds.c.settled_at, booked_at),
        )

    def _counted(self, at: ColumnElement[Any], heard_at: ColumnElement[Any]) -> ColumnElement[bool]:
        if not self._closes:
            return _in(self._period, at)
        was_closed = or_(
            *(
                and_(
                    _in(BillingPeriod.parse(one.period), at),
                    heard_at >= one.closed_at,
                    true() if one.reopened_at is None else heard_at < one.reopened_at,
                )
                for one in self._closes
            )
        )
        return case((was_closed, _in(self._period, heard_at)), else_=_in(self._period, at))


def _in(period: BillingPeriod, instant: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say that an instant lies in a month of Shanghai."""
    first = shanghai_instant(period.first_on)
    return and_(instant >= first, instant < shanghai_instant(period.plus(1).first_on))
