"""Bank transfer (银行转账): the payer copies a code into her transfer; the account's rows tell.

Without the bank's direct interface (银企直联) this gateway only gives codes: the cashier imports
the statement files, and refunds are paid out by hand. With it, rows are read as they come and
refunds go back to where the transfer came from.

The interface's calls are signed both ways: base64 of RSA-SHA256 over method, path, timestamp,
nonce and body, a line each; an answer that is not signed says nothing about what was done.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from bot.gateways import rsa
from bot.gateways.strict_json import UnreadableError, Words, read_json, text
from storage.errors import GatewayUnavailable
from storage.frozen import dataclass
from storage.periods import SHANGHAI, shanghai_day
from storage.ports.bank import BankLine, BankNews
from storage.ports.payments import (
    Collection,
    NoStatement,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementFile,
    StatementLine,
    WebhookRejected,
    WebhookReply,
    WebhookRequest,
)
from storage.rules import remark_codes
from storage.rules.bank_rows import RowFacts, row_keys

GATEWAY: Final = "bank_transfer"
CLOCK_SECONDS: Final = 300
ASK_EVERY: Final = timedelta(seconds=20)
ANSWER_LIMIT_BYTES: Final = 2 * 1024 * 1024
STATES: Final = {
    "processing": RefundState.PROCESSING,
    "success": RefundState.SUCCESS,
    "returned": RefundState.ABNORMAL,
}
"""A payout that came back (退汇) is nobody's success: a person asks for another account."""
NEVER: Final = frozenset(("ORIGINAL_NOT_FOUND", "PAYOUT_NO_USED", "PARAM_ERROR"))


@dataclass(frozen=True, slots=True)
class Config:
    """Its TOML table: the account, and the direct interface where the bank has one."""

    name: str
    account_name: str
    account_no: str
    bank_name: str
    base_url: str = ""
    merchant_private_key_file: Path | None = None
    bank_public_key_file: Path | None = None
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse half an interface. Raises ValueError."""
        given = (self.base_url, self.merchant_private_key_file, self.bank_public_key_file)
        if any(given) and not all(given):
            raise ValueError(
                "base_url, merchant_private_key_file and bank_public_key_file go together"
            )


class BankTransfer:
    """The account as a payment gateway and as a feed of rows."""

    name: str = GATEWAY

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self.name = config.name if config.name.startswith(GATEWAY) else GATEWAY
        self.merchant_id = config.account_no
        self.app_id = ""
        self.account = (config.account_name, config.account_no, config.bank_name)
        """Name, number and bank, as the payer types them."""
        self._config, self._session, self._now = config, session, now
        self._quiet: str | None = None
        self._asked_at = now()
        self._key = _key(config, "merchant_private_key_file", rsa.read_private_key)
        self._bank = _key(config, "bank_public_key_file", rsa.read_public_key)

    @property
    def is_direct(self) -> bool:
        """Tell whether the bank can be asked."""
        return bool(self._config.base_url)

    async def create(self, ask: PaymentAsk) -> Collection:
        """Give the order its remark code; the same order has the same one."""
        if ask.amount_fen < 1:
            raise ValueError("an order is of at least 1 fen")
        return Collection(prepay_id=code_of(ask.order_no))

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        """Return nothing: no bridge opens a bank's app."""
        del collection
        return {}

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        """Say that nothing is known: what came stands in the account's rows, which are read."""
        del asked_at
        return PaymentFact(
            gateway=self.name,
            order_no=order_no,
            state=PaymentState.PENDING,
            amount_fen=0,
            currency="CNY",
            merchant_id=self.merchant_id,
            app_id="",
        )

    async def close(self, order_no: str, asked_at: datetime) -> None:
        """Do nothing: nobody can forbid a transfer; one that comes later waits for a person."""

    async def refund(self, ask: RefundAsk) -> RefundFact:
        """Send money back to where the transfer came from. The number is the idempotency key."""
        if not 1 <= ask.amount_fen <= ask.total_fen:
            raise ValueError("a refund is of at least 1 fen and at most of what was paid")
        asked = {
            "payout_no": ask.refund_no,
            "amount_fen": ask.amount_fen,
            "original_serial": ask.transaction_id,
            "order_no": ask.order_no,
            "memo": f"退款 {ask.refund_no}",
        }
        status, words = await self._call("POST", "/v1/payouts", asked)
        code = _code(words)
        if status == 200:
            return self._refund(words, ask.order_no)
        if code == "INSUFFICIENT_FUNDS":
            return self._unbooked(ask.refund_no, ask.order_no, RefundState.UNFUNDED, code)
        if code not in NEVER:
            raise GatewayUnavailable(self.name, f"{status} {code}"[:200])
        known = await self.query_refund(ask.refund_no, ask.order_no, ask.asked_at)
        if known.state is not RefundState.NOT_FOUND:
            return known
        return self._unbooked(ask.refund_no, ask.order_no, RefundState.REJECTED, code)

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        """Ask how a payout stands; NOT_FOUND where the number never arrived there."""
        del asked_at
        path = f"/v1/payouts/{quote(refund_no, safe='')}"
        status, words = await self._call("GET", path)
        if status == 404 and _code(words) == "PAYOUT_NOT_FOUND":
            return self._unbooked(refund_no, order_no, RefundState.NOT_FOUND, _code(words))
        if status != 200:
            raise GatewayUnavailable(self.name, f"{status} {_code(words)}"[:200])
        fact = self._refund(words, order_no)
        if fact.refund_no != refund_no:
            raise GatewayUnavailable(self.name, "payout: the answer is about another one")
        return fact

    def _refund(self, words: Words, order_no: str) -> RefundFact:
        try:
            state = STATES[text(words, "state")]
            return RefundFact(
                gateway=self.name,
                refund_no=text(words, "payout_no"),
                order_no=order_no,
                state=state,
                amount_fen=_whole(words, "amount_fen"),
                platform_refund_id=str(words.get("serial") or "")[:64],
                settled_at=_instant(words.get("ended_at")),
                detail=str(words.get("reason") or "")[:200],
            )
        except (KeyError, ValueError, UnreadableError) as error:
            raise GatewayUnavailable(self.name, f"payout: {error}"[:200]) from error

    def _unbooked(self, refund_no: str, order_no: str, state: RefundState, code: str) -> RefundFact:
        return RefundFact(
            gateway=self.name,
            refund_no=refund_no,
            order_no=order_no,
            state=state,
            amount_fen=0,
            detail=code,
        )

    async def rows_after(self, cursor: str) -> BankNews:
        """Return the account's rows after a cursor, the oldest first.

        While nothing comes the bank is asked once in so many seconds, however often we are.
        """
        now = self._now()
        if self._quiet == cursor and timedelta() <= now - self._asked_at < ASK_EVERY:
            return BankNews([], cursor, has_more=False)
        path = f"/v1/transactions?after={quote(cursor, safe='')}&limit=100"
        status, words = await self._call("GET", path)
        if status != 200:
            raise GatewayUnavailable(self.name, f"{status} {_code(words)}"[:200])
        try:
            rows = _list(words, "transactions")
            news = BankNews(
                self._lines(rows),
                text(words, "next_cursor") if words.get("next_cursor") else cursor,
                has_more=words.get("has_more") is True,
            )
        except (KeyError, TypeError, ValueError, UnreadableError) as error:
            raise GatewayUnavailable(self.name, f"rows: {error}"[:200]) from error
        if not rows:
            self._quiet, self._asked_at = cursor, now
        return news

    def _lines(self, rows: list[Any]) -> list[BankLine]:
        """Return rows with the keys that the same rows have in a statement file."""
        read = [self._line(one) for one in rows]
        facts = [
            RowFacts(
                shanghai_day(one.booked_at),
                one.booked_at.astimezone(SHANGHAI).strftime("%H:%M:%S"),
                one.amount_fen,
                one.balance_fen,
                one.payer_name,
                one.payer_account,
                one.memo,
                one.serial,
            )
            for one in read
        ]
        keys = row_keys(self.merchant_id, facts)
        return [replace(one, row_key=key) for one, key in zip(read, keys, strict=True)]

    def _line(self, row: object) -> BankLine:
        if not isinstance(row, dict):
            raise UnreadableError("transactions")
        serial = text(row, "serial")
        balance = row.get("balance_fen")
        booked_at = _instant(text(row, "booked_at"))
        if booked_at is None:
            raise UnreadableError("booked_at")
        return BankLine(
            row_key="",
            booked_at=booked_at,
            amount_fen=_whole(row, "amount_fen"),
            balance_fen=balance if isinstance(balance, int) else None,
            payer_name=str(row.get("counterparty_name") or ""),
            payer_account=str(row.get("counterparty_account") or ""),
            memo=str(row.get("memo") or ""),
            serial=serial,
        )

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Raise NoStatement: the account's own rows are read as they come, not day by day."""
        del into
        raise NoStatement(str(day))

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Return nothing, for nothing is fetched."""
        del path, day
        return iter(())

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        """Refuse: a bank calls nobody."""
        del request, now
        raise WebhookRejected("no_webhooks", WebhookReply(404))

    def acknowledge(self) -> WebhookReply:
        """Return the word for "heard", which nobody waits for."""
        return WebhookReply(204)

    def ask_again(self) -> WebhookReply:
        """Return the word for "not now"."""
        return WebhookReply(503)

    async def _call(
        self, method: str, path: str, asked: Mapping[str, Any] | None = None
    ) -> tuple[int, Words]:
        """Call the bank and prove its answer before a word of it is read."""
        if self._key is None or self._bank is None:
            raise GatewayUnavailable(self.name, "no direct interface: paid out by hand")
        body = b"" if asked is None else json.dumps(asked, ensure_ascii=False).encode()
        whole_path = urlsplit(self._config.base_url).path.rstrip("/") + path
        seconds, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        headers = {
            "X-Bank-Account": self.merchant_id,
            "X-Bank-Timestamp": seconds,
            "X-Bank-Nonce": nonce,
            "X-Bank-Signature": rsa.sign(
                self._key, _message(method, whole_path, seconds, nonce, body)
            ),
            "Content-Type": "application/json; charset=utf-8",
        }
        url = URL(self._config.base_url.rstrip("/") + path, encoded=True)
        timeout = ClientTimeout(total=self._config.timeout_seconds)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout
            ) as response:
                raw = await response.content.read(ANSWER_LIMIT_BYTES + 1)
                status, told = response.status, dict(response.headers)
        except (ClientError, TimeoutError, OSError) as error:
            raise GatewayUnavailable(self.name, type(error).__name__) from error
        self._prove(method, whole_path, nonce, told, raw)
        try:
            return status, read_json(raw)
        except UnreadableError as error:
            raise GatewayUnavailable(self.name, str(error)[:200]) from error

    def _prove(
        self, method: str, path: str, nonce: str, told: Mapping[str, str], raw: bytes
    ) -> None:
        lower = {name.lower(): word for name, word in told.items()}
        stamp, signature = lower.get("x-bank-timestamp", ""), lower.get("x-bank-signature", "")
        is_ours = lower.get("x-bank-nonce") == nonce and stamp.isascii() and stamp.isdigit()
        is_fresh = is_ours and abs(self._now().timestamp() - int(stamp[:12])) <= CLOCK_SECONDS
        message = _message(method, path, stamp, nonce, raw)
        if not is_fresh or self._bank is None or not rsa.verifies(self._bank, signature, message):
            raise GatewayUnavailable(self.name, "an answer that is not proven")


def code_of(order_no: str) -> str:
    """Return the remark code of an order: the same number has the same code."""
    digest = hashlib.sha256(order_no.encode()).digest()
    return remark_codes.make(int.from_bytes(digest[:8], "big") % remark_codes.SPACE)


def _key(config: Config, name: str, read: Callable[[Path], Any]) -> Any:  # noqa: ANN401 - a key
    path = getattr(config, name)
    if path is None:
        return None
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _message(method: str, path: str, seconds: str, nonce: str, body: bytes) -> bytes:
    return f"{method}\n{path}\n{seconds}\n{nonce}\n".encode() + body + b"\n"


def _whole(words: Mapping[str, Any], key: str) -> int:
    found = words.get(key)
    if not isinstance(found, int) or isinstance(found, bool):
        raise UnreadableError(key)
    return found


def _list(words: Words, key: str) -> list[Any]:
    found = words.get(key)
    if not isinstance(found, list):
        raise UnreadableError(key)
    return found


def _code(words: Words) -> str:
    code = words.get("code")
    return code[:64] if isinstance(code, str) else ""


def _instant(told: object) -> datetime | None:
    """Return an aware instant, None for nothing. Raises ValueError."""
    if told is None or told == "":
        return None
    found = datetime.fromisoformat(str(told))
    if found.tzinfo is None:
        raise ValueError("an instant without its zone")
    return found


Gateway = BankTransfer
