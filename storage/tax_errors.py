"""Refusals about tax invoices (发票)."""

from dataclasses import dataclass

from storage.errors import Refusal


@dataclass(eq=False)
class NoTaxInvoice(Refusal):
    """Nothing of this payment can be invoiced: it went back, or its fees have no tax code."""


@dataclass(eq=False)
class TaxInvoiceTaken(Refusal):
    """An invoice of this payment is applied for, or issued, already."""

    application_no: str


@dataclass(eq=False)
class TitleRefused(Refusal):
    """The title (抬头) is none: empty, too long, or only signs."""


@dataclass(eq=False)
class TaxNoRefused(Refusal):
    """The tax number cannot be one."""

    tax_no: str


@dataclass(eq=False)
class SpecialNeedsMore(Refusal):
    """A special invoice (专票) needs the buyer's address, phone, bank and account too."""


@dataclass(eq=False)
class UnknownTaxInvoice(Refusal):
    """No such application here."""

    application_no: str


@dataclass(eq=False)
class TaxInvoiceStateWrong(Refusal):
    """The application is no longer where this step begins."""

    application_no: str


@dataclass(eq=False)
class TaxFileRefused(Refusal):
    """The file is no PDF, OFD or XML, or is larger than five megabytes."""
