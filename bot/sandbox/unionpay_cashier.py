"""UnionPay's cashier: a card, a phone and a code, then back to the merchant by a posted form."""

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template

from aiohttp import web

from bot.sandbox.clock import SHANGHAI
from bot.sandbox.pay_book import MERCHANT_NAME
from bot.sandbox.unionpay_book import Trade
from bot.sandbox.unionpay_codes import CardRefused
from bot.sandbox.unionpay_http import PREFIX
from bot.sandbox.unionpay_messages import outcome, told_trade
from bot.sandbox.unionpay_notices import message
from bot.sandbox.unionpay_orders import SHOWN_CARD, SHOWN_CODE, UnionpayOrders

STATIC = Path(__file__).parent / "static"
SHOWN_PHONE = "13552535506"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class UnionpayCashier:
    """The pages that a card holder sees."""

    def __init__(self, orders: UnionpayOrders) -> None:
        """Stand before one book."""
        self.orders, self.book = orders, orders.book
        self._pages: dict[str, Template] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/unionpay/cashier."""
        address = PREFIX + "/cashier/{token}"
        return [web.get(address, self.show), web.post(address, self.pay)]

    async def show(self, request: web.Request) -> web.Response:
        """Show what is to be paid, or why it cannot be."""
        trade = self._trade(request)
        if trade.state == "paid":
            return self._done(trade)
        return self._sheet(trade, {})

    async def pay(self, request: web.Request) -> web.Response:
        """Pay with the card of the form; shows what came of it."""
        trade, form = self._trade(request), await request.post()
        given = {name: str(form.get(name, "")).replace(" ", "") for name in ("card", "code")}
        try:
            paid = self.orders.pay(trade, given["card"], given["code"])
        except CardRefused as refused:
            return self._sheet(self._trade(request), given, str(refused))
        return self._done(paid)

    def _trade(self, request: web.Request) -> Trade:
        trade = self.book.trade_by("token", request.match_info["token"])
        if trade is None:
            raise web.HTTPNotFound(text="no such order")
        return trade

    def _sheet(self, trade: Trade, given: Mapping[str, str], trouble: str = "") -> web.Response:
        refusal = self.orders.refusal(trade)
        until = trade.expires_at
        shown = {
            "trouble": refusal or trouble,
            "hidden": "" if refusal or trouble else "hidden",
            "shut": "disabled" if refusal else "",
            "card": " ".join(_fours(given.get("card") or SHOWN_CARD)),
            "phone": SHOWN_PHONE,
            "code": given.get("code") or SHOWN_CODE,
            "until": until.astimezone(SHANGHAI).strftime("%H:%M") if until else "",
            "until_hidden": "" if until and not refusal else "hidden",
            "front_url": trade.params["frontUrl"],
        }
        return self._page("unionpay.html", shown | _of(trade))

    def _done(self, trade: Trade) -> web.Response:
        """Say it is paid and post the signed result to frontUrl."""
        result = message(self.book.keys, told_trade(trade) | outcome("00"), None)
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in result.items()
        )
        shown = {"front_url": trade.params["frontUrl"], "query_id": trade.query_id}
        return self._page("unionpay_done.html", shown | _of(trade), fields)

    def _page(self, name: str, shown: Mapping[str, str], fields: str = "") -> web.Response:
        if name not in self._pages:
            self._pages[name] = Template((STATIC / name).read_text(encoding="utf-8"))
        safe = {key: html.escape(value) for key, value in shown.items()}
        text = self._pages[name].substitute(safe, fields=fields)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=HEADERS)


def _of(trade: Trade) -> dict[str, str]:
    return {
        "merchant": MERCHANT_NAME,
        "order_no": trade.order_no,
        "description": trade.params.get("orderDesc") or "物业缴费",
        "amount": f"{trade.amount_fen // 100:,}.{trade.amount_fen % 100:02d}",
    }


def _fours(number: str) -> list[str]:
    return [number[start : start + 4] for start in range(0, len(number), 4)]
