"""The counter's form for a waiver (减免): type, reason, paper and amount; managers decide on it."""

from typing import Final

from aiohttp import web

from bot.web.counter import CounterDesk, key_of, one_of
from bot.web.reading import UnfitRequest, query_text, read_upload, refuse_other_sites
from handlers import refusals
from storage.errors import Refusal
from storage.money import from_yuan
from storage.operations.bill_waivers import LABELS, MOST_BYTES, WaiverAsk, ask_waiver
from storage.paying_kinds import WaiverKind
from storage.queries.residents import Staff
from storage.queries.waivers import WaiverView, waiver_of

TYPED: Final = ("bill", "kind", "amount", "reason")


class CounterWaiverDoor(CounterDesk):
    """What a cashier asks to be asked for no more."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form over a flat's open bills; after a press, what was asked for."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        number = query_text(request, "asked")
        asked = None
        if number:
            served = staff.community_ids
            asked = await self._parts.db.read(waiver_of, number, community_ids=served)
        return await self._form(request, staff, unit_id, asked=asked)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Ask for the waiver; what is refused is said above what was typed."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        refuse_other_sites(request, self._parts.base_url)
        sent = await read_upload(request, most_bytes=MOST_BYTES)
        self._opened(sent.fields, staff, f"waiver:{unit_id}")
        typed = {name: one_of(sent.fields, name) for name in TYPED}
        flat = await self._counter.open_flat(staff, unit_id)
        meant = key_of(typed["bill"])
        if meant not in {one.bill_id for one in flat.bills} or typed["kind"] not in LABELS:
            raise UnfitRequest(400, "bill")
        try:
            ask = WaiverAsk(
                meant,
                WaiverKind(typed["kind"]),
                from_yuan(typed["amount"]),
                typed["reason"],
                sent.file_name,
                sent.content,
            )
            now = self._parts.clock.now()
            asked: WaiverView = await self._parts.db.write(ask_waiver, ask, by=staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._form(request, staff, unit_id, notice=notice, typed=typed, status=409)
        return self._go(request, "/waiver", unit=str(unit_id), asked=asked.waiver_no)

    async def _form(
        self,
        request: web.Request,
        staff: Staff,
        unit_id: int,
        *,
        asked: WaiverView | None = None,
        notice: str = "",
        typed: dict[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        flat = await self._counter.open_flat(staff, unit_id)
        return self._pages.render(
            "counter_waiver.html",
            status=status,
            page_url=self._path(request),
            flat=flat,
            asked=asked,
            kinds=LABELS | {WaiverKind.OTHER: "其他"},
            typed=typed or dict.fromkeys(TYPED, ""),
            press=self._press(staff, f"waiver:{unit_id}"),
            notice=notice,
        )
