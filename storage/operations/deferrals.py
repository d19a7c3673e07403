"""Income of other months (递延收入、未开单收入): set apart at issue, taken back with the bill."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, cast, literal, null, select, union_all, update

from storage import ledger
from storage.kinds import Account
from storage.many import Rows
from storage.models.bills import bills
from storage.models.deferrals import deferrals
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.closes import closed_periods
from storage.rules.recognition import Parts

KEY: Final = "recognise"
"""The key of a month's entry is "recognise:2027-02:B2027-01-000001": its month, then its bill."""

MEMO: Final = "结转收入"
AT_ONCE: Final = 1000

_ROWS: Final = Rows(deferrals, "bill_id", "period", "amount_fen")


def defer(tx: Connection, bills_parts: Iterable[tuple[int, Parts]]) -> None:
    """Write down which other months earn of bills (key, parts); their entries are the caller's."""
    _ROWS.insert(
        tx,
        [(bill_id, str(period), fen) for bill_id, parts in bills_parts for period, fen in parts],
    )


def recognise(tx: Connection, *, community_id: int, now: datetime, limit: int = AT_ONCE) -> int:
    """Book what waits as income of its month, if that has come; return how many parts.

    The caller holds the community's billing.
    """
    today = shanghai_day(now)
    waiting = tx.execute(
        select(deferrals.c.id, deferrals.c.period)
        .join(bills, bills.c.id == deferrals.c.bill_id)
        .where(
            bills.c.community_id == community_id,
            bills.c.voided_at.is_(None),
            deferrals.c.recognised_at.is_(None),
            deferrals.c.period <= str(BillingPeriod.of(today)),
        )
        .order_by(deferrals.c.period, deferrals.c.bill_id)
        .limit(limit)
    ).all()
    by_month: dict[str, list[int]] = {}
    for row in waiting:
        by_month.setdefault(row.period, []).append(row.id)
    closed = closed_periods(tx, community_id)
    for period, ids in by_month.items():
        first_on = BillingPeriod.parse(period).first_on
        ledger.post_select(
            tx,
            _legs(ids),
            memo=MEMO,
            community_id=community_id,
            posted_at=now,
            effective_on=today if period in closed else first_on,
        )
        tx.execute(update(deferrals).where(deferrals.c.id.in_(ids)).values(recognised_at=now))
    return len(waiting)


def _legs(ids: Sequence[int]) -> Any:  # noqa: ANN401 - a SELECT
    key = literal(f"{KEY}:").concat(deferrals.c.period).concat(":").concat(bills.c.bill_no)
    of_bill = deferrals.join(bills, bills.c.id == deferrals.c.bill_id)
    legs = [
        select(
            key.label("entry_key"),
            literal(str(account)).label("account"),
            cast(null(), BigInteger).label("unit_id"),
            amount_fen.label("amount_fen"),
        )
        .select_from(of_bill)
        .where(deferrals.c.id.in_(ids))
        for account, amount_fen in (
            (Account.DEFERRED, deferrals.c.amount_fen),
            (Account.INCOME, -deferrals.c.amount_fen),
        )
    ]
    return union_all(*legs)


def take_back(tx: Connection, bill_id: int, bill_no: str, *, now: datetime) -> None:
    """Answer each month's entry of a bill that is voided by its opposite, once."""
    months = tx.execute(
        select(deferrals.c.period)
        .where(deferrals.c.bill_id == bill_id, deferrals.c.recognised_at.is_not(None))
        .order_by(deferrals.c.period)
    ).scalars()
    for period in list(months):
        ledger.reverse(tx, key=f"{KEY}:{period}:{bill_no}", memo="作废", posted_at=now)
