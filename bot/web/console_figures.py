"""Figures (报表): rates, the summary of fees, ages and takings; each number leads to its rows."""

import asyncio
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from bot.web import charts
from bot.web.console import COUNTERS, ConsoleDesk, whole
from bot.web.figure_rows import AGES, KINDS, Place
from bot.web.figure_wishes import FigureWish, wish_of
from bot.web.reading import query_text
from handlers import contentment, rates, words
from storage.lazy import load
from storage.periods import DaySpan
from storage.queries.collection import BuildingRate
from storage.queries.contentment import contentment as ratings_of
from storage.queries.debt_ages import debts_by_age
from storage.queries.fee_summary import fee_summary
from storage.queries.month_facts import month_facts
from storage.queries.takings import Taking, takings
from storage.queries.vouchers import voucher_lines

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ConsoleFiguresDoor(ConsoleDesk):
    """For those who look after the money."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a month's figures of a community, of a building or of a fee item."""
        session = await self.visit(request, *COUNTERS)
        wish = await wish_of(request, self._parts, session)
        if wish is None:
            return self._page(session, "console_nothing.html", room="figures")
        found = await self._figures(wish)
        return self._page(
            session,
            "console_figures.html",
            room="figures",
            wish=wish,
            rows_url=lambda kind, **more: self._rows_url(wish, kind, **more),
            sheet_url=f"{self._home}/figures/figures.xlsx?{wish.asked()}",
            vouchers_url=f"{self._home}/figures/vouchers.xlsx?{wish.asked()}",
            report_url=f"{self._home}/figures/report?{wish.asked()}",
            insights_url=f"{self._home}/figures/insights?{wish.asked()}",
            page_url=f"{self._home}/figures",
            said=rates,
            **found,
            **_drawn(found),
        )

    async def rows(self, request: web.Request) -> web.StreamResponse:
        """Show the rows behind one number, a page at a time."""
        session = await self.visit(request, *COUNTERS)
        kind = query_text(request, "kind")
        wish = await wish_of(request, self._parts, session)
        if wish is None or kind not in KINDS:
            raise web.HTTPNotFound
        place = Place(
            whole(query_text(request, "after")) or 0,
            whole(query_text(request, "age")) or 0,
            query_text(request, "gateway")[:20],
        )
        found = await KINDS[kind](self._parts.db, wish, place)
        more = ""
        if found.after_id:
            more = self._rows_url(
                wish, kind, age=place.age, gateway=place.gateway, after=found.after_id
            )
        return self._page(
            session,
            "console_figure_rows.html",
            room="figures",
            wish=wish,
            found=found,
            back_url=f"{self._home}/figures?{wish.asked()}",
            next_url=more,
            is_first=not place.after_id,
        )

    async def sheet(self, request: web.Request) -> web.StreamResponse:
        """Give the month's figures as a workbook."""
        session = await self.visit(request, *COUNTERS)
        wish = await wish_of(request, self._parts, session)
        if wish is None:
            raise web.HTTPNotFound
        found = await self._figures(wish)
        make = load("bot.spreadsheets.figures").workbook_of
        title = f"{wish.community}{wish.narrowed_to} {words.period(wish.period)}"
        body = await asyncio.to_thread(make, title, found)
        return _workbook(body, wish, "figures", "收费报表")

    async def vouchers(self, request: web.Request) -> web.StreamResponse:
        """Give the month's vouchers for the company's own bookkeeping."""
        session = await self.visit(request, *COUNTERS)
        wish = await wish_of(request, self._parts, session)
        if wish is None:
            raise web.HTTPNotFound
        lines = await self._parts.db.read(voucher_lines, wish.scope.community_id, wish.period)
        make = load("bot.spreadsheets.vouchers").workbook_of
        title = f"{wish.community} {words.period(wish.period)}"
        return _workbook(await asyncio.to_thread(make, title, lines), wish, "vouchers", "记账凭证")

    async def _figures(self, wish: FigureWish) -> dict[str, Any]:
        """Read all figures of a month; pages and workbooks show these."""
        db = self._parts.db
        month = DaySpan.of(wish.period)
        answered = await db.read(ratings_of, community_ids=[wish.scope.community_id], during=month)
        return {
            "rates": await rates.rates_of(db, wish.scope, wish.period, wish.today),
            "summary": list(rates.summary_rows(await db.read(fee_summary, wish.scope, wish.days))),
            "ages": list(
                zip(AGES, await db.read(debts_by_age, wish.scope, wish.cut_off), strict=True)
            ),
            "takings": await db.read(takings, wish.scope, wish.days),
            "facts": await db.read(month_facts, wish.scope, wish.days),
            "contentment": contentment.lines(answered, (), ()),
        }

    def _rows_url(self, wish: FigureWish, kind: str, **more: object) -> str:
        more = {name: one for name, one in more.items() if one not in ("", 0)}
        return f"{self._home}/figures/rows?{wish.asked(kind=kind, **more)}"


def _workbook(body: bytes, wish: FigureWish, plain: str, name: str) -> web.Response:
    """Give a workbook as a file to keep; `plain` names it where Chinese cannot."""
    named = quote(f"{name}_{wish.period}.xlsx")
    disposition = f"attachment; filename={plain}_{wish.period}.xlsx; filename*=UTF-8''{named}"
    return web.Response(body=body, content_type=XLSX, headers={"Content-Disposition": disposition})


def _drawn(found: dict[str, Any]) -> dict[str, Any]:
    """Draw the month's figures; the tables beside them hold the same numbers."""
    by_building: tuple[BuildingRate, ...] = found["rates"].by_building
    by_way = by_gateway(found["takings"])
    return {
        "rate_chart": charts.bars(
            "各楼栋当期收缴率",
            [
                (one.label or "其他", one.rate.percent_e2 // 100)
                for one in by_building
                if one.rate.percent_e2 is not None
            ],
            "%",
        ),
        "age_chart": charts.bars(
            "欠费的账龄", [(label, one.open_fen // 100) for label, one in found["ages"]], "元"
        ),
        "by_way": by_way,
        "way_chart": charts.bars(
            "各种方式的收款", [(label, fen // 100) for _, label, _, _, fen in by_way], "元"
        ),
    }


def by_gateway(found: tuple[Taking, ...]) -> list[tuple[str, str, int, int, int]]:
    """Return (gateway, its name, what came, what went back, what is left) in fen, most first."""
    came: dict[str, list[int]] = {}
    for one in found:
        sums = came.setdefault(one.gateway, [0, 0])
        sums[0] += one.came_fen
        sums[1] += one.went_fen
    rows = [(name, words.gateway(name), a, b, a - b) for name, (a, b) in came.items()]
    return sorted(rows, key=lambda one: (-one[4], one[0]))
