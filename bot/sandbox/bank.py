"""The bank as one thing: the merchant's account, what comes and goes, statements, payouts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from aiohttp import web

from bot.sandbox.bank_book import (
    CHARGE,
    INTEREST,
    MOVED,
    SENT_BACK,
    TRANSFER,
    BankBook,
    Line,
    Side,
    account_of,
)
from bot.sandbox.bank_counter import BankCounter
from bot.sandbox.bank_direct import DIRECT, BankDirect
from bot.sandbox.bank_errors import BankRefused
from bot.sandbox.bank_keys import open_bank_keys
from bot.sandbox.bank_payouts import BankPayouts
from bot.sandbox.bank_settlements import BankSettlements
from bot.sandbox.bank_statements import USUAL, BankStatements
from bot.sandbox.clock import Timers, iso
from bot.sandbox.ground import Ground
from bot.sandbox.till import Till

MOST_FEN = 100_000_000_00
OWN_LINES = {"charge": (CHARGE, -1, "账户管理费"), "interest": (INTEREST, 1, "结息")}


class Bank:
    """The bank; a `till.Till` that sends no notices: it is asked, or its statements are read."""

    name = "bank"

    def __init__(self, ground: Ground, tills: Callable[[], Sequence[Till]] = tuple) -> None:
        """Open the bank over its book; `tills` gives the platforms that pay into the account."""
        self.book = BankBook(ground, open_bank_keys(ground.folder / "keys" / self.name))
        self.payouts = BankPayouts(self.book)
        self.statements = BankStatements(self.book)
        self.settlements_in = BankSettlements(self.book, tills)
        self.direct = BankDirect(self.book, self.payouts, self.statements)
        self.counter = BankCounter(self.book, self.pay)

    @property
    def base_url(self) -> str:
        """Where the direct interface answers; `/v1/...` follows."""
        return self.book.ground.base_url + DIRECT

    @property
    def timers(self) -> tuple[Timers, ...]:
        """Payouts, and the platforms' money at nine each morning."""
        return (self.payouts, self.settlements_in)

    def routes(self) -> list[web.RouteDef]:
        """Return the API's addresses, the download of statements, and online banking."""
        return [*self.direct.routes(), *self.counter.routes()]

    def facts(self, bot_base: str, notify_url: str | None) -> dict[str, Any]:
        """Return the table of demo.json."""
        keys = self.book.keys
        return {
            **vars(keys.account),
            "merchant_private_key_file": keys.file("merchant_private_key.pem"),
            "bank_public_key_file": keys.file("bank_public_key.pem"),
            "base_url": self.base_url,
            "transfer_url": self.book.ground.base_url + "/_sandbox/bank/transfer",
            "statement_url": self.book.ground.base_url + "/_sandbox/bank/statements",
            "statement_layout": USUAL,
        }

    def orders(self) -> list[dict[str, Any]]:
        """Return incoming transfers, oldest first; one that went back is closed."""
        return self.book.orders()

    def books(self) -> dict[str, Any]:
        """Return incoming transfers as payments; payouts and transfers sent back as refunds."""
        payments = [
            {
                name: told[name]
                for name in ("order_no", "transaction_id", "amount_fen", "at", "memo")
            }
            for told in self.book.orders()
        ]
        back = [
            {
                "refund_no": line.serial,
                "order_no": line.order_no,
                "amount_fen": -line.amount_fen,
                "state": "success",
                "at": iso(line.at),
            }
            for line in self.book.of_kinds(SENT_BACK)
        ]
        refunds = sorted([*self.payouts.books(), *back], key=lambda one: str(one["at"]))
        return {"payments": payments, "refunds": refunds}

    async def pay(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Book a line: `{amount_fen, memo?, order_no?, payer?, payer_account?, payer_bank?}`.

        `{return_of: serial | order_no, memo?}` sends a transfer back (退汇); `{kind: "charge" |
        "interest", amount_fen, memo?}` is the bank's own; `{kind: "settlement", gateway, day,
        amount_fen}` has a platform pay so much for a clearing day. Raises LookupError, ValueError.
        """
        if body.get("return_of"):
            return _told(self._send_back(str(body["return_of"]), str(body.get("memo") or "")))
        kind = str(body.get("kind") or TRANSFER)
        amount_fen = body["amount_fen"]
        if type(amount_fen) is not int or not 0 <= amount_fen <= MOST_FEN:
            raise ValueError("amount_fen must be a whole number of fen")
        if kind == "settlement":
            day = date.fromisoformat(str(body["day"]))
            self.settlements_in.override(str(body["gateway"]), day, amount_fen)
            return {"gateway": body["gateway"], "day": day.isoformat(), "amount_fen": amount_fen}
        if amount_fen == 0:
            raise ValueError("amount_fen must be above 0")
        if kind in OWN_LINES:
            name, sign, words = OWN_LINES[kind]
            memo = str(body.get("memo") or words)
            return _told(self.book.enter(name, sign * amount_fen, Side("", ""), memo))
        if kind != TRANSFER:
            raise ValueError(f"no line of kind {kind}")
        return _told(self._transfer(amount_fen, body))

    def _transfer(self, amount_fen: int, body: Mapping[str, Any]) -> Line:
        payer = str(body.get("payer") or "王女士")
        account = str(body.get("payer_account") or account_of(payer))
        side = Side(payer, account, str(body.get("payer_bank") or "招商银行杭州分行"))
        order_no = str(body.get("order_no") or "")
        return self.book.enter(
            TRANSFER, amount_fen, side, str(body.get("memo") or ""), order_no=order_no
        )

    def _send_back(self, number: str, memo: str) -> Line:
        line = self.book.transfer(number)
        if self.book.is_sent_back(line.serial):
            raise ValueError("该来账已退回")
        words = f"退汇 {memo or line.memo}".strip()
        about = f"back:{line.serial}"
        return self.book.enter(
            SENT_BACK, -line.amount_fen, line.side, words, order_no=line.order_no, about=about
        )

    async def decide_refund(self, refund_no: str, state: str) -> None:
        """Let a payout succeed, or come back; raises LookupError, ValueError."""
        self.payouts.decide(refund_no, state)

    def refund_told(self, refund_no: str) -> dict[str, Any]:
        """Return a payout as a query tells it; raises LookupError."""
        try:
            return self.payouts.queried(refund_no)
        except BankRefused as refused:
            raise LookupError(refund_no) from refused

    async def refund_outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Pay a transfer back by hand in online banking; raises LookupError, ValueError."""
        try:
            told = self.payouts.outside(order_no, amount_fen)
        except BankRefused as refused:
            raise ValueError(refused.words) from refused
        return {
            "refund_no": told["payout_no"],
            "order_no": told["order_no"],
            "amount_fen": told["amount_fen"],
            "state": told["state"],
            "at": told["accepted_at"],
        }

    def plant(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Plant a difference in the statement file; raises ValueError, KeyError."""
        return self.statements.plant(body)

    def balance_fen(self) -> int:
        """Return what is in the account."""
        return self.book.balance_fen()

    def set_balance(self, balance_fen: int) -> None:
        """Move money in or out until the account holds so much; raises ValueError."""
        if balance_fen < 0:
            raise ValueError("an account holds no less than nothing")
        moved = balance_fen - self.book.balance_fen()
        if moved:
            own = self.book.keys.account.account_name
            self.book.enter(MOVED, moved, Side(own, account_of(own)), "资金划转")

    def close(self) -> None:
        """Close the book."""
        self.book.book.close()


def _told(line: Line) -> dict[str, Any]:
    return {
        "order_no": line.order_no,
        "transaction_id": line.serial,
        "amount_fen": line.amount_fen,
        "balance_fen": line.balance_fen,
        "state": "closed" if line.kind == SENT_BACK else "paid",
        "payer": line.side.name,
        "payer_account": line.side.account,
        "memo": line.memo,
        "at": iso(line.at),
    }
