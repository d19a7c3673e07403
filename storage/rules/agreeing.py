"""How a platform's statement agrees with our books (对账): which difference a pair shows."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from storage.frozen import dataclass
from storage.kinds import RefundStep
from storage.periods import SHANGHAI, shanghai_day

BORDER: Final = time(22)
"""What is paid later in the day may stand in the next day's statement: one clears at 23:00."""

PPM: Final = 1_000_000
FEE_SLACK_FEN: Final = 1
"""Platforms round a fee in their own way."""


class DifferenceKind(StrEnum):
    """What is wrong between a platform, the bank and us."""

    PLATFORM_ONLY = "platform_only"
    OURS_ONLY = "ours_only"
    AMOUNT = "amount"
    STATE = "state"
    NUMBER = "number"
    """The platform's number of the payment is not the one that we booked."""
    FEE = "fee"
    DUPLICATE = "duplicate"
    """The statement has the same trade twice."""
    REFUND_PLATFORM_ONLY = "refund_platform_only"
    REFUND_OURS_ONLY = "refund_ours_only"
    REFUND_AMOUNT = "refund_amount"
    REFUND_STATE = "refund_state"
    REFUND_EXTERNAL = "refund_external"
    """Made in the platform's own console; booked by us when it was found."""
    NO_STATEMENT = "no_statement"
    STATEMENT_BROKEN = "statement_broken"
    SETTLEMENT = "settlement"
    """The bank's credit is not what was paid less refunds and fee."""
    SETTLEMENT_MISSING = "settlement_missing"
    REFUND_ABNORMAL = "refund_abnormal"
    """The payer's card or account takes no money: a person finds another way."""
    UNANSWERED = "unanswered"
    """A platform has not said for days how an order or refund of ours ended."""


OF_LINES: Final = (
    DifferenceKind.PLATFORM_ONLY,
    DifferenceKind.AMOUNT,
    DifferenceKind.STATE,
    DifferenceKind.NUMBER,
    DifferenceKind.FEE,
    DifferenceKind.DUPLICATE,
    DifferenceKind.REFUND_PLATFORM_ONLY,
    DifferenceKind.REFUND_AMOUNT,
    DifferenceKind.REFUND_STATE,
)
"""Found by reading a statement's lines; gone when its lines no longer show them."""

OF_OURS: Final = (DifferenceKind.OURS_ONLY, DifferenceKind.REFUND_OURS_ONLY)
"""Found by looking for our rows in the statements."""

FOUND: Final = "found"
AGAIN: Final = "again"
ASKED: Final = "asked"
HEALED: Final = "healed"
BOOKED: Final = "booked"
CLOSED: Final = "closed"
"""What may be done with a difference; the last by a person."""

BY_ITSELF: Final = (HEALED, BOOKED)

OF_WAITING: Final = (DifferenceKind.UNANSWERED, DifferenceKind.REFUND_ABNORMAL)
"""About an order or refund that has not ended; gone when it has."""

SUCCESS: Final = "success"
PROCESSING: Final = "processing"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class PaymentPair:
    """A payment's line, and what our books hold under its number."""

    line_fen: int
    fee_fen: int
    line_state: str
    line_number: str
    is_repeated: bool
    """An earlier line says the same."""
    order_fen: int | None
    """None where we never opened such an order."""
    paid_fen: int | None
    """None where we have booked no payment of it."""
    paid_number: str


@dataclass(frozen=True, slots=True)
class RefundPair:
    """A refund's line, and our refund under its number."""

    line_fen: int
    line_state: str
    is_repeated: bool
    sent_fen: int | None
    """What we asked the platform to send back; None where we know no such refund."""
    step: RefundStep | None


ENDED: Final = (RefundStep.DECLINED, RefundStep.CLOSED, RefundStep.FAILED)


def judge_payment(pair: PaymentPair, *, fee_ppm: int | None) -> DifferenceKind | None:
    """Return what a payment's line contradicts, None where both say the same.

    `fee_ppm` is the merchant's agreed rate in millionths, None where nobody has written it down.
    """
    if pair.is_repeated:
        return DifferenceKind.DUPLICATE
    if pair.line_state != SUCCESS:
        return None if pair.paid_fen is None else DifferenceKind.STATE
    if pair.order_fen is None:
        return DifferenceKind.PLATFORM_ONLY
    if pair.line_fen != (pair.order_fen if pair.paid_fen is None else pair.paid_fen):
        return DifferenceKind.AMOUNT
    if pair.paid_fen is None:
        return DifferenceKind.STATE
    if pair.line_number != pair.paid_number:
        return DifferenceKind.NUMBER
    if fee_ppm is not None and not fee_agrees(pair.line_fen, pair.fee_fen, fee_ppm):
        return DifferenceKind.FEE
    return None


def judge_refund(pair: RefundPair) -> DifferenceKind | None:
    """Return what a refund's line contradicts, None where both say the same.

    A line is a picture of its day: one still under way then may well have ended since.
    """
    if pair.is_repeated:
        return DifferenceKind.DUPLICATE
    if pair.step is None:
        return None if pair.line_state == FAILED else DifferenceKind.REFUND_PLATFORM_ONLY
    if pair.sent_fen != pair.line_fen:
        return DifferenceKind.REFUND_AMOUNT
    contradicts = {
        SUCCESS: pair.step != RefundStep.SUCCESS,
        PROCESSING: pair.step in ENDED,
        FAILED: pair.step == RefundStep.SUCCESS,
    }
    return DifferenceKind.REFUND_STATE if contradicts[pair.line_state] else None


def fee_agrees(amount_fen: int, fee_fen: int, fee_ppm: int) -> bool:
    """Tell whether a fee is the agreed rate of an amount, but for the platform's rounding."""
    return abs(fee_fen * PPM - amount_fen * fee_ppm) <= FEE_SLACK_FEN * PPM


def awaited_days(at: datetime) -> tuple[date, ...]:
    """Return the days whose statements must be read before it counts that they miss a trade."""
    day = shanghai_day(at)
    is_late = at.astimezone(SHANGHAI).time() >= BORDER
    return (day, day + timedelta(days=1)) if is_late else (day,)


@dataclass(frozen=True, slots=True)
class Payout:
    """What a day's statement lets one expect at the bank."""

    day_on: date
    net_fen: int


def paid_out(expected: list[Payout], net_fen: int) -> list[Payout]:
    """Choose the days that a credit of the bank is for: one day, or days in a row (a weekend).

    `expected` comes oldest first. Days whose sum is the credit, the oldest such; else none.
    """
    for first in range(len(expected)):
        total = 0
        for last in range(first, min(first + 31, len(expected))):
            total += expected[last].net_fen
            if total == net_fen:
                return expected[first : last + 1]
    return []
