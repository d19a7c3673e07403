"""The counter's form for a waiver (减免): type, reason, paper and amount; managers decide on it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from aiohttp import web

from bot.web.counter_asks import CounterAskDoor
from bot.web.reading import UnfitRequest, Upload, read_upload
from storage.money import from_yuan
from storage.operations.bill_waivers import LABELS, MOST_BYTES, WaiverAsk, ask_waiver
from storage.paying_kinds import WaiverKind
from storage.queries.residents import Staff
from storage.queries.waivers import WaiverView, waiver_of

KINDS: Final = LABELS | {WaiverKind.OTHER: "其他"}


class CounterWaiverDoor(CounterAskDoor):
    """What a cashier asks to be asked for no more."""

    page = "waiver"
    template = "counter_waiver.html"
    typed = ("bill", "kind", "amount", "reason")
    words: ClassVar[Mapping[str, Any]] = {"kinds": KINDS}

    async def _asked(self, number: str, staff: Staff) -> WaiverView:
        served = staff.community_ids
        return await self._parts.db.read(waiver_of, number, community_ids=served)

    async def _read(self, request: web.Request) -> Upload:
        return await read_upload(request, most_bytes=MOST_BYTES)

    async def _ask(self, bill_id: int, typed: Mapping[str, str], sent: Upload, staff: Staff) -> str:
        if typed["kind"] not in LABELS:
            raise UnfitRequest(400, "kind")
        kind, amount_fen = WaiverKind(typed["kind"]), from_yuan(typed["amount"])
        ask = WaiverAsk(bill_id, kind, amount_fen, typed["reason"], sent.file_name, sent.content)
        now = self._parts.clock.now()
        asked: WaiverView = await self._parts.db.write(ask_waiver, ask, by=staff, now=now)
        return asked.waiver_no
