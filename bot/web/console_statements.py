"""The whole statement of a unit for the office: the residents' page, behind the console's door."""

from datetime import date
from typing import Any

from aiohttp import web

from bot.web.console import ConsoleDesk, whole
from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.statements import StatementDoor
from storage.queries.finding import unit_at_counter
from storage.queries.statements import statement_of_unit


class ConsoleStatementDoor(StatementDoor):
    """The same page and workbook, of any unit of hers, whoever owes."""

    folder = "/console/statements"

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Ask at the console's door who comes."""
        super().__init__(parts, pages)
        self._desk = ConsoleDesk(parts, pages)

    async def show(self, request: web.Request) -> web.Response:
        """Show the days that the address names, or the year so far."""
        await self._check(request)
        return await super().show(request)

    async def sheet(self, request: web.Request) -> web.Response:
        """Give the same days as a workbook."""
        await self._check(request)
        return await super().sheet(request)

    async def _check(self, request: web.Request) -> None:
        session = await self._desk.visit(request)
        unit_id = whole(request.match_info["token"]) or 0
        served = session.staff.community_ids
        if await self._parts.db.read(unit_at_counter, unit_id, community_ids=served) is None:
            raise web.HTTPNotFound

    async def _statement(self, token: str, first_on: date, last_on: date) -> Any:  # noqa: ANN401
        return await self._parts.db.read(
            statement_of_unit, int(token), first_on=first_on, last_on=last_on
        )
