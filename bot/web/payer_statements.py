"""One statement for all units of a payer (合并往来明细), as a page and as a workbook."""

import asyncio
from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.statements import UNREAD, asked_days, workbook_answer, years
from handlers import statements
from storage.lazy import load
from storage.periods import shanghai_day
from storage.queries.payer_statements import PayerStatement, statement_for_holder


class PayerStatementDoor:
    """Statements over many units, opened by their own links."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show the days that the address names, or the year so far. Raises LinkExpired."""
        today = self._today
        days, is_read = asked_days(request, today)
        found = await self._statement(request, *days)
        path = f"{self._pages.root}/statements/all/{request.match_info['token']}"
        asked = urlencode({"from": days[0].isoformat(), "to": days[1].isoformat()})
        return self._pages.render(
            "payer_statement.html",
            statement=found,
            head=found.parts[0],
            lines=[
                {
                    "row": one.row,
                    "unit_label": one.unit_label,
                    "title": statements.title(one.row),
                    "detail": statements.detail(one.row),
                }
                for one in found.rows
            ],
            span=statements.days(*days),
            notice="" if is_read else UNREAD,
            page_url=path,
            sheet_url=f"{path}/statement.xlsx?{asked}",
            years=years(today),
            today=today,
        )

    async def sheet(self, request: web.Request) -> web.Response:
        """Give the same days as a workbook. Raises LinkExpired."""
        days, _ = asked_days(request, self._today)
        found = await self._statement(request, *days)
        make = load("bot.spreadsheets.statements").workbook_of_payer
        return workbook_answer(await asyncio.to_thread(make, found), days)

    @property
    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _statement(
        self, request: web.Request, first_on: date, last_on: date
    ) -> PayerStatement:
        link = self._parts.links.read_all_units(request.match_info["token"], today=self._today)
        return await self._parts.db.read(
            statement_for_holder, link, first_on=first_on, last_on=last_on
        )
