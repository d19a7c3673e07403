"""Tickets (工单): the inbox by due time that keeps itself fresh, and one with its story."""

from typing import Final

from aiohttp import web

from bot.web.console import ConsoleDesk, typed, whole
from bot.web.reading import UnfitRequest
from handlers import refusals, tickets
from handlers.staff.tickets import ACTS
from storage.counter_errors import ReasonMissing
from storage.operations.ticket_forms import TicketForm, TicketPress, act_on_ticket
from storage.operations.tickets import OUTCOME_CHARS
from storage.queries.console_sessions import Session
from storage.queries.tickets import (
    TicketView,
    last_step,
    live_mark,
    live_tickets,
    steps_of,
    ticket_of_staff,
)
from storage.ticket_errors import TicketStateWrong, UnknownTicket
from storage.ticket_kinds import Priority

SHOWN: Final = 100
EVERY_MS: Final = 5000
"""So often an open inbox asks whether something happened."""
MOVED: Final = "刚才已经有人动过这件工单，您这一步没有办。请看看下面的经过，需要的话再点一次。"


class ConsoleTicketsDoor(ConsoleDesk):
    """The inbox and its tickets."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """List what is to be done, the soonest due first."""
        session = await self.visit(request)
        served = session.staff.community_ids
        mark = await self._parts.db.read(live_mark, community_ids=served)
        found = await self._parts.db.read(live_tickets, community_ids=served, limit=SHOWN + 1)
        return self._page(
            session,
            "console_tickets.html",
            room="tickets",
            waiting=[(one, tickets.KINDS[one.kind]) for one in found[:SHOWN]],
            has_more=len(found) > SHOWN,
            most=SHOWN,
            masked=tickets.masked,
            now=self._parts.clock.now(),
            mark=mark,
            every_ms=EVERY_MS,
            urgent=Priority.URGENT,
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Tell an open inbox whether something happened; no visit that keeps a session alive."""
        session = await self._session(request)
        if session is None:
            return web.json_response({"state": ""}, status=401)
        served = session.staff.community_ids
        mark = await self._parts.db.read(live_mark, community_ids=served)
        return web.json_response({"state": mark})

    async def show_one(self, request: web.Request) -> web.StreamResponse:
        """Show a ticket with its story and its buttons."""
        session = await self.visit(request)
        return await self._card(session, await self._ticket(request, session))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Take, note, answer or close; what is refused is said beside what was typed."""
        session = await self.visit(request)
        form = await self._filled(request, session)
        one = await self._ticket(request, session)
        pressed, seen = typed(form, "act"), whole(typed(form, "seen"))
        if pressed not in set(TicketPress) or seen is None:
            raise UnfitRequest(400, "act")
        said = typed(form, "words")[:OUTCOME_CHARS]
        ask = TicketForm(one.ticket_no, TicketPress(pressed), said, seen)
        now = self._parts.clock.now()
        try:
            done = await self._parts.db.write(act_on_ticket, ask, by=session.staff, now=now)
        except (ReasonMissing, TicketStateWrong) as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._card(session, one, notice=notice, said=said, status=409)
        if done is None:
            one = await self._ticket(request, session)
            return await self._card(session, one, notice=MOVED, said=said, status=409)
        self._parts.wake()
        return self._go(f"/tickets/{one.ticket_no}")

    async def _ticket(self, request: web.Request, session: Session) -> TicketView:
        """Return the ticket of the address. Another office's is none: HTTPNotFound."""
        number, served = request.match_info["ticket"], session.staff.community_ids
        try:
            found: TicketView = await self._parts.db.read(
                ticket_of_staff, number, community_ids=served
            )
        except UnknownTicket:
            raise web.HTTPNotFound from None
        return found

    async def _card(
        self,
        session: Session,
        one: TicketView,
        *,
        notice: str = "",
        said: str = "",
        status: int = 200,
    ) -> web.Response:
        steps = await self._parts.db.read(steps_of, one.ticket_id)
        return self._page(
            session,
            "console_ticket.html",
            status=status,
            room="tickets",
            one=one,
            kind=tickets.KINDS[one.kind],
            state=tickets.STATES[one.state],
            steps=[(step, ACTS[step.act]) for step in steps],
            seen=await self._parts.db.read(last_step, one.ticket_id),
            is_mine=one.assignee_id == session.staff.staff_id,
            masked=tickets.masked,
            now=self._parts.clock.now(),
            notice=notice,
            said=said,
            most=OUTCOME_CHARS,
        )
