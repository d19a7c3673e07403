"""Units and residents (房屋与住户): found by any fragment, and one with all that is open on it."""

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from bot.web.console import ConsoleDesk, whole
from bot.web.reading import query_text
from handlers import tickets, words
from storage.kinds import StaffRole
from storage.periods import shanghai_day
from storage.queries.counter import bills_at_counter
from storage.queries.finding import UnitAtCounter, UnitWish, page_of_units, unit_at_counter
from storage.queries.occupants import Occupant, last_payer, last_payments, occupants_on
from storage.queries.residents import Staff
from storage.queries.tickets import live_tickets_of_unit

ON_A_PAGE: Final = 30
PAYMENTS_SHOWN: Final = 5
TICKETS_SHOWN: Final = 10
OWING: Final = ("", "all", "overdue")


class ConsoleUnitsDoor(ConsoleDesk):
    """The list, and a unit."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Show units in the order of their rooms; `q` a fragment, `owing` who owes."""
        session = await self.visit(request)
        member, today = session.staff, shanghai_day(self._parts.clock.now())
        said = query_text(request, "q")[:60]
        owing = query_text(request, "owing")
        owing = owing if owing in OWING else ""
        wish = UnitWish(
            fragment=said,
            is_owing=bool(owing),
            due_before=today if owing == "overdue" else None,
            after_unit_id=whole(query_text(request, "after")) or 0,
        )
        served = member.community_ids
        found: list[UnitAtCounter] = await self._parts.db.read(
            page_of_units, wish, community_ids=served, today=today, limit=ON_A_PAGE + 1
        )
        shown = found[:ON_A_PAGE]
        ids = [one.unit_id for one in shown]
        people: dict[int, list[Occupant]] = await self._parts.db.read(occupants_on, ids, today)
        next_url = ""
        if len(found) > ON_A_PAGE:
            query = {"q": said, "owing": owing, "after": str(shown[-1].unit_id)}
            next_url = f"{self._home}/units?{urlencode({k: v for k, v in query.items() if v})}"
        return self._page(
            session,
            "console_units.html",
            room="units",
            said=said,
            owing=owing,
            kept=urlencode({"q": said}) if said else "",
            is_first=not wish.after_unit_id,
            rows=[(one, _names(people[one.unit_id], member)) for one in shown],
            next_url=next_url,
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show one unit: who lives there, who pays, what is open, what was paid, its tickets."""
        session = await self.visit(request)
        member, now = session.staff, self._parts.clock.now()
        today, db = shanghai_day(now), self._parts.db
        unit_id = whole(request.match_info["token"]) or 0
        unit = await db.read(unit_at_counter, unit_id, community_ids=member.community_ids)
        if unit is None:
            raise web.HTTPNotFound
        people = (await db.read(occupants_on, [unit.unit_id], today))[unit.unit_id]
        payer_id = await db.read(last_payer, unit.unit_id)
        past = await db.read(last_payments, unit.unit_id, limit=PAYMENTS_SHOWN)
        waiting = await db.read(
            live_tickets_of_unit,
            unit.unit_id,
            community_id=unit.community_id,
            limit=TICKETS_SHOWN,
        )
        return self._page(
            session,
            "console_unit.html",
            room="units",
            unit=unit,
            people=[_told(one, member, payer_id, today) for one in people],
            bills=await db.read(bills_at_counter, unit.unit_id, today=today),
            past=[(one, self._receipt(one.payment_id)) for one in past],
            waiting=[(one, tickets.KINDS[one.kind]) for one in waiting],
            masked=tickets.masked,
            today=today,
            counter_url=self._counter(member, unit.unit_id, today),
        )

    def _receipt(self, payment_id: int) -> str:
        return self._parts.links.receipt_url(self._parts.links.receipt_token(payment_id))

    def _counter(self, member: Staff, unit_id: int, today: date) -> str:
        if member.role is StaffRole.STEWARD:
            return ""
        return f"{self._parts.links.counter_url(member.staff_id, day=today)}?unit={unit_id}"


def _names(people: list[Occupant], member: Staff) -> str:
    return "、".join(_name(one, member) for one in people)


def _name(one: Occupant, member: Staff) -> str:
    """Say a name: whole to a manager, masked to all others."""
    return one.name if member.role is StaffRole.MANAGER else words.mask_name(one.name)


def _told(one: Occupant, member: Staff, payer_id: int | None, today: date) -> dict[str, Any]:
    is_manager = member.role is StaffRole.MANAGER
    return {
        "name": _name(one, member),
        "phone": one.phone if is_manager else words.mask_phone(one.phone),
        "is_whole": is_manager and bool(one.phone),
        "role": words.role(one.role),
        "pays": one.resident_id == payer_id,
        "is_coming": one.from_on > today,
        "one": one,
    }
