"""How a day's reconciliation came out (对账结果), for those who look after the money."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection

from storage.events import DayReconciled
from storage.frozen import dataclass
from storage.paying_kinds import StatementState
from storage.queries.differences import (
    Difference,
    DifferenceNote,
    count_differences,
    differences_on,
    healed_on,
    history_of,
)
from storage.queries.reconciliation import Statement, has_trades, statements_on
from storage.queries.residents import staff_member


def result_on(tx: Connection, day: date, *, staff_id: int) -> DayReconciled:
    """Return a day's result as one member of staff is told it: tasks are those of her offices."""
    member = staff_member(tx, staff_id)
    served = member.community_ids if member is not None else ()
    open_here = Counter(
        one.kind for one in differences_on(tx, day, community_ids=served) if one.closed_at is None
    )
    return DayReconciled(
        day=day.isoformat(),
        staff_id=staff_id,
        gateways=tuple(_line(tx, one) for one in statements_on(tx, day, day)),
        found=tuple(sorted(open_here.items())),
        healed=healed_on(tx, day),
        open_count=count_differences(tx, served),
    )


QUIET: Final = "quiet"
"""What a statement is called that has not come, of a day on which nobody paid by its platform."""


def _line(tx: Connection, one: Statement) -> tuple[str, str, int, int, int, int]:
    is_quiet = one.state is StatementState.WAITING and not has_trades(tx, one.gateway, one.day_on)
    return (
        one.gateway,
        QUIET if is_quiet else str(one.state),
        one.line_count,
        one.paid_fen,
        one.refunded_fen,
        one.fee_fen,
    )


SHOWN_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class DayPage:
    """A day of reconciliation as its page shows it."""

    days: tuple[date, ...]
    """The newest days of which there is any statement."""
    statements: tuple[Statement, ...]
    differences: tuple[tuple[Difference, tuple[DifferenceNote, ...]], ...]
    open_count: int


def page_of(tx: Connection, day: date, *, today: date, community_ids: Sequence[int]) -> DayPage:
    """Return a day's statements and differences, with the days that one may turn to."""
    known = statements_on(tx, today - timedelta(days=SHOWN_DAYS), today)
    found = [
        history_of(tx, one.number, community_ids=community_ids)
        for one in differences_on(tx, day, community_ids=community_ids)
    ]
    return DayPage(
        tuple(sorted({one.day_on for one in known}, reverse=True)),
        tuple(statements_on(tx, day, day)),
        tuple(one for one in found if one is not None),
        count_differences(tx, community_ids),
    )
