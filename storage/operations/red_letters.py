"""Money of an invoiced payment goes back: the invoice must be taken back in red (红字)."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from storage.audit import CLOCK
from storage.events import StaffTask
from storage.models.tax_invoices import tax_invoice_lines, tax_invoices
from storage.operations.tax_invoices import (
    LIVE,
    decline_tax_invoice,
    label_of,
    tell_office,
    write_application,
)
from storage.paying_kinds import TaxInvoiceState
from storage.queries.tax_invoices import TaxLine

REFUNDED: Final = "refunded"
"""Why the clock declines: the money went back before the invoice was made."""


def redden_after_refund(tx: Connection, payment_id: int, *, now: datetime) -> str | None:
    """Money of an invoiced payment went back: ask the office for a red letter, once.

    An application that is not issued yet is made anew for what is left, or declined where nothing
    is. Returns the number of what the office has to do, None where there is nothing.
    """
    row = tx.execute(
        select(tax_invoices)
        .where(
            tax_invoices.c.payment_id == payment_id,
            tax_invoices.c.state.in_(LIVE),
            tax_invoices.c.reddens_id.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    if row.state != TaxInvoiceState.ISSUED:
        decline_tax_invoice(tx, row.application_no, REFUNDED, actor=CLOCK, now=now)
        return None
    open_red = tx.execute(
        select(func.count()).select_from(tax_invoices).where(tax_invoices.c.reddens_id == row.id)
    ).scalar_one()
    if open_red:
        return None
    values = {
        name: getattr(row, name)
        for name in (
            *("payment_id", "receipt_id", "community_id", "payee_id", "identity_id", "kind"),
            *("title", "tax_no", "address", "phone", "bank_name", "bank_account", "email"),
        )
    }
    lines = [
        TaxLine(one.name, one.tax_code, one.rate_e4, -one.amount_fen)
        for one in tx.execute(
            select(tax_invoice_lines).where(tax_invoice_lines.c.invoice_id == row.id)
        )
    ]
    values |= {"amount_fen": -row.amount_fen, "reddens_id": row.id}
    red = write_application(tx, values, lines, now)
    task = StaffTask(
        "red_letter", red.application_no, label_of(tx, red), row.amount_fen, row.invoice_no
    )
    tell_office(tx, task, red, now)
    return str(red.application_no)
