"""Every expected trouble with what is charged: tariffs, meters, shares, formulas, deposits."""

from dataclasses import dataclass
from datetime import date

from storage.errors import Refusal
from storage.kinds import ChargeInput


@dataclass(eq=False)
class TariffOverlaps(Refusal):
    """Another price of the same fee is in force on one of the days."""

    fee_item: str
    taken_from_on: date


@dataclass(eq=False)
class TariffGap(Refusal):
    """No price of the fee is in force on a day that is to be charged."""

    missing_on: date
    row: str = ""


@dataclass(eq=False)
class InputMissing(Refusal):
    """A charge cannot be worked out because something of the unit is not known."""

    what: ChargeInput
    row: str = ""


@dataclass(eq=False)
class InputRefused(Refusal):
    """A number that a charge is worked out from can not be right."""

    what: ChargeInput
    found: str
    row: str = ""


@dataclass(eq=False)
class ReadingLower(Refusal):
    """A meter shows less than before, and nobody has said that it turned over or was replaced."""

    found: str
    before: str
    row: str = ""


@dataclass(eq=False)
class UnknownMeter(Refusal):
    """No such meter runs there."""

    meter_no: str


@dataclass(eq=False)
class MeterTaken(Refusal):
    """A meter of that number is in use, or another one runs in its place."""

    meter_no: str


@dataclass(eq=False)
class DialUnknown(Refusal):
    """A meter turned past zero and nobody has written down how many digits it has."""

    meter_no: str


@dataclass(eq=False)
class ReadingDayRefused(Refusal):
    """A reading cannot be of that day: it is to come, or the meter was not there."""

    read_on: date


@dataclass(eq=False)
class ReadingStands(Refusal):
    """Another reading of the meter counts that day."""

    counted: str


@dataclass(eq=False)
class UnknownReading(Refusal):
    """No such reading waits for this person's answer."""


@dataclass(eq=False)
class NobodyShares(Refusal):
    """A cost is to be shared among units that have no weight at all."""

    row: str = ""


@dataclass(eq=False)
class FormulaTooLong(Refusal):
    """A formula has more letters, or more parts, than we take."""

    limit_chars: int
    row: str = ""


@dataclass(eq=False)
class FormulaTooDeep(Refusal):
    """A formula is nested deeper than we take."""

    row: str = ""


@dataclass(eq=False)
class FormulaNotAllowed(Refusal):
    """A formula has a part that is no arithmetic of ours."""

    found: str
    row: str = ""


@dataclass(eq=False)
class FormulaUnknownName(Refusal):
    """A formula names an input that there is not."""

    found: str
    row: str = ""


@dataclass(eq=False)
class FormulaDividesByZero(Refusal):
    """A formula divides by zero with the inputs of a unit."""

    row: str = ""


@dataclass(eq=False)
class FormulaTooLarge(Refusal):
    """A formula makes a number that is too large, or too fine, to be money."""

    row: str = ""


@dataclass(eq=False)
class FormulaBelowZero(Refusal):
    """A formula gives less than nothing for a unit."""

    row: str = ""


@dataclass(eq=False)
class PeriodClosed(Refusal):
    """The month is closed: no new bill of it is made."""

    period: str


@dataclass(eq=False)
class PeriodNotOver(Refusal):
    """Only a month that is over can be closed."""

    period: str


@dataclass(eq=False)
class CannotReissue(Refusal):
    """A bill cannot be made anew: nothing is charged now, or a later one stands in its place."""

    bill_no: str


@dataclass(eq=False)
class WaiverTooMuch(Refusal):
    """More of a late fee was to be waived than is left of it."""

    left_fen: int


@dataclass(eq=False)
class ClauseMissing(Refusal):
    """A late fee is only charged with the clause of the contract that says so."""


@dataclass(eq=False)
class PrepayOutOfRange(Refusal):
    """So much, or so little, is not put aside at once."""

    least_fen: int
    most_fen: int


@dataclass(eq=False)
class PrepayNotOffered(Refusal):
    """This fee item is not one that can be paid ahead."""

    item_name: str


@dataclass(eq=False)
class SharingNotAllowed(Refusal):
    """Nobody has named on what legal basis this community may share costs."""

    community_name: str


@dataclass(eq=False)
class SharedCostTaken(Refusal):
    """This cost of this month is shared already."""

    scope_label: str


@dataclass(eq=False)
class UnknownSharedCost(Refusal):
    """No such shared cost."""

    reference: str


@dataclass(eq=False)
class SharedCostStateWrong(Refusal):
    """The shared cost is no longer where this step starts."""

    scope_label: str
    state: str


@dataclass(eq=False)
class UnknownDeposit(Refusal):
    """No such deposit."""

    reference: str


@dataclass(eq=False)
class DepositTooMuch(Refusal):
    """More was to be taken of a deposit than is held of it."""

    left_fen: int


@dataclass(eq=False)
class EvidenceMissing(Refusal):
    """A deposit is not deducted from without evidence and its payer's agreement."""


@dataclass(eq=False)
class CycleBroken(Refusal):
    """A price with another billing cycle would begin within a span of the one before."""

    fee_item: str
    begins_on: date
