"""Which platforms' payouts (划付) should have come to the bank, and for how many fen."""

from datetime import date
from typing import Final

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.reconciliation import gateway_statements
from storage.paying_kinds import StatementState
from storage.workdays import is_workday

LATE_AFTER: Final = 3
"""Workdays after which a payout should be at the bank."""


@dataclass(frozen=True, slots=True)
class ExpectedSettlement:
    """A day of a platform whose money has not come yet."""

    gateway: str
    merchant_id: str
    day_on: date
    gross_fen: int
    """Paid less refunded."""
    fee_fen: int
    is_watched: bool
    """Payouts of this platform have come to an account of ours before."""

    @property
    def net_fen(self) -> int:
        """What the bank should be credited."""
        return self.gross_fen - self.fee_fen

    def is_overdue(self, today: date) -> bool:
        """Tell whether enough workdays have passed for it to be missed."""
        days = (date.fromordinal(n) for n in range(self.day_on.toordinal() + 1, today.toordinal()))
        return self.is_watched and sum(map(is_workday, days)) > LATE_AFTER


def expected_settlements(tx: Connection, gateway: str | None = None) -> list[ExpectedSettlement]:
    """Return the days, of one platform or of all, for which money should come; oldest first.

    A day whose refunds are as much as its payments has none.
    """
    one = gateway_statements.c
    watched = set(tx.execute(select(one.gateway).where(one.settled_fen != 0).distinct()).scalars())
    wanted = (
        select(
            one.gateway,
            one.merchant_id,
            one.day_on,
            (one.paid_fen - one.refunded_fen).label("gross_fen"),
            one.fee_fen,
        )
        .where(
            one.state.in_((StatementState.FETCHED, StatementState.AGREED)),
            one.settled_fen == 0,
            one.paid_fen - one.refunded_fen - one.fee_fen > 0,
        )
        .order_by(one.day_on, one.gateway)
    )
    if gateway is not None:
        wanted = wanted.where(one.gateway == gateway)
    return [ExpectedSettlement(*row, row.gateway in watched) for row in tx.execute(wanted)]
