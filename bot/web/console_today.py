"""Today (今日): what came in, what is open, what waits; each number leads to its rows."""

from typing import Final

from aiohttp import web

from bot.web.console import ConsoleDesk
from handlers import tickets, words
from storage.kinds import StaffRole
from storage.periods import shanghai_day
from storage.queries.desk import DayFigures, communities_served, day_figures, today_mark
from storage.queries.standstill import standstill
from storage.queries.tickets import live_tickets

TICKETS_SHOWN: Final = 5
EVERY_MS: Final = 5000
"""So often an open page asks whether something happened."""
JOBS_SHOWN: Final = 5


class ConsoleTodayDoor(ConsoleDesk):
    """The first page after the door."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the day's figures of the communities that she serves."""
        session = await self.visit(request)
        member, now = session.staff, self._parts.clock.now()
        today = shanghai_day(now)
        served = member.community_ids
        db = self._parts.db
        mark = await db.read(today_mark, today, community_ids=served)
        found: DayFigures = await db.read(day_figures, community_ids=served, today=today)
        waiting = await db.read(live_tickets, community_ids=served, limit=TICKETS_SHOWN + 1)
        names = await db.read(communities_served, served)
        still = None
        if member.role is StaffRole.MANAGER:
            still = await db.read(standstill, now=now, limit=JOBS_SHOWN)
        return self._page(
            session,
            "console_today.html",
            room="",
            today=today,
            names=[name for _, name in names],
            found=found,
            received_fen=sum(one.fen for one in found.received.values()),
            received_count=sum(one.count for one in found.received.values()),
            ways=[(words.gateway(name), one) for name, one in found.received.items()],
            waiting=[(one, tickets.KINDS[one.kind]) for one in waiting[:TICKETS_SHOWN]],
            has_more=len(waiting) > TICKETS_SHOWN,
            masked=tickets.masked,
            now=now,
            still=still,
            mark=mark,
            every_ms=EVERY_MS,
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Tell an open page whether something happened; no visit that keeps a session alive."""
        session = await self._session(request)
        if session is None:
            return web.json_response({"state": ""}, status=401)
        today = shanghai_day(self._parts.clock.now())
        served = session.staff.community_ids
        mark = await self._parts.db.read(today_mark, today, community_ids=served)
        return web.json_response({"state": mark})
