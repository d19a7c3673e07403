"""An application's form on a page (发票): it acts on the application that was shown, or on none."""

from datetime import date, datetime

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.counter_errors import ReasonMissing
from storage.frozen import dataclass
from storage.models.tax_invoices import tax_invoices
from storage.operations.tax_invoices import (
    BureauNumber,
    decline_tax_invoice,
    keep_file,
    note_issued,
)
from storage.queries.residents import Staff
from storage.tax_errors import UnknownTaxInvoice


@dataclass(frozen=True, slots=True)
class IssuedForm:
    """The number that the bureau gave on a day, and the file of the invoice, b"" for none."""

    application_no: str
    seen: str
    tax_invoice_no: str
    issued_on: date
    file_name: str
    content: bytes


def note_issued_as_seen(tx: Connection, form: IssuedForm, *, by: Staff, now: datetime) -> bool:
    """Write down an issued invoice with its file, or nothing; False where it has moved on.

    Raises UnknownTaxInvoice, TaxInvoiceStateWrong, TaxFileRefused.
    """
    if not _stands(tx, form.application_no, form.seen, by):
        return False
    given = BureauNumber(form.application_no, form.tax_invoice_no, form.issued_on)
    actor = Actor(by.staff_id)
    note_issued(tx, given, actor=actor, now=now)
    if form.content:
        name = form.file_name
        keep_file(tx, form.application_no, name, form.content, actor=actor, now=now)
    return True


def decline_as_seen(
    tx: Connection, application_no: str, seen: str, reason: str, *, by: Staff, now: datetime
) -> bool:
    """Decline an application with a reason; False where it has moved on since it was shown.

    Raises UnknownTaxInvoice, ReasonMissing, TaxInvoiceStateWrong.
    """
    if not _stands(tx, application_no, seen, by):
        return False
    if not reason.strip():
        raise ReasonMissing
    actor = Actor(by.staff_id)
    decline_tax_invoice(tx, application_no, reason.strip(), actor=actor, now=now)
    return True


def _stands(tx: Connection, application_no: str, seen: str, by: Staff) -> bool:
    """Lock an application and tell whether it is in the state that was shown."""
    state = tx.execute(
        select(tax_invoices.c.state)
        .where(
            tax_invoices.c.application_no == application_no,
            tax_invoices.c.community_id.in_(by.community_ids),
        )
        .with_for_update()
    ).scalar_one_or_none()
    if state is None:
        raise UnknownTaxInvoice(application_no)
    return bool(state == seen)
