"""Which months are closed (结账)."""

from sqlalchemy import Connection, select

from storage.models.tariffs import period_closes


def closed_periods(tx: Connection, community_id: int) -> frozenset[str]:
    """Return the months of a community that are closed now, as "2025-03"."""
    rows = tx.execute(
        select(period_closes.c.period).where(
            period_closes.c.community_id == community_id, period_closes.c.reopened_at.is_(None)
        )
    )
    return frozenset(rows.scalars())
