"""Fakes for the ports, and only for the ports: a clock, a payment platform and a chat platform."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from storage.errors import GatewayUnavailable
from storage.periods import shanghai_day
from storage.ports.chat import KNOWS_OUR_ID, Attempt, OutgoingMessage, Reach, Route, Verdict
from storage.ports.payments import (
    Collection,
    LineKind,
    NoStatement,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementFile,
    StatementLine,
    WebhookReply,
    WebhookRequest,
)

MERCHANT, APP = "1900000001", "wx1"


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> datetime:
        """Move on by so much and return the new instant."""
        self._now += timedelta(**by)
        return self._now


@dataclass
class _Trade:
    """What the platform keeps of one order."""

    ask: PaymentAsk
    state: PaymentState = PaymentState.PENDING
    transaction_id: str = ""
    paid_at: datetime | None = None


@dataclass
class _Return:
    """What the platform keeps of one refund."""

    ask: RefundAsk
    state: RefundState
    at: datetime | None = None


@dataclass
class FakeGateway:
    """A payment platform with a book of its own, which is the oracle of the tests (D2)."""

    clock: FixedClock
    name: str = "wechat_pay"
    merchant_id: str = MERCHANT
    app_id: str = APP
    trades: dict[str, _Trade] = field(default_factory=dict)
    returns: dict[str, _Return] = field(default_factory=dict)
    lost_answers: int = 0
    """How many of the next calls do their work and lose the answer."""
    refund_answer: RefundState = RefundState.PROCESSING
    calls: list[str] = field(default_factory=list)

    def _answered(self, call: str) -> None:
        self.calls.append(call)
        if self.lost_answers:
            self.lost_answers -= 1
            raise GatewayUnavailable(self.name, "timeout")

    async def create(self, ask: PaymentAsk) -> Collection:
        self.take_order(ask)
        self._answered(f"create {ask.order_no}")
        return Collection(prepay_id=f"prepay{ask.order_no}")

    def take_order(self, ask: PaymentAsk) -> None:
        """Write an order down, once per number."""
        self.trades.setdefault(ask.order_no, _Trade(ask))

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        return {"package": f"prepay_id={collection.prepay_id}"}

    def pay(self, order_no: str) -> PaymentFact:
        """Let the payer pay; return what the platform would notify."""
        trade = self.trades[order_no]
        if trade.state is PaymentState.PENDING:
            trade.state = PaymentState.PAID
            trade.transaction_id = f"42{len(self.trades):03d}{order_no}"[:32]
            trade.paid_at = self.clock.now()
        return replace(self.fact(order_no), event_id=f"EV-{order_no}")

    def fact(self, order_no: str) -> PaymentFact:
        """Return the platform's word on an order."""
        trade = self.trades.get(order_no)
        return PaymentFact(
            gateway=self.name,
            order_no=order_no,
            state=trade.state if trade else PaymentState.PENDING,
            amount_fen=trade.ask.amount_fen if trade else 0,
            currency="CNY",
            merchant_id=self.merchant_id,
            app_id=self.app_id,
            transaction_id=trade.transaction_id if trade else "",
            paid_at=trade.paid_at if trade else None,
        )

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        self._answered(f"query {order_no}")
        return self.fact(order_no)

    async def close(self, order_no: str, asked_at: datetime) -> None:
        trade = self.trades.get(order_no)
        if trade and trade.state is PaymentState.PENDING:
            trade.state = PaymentState.CLOSED
        self._answered(f"close {order_no}")

    async def refund(self, ask: RefundAsk) -> RefundFact:
        self.take_refund(ask)
        self._answered(f"refund {ask.refund_no}")
        return self.refund_fact(ask.refund_no, ask.order_no)

    def take_refund(self, ask: RefundAsk) -> None:
        """Take a refund in, once per number; never more than was paid (it would be refused)."""
        known = self.returns.get(ask.refund_no)
        if known is not None and known.state is not RefundState.UNFUNDED:
            return
        taken = sum(
            one.ask.amount_fen
            for one in self.returns.values()
            if one.ask.order_no == ask.order_no
            and one.state in (RefundState.PROCESSING, RefundState.SUCCESS, RefundState.ABNORMAL)
        )
        assert self.trades[ask.order_no].state is PaymentState.PAID
        assert taken + ask.amount_fen <= self.trades[ask.order_no].ask.amount_fen
        self.returns[ask.refund_no] = _Return(ask, self.refund_answer, self.clock.now())

    def end_refund(self, refund_no: str, state: RefundState = RefundState.SUCCESS) -> RefundFact:
        """Let a refund end; return what the platform would notify."""
        one = self.returns[refund_no]
        one.state, one.at = state, self.clock.now()
        return self.refund_fact(refund_no, one.ask.order_no)

    def refund_fact(self, refund_no: str, order_no: str) -> RefundFact:
        """Return the platform's word on a refund."""
        one = self.returns.get(refund_no)
        return RefundFact(
            gateway=self.name,
            refund_no=refund_no,
            order_no=order_no,
            state=one.state if one else RefundState.NOT_FOUND,
            amount_fen=one.ask.amount_fen if one else 0,
            platform_refund_id=f"50{refund_no}" if one else "",
            settled_at=one.at if one and one.state is RefundState.SUCCESS else None,
        )

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        self._answered(f"query_refund {refund_no}")
        return self.refund_fact(refund_no, order_no)

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Write what was paid and given back on a Shanghai day, in a shape of our own."""
        self._answered(f"statement {day}")
        lines = self.statement_of(day)
        if not lines:
            raise NoStatement(str(day))
        path = into / f"{self.name}-{day}.json"
        raw = json.dumps([{**asdict(one), "at": one.at.isoformat()} for one in lines]).encode()
        path.write_bytes(raw)
        digest = hashlib.sha256(raw).hexdigest()
        return StatementFile(self.name, self.merchant_id, day, path, digest)

    def statement_of(self, day: date) -> list[StatementLine]:
        """Return the trades of a Shanghai day; a test may change what it returns."""
        paid = [
            StatementLine(
                LineKind.PAYMENT, no, "", one.transaction_id, "", one.ask.amount_fen, 0, one.paid_at
            )
            for no, one in self.trades.items()
            if one.paid_at is not None and shanghai_day(one.paid_at) == day
        ]
        back = [
            StatementLine(
                LineKind.REFUND,
                one.ask.order_no,
                no,
                self.trades[one.ask.order_no].transaction_id,
                f"50{no}",
                one.ask.amount_fen,
                0,
                one.at,
            )
            for no, one in self.returns.items()
            if one.state is RefundState.SUCCESS and one.at and shanghai_day(one.at) == day
        ]
        return [*paid, *back]

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        for row in json.loads(path.read_bytes()):
            at = datetime.fromisoformat(row["at"])
            yield StatementLine(**{**row, "kind": LineKind(row["kind"]), "at": at})

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        raise NotImplementedError

    def acknowledge(self) -> WebhookReply:
        return WebhookReply(200)

    def ask_again(self) -> WebhookReply:
        return WebhookReply(404)

    def book(self) -> dict[str, list[tuple[str, ...]]]:
        """Return the platform's own book: (order, transaction, fen) and (refund, order, fen)."""
        return {
            "payments": sorted(
                (no, trade.transaction_id, str(trade.ask.amount_fen))
                for no, trade in self.trades.items()
                if trade.state is PaymentState.PAID
            ),
            "refunds": sorted(
                (no, one.ask.order_no, str(one.ask.amount_fen))
                for no, one in self.returns.items()
                if one.state is RefundState.SUCCESS
            ),
        }


@dataclass(frozen=True)
class Delivered:
    """One message that reached a person."""

    recipient: str
    route: Route
    text: str
    delivery_id: str


@dataclass
class FakeChannel:
    """A chat platform with a book of its own of what it has delivered."""

    name: str = "demo"
    routes: tuple[Route, ...] = (Route.CUSTOM,)
    verdicts: dict[str, deque[Verdict]] = field(default_factory=dict)
    """Per person, what the next tries come to; SENT where nothing is said."""
    not_before: datetime | None = None
    detail: str = ""
    delivered: list[Delivered] = field(default_factory=list)
    tries: list[tuple[str, Route]] = field(default_factory=list)
    minds_windows: bool = False
    """Whether a customer-service message needs an open window, as on the real platform."""

    def will_say(self, recipient: str, *verdicts: Verdict) -> None:
        """Script what the next tries to reach a person come to."""
        self.verdicts[recipient] = deque(verdicts)

    def routes_for(self, message: OutgoingMessage, reach: Reach) -> tuple[Route, ...]:
        if self.minds_windows and not reach.custom_left:
            return tuple(route for route in self.routes if route is not Route.CUSTOM)
        return self.routes

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        self.tries.append((recipient, route))
        script = self.verdicts.get(recipient)
        verdict = script.popleft() if script else Verdict.SENT
        # UNKNOWN: the platform did its work and the answer was lost.
        once = route in KNOWS_OUR_ID and delivery_id in {one.delivery_id for one in self.delivered}
        if verdict in (Verdict.SENT, Verdict.UNKNOWN) and not once:
            self.delivered.append(Delivered(recipient, route, message.text, delivery_id))
        return Attempt(route, verdict, self.detail, f"m{len(self.tries)}", self.not_before)

    def heard(self, recipient: str) -> list[str]:
        """Return what a person has read, in order."""
        return [one.text for one in self.delivered if one.recipient == recipient]


def in_figures(ours: dict[str, list[dict[str, object]]]) -> dict[str, list[tuple[str, ...]]]:
    """Bring our own book into the shape of `FakeGateway.book`."""

    def rows(kind: str, fields: Iterable[str], state: str | None = None) -> list[tuple[str, ...]]:
        return sorted(
            tuple(str(row[name]) for name in fields)
            for row in ours[kind]
            if state is None or row["state"] == state
        )

    return {
        "payments": rows("payments", ("order_no", "transaction_id", "amount_fen")),
        "refunds": rows("refunds", ("refund_no", "order_no", "amount_fen"), "success"),
    }
