"""The statement of account (往来明细): every line between two days, as a page and as a workbook."""

import asyncio
from datetime import date
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import query_text
from handlers import statements
from storage.lazy import load
from storage.periods import shanghai_day
from storage.queries.statements import StatementRow, days_of_year, statement_for

EARLIEST: Final = date(2000, 1, 1)
UNREAD: Final = "没看懂您选的日期，下面是今年到现在的明细。请重新选起止日期。"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class StatementDoor:
    """Statements of one unit, opened by their own links; what shows more of them says so below."""

    template = "statement.html"
    folder = "/statements"
    workbook = "workbook_of"

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show the days that the address names, or the year so far. Raises LinkExpired."""
        today = self._today
        days, is_read = _asked_days(request, today)
        token = request.match_info["token"]
        statement = await self._statement(token, *days)
        path = f"{self._pages.root}{self.folder}/{token}"
        asked = urlencode({"from": days[0].isoformat(), "to": days[1].isoformat()})
        return self._pages.render(
            self.template,
            statement=statement,
            **self._facts(statement),
            span=statements.days(*days),
            notice="" if is_read else UNREAD,
            page_url=path,
            sheet_url=f"{path}/statement.xlsx?{asked}",
            years=_years(today),
            today=today,
        )

    async def sheet(self, request: web.Request) -> web.Response:
        """Give the same days as a workbook. Raises LinkExpired."""
        days, _ = _asked_days(request, self._today)
        statement = await self._statement(request.match_info["token"], *days)
        make = getattr(load("bot.spreadsheets.statements"), self.workbook)
        return _workbook_answer(await asyncio.to_thread(make, statement), days)

    @property
    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _statement(self, token: str, first_on: date, last_on: date) -> Any:  # noqa: ANN401
        link = self._parts.links.read_statement(token, today=self._today)
        return await self._parts.db.read(statement_for, link, first_on=first_on, last_on=last_on)

    def _facts(self, statement: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return whose statement it is, whose head it has, and its lines."""
        return {
            "whose": f"{statement.unit_label} ",
            "head": statement,
            "lines": [line(row) for row in statement.rows],
        }


def line(row: StatementRow, unit_label: str = "") -> dict[str, Any]:
    """Return what a page shows of one line, with its flat where there are several."""
    told = {"title": statements.title(row), "detail": statements.detail(row)}
    return {"row": row, "unit_label": unit_label, **told}


def _asked_days(request: web.Request, today: date) -> tuple[tuple[date, date], bool]:
    """Return the days that are asked for and whether they could be read; none beyond today."""
    said = [query_text(request, name) for name in ("from", "to")]
    if not any(said):
        return days_of_year(today), True
    try:
        first_on, last_on = (date.fromisoformat(text) for text in said)
    except ValueError:
        return days_of_year(today), False
    last_on = min(last_on, today)
    is_span = EARLIEST <= first_on <= last_on
    return ((first_on, last_on) if is_span else days_of_year(today)), is_span


def _years(today: date) -> list[tuple[tuple[date, date], str]]:
    """Return the days of this year and of the last, as they are offered."""
    last_year = (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    return [(days_of_year(today), "今年"), (last_year, "去年")]


def _workbook_answer(body: bytes, days: tuple[date, date]) -> web.Response:
    """Give a workbook of some days as a file to keep."""
    span = f"{days[0].isoformat()}_{days[1].isoformat()}"
    named = quote(f"往来明细_{span}.xlsx")
    disposition = f"attachment; filename=statement_{span}.xlsx; filename*=UTF-8''{named}"
    return web.Response(body=body, content_type=XLSX, headers={"Content-Disposition": disposition})
