"""Whom a community may speak to unasked: nobody, its pilot households, or all."""

from sqlalchemy import ColumnElement, Connection, false, select, true

from storage.models.estate import communities, units


def spoken_to(tx: Connection, community_id: int) -> ColumnElement[bool]:
    """Return the condition on units that holds for those who may be spoken to unasked.

    Nobody before a manager has signed the opening sheet; then the chosen pilot households; all
    from the day that she widens it.
    """
    row = tx.execute(
        select(communities.c.opened_at, communities.c.widened_at).where(
            communities.c.id == community_id
        )
    ).one_or_none()
    if row is None or row.opened_at is None:
        return false()
    return true() if row.widened_at is not None else units.c.is_pilot == 1
