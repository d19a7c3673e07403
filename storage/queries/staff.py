"""Who works in the office."""

from sqlalchemy import Connection, select

from storage.kinds import StaffRole
from storage.models.people import staff, staff_communities


def staff_by_phone(tx: Connection, phone: str) -> int | None:
    """Return the member of staff with a phone number who still works here, or None."""
    found: int | None = tx.execute(
        select(staff.c.id).where(staff.c.phone == phone, staff.c.is_active)
    ).scalar_one_or_none()
    return found


def is_manager(tx: Connection, staff_id: int, community_id: int) -> bool:
    """Tell whether somebody who works here now manages a community."""
    asked = (
        select(staff.c.id)
        .join(staff_communities, staff_communities.c.staff_id == staff.c.id)
        .where(
            staff.c.id == staff_id,
            staff.c.is_active,
            staff.c.role == StaffRole.MANAGER,
            staff_communities.c.community_id == community_id,
        )
    )
    return tx.execute(asked).first() is not None
