"""Every refusal when a debt is written off (坏账核销) or asked for again."""

from dataclasses import dataclass

from storage.errors import Refusal


@dataclass(eq=False)
class NotBadDebt(Refusal):
    """No debt to us that fell due: a deposit, a fee for others, a renewal, void, or not due yet."""

    bill_no: str


@dataclass(eq=False)
class NothingOwed(Refusal):
    """The bill was paid, waived or written off: nothing is open of it."""

    bill_no: str


@dataclass(eq=False)
class BillDisputed(Refusal):
    """A resident says that the bill is wrong, and nobody has answered her yet."""

    bill_no: str


@dataclass(eq=False)
class PaymentUnderWay(Refusal):
    """A payment order for the bill is open: its money may come at any moment."""

    bill_no: str


@dataclass(eq=False)
class DebtChanged(Refusal):
    """Other fen are open of the bill than were asked for; no money moved."""

    open_fen: int


@dataclass(eq=False)
class WriteOffReasonMissing(Refusal):
    """A write-off without its reason, or without what proves that nobody pays."""


@dataclass(eq=False)
class UnknownWriteOff(Refusal):
    """No such write-off in these communities at this step."""

    write_off_no: str
