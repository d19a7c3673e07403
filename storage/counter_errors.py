"""Every refusal at the counter (收款台): money taken, voided, handed in, waived or paid out."""

from dataclasses import dataclass
from datetime import date

from storage.errors import Refusal


@dataclass(eq=False)
class TooLittle(Refusal):
    """Less than the chosen bills come to, where the community takes no part of a bill."""

    open_fen: int


@dataclass(eq=False)
class SurplusNotSaid(Refusal):
    """More than the chosen bills come to, and nobody said that the rest is put aside."""

    surplus_fen: int


@dataclass(eq=False)
class SlipMissing(Refusal):
    """A way that leaves a number behind, and the number was not said."""


@dataclass(eq=False)
class SlipTaken(Refusal):
    """This slip or cheque is in the books already."""

    reference: str
    voucher_no: str


@dataclass(eq=False)
class DayRefused(Refusal):
    """Money cannot have come on that day: it is to come, or too long ago."""

    day_on: date


@dataclass(eq=False)
class RoundingRefused(Refusal):
    """More would be dropped (抹零) than the community lets a cashier drop."""

    limit_fen: int


@dataclass(eq=False)
class RequestReused(Refusal):
    """The same request was made before, with other contents."""

    voucher_no: str


@dataclass(eq=False)
class UnknownVoucher(Refusal):
    """No such voucher at this cashier's counter."""

    voucher_no: str


@dataclass(eq=False)
class VoucherFinal(Refusal):
    """A voucher that can no longer be voided: the day is closed, or its money moved on."""

    voucher_no: str


@dataclass(eq=False)
class NothingToHandIn(Refusal):
    """No voucher waits for a close."""


@dataclass(eq=False)
class DayClosed(Refusal):
    """This cashier has closed this day already."""

    day_on: date


@dataclass(eq=False)
class UnknownSheet(Refusal):
    """No such hand-in sheet that waits to be received in these communities."""

    sheet_no: str


@dataclass(eq=False)
class NotWaivable(Refusal):
    """Of this bill no more than this may be waived; of a deposit nothing."""

    left_fen: int


@dataclass(eq=False)
class AttachmentMissing(Refusal):
    """A waiver without the paper that proves it."""


@dataclass(eq=False)
class UnknownWaiver(Refusal):
    """No such waiver waits in these communities."""

    waiver_no: str


@dataclass(eq=False)
class PayoutMissing(Refusal):
    """A refund past the platform's window, without an account to pay it to."""


@dataclass(eq=False)
class ReasonMissing(Refusal):
    """A step that has to say why, and does not."""
