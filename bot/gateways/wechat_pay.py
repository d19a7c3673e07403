"""WeChat Pay v3 (微信支付): collect, close, ask, refund, and prove what it tells us."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import ClientSession

from bot.gateways import wechat_pay_crypto as crypto
from bot.gateways import wechat_pay_facts as facts
from bot.gateways import wechat_pay_statement as statement
from bot.gateways.wechat_pay_config import Config
from bot.gateways.wechat_pay_facts import GATEWAY, UnreadableError, Words
from bot.gateways.wechat_pay_wire import Wire, new_nonce
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    Collection,
    OrderRefused,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementFile,
    StatementLine,
    TradeKind,
    WebhookRejected,
    WebhookReply,
    WebhookRequest,
)

__all__ = ["Config", "Gateway", "WechatPay"]

WEBHOOK_LIMIT_BYTES: Final = 64 * 1024
SHANGHAI: Final = timezone(timedelta(hours=8))
TRANSACTIONS: Final = "/v3/pay/transactions"
REFUNDS: Final = "/v3/refund/domestic/refunds"

ORDER_NO: Final = re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII)
REFUND_NO: Final = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
UNWANTED: Final = re.compile(r"[`,\x00-\x1f\x7f\ud800-\udfff]")
"""What the platform's statement files do not escape, and what is no character."""

PAID_ALREADY: Final = frozenset({"ORDER_PAID", "ORDERPAID"})
PAID_WORDS: Final = "已支付"
"""INVALID_REQUEST is told apart by its message only: paid already, or asked before otherwise."""
ORDER_REFUSALS: Final = frozenset(
    {
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "APPID_MCHID_NOT_MATCH",
        "MCH_NOT_EXISTS",
        "ORDER_CLOSED",
        "ORDERCLOSED",
        "NO_AUTH",
        "OUT_TRADE_NO_USED",
        "ACCOUNT_ERROR",
        "TRADE_ERROR",
        "RULE_LIMIT",
        "OPENID_MISMATCH",
    }
)
ORDER_UNKNOWN: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
CLOSE_NEEDLESS: Final = (
    ORDER_UNKNOWN | PAID_ALREADY | {"ORDER_CLOSED", "ORDERCLOSED", "TRADE_ERROR"}
)
"""Nothing is left that could be paid; the query that follows tells which of these it is."""
REFUND_REFUSALS: Final = frozenset(
    {
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "USER_ACCOUNT_ABNORMAL",
        "RESOURCE_NOT_EXISTS",
        "MCH_NOT_EXISTS",
        "NO_AUTH",
    }
)
REFUND_EVENTS: Final = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})


class WechatPay:
    """One merchant at WeChat Pay, spoken to over a session that the caller opens and closes."""

    name: str = GATEWAY

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self.name = config.name
        self.merchant_id = config.mchid
        self.app_id = config.app_id
        self._config = config
        self._now = now
        self._wire = Wire(config, session, now=now)

    async def create(self, ask: PaymentAsk) -> Collection:
        """Ask for a way to pay. Raises OrderRefused, GatewayUnavailable."""
        path = f"{TRANSACTIONS}/{ask.kind.value}"
        status, words = await self._wire.call("POST", path, self._order(ask))
        if status != 200:
            raise self._order_trouble(status, words)
        key = {TradeKind.JSAPI: "prepay_id", TradeKind.H5: "h5_url", TradeKind.NATIVE: "code_url"}
        try:
            found = facts.text(words, key[ask.kind])
        except UnreadableError as error:
            raise self._unavailable(str(error)) from error
        return Collection(
            prepay_id=found if ask.kind is TradeKind.JSAPI else "",
            pay_url=found if ask.kind is TradeKind.H5 else "",
            code_url=found if ask.kind is TradeKind.NATIVE else "",
        )

    def _order(self, ask: PaymentAsk) -> Words:
        if ask.amount_fen < 1:
            raise ValueError("an order is of at least 1 fen")
        expires_at = ask.expires_at.astimezone(SHANGHAI)
        order: Words = {
            "appid": self.app_id,
            "mchid": self.merchant_id,
            "description": UNWANTED.sub("", ask.description)[:127],
            "out_trade_no": _number(ORDER_NO, ask.order_no),
            "time_expire": expires_at.isoformat(timespec="seconds"),
            "notify_url": self._config.notify_url,
            "amount": {"total": ask.amount_fen, "currency": facts.CURRENCY},
        }
        if ask.kind is TradeKind.JSAPI:
            order["payer"] = {"openid": _wanted("payer_id", ask.payer_id)}
        if ask.kind is TradeKind.H5:
            payer_ip = _wanted("payer_ip", ask.payer_ip)
            order["scene_info"] = {"payer_client_ip": payer_ip, "h5_info": {"type": "Wap"}}
        return order

    def _order_trouble(self, status: int, words: Words) -> OrderRefused | GatewayUnavailable:
        code = _code(words)
        if code in PAID_ALREADY:
            return OrderRefused(code, is_paid=True)
        if code in ORDER_REFUSALS:
            return OrderRefused(code, is_paid=PAID_WORDS in str(words.get("message", "")))
        return self._unavailable(f"{status} {code}")

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        """Return the fields for WeixinJSBridge's getBrandWCPayRequest, signed."""
        seconds = str(int(self._now().timestamp()))
        nonce = new_nonce()
        package = f"prepay_id={_wanted('prepay_id', collection.prepay_id)}"
        return {
            "appId": self.app_id,
            "timeStamp": seconds,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self._wire.sign(self.app_id, seconds, nonce, package),
        }

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        """Ask how an order stands; PENDING with 0 fen where it was never seen there."""
        path = f"{TRANSACTIONS}/out-trade-no/{quote(_number(ORDER_NO, order_no), safe='')}"
        status, words = await self._wire.call("GET", f"{path}?mchid={self.merchant_id}")
        if status == 404 and _code(words) in ORDER_UNKNOWN:
            return PaymentFact(
                gateway=self.name,
                order_no=order_no,
                state=PaymentState.PENDING,
                amount_fen=0,
                currency=facts.CURRENCY,
                merchant_id=self.merchant_id,
                app_id=self.app_id,
            )
        if status != 200:
            raise self._unavailable(f"{status} {_code(words)}")
        try:
            state = facts.PAYMENT_STATES[facts.text(words, "trade_state")]
            fact = facts.payment(self.name, words, state)
        except (UnreadableError, KeyError) as error:
            raise self._unavailable(f"order: {error}") from error
        if fact.order_no != order_no:
            raise self._unavailable("order: the answer is about another one")
        return fact

    async def close(self, order_no: str, asked_at: datetime) -> None:
        """Ask to take no more money; silent too where none can be taken any more."""
        path = f"{TRANSACTIONS}/out-trade-no/{quote(_number(ORDER_NO, order_no), safe='')}/close"
        status, words = await self._wire.call("POST", path, {"mchid": self.merchant_id})
        if status != 204 and _code(words) not in CLOSE_NEEDLESS:
            raise self._unavailable(f"{status} {_code(words)}")

    async def refund(self, ask: RefundAsk) -> RefundFact:
        """Ask for money back. REJECTED only after the platform denies knowing the number."""
        if not 1 <= ask.amount_fen <= ask.total_fen:
            raise ValueError("a refund is of at least 1 fen and at most of what was paid")
        asked: Words = {
            "out_trade_no": _number(ORDER_NO, ask.order_no),
            "out_refund_no": _number(REFUND_NO, ask.refund_no),
            "reason": UNWANTED.sub("", ask.reason)[:80],
            "notify_url": self._config.refund_notify_url or self._config.notify_url,
            "amount": {
                "refund": ask.amount_fen,
                "total": ask.total_fen,
                "currency": facts.CURRENCY,
            },
        }
        status, words = await self._wire.call("POST", REFUNDS, asked)
        if status == 200:
            return self._refund(words, ask.refund_no, ask.order_no)
        code = _code(words)
        if code == "NOT_ENOUGH":
            return self._unbooked(ask.refund_no, ask.order_no, RefundState.UNFUNDED, code)
        if code not in REFUND_REFUSALS:
            raise self._unavailable(f"{status} {code}")
        known = await self.query_refund(ask.refund_no, ask.order_no, ask.asked_at)
        if known.state is not RefundState.NOT_FOUND:
            return known
        detail = f"{code} {_message(words)}".strip()
        return self._unbooked(ask.refund_no, ask.order_no, RefundState.REJECTED, detail)

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        """Ask how a refund stands; NOT_FOUND where the number never arrived there."""
        path = f"{REFUNDS}/{quote(_number(REFUND_NO, refund_no), safe='')}"
        status, words = await self._wire.call("GET", path)
        if status == 404 and _code(words) == "RESOURCE_NOT_EXISTS":
            return self._unbooked(refund_no, order_no, RefundState.NOT_FOUND, _code(words))
        if status != 200:
            raise self._unavailable(f"{status} {_code(words)}")
        return self._refund(words, refund_no, order_no)

    def _refund(self, words: Words, refund_no: str, order_no: str) -> RefundFact:
        try:
            state = facts.REFUND_STATES[facts.text(words, "status")]
            fact = facts.refund(self.name, words, state)
        except (UnreadableError, KeyError) as error:
            raise self._unavailable(f"refund: {error}") from error
        if (fact.refund_no, fact.order_no) != (refund_no, order_no):
            raise self._unavailable("refund: the answer is about another one")
        return fact

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Put a day's trade bill into a folder, as it came, its SHA-1 compared.

        Raises StatementNotReady, NoStatement, StatementBroken, GatewayUnavailable.
        """
        announced = statement.announced(*await self._wire.call("GET", statement.path_of(day)))
        sink = await asyncio.to_thread(statement.Sink, into)
        try:
            async with aclosing(self._wire.download(announced.url)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(sink.take, piece)
            name = f"{self.name}-{self.merchant_id}-{day.isoformat()}"
            path, digest = await asyncio.to_thread(sink.keep, announced.sha1, name)
        finally:
            await asyncio.to_thread(sink.drop)
        return StatementFile(self.name, self.merchant_id, day, path, digest)

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Read a kept trade bill line by line, its sums computed anew. Raises StatementBroken."""
        return statement.lines_of(path, day, self.merchant_id)

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        """Prove a notification over its raw bytes, then open and translate it."""
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            raise WebhookRejected("too_large", _refusal(413))
        try:
            self._wire.prove(request.headers, request.body, now=now)
        except crypto.NotGenuine as error:
            raise WebhookRejected(error.cause, _refusal(401)) from error
        try:
            return self._notified(facts.read_json(request.body))
        except (UnreadableError, crypto.UndecryptableError) as error:
            raise WebhookRejected("malformed", _refusal(400)) from error

    def _notified(self, notice: Words) -> PaymentFact | RefundFact:
        event_id = facts.text(notice, "id")
        event_type = facts.text(notice, "event_type")
        if event_type != "TRANSACTION.SUCCESS" and event_type not in REFUND_EVENTS:
            raise UnreadableError("an event that we do not know")
        words = facts.read_json(self._wire.open(facts.table(notice, "resource")))
        if event_type in REFUND_EVENTS:
            if facts.text(words, "mchid") != self.merchant_id:
                raise UnreadableError("a refund of another merchant")
            state = facts.text(words, "refund_status")
            known = facts.REFUND_STATES.get(state, RefundState.UNKNOWN)
            return facts.refund(self.name, words, known, event_id=event_id)
        trade_state = facts.text(words, "trade_state")
        known_state = facts.PAYMENT_STATES.get(trade_state, PaymentState.UNKNOWN)
        return facts.payment(self.name, words, known_state, event_id=event_id)

    def acknowledge(self) -> WebhookReply:
        """Return the platform's word for "heard"."""
        return WebhookReply(204)

    def ask_again(self) -> WebhookReply:
        """Return the platform's word for "not now, send it again"."""
        return _refusal(503)

    async def refresh_certificates(self) -> bool:
        """Fetch the platform's certificates, at most once in 10 minutes; True where they came."""
        return await self._wire.refresh_certificates()

    def _unbooked(
        self, refund_no: str, order_no: str, state: RefundState, detail: str
    ) -> RefundFact:
        return RefundFact(self.name, refund_no, order_no, state, amount_fen=0, detail=detail)

    def _unavailable(self, reason: str) -> GatewayUnavailable:
        return GatewayUnavailable(self.name, reason[:200])


def _number(shape: re.Pattern[str], number: str) -> str:
    if shape.fullmatch(number) is None:
        raise ValueError(f"not a number that the platform takes: {number!r}")
    return number


def _wanted(name: str, written: str) -> str:
    if not written:
        raise ValueError(f"{name} is needed for this kind of payment")
    return written


def _code(words: Words) -> str:
    code = words.get("code")
    return code[:64] if isinstance(code, str) else ""


def _message(words: Words) -> str:
    message = words.get("message")
    return UNWANTED.sub("", message)[:100] if isinstance(message, str) else ""


def _refusal(status: int) -> WebhookReply:
    return WebhookReply(status, b'{"code":"FAIL","message":"FAIL"}')


Gateway = WechatPay
