"""The rows behind Today's sum: the payments of the day."""

from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, ConsoleDesk, whole
from bot.web.reading import query_text
from handlers import words
from storage.periods import shanghai_day
from storage.queries.day_payments import payments_on

ON_A_PAGE: Final = 50


class ConsoleMoneyDoor(ConsoleDesk):
    """For those who look after the money."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """List the payments of today, the newest first."""
        session = await self.visit(request, *COUNTERS)
        today = shanghai_day(self._parts.clock.now())
        found = await self._parts.db.read(
            payments_on,
            today,
            community_ids=session.staff.community_ids,
            before_id=whole(query_text(request, "before")) or 0,
            limit=ON_A_PAGE + 1,
        )
        shown, links = found[:ON_A_PAGE], self._parts.links
        more = f"{self._home}/money?before={shown[-1].payment_id}" if found[ON_A_PAGE:] else ""
        return self._page(
            session,
            "console_money.html",
            room="money",
            today=today,
            rows=[
                (
                    one,
                    words.gateway(one.gateway),
                    links.receipt_url(links.receipt_token(one.payment_id)),
                )
                for one in shown
            ],
            next_url=more,
        )
