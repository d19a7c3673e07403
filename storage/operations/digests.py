"""What managers hear by themselves (周报、月报): on Mondays the last week, on the first a month."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection

from storage.events import FiguresTold
from storage.kinds import StaffRole, Urgency
from storage.outbox import Addressee, enqueue, is_known
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.collection import Question, collected
from storage.queries.debt_ages import debts_by_age
from storage.queries.debt_moves import Days, Scope
from storage.queries.estate import Community, all_communities
from storage.queries.month_facts import month_facts
from storage.queries.residents import staff_identities
from storage.queries.takings import takings

WEEK: Final = "week"
MONTH: Final = "month"
LATE_DAYS: Final = 3
"""A digest that an outage held up is sent for so many days; then it is no news any more."""


def digests_due(today: date) -> list[tuple[str, Days]]:
    """Return what is due on a Shanghai day: (which, the days that it tells of)."""
    due = []
    if today.weekday() < LATE_DAYS:
        monday = today - timedelta(days=today.weekday())
        due.append((WEEK, Days(monday - timedelta(days=7), monday - timedelta(days=1))))
    if today.day <= LATE_DAYS:
        due.append((MONTH, Days.of(BillingPeriod.of(today).plus(-1))))
    return due


class Digest(NamedTuple):
    """A digest that one manager has not heard yet."""

    event: FiguresTold
    hearer: Addressee
    key: str


def digests_waiting(tx: Connection, *, now: datetime) -> list[Digest]:
    """Return what the managers of open communities have not been told yet of what is due."""
    return [
        one
        for which, days in digests_due(shanghai_day(now))
        for community in all_communities(tx)
        if community.opened_at is not None
        for one in _waiting(tx, community, which, days)
    ]


def tell_digests(tx: Connection, digests: Sequence[Digest], *, now: datetime) -> int:
    """Tell these, each once; return how many messages."""
    return sum(
        enqueue(
            tx,
            one.event,
            one.hearer,
            key=one.key,
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=one.event.community_id,
        )
        for one in digests
    )


def _waiting(tx: Connection, community: Community, which: str, days: Days) -> list[Digest]:
    key = f"digest:{which}:{days.first_on}:{community.community_id}"
    left = [
        Addressee(account, openid, identity_id)
        for _, identity_id, account, openid in staff_identities(
            tx, community.community_id, (StaffRole.MANAGER,)
        )
        if not is_known(tx, f"{key}:{identity_id}")
    ]
    if not left:
        return []
    event = _figures(tx, community, which, days)
    return [Digest(event, one, f"{key}:{one.identity_id}") for one in left]


def _figures(tx: Connection, community: Community, which: str, days: Days) -> FiguresTold:
    scope = Scope(community.community_id)
    month = BillingPeriod.of(days.last_on)
    came = takings(tx, scope, days)
    rate = collected(tx, Question.of_month(scope, month, days.last_on))
    ages = debts_by_age(tx, scope, days.last_on)
    facts = month_facts(tx, scope, days)
    return FiguresTold(
        community.community_id,
        community.name,
        which,
        days.first_on.isoformat(),
        days.last_on.isoformat(),
        sum(one.came_fen for one in came),
        sum(one.went_fen for one in came),
        (rate.paid_fen, rate.asked_fen),
        sum(one.open_fen for one in ages),
        sum(one.open_fen for one in ages[1:]),
        facts.reminded,
        facts.talks,
    )
