"""Who works in the office."""

from sqlalchemy import Connection, select

from storage.models.people import staff


def staff_by_phone(tx: Connection, phone: str) -> int | None:
    """Return the member of staff with a phone number who still works here, or None."""
    found: int | None = tx.execute(
        select(staff.c.id).where(staff.c.phone == phone, staff.c.is_active)
    ).scalar_one_or_none()
    return found
