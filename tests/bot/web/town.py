"""A small town for the web's tests: two flats that owe, and a till that keeps its own book."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, Executable, select, update

from bot.web.server import Company, WebParts
from handlers.deps import HandlerDeps
from handlers.understanding.recogniser import Recogniser
from storage.audit import CLOCK
from storage.database import Database
from storage.errors import GatewayUnavailable
from storage.kinds import Account, BindingState, OccupancyRole, UnitKind
from storage.links import Links, PayLink
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import bindings, identities
from storage.operations.bills import NewBill, book_bills
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.tariffs import fee_item_ids
from storage.periods import BillingPeriod
from storage.ports.chat import IncomingMessage, OutgoingMessage
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
    TradeKind,
    WebhookRejected,
    WebhookReply,
    WebhookRequest,
)
from storage.queries.residents import Person, owners_on
from storage.sql import insert_once

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SECRET = b"a secret of the tests, 32 bytes+"
BASE_URL = "http://pay.test"
PATIENT_SECONDS = 60.0
"""An answer is never late by the weight of the machine; whoever tests lateness says less."""
COMMUNITY = "桂花苑"
PHONES = {"3-2-501": "13800000501", "3-2-502": "13800000502"}


class TestClock:
    """Stands still until a test moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


class Till:
    """A payment platform at the port, with its own book and troubles that a test may choose."""

    name = "wechat_pay"
    merchant_id = "1900000109"
    app_id = "wxb11529c136998cb6"

    def __init__(self) -> None:
        self.asks: dict[str, PaymentAsk] = {}
        self.paid: dict[str, int] = {}
        self.closed: set[str] = set()
        self.creates = 0
        self.queries = 0
        self.refusal: OrderRefused | None = None
        self.is_away = False
        self.loses_answers = False
        self.loses_closes = False
        """A close does its work and gives no answer."""
        self.shrugs = False
        """A close answers and does nothing."""

    async def create(self, ask: PaymentAsk) -> Collection:
        if self.is_away:
            raise GatewayUnavailable(self.name, "away")
        if self.refusal is not None:
            raise self.refusal
        known = self.asks.setdefault(ask.order_no, ask)
        if known != ask:
            raise OrderRefused("INVALID_REQUEST")
        self.creates += 1
        if self.loses_answers:
            raise GatewayUnavailable(self.name, "no answer")
        return {
            TradeKind.JSAPI: Collection(prepay_id="prepay-1"),
            TradeKind.H5: Collection(pay_url="https://till.test/h5?prepay_id=1"),
            TradeKind.NATIVE: Collection(code_url="weixin://wxpay/bizpayurl?pr=abc"),
        }[ask.kind]

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        raise NoStatement(str(day))

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        raise NotImplementedError

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        return {"appId": self.app_id, "package": f"prepay_id={collection.prepay_id}"}

    def pay(self, order_no: str) -> None:
        """Let the payer pay; the platform takes nothing for what is closed."""
        assert order_no not in self.closed
        self.paid[order_no] = self.asks[order_no].amount_fen

    def fact(self, order_no: str, **changes: object) -> PaymentFact:
        is_paid = order_no in self.paid
        state = PaymentState.CLOSED if order_no in self.closed else PaymentState.PENDING
        facts: dict[str, object] = {
            "gateway": self.name,
            "order_no": order_no,
            "state": PaymentState.PAID if is_paid else state,
            "amount_fen": self.asks[order_no].amount_fen if order_no in self.asks else 0,
            "currency": "CNY",
            "merchant_id": self.merchant_id,
            "app_id": self.app_id,
            "transaction_id": f"4200{order_no}" if is_paid else "",
            "paid_at": NOW if is_paid else None,
        } | changes
        return PaymentFact(**facts)  # type: ignore[arg-type]

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        self.queries += 1
        if self.is_away:
            raise GatewayUnavailable(self.name, "away")
        return self.fact(order_no)

    async def close(self, order_no: str, asked_at: datetime) -> None:
        if self.is_away:
            raise GatewayUnavailable(self.name, "away")
        if order_no in self.asks and order_no not in self.paid and not self.shrugs:
            self.closed.add(order_no)
        if self.loses_closes:
            raise GatewayUnavailable(self.name, "no answer")

    async def refund(self, ask: RefundAsk) -> RefundFact:
        raise NotImplementedError

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        raise NotImplementedError

    def notice(self, order_no: str, **changes: object) -> bytes:
        fact = self.fact(order_no, **changes)
        names = ("order_no", "amount_fen", "currency", "merchant_id", "app_id", "transaction_id")
        told = {name: getattr(fact, name) for name in names} | {"state": str(fact.state)}
        return json.dumps(told).encode()

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        if request.headers.get("signature") != "genuine":
            raise WebhookRejected("signature", WebhookReply(401, b'{"code":"FAIL"}'))
        try:
            told = json.loads(request.body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or "state" not in told:
            raise WebhookRejected("malformed", WebhookReply(400, b'{"code":"FAIL"}'))
        if "refund_no" in told:
            state = RefundState(told.pop("state"))
            return RefundFact(gateway=self.name, state=state, **told)
        state_told = PaymentState(told.pop("state"))
        return PaymentFact(gateway=self.name, state=state_told, paid_at=now, event_id="", **told)

    def acknowledge(self) -> WebhookReply:
        return WebhookReply(204)

    def ask_again(self) -> WebhookReply:
        return WebhookReply(503, b'{"code":"FAIL"}')


@dataclass
class Answering:
    """A router whose answer a test chooses."""

    answers: Callable[[IncomingMessage], OutgoingMessage | None] = lambda message: OutgoingMessage(
        "echo", f"收到：{message.text}"
    )
    heard: list[str] = field(default_factory=list)

    def foresee(self, message: IncomingMessage, now: datetime) -> None:
        del message, now

    async def answer(
        self, person: Person, message: IncomingMessage, now: datetime, foreseen: object = None
    ) -> OutgoingMessage | None:
        del person, now, foreseen
        self.heard.append(message.text)
        return self.answers(message)


@dataclass
class Flat:
    """A flat of the town, bound by its owner."""

    code: str
    unit_id: int
    binding_id: int
    owner_id: int
    bill_ids: tuple[int, ...]
    open_fen: tuple[int, ...]


@dataclass
class Town:
    """The books, the links, the till, and two flats that owe 3 and 1 bills."""

    db: Database
    clock: TestClock
    links: Links
    till: Till
    first: Flat
    second: Flat
    community_id: int
    router: Answering = field(default_factory=Answering)

    def token(self, flat: Flat, *, days: int = 7) -> str:
        link = PayLink(flat.unit_id, flat.binding_id, 0, TODAY + timedelta(days=days))
        return self.links.pay_url(link).rpartition("/")[2]

    def paper_token(self, flat: Flat) -> str:
        link = PayLink(flat.unit_id, 0, 0, TODAY + timedelta(days=90))
        return self.links.pay_url(link).rpartition("/")[2]

    async def change(self, statement: Executable) -> None:
        """Change the books behind everybody's back."""

        def run(tx: Connection) -> None:
            tx.execute(statement)

        await self.db.write(run)

    def deps(self) -> HandlerDeps:
        return HandlerDeps(
            db=self.db,
            clock=self.clock,
            links=self.links,
            gateways={self.till.name: self.till},
            recogniser=Recogniser(),
        )

    def parts(self, channels: Mapping[str, object] | None = None, **more: object) -> WebParts:
        values: dict[str, object] = {
            "db": self.db,
            "clock": self.clock,
            "links": self.links,
            "secret": SECRET,
            "channels": channels or {},
            "gateways": {self.till.name: self.till},
            "pay_gateways": (self.till.name,),
            "router": self.router,
            "handler_deps": self.deps(),
            "base_url": BASE_URL,
            "reply_seconds": PATIENT_SECONDS,
            "company": Company(
                "安居物业", "0571-88886666", ("物业缴费", "报修"), "浙ICP备2026000001号"
            ),
        } | more
        return WebParts(**values)  # type: ignore[arg-type]


def _settle_in(tx: Connection) -> int:
    rows = [
        EstateRow(
            COMMUNITY,
            code,
            f"3栋2单元{code[-3:]}",
            UnitKind.HOME,
            "3栋",
            "2单元",
            Decimal("89.50"),
            name,
            PHONES[code],
            OccupancyRole.OWNER,
        )
        for code, name in (("3-2-501", "李秀英"), ("3-2-502", "王建国"))
    ]
    import_estate(tx, rows, actor=CLOCK, now=NOW)
    community_id = int(tx.execute(select(units.c.community_id).limit(1)).scalar_one())
    tx.execute(update(communities).values(company_name="安居物业", phone="0571-88886666"))
    return community_id


def _flat(tx: Connection, community_id: int, code: str, owed: list[tuple[str, str, int]]) -> Flat:
    unit_id = int(tx.execute(select(units.c.id).where(units.c.code == code)).scalar_one())
    owner_id = owners_on(tx, unit_id, TODAY)[0]
    identity = {"account": "demo", "openid": f"openid-{code}", "first_seen_at": NOW}
    identity_id = insert_once(tx, identities, identity)
    binding = {
        "identity_id": identity_id,
        "unit_id": unit_id,
        "resident_id": owner_id,
        "role": OccupancyRole.OWNER,
        "state": BindingState.ACTIVE,
        "bound_at": NOW,
    }
    binding_id = insert_once(tx, bindings, binding)
    assert binding_id is not None
    items = fee_item_ids(tx, community_id, {"物业费": "property_fee", "水费": "water"})
    new = [
        NewBill(
            unit_id=unit_id,
            fee_item_id=items[item_name],
            item_name=item_name,
            period=BillingPeriod.parse(period),
            amount_fen=amount_fen,
            due_on=BillingPeriod.parse(period).day(25),
            explanation={
                "basis": "by_area",
                "quantity": "89.50㎡",
                "unit_price": "2.80元",
                "sum": "89.50㎡ × 2.80元 × 1个月 = 250.60元",
            },
            liable_id=owner_id,
        )
        for item_name, period, amount_fen in owed
    ]
    book_bills(tx, new, community_id=community_id, against=Account.INCOME, now=NOW)
    mine = select(bills.c.id, bills.c.amount_fen).where(bills.c.unit_id == unit_id)
    ids, fen = zip(*tx.execute(mine.order_by(bills.c.id)).all(), strict=True)
    return Flat(code, unit_id, binding_id, owner_id, tuple(ids), tuple(fen))


def _settle(tx: Connection) -> tuple[int, Flat, Flat]:
    community_id = _settle_in(tx)
    owed = [("物业费", "2026-10", 25060), ("物业费", "2026-11", 25060), ("水费", "2026-11", 4321)]
    first = _flat(tx, community_id, "3-2-501", owed)
    return community_id, first, _flat(tx, community_id, "3-2-502", [("物业费", "2026-11", 30000)])


async def settle(db: Database) -> Town:
    """Fill the books with the town."""
    community_id, first, second = await db.write(_settle)
    links = Links(SECRET, BASE_URL)
    return Town(db, TestClock(), links, Till(), first, second, community_id)
