"""What UnionPay's (银联) answer codes say of a payment, of a refund, and of a call itself."""

from collections.abc import Mapping
from typing import Final

from storage.ports.payments import PaymentState, RefundState

ACCEPTED: Final = frozenset({"00", "A6"})
UNDECIDED: Final = frozenset({"03", "04", "05"})
NOT_SEEN: Final = "34"
"""No such transaction: normal until the payer has sent her card."""
DUPLICATE: Final = "12"
NO_FILE: Final = "98"
UNFUNDED: Final = "64"

_ISSUER: Final = frozenset(str(code) for code in range(60, 81)) - {UNFUNDED}
"""The bank that gave out the card said no."""
_DENIED: Final = frozenset(
    {"01", "10", "12", "13", "30", "31", "32", "33", "34", "35", "36", "38", "39", "40"}
)

PAYMENT_STATES: Final[Mapping[str, PaymentState]] = {
    **dict.fromkeys(ACCEPTED, PaymentState.PAID),
    **dict.fromkeys(UNDECIDED, PaymentState.PENDING),
    "02": PaymentState.CLOSED,
    **dict.fromkeys({*_DENIED, *_ISSUER, UNFUNDED}, PaymentState.FAILED),
    "42": PaymentState.FAILED,
}
"""How a trade ended. 42 was paid after its time: the platform gives it back by itself."""

REFUND_STATES: Final[Mapping[str, RefundState]] = {
    **dict.fromkeys(ACCEPTED, RefundState.SUCCESS),
    **dict.fromkeys(UNDECIDED, RefundState.PROCESSING),
    "02": RefundState.CLOSED,
    UNFUNDED: RefundState.CLOSED,
    **dict.fromkeys(_DENIED, RefundState.CLOSED),
    **dict.fromkeys(_ISSUER, RefundState.ABNORMAL),
}
"""How a refund that the platform took in ended; its number can never be used again."""

REFUND_REFUSALS: Final = _DENIED - {DUPLICATE} | _ISSUER
"""Answers to a call for a refund that say no for good. All others leave it unknown."""
