"""The audit trail of a record (审计): who did what to it, and when."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from storage.frozen import dataclass
from storage.models.operating import audit_records
from storage.models.people import staff


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act; `staff_name` is "" where a resident or the clock acted."""

    done_at: datetime
    act: str
    noun: str
    reference: str
    detail: str
    staff_name: str
    is_residents: bool


def audit_of(
    tx: Connection, records: Sequence[tuple[str, str]], *, limit: int = 100
) -> list[AuditLine]:
    """Return the newest acts on some records (noun, reference), the newest first.

    Asks nothing about who may see them: pass records that another query has returned.
    """
    if not records:
        return []
    rows = tx.execute(
        select(audit_records, staff.c.name)
        .outerjoin(staff, staff.c.id == audit_records.c.staff_id)
        .where(tuple_(audit_records.c.noun, audit_records.c.reference).in_(records))
        .order_by(audit_records.c.id.desc())
        .limit(limit)
    )
    return [
        AuditLine(
            row.done_at,
            row.act,
            row.noun,
            row.reference,
            row.detail,
            row.name or "",
            row.identity_id is not None,
        )
        for row in rows
    ]
