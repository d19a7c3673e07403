"""Month's-end reports (月报) on the console: read before, and published by one confirmation."""

from aiohttp import web

from bot.web.console import COUNTERS, ConsoleDesk, typed, whole
from bot.web.figure_wishes import wish_of
from bot.web.report_facts import report_facts
from storage.audit import Actor
from storage.kinds import StaffRole
from storage.operations.month_reports import Detail, publish_report
from storage.periods import BillingPeriod
from storage.queries.month_reports import report_of


class ConsoleReportsDoor(ConsoleDesk):
    """For those who look after the money; a manager publishes."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a month's frozen report, and what becomes of it."""
        session = await self.visit(request, *COUNTERS)
        wish = await wish_of(request, self._parts, session)
        if wish is None:
            return self._page(session, "console_nothing.html", room="figures")
        found = await self._parts.db.read(report_of, wish.scope.community_id, wish.period)
        return self._page(
            session,
            "console_report.html",
            room="figures",
            wish=wish,
            found=found,
            last=BillingPeriod.of(wish.today).plus(-1),
            may_publish=session.staff.role is StaffRole.MANAGER,
            page_url=f"{self._home}/figures/report",
            back_url=f"{self._home}/figures?{wish.asked()}",
            public_url=f"{self._pages.root}/disclosure/{wish.scope.community_id}",
            **(report_facts(found) if found else {}),
        )

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """Let everybody see a report; the same form sent again changes nothing."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        community_id = whole(typed(form, "community")) or 0
        if community_id not in session.staff.community_ids:
            raise web.HTTPNotFound
        try:
            period = BillingPeriod.parse(typed(form, "month"))
        except ValueError:
            raise web.HTTPNotFound from None
        if await self._parts.db.read(report_of, community_id, period) is None:
            raise web.HTTPNotFound
        await self._parts.db.write(
            publish_report,
            community_id,
            period,
            Detail.BUILDINGS if typed(form, "buildings") else Detail.COMMUNITY,
            actor=Actor(session.staff.staff_id),
            now=self._parts.clock.now(),
        )
        return self._go(f"/figures/report?community={community_id}&month={period}")
