"""Alipay's cashier: the pages on which a buyer pays, in a phone's browser or on a desk."""

import html
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from string import Template

from aiohttp import web

from bot.sandbox.alipay_book import WAIT, AlipayTrade
from bot.sandbox.alipay_codec import yuan
from bot.sandbox.alipay_errors import AlipayError
from bot.sandbox.alipay_fields import PayAsk
from bot.sandbox.alipay_trades import AlipayTrades
from bot.sandbox.clock import SHANGHAI
from bot.sandbox.pay_book import MERCHANT_NAME
from bot.sandbox.pay_errors import PayRefused

PREFIX = "/_sandbox/alipay"
STATIC = Path(__file__).parent / "static"
SHEET, RESULT, WORDS = (
    Template((STATIC / f"alipay_{name}.html").read_text(encoding="utf-8"))
    for name in ("sheet", "result", "words")
)
BLOCKED = "如需浏览，请长按网址复制后使用浏览器访问"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class AlipayCashier:
    """The pages before one platform's trades."""

    def __init__(self, trades: AlipayTrades) -> None:
        """Stand before the trades."""
        self._trades, self._book = trades, trades.book

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses of the cashier."""
        trade = PREFIX + "/cashier/{trade_no:[0-9]+}"
        return [web.get(trade, self.show), web.post(trade + "/pay", self.pay)]

    def opened(self, request: web.Request, ask: PayAsk, mode: str) -> web.Response:
        """Answer a pay request: the trade begins with the buyer at the cashier."""
        if _is_blocked(request):
            return words_page(BLOCKED, "已停止访问该网页")
        trade = self._trades.open(ask, mode)
        address = f"{PREFIX}/cashier/{trade.trade_no}"
        return web.Response(status=302, headers={**HEADERS, "Location": address})

    async def show(self, request: web.Request) -> web.Response:
        """Show what is to be paid, or how it ended."""
        if _is_blocked(request):
            return words_page(BLOCKED, "已停止访问该网页")
        trade = self._found(request)
        if trade.paid_at is not None:
            return self._paid(trade)
        if trade.state != WAIT or self._book.now() >= trade.expires_at:
            return words_page("交易已关闭", "订单超时或已被商家关闭，请返回商家重新下单")
        return self._sheet(trade)

    async def pay(self, request: web.Request) -> web.Response:
        """Pay, and show the result."""
        trade = self._found(request)
        try:
            self._trades.pay(trade.order_no)
        except PayRefused as refused:
            return words_page("无法付款", str(refused))
        address = f"{PREFIX}/cashier/{trade.trade_no}"
        return web.Response(status=303, headers={**HEADERS, "Location": address})

    def _found(self, request: web.Request) -> AlipayTrade:
        trade = self._book.trade("", request.match_info["trade_no"])
        if trade is None:
            raise web.HTTPNotFound(text="no such trade")
        return trade

    def _sheet(self, trade: AlipayTrade) -> web.Response:
        until = trade.expires_at.astimezone(SHANGHAI)
        minutes = (trade.expires_at - self._book.now()) // timedelta(minutes=1)
        left = f"{minutes}分钟内" if minutes < 120 else until.strftime("%m月%d日 %H:%M 前")
        return _filled(
            SHEET,
            {
                "pay": f"{PREFIX}/cashier/{trade.trade_no}/pay",
                "quit": _web_address(trade.quit_url) or _web_address(trade.return_url) or "#",
                "merchant": MERCHANT_NAME,
                "amount": yuan(trade.amount_fen),
                "subject": trade.subject,
                "order_no": trade.order_no,
                "payer": trade.buyer_logon_id,
                "left": left,
            },
        )

    def _paid(self, trade: AlipayTrade) -> web.Response:
        back = _web_address(self._trades.way_back(trade))
        return _filled(
            RESULT,
            {
                "merchant": MERCHANT_NAME,
                "amount": yuan(trade.amount_fen),
                "back": back or "#",
                "refresh": f"4;url={back}" if back else "86400",
                "hidden": "" if back else "hidden",
                "order_no": trade.order_no,
            },
        )


def refusal_page(refused: AlipayError) -> web.Response:
    """Return the page on which a buyer reads that the merchant's request was refused."""
    is_paid = refused.sub_code in ("ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_FINISHED")
    way_on = "请返回商家页面查看结果" if is_paid else "请返回商家页面重新发起支付"
    return words_page(refused.words, way_on, refused.sub_code)


def words_page(words: str, detail: str, code: str = "") -> web.Response:
    """Return a page that says one thing."""
    shown = f"错误码：{code}" if code else ""
    return _filled(WORDS, {"words": words, "detail": detail, "code": code, "shown": shown})


def _is_blocked(request: web.Request) -> bool:
    """Tell whether the chat app's browser asks, which does not open Alipay."""
    return "MicroMessenger" in request.headers.get("User-Agent", "")


def _web_address(address: str) -> str:
    return address if address.startswith(("http://", "https://")) else ""


def _filled(page: Template, told: Mapping[str, str]) -> web.Response:
    safe = {name: html.escape(value) for name, value in told.items()}
    return web.Response(text=page.substitute(safe), content_type="text/html", headers=HEADERS)
