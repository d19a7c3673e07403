"""Applications go to the bureau's system by the sheet (批量开票), each in one sheet only."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.models.tax_invoices import tax_invoices
from storage.paying_kinds import TaxInvoiceState
from storage.periods import shanghai_day
from storage.sql import next_number


def export_batch(
    tx: Connection, community_id: int, *, actor: Actor, now: datetime
) -> tuple[str, list[int]]:
    """Put all waiting applications into a sheet for the bureau; return its number and their keys.

    Those that are in an earlier sheet stay there. Red letters are made one by one, never by sheet.
    """
    waiting = list(
        tx.execute(
            select(tax_invoices.c.id)
            .where(
                tax_invoices.c.community_id == community_id,
                tax_invoices.c.state == TaxInvoiceState.APPLIED,
                tax_invoices.c.reddens_id.is_(None),
            )
            .order_by(tax_invoices.c.id)
            .with_for_update()
        ).scalars()
    )
    if not waiting:
        return "", []
    day = shanghai_day(now)
    batch_no = f"K{day:%y%m%d}{next_number(tx, f'tax_batch:{day:%y%m%d}'):03d}"
    tx.execute(
        update(tax_invoices)
        .where(tax_invoices.c.id.in_(waiting))
        .values(state=TaxInvoiceState.EXPORTED, batch_no=batch_no)
    )
    audit.note(tx, actor, "export", "tax_invoice", batch_no, at=now, detail=str(len(waiting)))
    return batch_no, waiting
