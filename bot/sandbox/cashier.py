"""The cashier: what a payer sees before paying, over the phone, in a browser, from a QR code."""

import html
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.pay_book import Trade
from bot.sandbox.pay_errors import PayRefused
from bot.sandbox.wechat_pay import WechatPay

PREFIX = "/_sandbox/cashier"
SHEET = Path(__file__).parent / "static" / "cashier.html"
KEPT_TICKETS = 500
WRONG_PAYER = "下单账号与支付账号不一致，请核实后再支付"
IN_WECHAT = "请在微信外打开订单，进行支付"
NO_REFERER = "商家参数格式有误，请联系商家解决"
NOT_READ = "付款码没有读懂，请重新扫描"
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Ticket:
    """One payer in front of one trade, or the words with which he was turned away."""

    openid: str | None
    trade: Trade | None
    refusal: str = ""
    back: str = ""


class Cashier:
    """Tickets and the pages that show them."""

    def __init__(self, till: WechatPay) -> None:
        """Stand before one payment platform."""
        self._till = till
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/cashier."""
        return [
            web.post(PREFIX + "/tickets", self.ask),
            web.get(PREFIX + "/tickets/{ticket}", self.show),
            web.post(PREFIX + "/tickets/{ticket}/pay", self.pay),
            web.get(PREFIX + "/sheet/{ticket}", self.sheet),
            web.get(PREFIX + "/h5", self.open_h5),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        """Open a ticket for `{openid, bridge: {...}}` or `{openid, native: code_url}`."""
        try:
            asked = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            asked = None
        if not isinstance(asked, dict):
            raise web.HTTPBadRequest(text="JSON object expected")
        openid = str(asked.get("openid", ""))
        return web.json_response({"ticket": self._open(self._ticket(openid, asked))})

    def _ticket(self, openid: str, asked: Mapping[str, Any]) -> Ticket:
        if isinstance(asked.get("bridge"), dict):
            found = self._till.check_bridge(asked["bridge"])
        else:
            code = str(asked.get("native", ""))
            found = self._till.by_code_url(code) if code else NOT_READ
        if isinstance(found, str):
            return Ticket(openid, None, found)
        if found.payer_openid and found.payer_openid != openid:
            return Ticket(openid, None, WRONG_PAYER)
        return Ticket(openid, found)

    def _open(self, ticket: Ticket) -> str:
        number = secrets.token_urlsafe(18)
        self._tickets[number] = ticket
        while len(self._tickets) > KEPT_TICKETS:
            self._tickets.popitem(last=False)
        return number

    def _find(self, request: web.Request) -> Ticket:
        ticket = self._tickets.get(request.match_info["ticket"])
        if ticket is None:
            raise web.HTTPNotFound(text="no such ticket")
        return ticket

    async def show(self, request: web.Request) -> web.Response:
        """Tell what stands on a ticket."""
        ticket = self._find(request)
        if ticket.trade is None:
            return web.json_response({"refusal": ticket.refusal, "back": ticket.back})
        trade = ticket.trade
        return web.json_response(
            {
                "merchant": trade.merchant_name,
                "amount_fen": trade.amount_fen,
                "description": trade.description,
                "order_no": trade.order_no,
                "back": ticket.back,
            }
        )

    async def pay(self, request: web.Request) -> web.Response:
        """Pay a ticket's trade: `{state: "ok"}` or `{refusal}`."""
        ticket = self._find(request)
        if ticket.trade is None:
            return web.json_response({"refusal": ticket.refusal})
        try:
            await self._till.pay_order(ticket.trade.order_no, ticket.openid or None)
        except PayRefused as refused:
            return web.json_response({"refusal": str(refused)})
        return web.json_response({"state": "ok", "order_no": ticket.trade.order_no})

    async def sheet(self, request: web.Request) -> web.FileResponse:
        """Show the cashier's sheet of a ticket."""
        self._find(request)
        return web.FileResponse(SHEET, headers=SECURITY)

    async def open_h5(self, request: web.Request) -> web.Response:
        """Open an h5_url: only outside WeChat, only from the merchant's page."""
        if "MicroMessenger" in request.headers.get("User-Agent", ""):
            return words_page(IN_WECHAT)
        if not request.headers.get("Referer"):
            return words_page(NO_REFERER)
        found = self._till.by_h5_token(request.query.get("token", ""))
        back = _web_address(request.query.get("redirect_url", ""))
        if isinstance(found, str):
            return words_page(found)
        number = self._open(Ticket(None, found, back=back))
        raise web.HTTPFound(f"{PREFIX}/sheet/{number}")


def _web_address(address: str) -> str:
    """Return an address a browser may be sent back to, else nothing."""
    return address if address.startswith(("http://", "https://")) else ""


def words_page(words: str, detail: str = "") -> web.Response:
    """Return a page that says one thing, as the chat app's own pages do."""
    small = f"<small>{html.escape(detail)}</small>" if detail else ""
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>提示</title><link rel="stylesheet" href="/_sandbox/static/cashier.css"></head>'
        f'<body><div class="words"><i>!</i><p>{html.escape(words)}</p>{small}</div></body></html>'
    )
    return web.Response(text=text, content_type="text/html", headers=SECURITY)
