"""One application for an invoice (发票) as the office works on it, and the list of them."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.tax_invoices import tax_invoices
from storage.paying_kinds import TaxInvoiceState
from storage.queries.audits import AuditLine, audit_of
from storage.queries.tax_invoices import TaxInvoiceView, tax_invoices_by_key
from storage.tax_errors import UnknownTaxInvoice


@dataclass(frozen=True, slots=True)
class TaxInvoiceInFull:
    """An application, what became of it, and who did what."""

    view: TaxInvoiceView
    payment_id: int
    issued_on: date | None
    reason: str
    """Why it was declined."""
    has_file: bool
    history: tuple[AuditLine, ...]


def page_of_tax_invoices(
    tx: Connection,
    states: Collection[TaxInvoiceState],
    *,
    community_ids: Sequence[int],
    before_key: int,
    limit: int,
) -> list[TaxInvoiceView]:
    """Return some applications that stand so, the newest first; `before_key` 0 for the first."""
    asked = select(tax_invoices.c.id).where(
        tax_invoices.c.community_id.in_(community_ids), tax_invoices.c.state.in_(states)
    )
    if before_key:
        asked = asked.where(tax_invoices.c.id < before_key)
    keys = list(tx.execute(asked.order_by(tax_invoices.c.id.desc()).limit(limit)).scalars())
    return tax_invoices_by_key(tx, keys)[::-1]


def tax_invoice_in_full(
    tx: Connection, application_no: str, *, community_ids: Sequence[int]
) -> TaxInvoiceInFull:
    """Return an application of these communities. Raises UnknownTaxInvoice."""
    row = tx.execute(
        select(
            tax_invoices.c.id,
            tax_invoices.c.payment_id,
            tax_invoices.c.issued_on,
            tax_invoices.c.reason,
            tax_invoices.c.file_name,
        ).where(
            tax_invoices.c.application_no == application_no,
            tax_invoices.c.community_id.in_(community_ids),
        )
    ).one_or_none()
    if row is None:
        raise UnknownTaxInvoice(application_no)
    return TaxInvoiceInFull(
        tax_invoices_by_key(tx, [row.id])[0],
        row.payment_id,
        row.issued_on,
        row.reason,
        bool(row.file_name),
        tuple(audit_of(tx, [("tax_invoice", application_no)])),
    )
