"""Which prepayments (预存) pay which bills: a fee item's own first, then general money."""

from collections.abc import Mapping, Sequence
from typing import Final

from storage.frozen import dataclass

GENERAL: Final = None
"""The purpose of money that may pay any fee item."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open on a bill of a fee item."""

    bill_id: int
    fee_item_id: int
    open_fen: int


@dataclass(frozen=True, slots=True)
class Draw:
    """Fen taken from a prepayment, of one fee item or general (None), for a bill."""

    bill_id: int
    fee_item_id: int | None
    amount_fen: int


def draw(owed: Sequence[Owed], balances: Mapping[int | None, int]) -> tuple[Draw, ...]:
    """Return what prepayments pay of bills; callers give the bills oldest first.

    No balance is overdrawn, no bill is paid more than is open, and nothing is left where a balance
    and a bill that it may pay remain. Raises ValueError for a balance below zero.
    """
    left = dict(balances)
    if min(left.values(), default=0) < 0:
        raise ValueError("a prepayment is never below zero")
    found: list[Draw] = []
    for bill in owed:
        open_fen = max(bill.open_fen, 0)
        for purpose in (bill.fee_item_id, GENERAL):
            taken = min(open_fen, left.get(purpose, 0))
            if taken:
                left[purpose] -= taken
                open_fen -= taken
                found.append(Draw(bill.bill_id, purpose, taken))
    return tuple(found)
