"""Insights (分析): when residents pay, who may be late, what will come in; each with its method."""

from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from bot.web import charts
from bot.web.console import COUNTERS, ConsoleDesk
from bot.web.figure_wishes import FigureWish, wish_of
from handlers import words
from storage.periods import BillingPeriod
from storage.queries.debt_moves import Days
from storage.queries.forecasts import month_ahead
from storage.queries.habits import (
    Habits,
    came_by_day,
    habits,
    often_late,
    try_late,
    unusual_bills,
)
from storage.rules.habits import best_hour, cash_flow, try_flow

LOOKED_AT: Final = timedelta(days=90)
LEARNT_FROM: Final = timedelta(days=155)
"""Three months before the 30 days that the guess is tried on."""
SHOWN: Final = 20
LATENESS: Final = (
    "提前8天以上",
    "提前1到7天",
    "应缴日当天",
    "晚1到7天",
    "晚8到30天",
    "晚30天以上",
)


class ConsoleInsightsDoor(ConsoleDesk):
    """For those who look after the money."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what the past says of today and of the next 60 days."""
        session = await self.visit(request, *COUNTERS)
        wish = await wish_of(request, self._parts, session)
        if wish is None:
            return self._page(session, "console_nothing.html", room="figures")
        return self._page(
            session,
            "console_insights.html",
            room="figures",
            wish=wish,
            page_url=f"{self._home}/figures/insights",
            back_url=f"{self._home}/figures?{wish.asked()}",
            unit_url=f"{self._home}/units",
            **await self._habits(wish),
            **await self._ahead(wish),
        )

    async def _habits(self, wish: FigureWish) -> dict[str, Any]:
        days = Days(wish.today - LOOKED_AT, wish.today)
        found: Habits = await self._parts.db.read(habits, wish.scope, days)
        lateness = list(zip(LATENESS, found.by_lateness, strict=True))
        hours = [(f"{hour}点", found.by_hour.get(hour, 0)) for hour in range(24)]
        shown = [one for one in hours if one[1]]
        ways = sorted(found.by_gateway.items(), key=lambda one: (-one[1], one[0]))
        return {
            "count": sum(found.by_lateness),
            "best": best_hour(found.by_hour),
            "hours": shown,
            "hour_chart": charts.bars("缴费的钟点", shown, "笔"),
            "lateness": lateness,
            "late_chart": charts.bars("离应缴日几天", lateness, "笔"),
            "ways": [(words.gateway(name), count) for name, count in ways],
        }

    async def _ahead(self, wish: FigureWish) -> dict[str, Any]:
        db, today = self._parts.db, wish.today
        month = BillingPeriod.of(today)
        came = await db.read(came_by_day, wish.scope, Days(today - LEARNT_FROM, today))
        flows = cash_flow(came, today)
        points = [(f"{one.first_on:%m-%d}起", one.fen // 100) for one in flows]
        method, naive = await db.read(try_late, wish.scope, month.plus(-1))
        return {
            "month": month,
            "ahead": await db.read(month_ahead, wish.scope, today),
            "flows": flows,
            "flow_chart": charts.bars("以后60天的收款", points, "元"),
            "flow_trial": try_flow(came, today),
            "late": await db.read(often_late, wish.scope, month, limit=SHOWN),
            "late_trial": method,
            "late_naive": naive,
            "unusual": await db.read(unusual_bills, wish.scope, month, limit=SHOWN),
        }
