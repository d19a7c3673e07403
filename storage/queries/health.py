"""Whether the books can be read, and how much waits in them."""

from sqlalchemy import Connection, func, select

from storage.frozen import dataclass
from storage.kinds import OrderState, OutboxState, StaffRole
from storage.models.estate import communities
from storage.models.messages import outbox
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments
from storage.models.people import staff, staff_communities
from storage.queries.payees import all_payees
from storage.queries.troubles import open_alarms


@dataclass(frozen=True, slots=True)
class Pulse:
    """Counts for whoever watches over the bot."""

    messages: dict[str, int]
    """Outbox rows by state."""
    open_orders: int
    payments: int
    open_discrepancies: int
    alarms: dict[str, int]
    """Alarms that have not ended, by kind."""


def is_readable(tx: Connection) -> bool:
    """Read one row of the books. Raises where they cannot be read."""
    tx.execute(select(payments.c.id).limit(1)).all()
    return True


def pulse(tx: Connection) -> Pulse:
    """Count what waits and what was done."""
    rows = tx.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
    counts = {str(state): 0 for state in OutboxState} | {row[0]: row[1] for row in rows}
    is_open = payment_orders.c.state == OrderState.OPEN
    unsettled = discrepancies.c.closed_at.is_(None)
    return Pulse(
        counts,
        tx.execute(select(func.count()).where(is_open)).scalar_one(),
        tx.execute(select(func.count(payments.c.id))).scalar_one(),
        tx.execute(select(func.count()).where(unsettled)).scalar_one(),
        open_alarms(tx),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What an operator should know of the books before residents do."""

    journal: str
    """SQLite's journal mode as its file says it, "" on PostgreSQL."""
    silent: tuple[str, ...]
    """Communities whose opening sheet is not signed."""
    unreachable: tuple[str, ...]
    """Communities without an office's phone."""
    unmanaged: tuple[str, ...]
    """Communities that no manager serves."""
    differences: tuple[tuple[str, str, str], ...]
    """(kind, reference, detail) of the newest open contradictions."""
    collected_through: tuple[tuple[str, str], ...] = ()
    """(payee, gateway) as the office has named them."""


def standing(tx: Connection, *, limit: int) -> Standing:
    """Look at every community, and at `limit` of the open contradictions."""
    journal = ""
    if tx.dialect.name == "sqlite":
        journal = tx.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    rows = tx.execute(select(communities).order_by(communities.c.id)).all()
    managed = set(
        tx.execute(
            select(staff_communities.c.community_id)
            .join(staff, staff.c.id == staff_communities.c.staff_id)
            .where(staff.c.role == StaffRole.MANAGER, staff.c.is_active)
        ).scalars()
    )
    denied = tx.execute(
        select(discrepancies.c.kind, discrepancies.c.reference, discrepancies.c.detail)
        .where(discrepancies.c.closed_at.is_(None))
        .order_by(discrepancies.c.id.desc())
        .limit(limit)
    )
    return Standing(
        journal,
        tuple(row.name for row in rows if row.opened_at is None),
        tuple(row.name for row in rows if not row.phone),
        tuple(row.name for row in rows if row.id not in managed),
        tuple((row.kind, row.reference, row.detail) for row in denied),
        tuple((one.name, gateway) for one in all_payees(tx) for gateway in one.gateways),
    )
