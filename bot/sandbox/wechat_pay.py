"""WeChat Pay v3 as one thing: its book, its API, its notices, and the payer's side."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.keys import Keys
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.pay_bills import PayBills
from bot.sandbox.pay_book import PayBook, Trade
from bot.sandbox.pay_http import PREFIX, PayApi
from bot.sandbox.pay_notices import PayNotices
from bot.sandbox.pay_orders import PayOrders
from bot.sandbox.pay_refunds import PayRefunds


class WechatPay:
    """The payment platform."""

    def __init__(self, ground: Ground, keys: Keys, account: OfficialAccount) -> None:
        """Open the platform over its book."""
        self.book = PayBook(ground, keys)
        self.notices = PayNotices(self.book)
        self.orders = PayOrders(self.book, self.notices, account)
        self.refunds = PayRefunds(self.book, self.notices)
        self.api = PayApi(self.book, self.orders, self.refunds, PayBills(self.book))

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
        return self.orders.check_bridge(params)

    def by_h5_token(self, token: str) -> Trade | str:
        """Return the trade behind an h5_url, or what the payer reads instead."""
        return self.orders.by_h5_token(token)

    def by_code_url(self, code: str) -> Trade | str:
        """Return the trade behind a QR code, or what the payer reads instead."""
        return self.orders.by_code_url(code)

    async def pay_order(self, order_no: str, payer_openid: str | None = None) -> Trade:
        """Pay at the cashier: booked and committed; the notice is on its way. Raises PayRefused."""
        return self.orders.pay(order_no, payer_openid)
