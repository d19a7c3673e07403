"""The counter's form for bad debt (坏账核销): which bill, why, what proves it; others decide."""

from typing import Final

from aiohttp import web

from bot.web.counter import CounterDesk, key_of, one_of
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from storage.errors import Refusal
from storage.operations.write_offs import WriteOffAsk, ask_write_off
from storage.queries.residents import Staff
from storage.queries.write_offs import WriteOffView, write_off_of

TYPED: Final = ("bill", "reason", "evidence")


class CounterWriteOffDoor(CounterDesk):
    """What a cashier asks to be written off."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form over a flat's open bills; after a press, what was asked for."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        number = query_text(request, "asked")
        asked = None
        if number:
            served = staff.community_ids
            asked = await self._parts.db.read(write_off_of, number, community_ids=served)
        return await self._form(request, staff, unit_id, asked=asked)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Ask for the write-off; what is refused is said above what was typed."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        form, _ = await self._pressed(request, staff, f"write-off:{unit_id}")
        typed = {name: one_of(form, name) for name in TYPED}
        flat = await self._counter.open_flat(staff, unit_id)
        meant = key_of(typed["bill"])
        if meant not in {one.bill_id for one in flat.bills}:
            raise UnfitRequest(400, "bill")
        ask = WriteOffAsk(meant, typed["reason"], typed["evidence"])
        now = self._parts.clock.now()
        try:
            asked: WriteOffView = await self._parts.db.write(ask_write_off, ask, by=staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._form(request, staff, unit_id, notice=notice, typed=typed, status=409)
        return self._go(request, "/write-off", unit=str(unit_id), asked=asked.write_off_no)

    async def _form(
        self,
        request: web.Request,
        staff: Staff,
        unit_id: int,
        *,
        asked: WriteOffView | None = None,
        notice: str = "",
        typed: dict[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        flat = await self._counter.open_flat(staff, unit_id)
        return self._pages.render(
            "counter_write_off.html",
            status=status,
            page_url=self._path(request),
            flat=flat,
            asked=asked,
            typed=typed or dict.fromkeys(TYPED, ""),
            press=self._press(staff, f"write-off:{unit_id}"),
            notice=notice,
        )
