"""What our terms say to a refund before it is written: may it be, who agrees, what stays."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from storage.errors import RefundNotOffered, RefundTooMuch, RefundWindowOver, UnknownRefund
from storage.frozen import dataclass
from storage.models.payments import payments
from storage.operations.refund_sources import sources_of
from storage.periods import shanghai_day
from storage.queries.policies import policy_on
from storage.queries.refund_terms import default_terms, terms_of_bills
from storage.rules.counter import is_by_hand
from storage.rules.refunds import (
    AUTOMATIC_CAUSES,
    PLATFORM_WINDOW,
    RefundTerms,
    fee_kept,
    needs_approval,
    strictest,
    take_from,
)

ASKED: Final = "asked"
"""The cause of a refund that nobody's mistake calls for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants back of a payment."""

    amount_fen: int
    cause: str
    is_staffs: bool
    """Staff may give back what the terms do not offer to residents."""
    deposit_bill_id: int | None = None


@dataclass(frozen=True, slots=True)
class Judgment:
    """What our terms say."""

    waits: bool
    """A person must agree."""
    kept_fen: int
    """What of the amount stays for the platform's fee, where the payer bears it."""


def judge(tx: Connection, payment: Row[Any], wish: Wish, *, now: datetime) -> Judgment:
    """Say who must agree to a refund, by the terms of all fees that it takes from.

    What people hand over needs two of them, and has no platform's fee or window. What nobody has to
    agree to is counted over all refunds of the payment. Raises RefundTooMuch, RefundWindowOver,
    RefundNotOffered.
    """
    sources = sources_of(tx, payment, wish.deposit_bill_id)
    left_fen = sum(one.left_fen for one in sources)
    if not 0 < wish.amount_fen <= left_fen:
        raise RefundTooMuch(left_fen)
    by_hand = is_by_hand(payment.gateway)
    if now - payment.paid_at > PLATFORM_WINDOW and not by_hand:
        raise RefundWindowOver(shanghai_day(payment.paid_at))
    policy = policy_on(tx, payment.community_id, shanghai_day(now))
    bill_ids = [one for one, _ in take_from(wish.amount_fen, sources) if one is not None]
    found = terms_of_bills(tx, bill_ids, policy, shanghai_day(now))
    terms = strictest(found or [default_terms(policy)])
    if wish.cause == ASKED and not (terms.is_refundable or wish.is_staffs):
        raise RefundNotOffered(terms.clause)
    is_plain = policy.refund_any_cause or wish.cause in AUTOMATIC_CAUSES
    waits = (
        by_hand
        or not is_plain
        or needs_approval(
            wish.amount_fen + payment.reserved_fen,
            paid_at=payment.paid_at,
            now=now,
            window_days=terms.window_days,
            automatic_fen=terms.automatic_fen,
        )
    )
    return Judgment(waits, 0 if by_hand else _kept(wish, terms))


def _kept(wish: Wish, terms: RefundTerms) -> int:
    """Return the fee that stays: only of what was simply asked for, never of a mistake."""
    return fee_kept(wish.amount_fen, terms.fee_ppm) if wish.cause == ASKED else 0


def foresee_refund(tx: Connection, payment_id: int, wish: Wish, *, now: datetime) -> Judgment:
    """Say what a refund would meet; changes nothing. Raises as `judge`, and UnknownRefund."""
    payment = tx.execute(select(payments).where(payments.c.id == payment_id)).one_or_none()
    if payment is None:
        raise UnknownRefund
    return judge(tx, payment, wish, now=now)
