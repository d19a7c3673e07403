"""UnionPay (银联全渠道, ACP 5.1.0) as one thing: book, gateway, file host, notices, cashier."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from bot.sandbox.clock import Timers, iso
from bot.sandbox.ground import Ground
from bot.sandbox.keys import Keys
from bot.sandbox.settling import Settlement, settlement_of
from bot.sandbox.unionpay_book import Return, UnionpayBook
from bot.sandbox.unionpay_cashier import UnionpayCashier
from bot.sandbox.unionpay_codes import AcpError, CardRefused
from bot.sandbox.unionpay_http import PREFIX, UnionpayApi
from bot.sandbox.unionpay_keys import SIGNER_NAME, open_unionpay_keys
from bot.sandbox.unionpay_notices import UnionpayNotices
from bot.sandbox.unionpay_orders import SHOWN_CARD, UnionpayOrders, told_of_return
from bot.sandbox.unionpay_returns import UnionpayReturns
from bot.sandbox.unionpay_statement import UnionpayStatements

FOLDER = "unionpay"


class Unionpay:
    """The payment platform; a `till.Till`."""

    name = "unionpay"

    def __init__(self, ground: Ground, keys: Keys) -> None:
        """Open the platform over its book; its own keys lie beside the others."""
        self.account = keys.names.account
        self.keys = open_unionpay_keys(keys.folder / FOLDER, ground.clock.now())
        self.book = UnionpayBook(ground, self.keys)
        self.notices = UnionpayNotices(self.book)
        self.trades = UnionpayOrders(self.book, self.notices)
        self.returns = UnionpayReturns(self.book, self.notices)
        self.statements = UnionpayStatements(self.book)
        self.api = UnionpayApi(self.book, self.trades, self.returns, self.statements)
        self.cashier = UnionpayCashier(self.trades)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses of gateway, file host and cashier."""
        return [*self.api.routes(), *self.cashier.routes()]

    @property
    def base_url(self) -> str:
        """Where the gateway answers; `/gateway/api/...` follows. The file host is `/`."""
        return self.book.ground.base_url + PREFIX

    @property
    def timers(self) -> tuple[Timers, ...]:
        """Refunds first: what ends has its notice sent at the same stop."""
        return (self.returns, self.notices)

    def facts(self, bot_base: str, notify_url: str | None) -> dict[str, Any]:
        """Return the table of demo.json."""
        return {
            "merchant_id": self.keys.merchant_id,
            "sign_certificate_file": str(self.keys.pfx_file.resolve()),
            "sign_certificate_password": self.keys.password,
            "root_certificate_file": str(self.keys.root_file.resolve()),
            "middle_certificate_file": str(self.keys.middle_file.resolve()),
            "signer_name": SIGNER_NAME,
            "base_url": self.base_url,
            "file_url": self.base_url + "/",
            "notify_url": notify_url or f"{bot_base}/notify/{self.name}/{self.account}",
        }

    def orders(self) -> list[dict[str, Any]]:
        """Return what the platform was asked to collect, oldest first."""
        return self.book.orders()

    def books(self) -> dict[str, Any]:
        """Return payments and refunds, oldest first, and payments after their limit apart."""
        return self.book.books()

    async def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Pay `{order_no, card?, late?}`; raises LookupError, ValueError.

        `late` is a payment after payTimeout: 42, never the merchant's, back after five days.
        """
        order_no, card = str(body["order_no"]), str(body.get("card") or SHOWN_CARD)
        trade = self.book.trade(order_no)
        if trade is None:
            raise LookupError(order_no)
        try:
            paying = self.trades.pay_late if body.get("late") else self.trades.pay
            paid = paying(trade, card)
        except CardRefused as refused:
            raise ValueError(str(refused)) from refused
        return {
            "order_no": paid.order_no,
            "transaction_id": paid.query_id,
            "amount_fen": paid.amount_fen,
            "state": paid.state,
            "payer": paid.card,
            "at": iso(paid.paid_at) if paid.paid_at else None,
        }

    async def decide_refund(self, refund_no: str, state: str) -> None:
        """Let a refund under way end as `state` now, or hold it; raises LookupError, ValueError.

        `success`, `closed` (or `failed`), `abnormal`, `unfunded`; `processing` holds it.
        """
        self.returns.decide(refund_no, state)

    def refund_told(self, refund_no: str) -> dict[str, Any]:
        """Return a refund as a query tells it; raises LookupError."""
        return dict(told_of_return(self.returns.known(refund_no)))

    async def refund_outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Give back by hand in the merchant's console; raises LookupError, ValueError."""
        try:
            back = self.returns.outside(order_no, amount_fen)
        except AcpError as refused:
            raise ValueError(refused.words) from refused
        return _told(back, order_no)

    def plant(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Plant a difference in the statement file; raises ValueError, KeyError."""
        return self.statements.plants.add(body)

    def settlements(self, day: date) -> list[Settlement]:
        """Return what is owed for a clearing day, which ends at 23:00."""
        return [settlement_of(self.keys.merchant_id, self.statements.rows(day))]

    def balance_fen(self) -> int:
        """Return what the merchant has at the platform."""
        return self.book.balance_fen()

    def set_balance(self, balance_fen: int) -> None:
        """Pay in or out until the merchant has so much."""
        self.book.set_balance(balance_fen)

    def close(self) -> None:
        """Close the book."""
        self.book.book.close()


def _told(back: Return, order_no: str) -> dict[str, Any]:
    return {
        "refund_no": back.refund_no,
        "order_no": order_no,
        "amount_fen": back.amount_fen,
        "state": back.state,
        "at": iso(back.created_at),
    }
