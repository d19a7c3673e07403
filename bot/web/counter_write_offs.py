"""The counter's form for bad debt (坏账核销): which bill, why, what proves it; others decide."""

from collections.abc import Mapping

from aiohttp import web

from bot.web.counter_asks import CounterAskDoor
from bot.web.reading import Upload, read_form
from storage.operations.write_offs import WriteOffAsk, ask_write_off
from storage.queries.residents import Staff
from storage.queries.write_offs import WriteOffView, write_off_of


class CounterWriteOffDoor(CounterAskDoor):
    """What a cashier asks to be written off."""

    page = "write-off"
    template = "counter_write_off.html"
    typed = ("bill", "reason", "evidence")

    async def _asked(self, number: str, staff: Staff) -> WriteOffView:
        served = staff.community_ids
        return await self._parts.db.read(write_off_of, number, community_ids=served)

    async def _read(self, request: web.Request) -> Upload:
        return Upload(await read_form(request), "", b"")

    async def _ask(self, bill_id: int, typed: Mapping[str, str], sent: Upload, staff: Staff) -> str:
        ask = WriteOffAsk(bill_id, typed["reason"], typed["evidence"])
        now = self._parts.clock.now()
        asked: WriteOffView = await self._parts.db.write(ask_write_off, ask, by=staff, now=now)
        return asked.write_off_no
