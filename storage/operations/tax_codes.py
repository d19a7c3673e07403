"""The tax code (税收分类编码) and rate of a fee item, from a day on."""

from datetime import date, datetime

from sqlalchemy import Connection

from storage import audit
from storage.audit import CLOCK
from storage.models.tax_invoices import tax_codes
from storage.sql import insert


def set_tax_code(
    tx: Connection,
    fee_item_id: int,
    tax_code: str,
    rate_e4: int,
    *,
    effective_on: date,
    now: datetime,
) -> None:
    """Write the code (19 digits) and rate (600 is 6 %) that hold from a Shanghai day on."""
    values = {"tax_code": tax_code, "rate_e4": rate_e4}
    tx.execute(
        insert(tx, tax_codes)
        .values(fee_item_id=fee_item_id, effective_on=effective_on, **values)
        .on_conflict_do_update(index_elements=["fee_item_id", "effective_on"], set_=values)
    )
    detail = f"{effective_on} {tax_code} {rate_e4}"
    audit.note(tx, CLOCK, "choose", "tax_code", str(fee_item_id), at=now, detail=detail)
