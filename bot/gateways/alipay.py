"""Alipay (支付宝): collect in browsers, close, ask, refund, and prove what it tells us."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from bot.gateways import alipay_facts as facts
from bot.gateways import alipay_statement as statement
from bot.gateways.alipay_config import Config
from bot.gateways.alipay_crypto import NotGenuine
from bot.gateways.alipay_facts import GATEWAY
from bot.gateways.alipay_wire import DONE, Wire, sub_code
from bot.gateways.strict_json import UnreadableError, Words, text, text_or_nothing
from storage.periods import shanghai_day, shanghai_instant
from storage.ports.payments import (
    Collection,
    NoStatement,
    OrderRefused,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementFile,
    StatementLine,
    StatementNotReady,
    TradeKind,
    WebhookRejected,
    WebhookReply,
    WebhookRequest,
)

__all__ = ["Alipay", "Config", "Gateway"]

WEBHOOK_LIMIT_BYTES: Final = 64 * 1024
MAX_ORDER_FEN: Final = 10_000_000_000
ORDER_NO: Final = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
REFUND_NO: Final = re.compile(r"[0-9A-Za-z_\-]{1,64}", re.ASCII)
UNWANTED: Final = re.compile(r"[/=&,\x00-\x1f\x7f\ud800-\udfff]")
"""What a subject may not hold, what its statement does not escape, and what is no character."""

QUERY: Final = "alipay.trade.query"
CLOSE: Final = "alipay.trade.close"
REFUND: Final = "alipay.trade.refund"
QUERY_REFUND: Final = "alipay.trade.fastpay.refund.query"
STATEMENT: Final = "alipay.data.dataservice.bill.downloadurl.query"
CASHIERS: Final[Mapping[TradeKind, tuple[str, str]]] = {
    TradeKind.H5: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    TradeKind.NATIVE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
}
"""Method and product code of each device's page. WeChat opens neither."""

TRADE_UNKNOWN: Final = "ACQ.TRADE_NOT_EXIST"
CLOSE_NEEDLESS: Final = frozenset(
    {
        TRADE_UNKNOWN,
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.TRADE_HAS_SUCCESS",
        "ACQ.TRADE_HAS_FINISHED",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
    }
)
"""Nothing is left that could be closed; the query that follows tells which of these it is."""
UNFUNDED: Final = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
REFUND_REFUSALS: Final = frozenset(
    {
        TRADE_UNKNOWN,
        "ACQ.INVALID_PARAMETER",
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.TRADE_HAS_FINISHED",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
        "ACQ.REASON_TRADE_REFUND_FEE_ERR",
        "ACQ.TOTAL_FEE_EXCEED",
        "ACQ.DISCORDANT_REPEAT_REQUEST",
        "ACQ.TRADE_NOT_ALLOW_REFUND",
        "ACQ.NOT_ALLOW_PARTIAL_REFUND",
        "ACQ.BUYER_NOT_EXIST",
        "ACQ.BUYER_ERROR",
    }
)
"""No for good, if the platform then denies knowing the number; any other code is no answer."""
NO_BILL: Final = "BILL_NOT_EXIST"
BAD_DAY: Final = frozenset({"INVAILID_ARGUMENTS", "INVALID_ARGUMENTS"})
STATEMENT_SURE_AT: Final = time(12)
"""From this hour of the next day on, no bill means no trades; it is written at nine."""


class Alipay:
    """One merchant's application, spoken to over a session that the caller opens and closes."""

    name: str = GATEWAY

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self.name = config.name
        self.merchant_id = config.seller_id
        self.app_id = config.app_id
        self._now = now
        self._wire = Wire(config, session, now=now)
        self.certificates_end_at = config.certificates_end_at()

    async def create(self, ask: PaymentAsk) -> Collection:
        """Return the signed address of the cashier.

        The trade begins only when the payer gets there, up to `expires_at`; so the platform is
        asked first whether it has begun before. Raises OrderRefused, GatewayUnavailable, and
        ValueError for JSAPI: inside WeChat these pages are blocked.
        """
        if ask.kind not in CASHIERS:
            raise ValueError("this kind of payment exists inside WeChat only")
        method, product = CASHIERS[ask.kind]
        content = self._order(ask, product)
        _refuse_begun(ask, await self.query(ask.order_no, ask.asked_at))
        return Collection(pay_url=self._wire.page_url(method, content, back_url=ask.back_url))

    def _order(self, ask: PaymentAsk, product: str) -> Words:
        if not 1 <= ask.amount_fen <= MAX_ORDER_FEN:
            raise ValueError("an order is of at least 1 fen and at most 100,000,000 yuan")
        order: Words = {
            "out_trade_no": _number(ORDER_NO, ask.order_no),
            "total_amount": facts.yuan(ask.amount_fen),
            "subject": UNWANTED.sub("", ask.description)[:128] or "物业缴费",
            "product_code": product,
            "time_expire": facts.moment(ask.expires_at),
        }
        if ask.kind is TradeKind.H5 and ask.back_url:
            order["quit_url"] = ask.back_url
        return order

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        """Raise ValueError: this platform has no bridge."""
        raise ValueError("a bridge exists inside WeChat only")

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        """Ask how an order stands; PENDING with 0 fen where its payer never got to the cashier."""
        words = await self._wire.call(QUERY, {"out_trade_no": _number(ORDER_NO, order_no)})
        if words["code"] != DONE:
            if sub_code(words) != TRADE_UNKNOWN:
                raise self._wire.unavailable(f"query: {sub_code(words)}")
            return PaymentFact(
                gateway=self.name,
                order_no=order_no,
                state=PaymentState.PENDING,
                amount_fen=0,
                currency=facts.CURRENCY,
                merchant_id=self.merchant_id,
                app_id=self.app_id,
            )
        try:
            state = facts.PAYMENT_STATES[text(words, "trade_status")]
            if state is PaymentState.CLOSED and words.get("send_pay_date"):
                state = PaymentState.PAID
            fact = self._payment(words, state)
        except (UnreadableError, KeyError) as error:
            raise self._wire.unavailable(f"query: {error}") from error
        if fact.order_no != order_no:
            raise self._wire.unavailable("query: the answer is about another one")
        return fact

    def _payment(self, words: Words, state: PaymentState) -> PaymentFact:
        return facts.payment(
            self.name, words, state, seller_id=self.merchant_id, app_id=self.app_id
        )

    async def close(self, order_no: str, asked_at: datetime) -> None:
        """Ask to take no more money; silent too where there is nothing that could be closed.

        A trade that has not begun cannot be closed: its address lives until it expires, and money
        that comes by it is told like any other.
        """
        words = await self._wire.call(CLOSE, {"out_trade_no": _number(ORDER_NO, order_no)})
        if words["code"] != DONE and sub_code(words) not in CLOSE_NEEDLESS:
            raise self._wire.unavailable(f"close: {sub_code(words)}")

    async def refund(self, ask: RefundAsk) -> RefundFact:
        """Ask for money back. That the platform took the request is not yet that money moved."""
        if not 1 <= ask.amount_fen <= ask.total_fen:
            raise ValueError("a refund is of at least 1 fen and at most of what was paid")
        asked: Words = {
            "out_trade_no": _number(ORDER_NO, ask.order_no),
            "out_request_no": _number(REFUND_NO, ask.refund_no),
            "refund_amount": facts.yuan(ask.amount_fen),
            "refund_reason": UNWANTED.sub("", ask.reason)[:128] or "退款",
        }
        words = await self._wire.call(REFUND, asked)
        if words["code"] == DONE:
            return await self._taken(words, ask)
        code = sub_code(words)
        if code == UNFUNDED:
            return self._unbooked(ask.refund_no, ask.order_no, RefundState.UNFUNDED, code)
        if code not in REFUND_REFUSALS:
            raise self._wire.unavailable(f"refund: {code}")
        known = await self.query_refund(ask.refund_no, ask.order_no, ask.asked_at)
        if known.state is not RefundState.NOT_FOUND:
            return known
        return self._unbooked(ask.refund_no, ask.order_no, RefundState.REJECTED, _refusal(words))

    async def _taken(self, words: Words, ask: RefundAsk) -> RefundFact:
        """Return what became of a request that the platform took: Y says that money moved now."""
        try:
            told = text(words, "out_trade_no")
            settled_at = facts.instant(words, "gmt_refund_pay")
            is_moved = text_or_nothing(words, "fund_change") == "Y"
        except UnreadableError as error:
            raise self._wire.unavailable(f"refund: {error}") from error
        if told != ask.order_no:
            raise self._wire.unavailable("refund: the answer is about another one")
        if not is_moved:
            known = await self.query_refund(ask.refund_no, ask.order_no, ask.asked_at)
            if known.state is not RefundState.NOT_FOUND:
                return known
        state = RefundState.SUCCESS if is_moved else RefundState.PROCESSING
        return RefundFact(
            gateway=self.name,
            refund_no=ask.refund_no,
            order_no=ask.order_no,
            state=state,
            amount_fen=ask.amount_fen,
            platform_refund_id=ask.refund_no,
            settled_at=settled_at if is_moved else None,
        )

    def _unbooked(
        self, refund_no: str, order_no: str, state: RefundState, detail: str
    ) -> RefundFact:
        return RefundFact(self.name, refund_no, order_no, state, amount_fen=0, detail=detail)

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        """Ask how a refund stands; NOT_FOUND where the number never arrived there."""
        asked: Words = {
            "out_trade_no": _number(ORDER_NO, order_no),
            "out_request_no": _number(REFUND_NO, refund_no),
            "query_options": ["gmt_refund_pay"],
        }
        words = await self._wire.call(QUERY_REFUND, asked)
        if words["code"] != DONE and sub_code(words) != TRADE_UNKNOWN:
            raise self._wire.unavailable(f"refund: {sub_code(words)}")
        if words["code"] != DONE or not words.get("refund_amount"):
            return self._unbooked(refund_no, order_no, RefundState.NOT_FOUND, sub_code(words))
        try:
            told = (text(words, "out_request_no"), text(words, "out_trade_no"))
            state = text_or_nothing(words, "refund_status")
            fact = RefundFact(
                gateway=self.name,
                refund_no=refund_no,
                order_no=order_no,
                state=facts.REFUND_STATES[state] if state else RefundState.PROCESSING,
                amount_fen=facts.fen(words, "refund_amount"),
                platform_refund_id=refund_no,
                settled_at=facts.instant(words, "gmt_refund_pay"),
            )
        except (UnreadableError, KeyError) as error:
            raise self._wire.unavailable(f"refund: {error}") from error
        if told != (refund_no, order_no):
            raise self._wire.unavailable("refund: the answer is about another one")
        return fact

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Put a day's bill into a folder; its address is used at once, for it dies in 30 seconds.

        Raises StatementNotReady, NoStatement, StatementBroken, GatewayUnavailable.
        """
        asked = {"bill_type": "trade", "bill_date": day.isoformat()}
        words = await self._wire.call(STATEMENT, asked)
        if words["code"] != DONE:
            raise self._no_statement(day, sub_code(words))
        try:
            address = text(words, "bill_download_url")
        except UnreadableError as error:
            raise self._wire.unavailable(f"statement: {error}") from error
        part = statement.part_in(into)
        try:
            await self._wire.download(address, part)
            if not statement.is_packed(part):
                raise self._wire.unavailable("statement: no file under its address")
            path, digest = await asyncio.to_thread(statement.keep, part, day, self.merchant_id)
        finally:
            statement.drop(part)
        return StatementFile(self.name, self.merchant_id, day, path, digest)

    def _no_statement(self, day: date, code: str) -> Exception:
        """Tell "not yet" from "nothing was traded": the platform has one word for both."""
        bare, now = code.rpartition(".")[2].upper(), self._now()
        sure_at = shanghai_instant(day + timedelta(days=1), STATEMENT_SURE_AT)
        if bare == NO_BILL:
            return NoStatement(code) if now >= sure_at else StatementNotReady(code)
        if bare in BAD_DAY and day >= shanghai_day(now):
            return StatementNotReady(code)
        return self._wire.unavailable(f"statement: {code}")

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Read a fetched bill line by line. Raises StatementBroken, at the latest at its end."""
        return statement.lines_of(path, day, self.merchant_id)

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        """Prove a notification over its whole form, then translate it."""
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            raise WebhookRejected("too_large", _no(413))
        try:
            form = facts.read_form(request.body)
            self._wire.prove_form(form)
        except UnreadableError as error:
            raise WebhookRejected("malformed", _no(400)) from error
        except NotGenuine as error:
            raise WebhookRejected(error.cause, _no(401)) from error
        try:
            return self._notified(form)
        except UnreadableError as error:
            raise WebhookRejected("malformed", _no(400)) from error

    def _notified(self, form: Mapping[str, str]) -> PaymentFact | RefundFact:
        app_id, seller_id = text(form, "app_id"), text(form, "seller_id")
        text(form, "notify_id")
        if facts.is_of_refund(form):
            if (app_id, seller_id) != (self.app_id, self.merchant_id):
                raise UnreadableError("a refund of another merchant")
            return facts.refund_notice(self.name, form)
        state = facts.PAYMENT_STATES.get(text(form, "trade_status"), PaymentState.UNKNOWN)
        return facts.payment(self.name, form, state, seller_id=seller_id, app_id=app_id)

    def acknowledge(self) -> WebhookReply:
        """Return the platform's word for "heard"."""
        return WebhookReply(200, b"success", "text/plain")

    def ask_again(self) -> WebhookReply:
        """Return the platform's word for "not now, send it again"."""
        return _no(503)


def _refuse_begun(ask: PaymentAsk, known: PaymentFact) -> None:
    if known.state is PaymentState.PAID:
        raise OrderRefused("ACQ.TRADE_HAS_SUCCESS", is_paid=True)
    if known.state is PaymentState.CLOSED:
        raise OrderRefused("ACQ.TRADE_HAS_CLOSE")
    if known.amount_fen not in (0, ask.amount_fen):
        raise OrderRefused("ACQ.CONTEXT_INCONSISTENT")


def _number(shape: re.Pattern[str], number: str) -> str:
    if shape.fullmatch(number) is None:
        raise ValueError(f"not a number that the platform takes: {number!r}")
    return number


def _refusal(words: Words) -> str:
    said = words.get("sub_msg")
    return f"{sub_code(words)} {said if isinstance(said, str) else ''}".strip()[:160]


def _no(number: int) -> WebhookReply:
    return WebhookReply(number, b"fail", "text/plain")


Gateway = Alipay
