"""Alipay as one thing: its book, its gateway, its cashier, its notices and bills."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from bot.sandbox.alipay_bills import AlipayBills
from bot.sandbox.alipay_book import AlipayBook
from bot.sandbox.alipay_errors import AlipayError
from bot.sandbox.alipay_http import GATEWAY, AlipayApi
from bot.sandbox.alipay_notices import AlipayNotices
from bot.sandbox.alipay_refunds import AlipayRefunds
from bot.sandbox.alipay_trades import AlipayTrades
from bot.sandbox.clock import Timers, iso
from bot.sandbox.ground import Ground
from bot.sandbox.pay_errors import PayRefused
from bot.sandbox.settling import Settlement


class Alipay:
    """The payment platform; a `till.Till`."""

    name = "alipay"

    def __init__(self, ground: Ground) -> None:
        """Open the platform over its book."""
        self.book = AlipayBook(ground)
        self.notices = AlipayNotices(self.book)
        self.trades = AlipayTrades(self.book, self.notices)
        self.refunds = AlipayRefunds(self.trades, self.notices)
        self.bills = AlipayBills(self.book)
        self.api = AlipayApi(self.book, self.trades, self.refunds, self.bills)

    @property
    def base_url(self) -> str:
        """The gateway's address."""
        return self.book.ground.base_url + GATEWAY

    @property
    def timers(self) -> tuple[Timers, ...]:
        """What ends has its notice sent at the same stop."""
        return (self.trades, self.refunds, self.notices)

    def routes(self) -> list[web.RouteDef]:
        """Return the gateway's and the cashier's addresses."""
        return self.api.routes()

    def facts(self, bot_base: str, notify_url: str | None) -> dict[str, Any]:
        """Return the table of demo.json."""
        keys = self.book.keys
        return {
            "app_id": keys.names.app_id,
            "seller_id": keys.names.seller_id,
            "app_private_key_file": keys.file("app_private_key.pem"),
            "alipay_public_key_file": keys.file("alipay_public_key.pem"),
            "app_certificate_file": keys.file("app_cert.crt"),
            "alipay_certificate_file": keys.file("alipay_cert.crt"),
            "alipay_root_certificate_file": keys.file("alipay_root_cert.crt"),
            "gateway_url": self.base_url,
            "notify_url": notify_url or f"{bot_base}/notify/{self.name}/demo",
        }

    def orders(self) -> list[dict[str, Any]]:
        """Return what buyers came to the cashier with, oldest first."""
        return self.book.orders()

    def books(self) -> dict[str, Any]:
        """Return payments and refunds, oldest first."""
        return self.book.books()

    async def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Pay `{order_no | pay_url, payer?, late?}` at the cashier; raises LookupError, ValueError.

        A number is known here only when a buyer has opened its address; `pay_url` opens it.
        """
        payer = str(body.get("payer") or "")
        url = str(body.get("pay_url") or "")
        order_no = self._opened(url) if url else str(body["order_no"])
        if self.book.trade(order_no) is None:
            raise LookupError(f"{order_no}: no buyer has reached the cashier with it")
        try:
            trade = self.trades.pay(order_no, payer or None, late=bool(body.get("late")))
        except PayRefused as refused:
            raise ValueError(str(refused)) from refused
        return {
            "order_no": trade.order_no,
            "transaction_id": trade.trade_no,
            "amount_fen": trade.amount_fen,
            "state": "paid",
            "payer": trade.buyer_id,
            "at": iso(trade.paid_at) if trade.paid_at else None,
        }

    def _opened(self, url: str) -> str:
        try:
            return self.api.begun(url).order_no
        except AlipayError as refused:
            raise ValueError(f"{refused.sub_code} {refused.words}") from refused

    async def decide_refund(self, refund_no: str, state: str) -> None:
        """Let a refund under way end so, now; raises LookupError, ValueError."""
        self.refunds.decide(refund_no, state)

    def refund_told(self, refund_no: str) -> dict[str, Any]:
        """Return a refund as a query tells it; raises LookupError."""
        refund = self.book.refund_named(refund_no)
        if refund is None:
            raise LookupError(refund_no)
        asked = {"out_trade_no": refund.order_no, "out_request_no": refund_no}
        return self.refunds.query(asked)

    async def refund_outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Give back by hand in the merchant's console; raises LookupError, ValueError."""
        try:
            refund = self.refunds.outside(order_no, amount_fen)
        except AlipayError as refused:
            raise ValueError(refused.words) from refused
        return {
            "refund_no": refund.refund_no,
            "order_no": refund.order_no,
            "amount_fen": refund.amount_fen,
            "state": refund.state,
            "at": iso(refund.created_at),
        }

    def plant(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Plant a difference in the trade bill; raises ValueError, KeyError."""
        return self.bills.plants.add(body)

    def settlements(self, day: date) -> list[Settlement]:
        """Return what is owed to the merchant for a Shanghai day."""
        return self.bills.settlements(day)

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform."""
        return self.book.balance_fen()

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the merchant has so much."""
        self.book.set_balance(balance_fen)

    def close(self) -> None:
        """Close the book."""
        self.book.book.close()
