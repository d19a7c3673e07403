"""Refunds (退款): from which part of a payment they come, and who must agree."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from storage.frozen import dataclass

PLATFORM_WINDOW: Final = timedelta(days=365)
"""Platforms send money back up to a year after the payment."""

VOID: Final = "void"
"""The cause of a refund that undoes a voucher (冲正): the money never was what was written."""

AUTOMATIC_CAUSES: Final = ("paid_twice", "paid_too_much", "wrong_flat")


@dataclass(frozen=True, slots=True)
class Source:
    """A part of a payment that can still go back: a bill's share, or (None) unallocated money."""

    bill_id: int | None
    left_fen: int


def take_from(amount_fen: int, sources: Sequence[Source]) -> tuple[tuple[int | None, int], ...]:
    """Choose the parts of a refund: unallocated money first, then the newest bills first.

    `sources` come oldest first. Raises ValueError where they hold less than the amount.
    """
    unallocated = [one for one in sources if one.bill_id is None]
    newest_first = [one for one in reversed(sources) if one.bill_id is not None]
    parts: list[tuple[int | None, int]] = []
    for source in [*unallocated, *newest_first]:
        share = min(source.left_fen, amount_fen)
        if share > 0:
            parts.append((source.bill_id, share))
            amount_fen -= share
    if amount_fen:
        raise ValueError("a refund cannot take more than the payment has left")
    return tuple(parts)


def needs_approval(
    amount_fen: int, *, paid_at: datetime, now: datetime, window_days: int, automatic_fen: int
) -> bool:
    """Tell whether a person must agree: over the community's sum, or past its window."""
    is_recent = now - paid_at <= timedelta(days=window_days)
    return not (is_recent and amount_fen <= automatic_fen)


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """What holds for money that was paid for one fee item."""

    window_days: int
    automatic_fen: int
    is_refundable: bool = True
    fee_ppm: int = 0
    """The platform's fee that the payer bears, in millionths; 0 where the company bears it."""
    clause: str = ""


def strictest(terms: Sequence[RefundTerms]) -> RefundTerms:
    """Join the terms of all fee items that a refund takes from: each may only narrow it."""
    first = next((one for one in terms if not one.is_refundable), terms[0])
    return RefundTerms(
        window_days=min(one.window_days for one in terms),
        automatic_fen=min(one.automatic_fen for one in terms),
        is_refundable=first.is_refundable,
        fee_ppm=max(one.fee_ppm for one in terms),
        clause=first.clause,
    )


def fee_kept(amount_fen: int, fee_ppm: int) -> int:
    """Return the fen of a refund that stay for the platform's fee, half up, never all of it."""
    return min((amount_fen * fee_ppm + 500_000) // 1_000_000, amount_fen - 1)
