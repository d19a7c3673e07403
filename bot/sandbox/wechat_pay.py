"""WeChat Pay v3 as one thing: its book, its API, its notices, and the payer's side."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from bot.sandbox.clock import Timers, iso
from bot.sandbox.ground import Ground
from bot.sandbox.keys import Keys
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.pay_bills import PayBills
from bot.sandbox.pay_book import PayBook, Trade
from bot.sandbox.pay_errors import PayError, PayRefused
from bot.sandbox.pay_http import PREFIX, PayApi
from bot.sandbox.pay_notices import PayNotices
from bot.sandbox.pay_orders import PayOrders
from bot.sandbox.pay_refunds import PayRefunds
from bot.sandbox.settling import Settlement


class WechatPay:
    """The payment platform; a `till.Till`."""

    name = "wechat_pay"

    def __init__(self, ground: Ground, keys: Keys, account: OfficialAccount) -> None:
        """Open the platform over its book."""
        self.book = PayBook(ground, keys)
        self.notices = PayNotices(self.book)
        self.trades = PayOrders(self.book, self.notices, account)
        self.refunds = PayRefunds(self.book, self.notices)
        self.bills = PayBills(self.book)
        self.api = PayApi(self.book, self.trades, self.refunds, self.bills)

    def routes(self) -> list[web.RouteDef]:
        """Return the API's addresses."""
        return self.api.routes()

    @property
    def base_url(self) -> str:
        """Where the API answers; `/v3/...` follows."""
        return self.book.ground.base_url + PREFIX

    def trade(self, order_no: str) -> Trade | None:
        """Return a trade by the merchant's number."""
        return self.book.trade(order_no)

    def check_bridge(self, params: Mapping[str, Any]) -> Trade | str:
        """Return the trade a bridge call may pay, or what the payer reads instead."""
        return self.trades.check_bridge(params)

    def by_h5_token(self, token: str) -> Trade | str:
        """Return the trade behind an h5_url, or what the payer reads instead."""
        return self.trades.by_h5_token(token)

    def by_code_url(self, code: str) -> Trade | str:
        """Return the trade behind a QR code, or what the payer reads instead."""
        return self.trades.by_code_url(code)

    async def pay_order(self, order_no: str, payer_openid: str | None = None) -> Trade:
        """Pay at the cashier: booked and committed; the notice is on its way. Raises PayRefused."""
        return self.trades.pay(order_no, payer_openid)

    # What every till offers

    @property
    def timers(self) -> tuple[Timers, ...]:
        """Refunds first: what ends has its notice sent at the same stop."""
        return (self.refunds, self.notices)

    def facts(self, bot_base: str, notify_url: str | None) -> dict[str, Any]:
        """Return the table of demo.json."""
        keys = self.book.keys
        return {
            "mchid": keys.names.mchid,
            "appid": keys.names.appid,
            "api_v3_key": keys.names.api_v3_key,
            "merchant_serial": keys.merchant_serial,
            "merchant_private_key_file": str(keys.merchant_private_key_file.resolve()),
            "platform_public_key_file": str(keys.platform_public_key_file.resolve()),
            "platform_public_key_id": keys.names.platform_public_key_id,
            "platform_certificate_file": str(keys.platform_certificate_file.resolve()),
            "platform_serial": keys.platform_serial,
            "base_url": self.base_url,
            "notify_url": notify_url or f"{bot_base}/notify/{self.name}/{keys.names.account}",
        }

    def settlements(self, day: date) -> list[Settlement]:
        """Return what is owed to the merchant for a Shanghai day."""
        return self.bills.settlements(day)

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform."""
        return self.book.balance_fen()

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the merchant has so much."""
        self.book.set_balance(balance_fen)

    def orders(self) -> list[dict[str, Any]]:
        """Return what the platform was asked to collect, oldest first."""
        return self.book.orders()

    def books(self) -> dict[str, Any]:
        """Return payments and refunds, oldest first."""
        return self.book.books()

    async def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Pay `{order_no, payer?, late?}`; raises LookupError, ValueError."""
        order_no, payer = str(body["order_no"]), body.get("payer")
        if self.book.trade(order_no) is None:
            raise LookupError(order_no)
        try:
            paying = self.trades.pay_late if body.get("late") else self.trades.pay
            trade = paying(order_no, payer)
        except PayRefused as refused:
            raise ValueError(str(refused)) from refused
        return {
            "order_no": trade.order_no,
            "transaction_id": trade.transaction_id,
            "amount_fen": trade.amount_fen,
            "state": trade.state,
            "payer": trade.payer_openid,
            "at": iso(trade.paid_at) if trade.paid_at else None,
        }

    async def decide_refund(self, refund_no: str, state: str) -> None:
        """Let a refund end so, now; raises LookupError."""
        self.refunds.decide(refund_no, state)

    def refund_told(self, refund_no: str) -> dict[str, Any]:
        """Return a refund as a query tells it; raises LookupError."""
        if self.book.refund(refund_no) is None:
            raise LookupError(refund_no)
        return self.refunds.queried(refund_no)

    async def refund_outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Give back by hand in the merchant's console; raises LookupError, ValueError."""
        try:
            refund = self.refunds.outside(order_no, amount_fen)
        except PayError as refused:
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

    def close(self) -> None:
        """Close the book."""
        self.book.book.close()
