"""What a community has chosen, as of a day."""

from datetime import date, time

from sqlalchemy import Connection, bindparam, select

from storage.frozen import dataclass
from storage.models.policies import policies


@dataclass(frozen=True, slots=True)
class Policy:
    """A community's choices in force on a day."""

    refund_window_days: int = 30
    refund_automatic_fen: int = 0
    refund_any_cause: bool = False
    reminder_days: tuple[int, ...] = (-3, 0, 3, 10, 20)
    weekly_cap: int = 2
    quiet_from: time = time(21, 0)
    quiet_until: time = time(8, 30)
    broadcast_approval_over: int = 200
    issue_day: int = 1
    bind_needs_code: bool = True
    collection_closed: str = ""
    sharing_basis: str = ""
    """The clause or decision by which costs may be shared (公摊), "" where none does."""


_LATEST = (
    select(policies)
    .where(
        policies.c.community_id == bindparam("community_id"),
        policies.c.effective_on <= bindparam("day"),
    )
    .order_by(policies.c.effective_on.desc())
    .limit(1)
)


def policy_on(tx: Connection, community_id: int, day: date = date.max) -> Policy:
    """Return the choices in force on a Shanghai day (default: the newest)."""
    row = tx.execute(_LATEST, {"community_id": community_id, "day": day}).one_or_none()
    if row is None:
        return Policy()
    return Policy(
        refund_window_days=row.refund_window_days,
        refund_automatic_fen=row.refund_automatic_fen,
        refund_any_cause=bool(row.refund_any_cause),
        reminder_days=tuple(int(one) for one in row.reminder_days.split(",") if one.strip()),
        weekly_cap=row.weekly_cap,
        quiet_from=time.fromisoformat(row.quiet_from),
        quiet_until=time.fromisoformat(row.quiet_until),
        broadcast_approval_over=row.broadcast_approval_over,
        issue_day=row.issue_day,
        bind_needs_code=bool(row.bind_needs_code),
        collection_closed=row.collection_closed,
        sharing_basis=row.sharing_basis,
    )
