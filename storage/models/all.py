"""Every table: what migrations compare the schema with."""

from sqlalchemy import text as sql

from storage.models import (
    bank,
    bills,
    console,
    deferrals,
    dunning,
    estate,
    late_fees,
    ledger,
    messages,
    meters,
    month_reports,
    notices,
    offline,
    operating,
    owners_words,
    payees,
    payments,
    people,
    policies,
    prepayments,
    ratings,
    reconciliation,
    refund_terms,
    sharing,
    talks,
    tariffs,
    tax_invoices,
    tickets,
    work_chats,
    works,
    write_offs,
)
from storage.models.base import metadata

FAMILIES = (
    estate,
    people,
    policies,
    bills,
    ledger,
    payments,
    messages,
    notices,
    operating,
    tariffs,
    meters,
    sharing,
    late_fees,
    prepayments,
    dunning,
    deferrals,
    payees,
    bank,
    offline,
    tax_invoices,
    reconciliation,
    refund_terms,
    tickets,
    ratings,
    talks,
    write_offs,
    owners_words,
    console,
    month_reports,
    works,
    work_chats,
)

ENGINES = ("postgresql", "sqlite")

for _index in (one for table in metadata.tables.values() for one in table.indexes):
    for _engine in ENGINES if "where" in _index.info else ():
        _index.dialect_options[_engine]["where"] = sql(_index.info["where"])

__all__ = ["FAMILIES", "metadata"]
