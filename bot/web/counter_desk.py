"""The counter's other pages: the slip to print, a void, the day's close, and its sheets."""

import re
from datetime import timedelta
from typing import Final

from aiohttp import web

from bot.web.counter import CounterDesk, one_of
from bot.web.reading import query_text
from handlers import refusals
from handlers.staff.cash_words import CALLED
from storage.errors import LinkExpired, Refusal, UnknownOrder
from storage.money import from_yuan
from storage.operations.cashier_days import HandIn, close_day, receive_sheet
from storage.operations.offline import void_voucher
from storage.queries.counter import VoucherView, voucher_of
from storage.queries.desk import communities_served
from storage.queries.hand_ins import Sheet, sheet_of, sheet_to_be, sheets_between
from storage.queries.receipts import receipt_of
from storage.queries.residents import Staff

PAPERS: Final = {"241": "slipwide.css", "80": "slipnarrow.css"}
"""Width of the paper in millimetres → what makes a receipt fit it."""
PAPER_COOKIE: Final = "paper"
PAPER_DAYS: Final = 180
SHEET_DAYS: Final = timedelta(days=7)
_NUMBER: Final = re.compile("[VJ][0-9]{10,11}", re.ASCII)


class CounterPaperDoor(CounterDesk):
    """What is printed at the counter, and what ends its day."""

    async def done(self, request: web.Request) -> web.StreamResponse:
        """Show a voucher's receipt on the paper that this desk has, ready to print."""
        staff = await self._staff(request)
        voucher = await self._voucher(staff, query_text(request, "voucher"))
        response = await self._slip(request, staff, voucher)
        paper = query_text(request, "paper")
        if paper in PAPERS:
            response.set_cookie(
                PAPER_COOKIE,
                paper,
                path=f"{self._pages.root}/counter/",
                max_age=PAPER_DAYS * 86_400,
                httponly=True,
                secure=self._parts.base_url.startswith("https:"),
                samesite="Strict",
            )
        return response

    async def void(self, request: web.Request) -> web.StreamResponse:
        """Take a voucher back, with the reason that was typed."""
        staff = await self._staff(request)
        voucher = await self._voucher(staff, query_text(request, "voucher"))
        form, _ = await self._pressed(request, staff, voucher.voucher_no)
        try:
            await self._parts.db.write(
                void_voucher,
                voucher.voucher_no,
                reason=one_of(form, "reason"),
                by=staff,
                now=self._parts.clock.now(),
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._slip(request, staff, voucher, notice=notice, status=409)
        return self._go(request, "/done", voucher=voucher.voucher_no)

    async def day(self, request: web.Request) -> web.StreamResponse:
        """Show what waits for a close and the sheets of a week, or one sheet to print."""
        staff = await self._staff(request)
        number = query_text(request, "sheet")
        if not number:
            return await self._day_page(request, staff)
        sheet = await self._sheet(staff, number)
        return self._pages.render(
            "counter_sheet.html", page_url=self._path(request), sheet=sheet, methods=CALLED
        )

    async def close(self, request: web.Request) -> web.StreamResponse:
        """Close the day with what is handed in; twice the same press shows the same sheet."""
        staff = await self._staff(request)
        community_id = _key(query_text(request, "community"))
        form, _ = await self._pressed(request, staff, f"day:{community_id}")
        try:
            hand_in = HandIn(
                community_id,
                from_yuan(one_of(form, "handed_in")),
                one_of(form, "slip"),
                one_of(form, "note"),
            )
            now = self._parts.clock.now()
            sheet: Sheet = await self._parts.db.write(close_day, hand_in, by=staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._day_page(request, staff, notice=notice, status=409)
        return self._go(request, "/day", sheet=sheet.sheet_no)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take a colleague's money over."""
        staff = await self._staff(request)
        sheet = await self._sheet(staff, query_text(request, "sheet"))
        form, _ = await self._pressed(request, staff, sheet.sheet_no)
        try:
            await self._parts.db.write(
                receive_sheet,
                sheet.sheet_no,
                by=staff,
                now=self._parts.clock.now(),
                deposit_slip_no=one_of(form, "slip"),
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._day_page(request, staff, notice=notice, status=409)
        return self._go(request, "/day", sheet=sheet.sheet_no)

    async def _voucher(self, staff: Staff, number: str) -> VoucherView:
        """Return a voucher of money that came. Raises UnknownOrder for what is none of hers."""
        if _NUMBER.fullmatch(number) is None:
            raise UnknownOrder
        served = staff.community_ids
        found: VoucherView = await self._parts.db.read(voucher_of, number, community_ids=served)
        if found.payment_id is None:
            raise UnknownOrder
        return found

    async def _sheet(self, staff: Staff, number: str) -> Sheet:
        if _NUMBER.fullmatch(number) is None:
            raise UnknownOrder
        served = staff.community_ids
        found: Sheet = await self._parts.db.read(sheet_of, number, community_ids=served)
        return found

    async def _slip(
        self,
        request: web.Request,
        staff: Staff,
        voucher: VoucherView,
        *,
        notice: str = "",
        status: int = 200,
    ) -> web.Response:
        receipt = await self._parts.db.read(receipt_of, voucher.payment_id or 0)
        if receipt is None:
            raise LinkExpired
        asked = query_text(request, "paper") or request.cookies.get(PAPER_COOKIE, "")
        paper = asked if asked in PAPERS else "241"
        may_void = (
            voucher.staff_id == staff.staff_id
            and voucher.voided_at is None
            and not voucher.is_closed
        )
        return self._pages.render(
            "counter_done.html",
            status=status,
            page_url=self._path(request),
            voucher=voucher,
            receipt=receipt,
            method=CALLED[voucher.method],
            paper=paper,
            papers=PAPERS,
            may_void=may_void,
            press=self._press(staff, voucher.voucher_no),
            notice=notice,
        )

    async def _day_page(
        self, request: web.Request, staff: Staff, *, notice: str = "", status: int = 200
    ) -> web.Response:
        db, today = self._parts.db, self._counter.today()
        served = await db.read(communities_served, staff.community_ids)
        waiting = [
            await db.read(sheet_to_be, by=staff, community_id=key, today=today) for key, _ in served
        ]
        waiting = [one for one in waiting if one.vouchers]
        sheets = await db.read(
            sheets_between,
            community_ids=staff.community_ids,
            first_on=today - SHEET_DAYS,
            last_on=today,
        )
        return self._pages.render(
            "counter_day.html",
            status=status,
            page_url=self._path(request),
            staff=staff,
            waiting=waiting,
            sheets=[*reversed(sheets)],
            methods=CALLED,
            presses={
                one.community_id: self._press(staff, f"day:{one.community_id}") for one in waiting
            },
            receiving={one.sheet_no: self._press(staff, one.sheet_no) for one in sheets},
            notice=notice,
        )


def _key(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UnknownOrder
    return int(text)
