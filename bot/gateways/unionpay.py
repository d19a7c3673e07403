"""UnionPay bank cards (银联全渠道): a form to the cashier, ask, refund, and prove what it tells us.

The platform knows no call that closes an order: it ends at its own payTimeout. A number and the
instant it was sent with (`asked_at`, txnTime there) name a trade for good, so the same call again
is the same trade; the platform answers 12 to it and is asked how that stands.

Its advice to query after every notification before booking is not taken: an answer is proven by
the same certificate chain as the notification, both name order, amount and merchant, and the same
notification again books nothing. Only a clean 00 is taken at its word, though: A6, a success with
a defect, is left to the clock's query. The statement of the clearing day is the second look.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientSession

from bot.gateways import unionpay_codec as codec
from bot.gateways import unionpay_codes as codes
from bot.gateways import unionpay_facts as facts
from bot.gateways import unionpay_statement as statement
from bot.gateways.unionpay_certificates import NotGenuine
from bot.gateways.unionpay_codec import UnreadableError, Words
from bot.gateways.unionpay_config import Config
from bot.gateways.unionpay_facts import GATEWAY, NUMBER
from bot.gateways.unionpay_wire import BACK, FRONT, QUERY, Wire
from storage.errors import GatewayUnavailable
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

__all__ = ["Config", "Gateway", "UnionPay"]

WEBHOOK_LIMIT_BYTES: Final = 64 * 1024
PURCHASE: Final = {"txnType": "01", "txnSubType": "01", "bizType": "000201"}
REFUND: Final = {"txnType": "04", "txnSubType": "00", "bizType": "000201", "channelType": "07"}
UNDO: Final = {"txnType": "31", "txnSubType": "00", "bizType": "000201", "channelType": "07"}
ASK: Final = {"txnType": "00", "txnSubType": "00", "bizType": "000201"}
FILE: Final = {"txnType": "76", "txnSubType": "01", "bizType": "000000", "fileType": "00"}
CHANNELS: Final = {TradeKind.H5: "08", TradeKind.NATIVE: "07"}


class UnionPay:
    """One merchant at UnionPay, spoken to over a session that the caller opens and closes."""

    name: str = GATEWAY

    def __init__(
        self, config: Config, session: ClientSession, *, now: Callable[[], datetime]
    ) -> None:
        """Load the keys, once. Raises ValueError that names the key of the configuration."""
        self.name = config.name
        self.merchant_id = config.merchant_id
        self.app_id = ""
        self._config = config
        self._now = now
        self._wire = Wire(config, session, now=now)

    async def create(self, ask: PaymentAsk) -> Collection:
        """Return the form that the payer's browser posts to the cashier.

        The platform hears of the order only by that form, so it is asked first whether it knows
        the number as paid, ended or with another sum. Raises OrderRefused, GatewayUnavailable.
        """
        fields = self._order(ask)
        known = await self.query(ask.order_no, ask.asked_at)
        if known.state is PaymentState.PAID:
            raise OrderRefused("paid", is_paid=True)
        is_other = known.amount_fen not in (0, ask.amount_fen)
        if is_other or known.state is not PaymentState.PENDING:
            raise OrderRefused(known.state.value)
        form = {
            "action": self._config.base_url.rstrip("/") + FRONT,
            "fields": self._wire.signed(fields),
        }
        return Collection(form=json.dumps(form))

    def _order(self, ask: PaymentAsk) -> Words:
        if ask.amount_fen < 1:
            raise ValueError("an order is of at least 1 fen")
        if ask.kind not in CHANNELS:
            raise ValueError("UnionPay's cashier does not open inside WeChat")
        home = urlsplit(self._config.notify_url)
        return {
            **PURCHASE,
            "channelType": CHANNELS[ask.kind],
            **_named(ask.order_no, ask.asked_at),
            "txnAmt": str(ask.amount_fen),
            "currencyCode": "156",
            "payTimeout": facts.stamp(ask.expires_at),
            "frontUrl": ask.back_url or f"{home.scheme}://{home.netloc}/",
            "backUrl": self._config.notify_url,
        }

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        """Raise ValueError: there is no bridge inside WeChat."""
        raise ValueError("UnionPay has no bridge inside WeChat")

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        """Ask how an order stands; PENDING with 0 fen where no card was sent for it yet.

        That is no promise: whoever has the form can pay until payTimeout.
        """
        words = await self._asked(order_no, asked_at)
        try:
            if words is None:
                never_seen = {"orderId": order_no, "merId": self.merchant_id}
                return facts.payment(self.name, never_seen, PaymentState.PENDING)
            return facts.payment(
                self.name, words, codes.PAYMENT_STATES[facts.code(words, "origRespCode")]
            )
        except (UnreadableError, KeyError) as error:
            raise self._unavailable(f"order: {error}") from error

    async def _asked(self, number: str, asked_at: datetime) -> Words | None:
        """Return what the platform says of a trade, None where it never saw it."""
        words = await self._wire.trade(QUERY, {**ASK, **_named(number, asked_at)})
        code = words.get("respCode")
        if code not in ("00", codes.NOT_SEEN):
            raise self._unavailable(facts.said(words))
        return words if code == "00" else None

    async def close(self, order_no: str, asked_at: datetime) -> None:
        """Do nothing: the platform has no such call.

        An order ends at its payTimeout, and the query that follows says how it stands until then.
        """

    async def refund(self, ask: RefundAsk) -> RefundFact:
        """Ask for money back. REJECTED only after the platform denies knowing the number.

        All of a payment of the same clearing day is undone (撤销): the payer has it back at once
        instead of after days, and no fee is kept. Where the platform will not undo, the same
        number asks for a refund.
        """
        if not 1 <= ask.amount_fen <= ask.total_fen:
            raise ValueError("a refund is of at least 1 fen and at most of what was paid")
        if self._may_undo(ask):
            fact = await self._give_back(UNDO, ask)
            if fact.state is not RefundState.REJECTED:
                return fact
        return await self._give_back(REFUND, ask)

    def _may_undo(self, ask: RefundAsk) -> bool:
        """Tell whether all of a payment goes back on its own clearing day.

        The platform's number holds the instant of the payment behind two digits; where it does
        not, nothing is undone.
        """
        paid_at = facts.read_second(f"20{ask.transaction_id[2:14]}")
        days = [facts.clearing_day(at) for at in (paid_at, self._now()) if at is not None]
        return ask.amount_fen == ask.total_fen and len(days) == 2 and days[0] == days[1]

    async def _give_back(self, kind: Words, ask: RefundAsk) -> RefundFact:
        words = {
            **kind,
            **_named(ask.refund_no, ask.asked_at),
            "origQryId": ask.transaction_id,
            "txnAmt": str(ask.amount_fen),
            "currencyCode": "156",
            "backUrl": self._config.notify_url,
            "reqReserved": _number(ask.order_no),
        }
        answer = await self._wire.trade(BACK, words)
        code = answer.get("respCode", "")
        if code in codes.ACCEPTED:
            return self._accepted(answer, ask)
        if code == codes.UNFUNDED:
            return self._unbooked(
                ask.refund_no, ask.order_no, RefundState.UNFUNDED, facts.said(answer)
            )
        if code not in (*codes.UNDECIDED, codes.DUPLICATE, *codes.REFUND_REFUSALS):
            raise self._unavailable(facts.said(answer))
        known = await self.query_refund(ask.refund_no, ask.order_no, ask.asked_at)
        if known.state is not RefundState.NOT_FOUND:
            return known
        if code not in codes.REFUND_REFUSALS:
            raise self._unavailable(f"{facts.said(answer)}, and then not found")
        return self._unbooked(ask.refund_no, ask.order_no, RefundState.REJECTED, facts.said(answer))

    def _accepted(self, answer: Words, ask: RefundAsk) -> RefundFact:
        """Taken in is not paid back: a query or a notification tells when it is."""
        words = {"txnAmt": str(ask.amount_fen), **answer}
        try:
            return facts.refund(self.name, words, RefundState.PROCESSING, ask.order_no)
        except UnreadableError as error:
            raise self._unavailable(f"refund: {error}") from error

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        """Ask how a refund stands; NOT_FOUND where the number never arrived there."""
        words = await self._asked(refund_no, asked_at)
        if words is None:
            return self._unbooked(refund_no, order_no, RefundState.NOT_FOUND, codes.NOT_SEEN)
        try:
            state = codes.REFUND_STATES[facts.code(words, "origRespCode")]
            return facts.refund(self.name, words, state, order_no)
        except (UnreadableError, KeyError) as error:
            raise self._unavailable(f"refund: {error}") from error

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        """Read a posted form, prove it by the chain of its own certificate, then translate it."""
        if len(request.body) > WEBHOOK_LIMIT_BYTES:
            raise WebhookRejected("too_large", WebhookReply(413))
        try:
            words = codec.read_form(request.body)
        except UnreadableError as error:
            raise WebhookRejected("malformed", WebhookReply(400)) from error
        try:
            self._wire.prove(words, now=now)
            codec.refuse_merged(words)
        except NotGenuine as error:
            raise WebhookRejected(error.cause, WebhookReply(401)) from error
        except UnreadableError as error:
            raise WebhookRejected("signature", WebhookReply(401)) from error
        try:
            return self._notified(words)
        except UnreadableError as error:
            raise WebhookRejected("malformed", WebhookReply(400)) from error

    def _notified(self, words: Words) -> PaymentFact | RefundFact:
        code, kind = facts.code(words), facts.text(words, "txnType")
        event_id = (
            f"{kind}:{facts.text(words, 'orderId', NUMBER)}:{words.get('queryId', '')}:{code}"
        )
        if kind == PURCHASE["txnType"]:
            state = codes.PAYMENT_STATES.get(code, PaymentState.UNKNOWN)
            is_clean = code == "00" or state is not PaymentState.PAID
            known = state if is_clean else PaymentState.UNKNOWN
            return facts.payment(self.name, words, known, event_id=event_id)
        if kind not in (REFUND["txnType"], UNDO["txnType"]):
            raise UnreadableError("a kind of trade that we do not know")
        if facts.text(words, "merId") != self.merchant_id:
            raise UnreadableError("a refund of another merchant")
        paid_no = words.get("reqReserved", "")
        order_no = paid_no if NUMBER.fullmatch(paid_no) else ""
        ended = codes.REFUND_STATES.get(code, RefundState.UNKNOWN)
        return facts.refund(self.name, words, ended, order_no, event_id=event_id)

    @property
    def certificates_end_at(self) -> datetime:
        """Return when the first of our own certificates and the platform's authorities ends."""
        return self._wire.certificates_end_at

    def acknowledge(self) -> WebhookReply:
        """Return the platform's word for "heard"."""
        return WebhookReply(200, b"ok", "text/plain")

    def ask_again(self) -> WebhookReply:
        """Return the platform's word for "not now, send it again"."""
        return WebhookReply(503)

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Put the statement of a clearing day (23:00 to 23:00) into a folder.

        The platform's own proof is its signature over the content. It says "no file" (98) both
        before there is one and where nothing was traded: until noon of the next day that is
        StatementNotReady, afterwards NoStatement.
        """
        now = self._now()
        words = {**FILE, "settleDate": f"{day:%m%d}", "txnTime": facts.stamp(now)}
        answer = await self._wire.file(words)
        code = answer.get("respCode")
        if code == codes.NO_FILE:
            said = facts.said(answer)
            raise NoStatement(said) if statement.is_over(day, now) else StatementNotReady(said)
        if code != "00":
            raise self._unavailable(facts.said(answer))
        content, whose = answer.get("fileContent", ""), (self.name, self.merchant_id)
        return await asyncio.to_thread(statement.keep, content, into, whose, day)

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Read a fetched statement of a clearing day. Raises StatementBroken."""
        return statement.lines_of(path, day, self.merchant_id)

    def _unbooked(
        self, refund_no: str, order_no: str, state: RefundState, detail: str
    ) -> RefundFact:
        return RefundFact(self.name, refund_no, order_no, state, amount_fen=0, detail=detail)

    def _unavailable(self, reason: str) -> GatewayUnavailable:
        return GatewayUnavailable(self.name, reason[:200])


def _number(number: str) -> str:
    if NUMBER.fullmatch(number) is None:
        raise ValueError(f"not a number that the platform takes: {number!r}")
    return number


def _named(number: str, asked_at: datetime) -> Words:
    return {"orderId": _number(number), "txnTime": facts.stamp(asked_at)}


Gateway = UnionPay
