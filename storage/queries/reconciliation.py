"""Statements of platforms (渠道对账单): which have come, which are owed, which to compare."""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from storage.frozen import dataclass
from storage.models.operating import discrepancies
from storage.models.payments import payments
from storage.models.reconciliation import gateway_statements
from storage.paying_kinds import StatementState
from storage.periods import shanghai_day, shanghai_instant
from storage.rules.agreeing import OF_LINES

READ: Final = (StatementState.FETCHED, StatementState.EMPTY, StatementState.AGREED)
"""States in which a statement's lines count."""

BY_HAND: Final = ("bank_transfer",)
"""Gateways without a statement of a platform's: the bank's own is imported."""

FETCH_DAYS: Final = 30
"""How far back a statement that never came is still asked for."""

NEWEST: Final = 50_000
"""Payments among which yesterday's are looked for."""

COMPARE_DAYS: Final = 7
"""How far back what disagrees is looked at anew, each morning."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One platform's statement of one day, as far as it has come."""

    statement_id: int
    gateway: str
    merchant_id: str
    day_on: date
    state: StatementState
    line_count: int
    paid_fen: int
    refunded_fen: int
    fee_fen: int
    settled_fen: int
    tries: int
    agreed_at: datetime | None
    report: str
    file_name: str

    @property
    def net_fen(self) -> int:
        """What the platform owes us for the day."""
        return self.paid_fen - self.refunded_fen - self.fee_fen


_COLUMNS: Final = (
    gateway_statements.c.id.label("statement_id"),
    gateway_statements.c.gateway,
    gateway_statements.c.merchant_id,
    gateway_statements.c.day_on,
    gateway_statements.c.state,
    gateway_statements.c.line_count,
    gateway_statements.c.paid_fen,
    gateway_statements.c.refunded_fen,
    gateway_statements.c.fee_fen,
    gateway_statements.c.settled_fen,
    gateway_statements.c.tries,
    gateway_statements.c.agreed_at,
    gateway_statements.c.report,
    gateway_statements.c.file_name,
)


def _statements(tx: Connection, wanted: ColumnElement[bool]) -> list[Statement]:
    rows = tx.execute(
        select(*_COLUMNS)
        .where(wanted)
        .order_by(gateway_statements.c.day_on, gateway_statements.c.gateway)
    )
    return [Statement(**{**row._asdict(), "state": StatementState(row.state)}) for row in rows]


def statement_of(tx: Connection, statement_id: int) -> Statement:
    """Return one statement. Raises LookupError where there is none."""
    found = _statements(tx, gateway_statements.c.id == statement_id)
    if not found:
        raise LookupError(statement_id)
    return found[0]


def statements_on(tx: Connection, first_on: date, last_on: date) -> list[Statement]:
    """Return what there is of these days, oldest first."""
    return _statements(tx, gateway_statements.c.day_on.between(first_on, last_on))


def has_trades(tx: Connection, gateway: str, day: date) -> bool:
    """Tell whether one of our newest payments came by a platform on a Shanghai day."""
    newest = select(func.max(payments.c.id) - NEWEST).scalar_subquery()
    begin, end = shanghai_instant(day), shanghai_instant(day + timedelta(days=1))
    found = tx.execute(
        select(payments.c.id)
        .where(
            payments.c.id > newest,
            payments.c.gateway == gateway,
            payments.c.paid_at >= begin,
            payments.c.paid_at < end,
        )
        .limit(1)
    )
    return found.first() is not None


def days_to_fetch(tx: Connection, gateway: str, merchant_id: str, *, today: date) -> list[date]:
    """Return the days whose statement has not come: yesterday's, and whatever is missing before.

    A merchant's first day is yesterday; nothing older is asked for than `FETCH_DAYS`.
    """
    mine = and_(
        gateway_statements.c.gateway == gateway, gateway_statements.c.merchant_id == merchant_id
    )
    last_on = tx.execute(select(func.max(gateway_statements.c.day_on)).where(mine)).scalar_one()
    yesterday, oldest = today - timedelta(days=1), today - timedelta(days=FETCH_DAYS)
    owed = tx.execute(
        select(gateway_statements.c.day_on)
        .where(
            mine,
            gateway_statements.c.state.in_((StatementState.WAITING, StatementState.BROKEN)),
            gateway_statements.c.day_on.between(oldest, yesterday),
        )
        .order_by(gateway_statements.c.day_on)
    )
    first_on = max(last_on + timedelta(days=1), oldest) if last_on else yesterday
    new = (yesterday - first_on).days + 1
    return [*owed.scalars(), *(first_on + timedelta(days=n) for n in range(new))]


def to_compare(tx: Connection, *, now: datetime) -> list[Statement]:
    """Return what has not been compared yet, and once a day what still shows differences."""
    today = shanghai_day(now)
    has_open = (
        select(discrepancies.c.id)
        .where(
            discrepancies.c.closed_at.is_(None),
            discrepancies.c.kind.in_(OF_LINES),
            discrepancies.c.gateway == gateway_statements.c.gateway,
            discrepancies.c.day_on == gateway_statements.c.day_on,
        )
        .exists()
    )
    again = and_(
        gateway_statements.c.day_on >= today - timedelta(days=COMPARE_DAYS),
        gateway_statements.c.agreed_at < shanghai_instant(today),
        has_open,
    )
    return _statements(
        tx,
        and_(
            gateway_statements.c.state.in_(READ),
            or_(gateway_statements.c.agreed_at.is_(None), again),
        ),
    )


def compared_days(tx: Connection, gateway: str, merchant_id: str, since: date) -> frozenset[date]:
    """Return the days from `since` on whose statement we have read."""
    rows = tx.execute(
        select(gateway_statements.c.day_on).where(
            gateway_statements.c.gateway == gateway,
            gateway_statements.c.merchant_id == merchant_id,
            gateway_statements.c.state.in_(READ),
            gateway_statements.c.day_on >= since,
        )
    )
    return frozenset(rows.scalars())
