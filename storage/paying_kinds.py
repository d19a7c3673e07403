"""The words that columns about collecting, invoicing and agreeing may hold."""

from enum import StrEnum


class CashMethod(StrEnum):
    """How money comes over the counter."""

    CASH = "cash"
    POS = "pos"
    CHEQUE = "cheque"
    STATIC_QR = "static_qr"
    """The code on the wall: it names no order, so the cashier says what it was for."""
    TRANSFER = "transfer"
    """A refund that was paid to a bank account by hand."""


class BankRowState(StrEnum):
    """What became of a row of a bank statement."""

    MATCHED = "matched"
    """Paid an order, by its remark code and amount."""
    SUGGESTED = "suggested"
    """Looks like somebody's: waits for a person."""
    SUSPENSE = "suspense"
    """Money that came and nobody knows yet for what."""
    ASSIGNED = "assigned"
    """A person said for what it is."""
    SETTLEMENT = "settlement"
    """A platform paid out what it had collected."""
    PAYOUT = "payout"
    """Ours: a refund that went out."""
    RETURNED = "returned"
    """Came back (退汇), or went back to whoever sent it."""
    OTHER = "other"
    """Not residents' money: interest, bank charges, the company's own."""


class TaxInvoiceKind(StrEnum):
    """Which invoice (发票) is asked for."""

    ORDINARY = "ordinary"
    """普票."""
    SPECIAL = "special"
    """专票: needs the buyer's tax number, address, phone and bank."""


class TaxInvoiceState(StrEnum):
    """Where an application for an invoice stands."""

    APPLIED = "applied"
    EXPORTED = "exported"
    """Is in a sheet for the bureau's bulk issue."""
    ISSUED = "issued"
    DECLINED = "declined"
    REDDENED = "reddened"
    """Taken back by a red letter (红字)."""


class StatementState(StrEnum):
    """Where a platform's statement of a day stands."""

    WAITING = "waiting"
    EMPTY = "empty"
    """The platform says that nothing was traded."""
    FETCHED = "fetched"
    BROKEN = "broken"
    AGREED = "agreed"
    """Compared with our books; what differs is a difference of its own."""


class FeeBearer(StrEnum):
    """Who bears a platform's fee of a payment that goes back."""

    COMPANY = "company"
    PAYER = "payer"


class WaiverKind(StrEnum):
    """Why principal is waived (减免)."""

    ROUNDING = "rounding"
    """抹零 at the counter, within the community's limit."""
    HARDSHIP = "hardship"
    QUALITY = "quality"
    """Service that was not as promised."""
    VACANCY = "vacancy"
    COURT = "court"
    """A judgment or a settlement."""
    OTHER = "other"


class WaiverState(StrEnum):
    """Where a waiver stands."""

    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"


class WriteOffState(StrEnum):
    """Where the writing off of a debt (坏账核销) stands."""

    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"
    REVERSED = "reversed"
    """The debt is asked for again (收回已核销)."""
