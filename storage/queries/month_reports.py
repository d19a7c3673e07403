"""A month's-end report (月报): the figures of a month as they stood when it was over.

It names no household; buildings with few households stand in it together.
"""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.frozen import dataclass
from storage.models.estate import communities
from storage.models.month_reports import month_reports
from storage.periods import BillingPeriod
from storage.queries.collection import (
    Question,
    Whose,
    are_enough,
    collected,
    collected_by_building,
    rates_to_publish,
)
from storage.queries.debt_ages import debts_by_age
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import fee_summary
from storage.queries.takings import takings
from storage.rules.collecting import Move, Rate


@dataclass(frozen=True, slots=True)
class ReportItem:
    """A fee item's line: fen by the names of the columns, opening first and closing last."""

    name: str
    opening_fen: int
    moved_fen: dict[Move, int]
    closing_fen: int


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A month's frozen figures."""

    community_id: int
    community: str
    period: BillingPeriod
    rates: dict[str, Rate]
    """current, year, old and developers."""
    items: tuple[ReportItem, ...]
    ages: tuple[tuple[int, int], ...]
    """(open fen, households) of each age."""
    takings: tuple[tuple[str, int], ...]
    """(gateway, fen) less what went back."""
    buildings: tuple[tuple[tuple[str, ...], int, int], ...]
    """(labels, households, whole percent): empty where the community has too few households."""
    is_published: bool
    shows_buildings: bool

    @property
    def may_be_published(self) -> bool:
        """Whether it tells of enough households."""
        return are_enough(self.rates["year"].households)

    @property
    def public_ages(self) -> tuple[tuple[int, int], ...]:
        """The ages, none of them where one has so few households that it would tell of them."""
        is_safe = all(are_enough(households) for _, households in self.ages if households)
        return self.ages if is_safe else ()


def facts_of(tx: Connection, community_id: int, period: BillingPeriod) -> str:
    """Return the figures of a month that is over, as the JSON that is kept."""
    scope, days, last_on = Scope(community_id), Days.of(period), period.last_on
    month = Question.of_month(scope, period, last_on)
    by_gateway: dict[str, int] = {}
    for one in takings(tx, scope, days):
        by_gateway[one.gateway] = by_gateway.get(one.gateway, 0) + one.fen
    facts = {
        "rates": {
            "current": collected(tx, month),
            "year": collected(tx, Question.of_year_so_far(scope, period, last_on)),
            "old": collected(tx, Question.of_old_debts(scope, period, last_on)),
            "developers": collected(tx, Question(scope, period, period, last_on, Whose.DEVELOPERS)),
        },
        "items": [
            [one.item_name, one.balance.opening_fen, one.balance.moved_fen]
            for one in fee_summary(tx, scope, days)
        ],
        "ages": [[one.open_fen, one.households] for one in debts_by_age(tx, scope, last_on)],
        "takings": sorted(by_gateway.items()),
        "buildings": [
            [one.buildings, one.unit_count, one.percent]
            for one in rates_to_publish(collected_by_building(tx, month))
        ],
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def report_of(tx: Connection, community_id: int, period: BillingPeriod) -> MonthReport | None:
    """Return a month's report, None where none was made."""
    row = tx.execute(
        select(month_reports, communities.c.name)
        .join(communities, communities.c.id == month_reports.c.community_id)
        .where(month_reports.c.community_id == community_id, month_reports.c.period == str(period))
    ).one_or_none()
    return None if row is None else _report(row)


def published_months(tx: Connection, community_id: int, *, limit: int = 36) -> list[BillingPeriod]:
    """Return the months whose reports everybody may see, the newest first."""
    rows = tx.execute(
        select(month_reports.c.period)
        .where(
            month_reports.c.community_id == community_id,
            month_reports.c.published_at.is_not(None),
        )
        .order_by(month_reports.c.period.desc())
        .limit(limit)
    )
    return [BillingPeriod.parse(one) for one in rows.scalars()]


def shows_buildings(tx: Connection, community_id: int) -> bool:
    """Tell whether the office has chosen, with its newest report, to publish buildings' rates."""
    newest = tx.execute(
        select(month_reports.c.shows_buildings)
        .where(
            month_reports.c.community_id == community_id,
            month_reports.c.published_at.is_not(None),
        )
        .order_by(month_reports.c.period.desc())
        .limit(1)
    ).scalar_one_or_none()
    return bool(newest)


def _report(row: Row[Any]) -> MonthReport:
    facts = json.loads(row.facts)
    return MonthReport(
        row.community_id,
        row.name,
        BillingPeriod.parse(row.period),
        {name: Rate(*sides) for name, sides in facts["rates"].items()},
        tuple(_item(*one) for one in facts["items"]),
        tuple((fen, households) for fen, households in facts["ages"]),
        tuple((gateway, fen) for gateway, fen in facts["takings"]),
        tuple((tuple(labels), count, percent) for labels, count, percent in facts["buildings"]),
        is_published=row.published_at is not None,
        shows_buildings=bool(row.shows_buildings),
    )


def _item(name: str, opening_fen: int, moved: dict[str, int]) -> ReportItem:
    moved_fen = {Move(kind): fen for kind, fen in moved.items()}
    return ReportItem(name, opening_fen, moved_fen, opening_fen + sum(moved_fen.values()))
