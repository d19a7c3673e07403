"""PaymentGateway: what every payment platform must do, and the facts it reports."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from storage.frozen import dataclass


class PaymentState(StrEnum):
    """Where a payment order stands at the platform."""

    PENDING = "pending"
    PAID = "paid"
    CLOSED = "closed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class RefundState(StrEnum):
    """Where a refund stands at the platform."""

    PROCESSING = "processing"
    SUCCESS = "success"
    CLOSED = "closed"
    ABNORMAL = "abnormal"
    UNFUNDED = "unfunded"
    """Refused for want of money at the merchant's; retried with the same number."""
    REJECTED = "rejected"
    """Refused for good: nothing was booked at the platform."""
    NOT_FOUND = "not_found"
    """The platform knows no such number: it never arrived there."""
    UNKNOWN = "unknown"


class TradeKind(StrEnum):
    """How the payer's device talks to the platform."""

    JSAPI = "jsapi"
    H5 = "h5"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class PaymentAsk:
    """What we ask a platform to collect. The same ask twice is the same order."""

    order_no: str
    asked_at: datetime
    """When the order was written down, before any call: number and instant name it for good."""
    amount_fen: int
    description: str
    expires_at: datetime
    kind: TradeKind
    payer_id: str = ""
    """openid, needed by JSAPI only."""
    payer_ip: str = ""
    """needed by H5 only."""
    back_url: str = ""
    """Where the payer's browser comes back to; what it brings along proves nothing."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What the page needs to let the payer pay."""

    prepay_id: str = ""
    pay_url: str = ""
    code_url: str = ""
    form: str = ""
    """JSON `{"action": address, "fields": {...}}` where the platform wants a posted form."""


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """A platform's verified word on one payment order. Nothing unverified has this type."""

    gateway: str
    order_no: str
    state: PaymentState
    amount_fen: int
    currency: str
    merchant_id: str
    app_id: str
    transaction_id: str = ""
    paid_at: datetime | None = None
    payer_id: str = ""
    event_id: str = ""
    """The notification's own id, "" when the fact was asked for."""


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """What we ask a platform to give back. The number is the idempotency key."""

    refund_no: str
    order_no: str
    asked_at: datetime
    """When the refund was agreed to: number and instant name it for good."""
    amount_fen: int
    total_fen: int
    reason: str
    transaction_id: str = ""
    """The platform's number of the payment."""


@dataclass(frozen=True, slots=True)
class RefundFact:
    """A platform's verified word on one refund."""

    gateway: str
    refund_no: str
    order_no: str
    state: RefundState
    amount_fen: int
    platform_refund_id: str = ""
    settled_at: datetime | None = None
    detail: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A raw HTTP request from a platform, before anything is believed."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """What the platform is answered."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


class LineKind(StrEnum):
    """What a line of a platform's statement is."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One trade of a platform's own statement (对账单), in its own order."""

    kind: LineKind
    order_no: str
    refund_no: str
    """"" for a payment, and for a refund that was made in the platform's own console."""
    transaction_id: str
    """The payment's number at the platform; of a refund that of the payment it is from."""
    platform_refund_id: str
    amount_fen: int
    """Never negative."""
    fee_fen: int
    """What the platform keeps (手续费): positive costs us, negative is given back."""
    at: datetime
    state: str = "success"
    """success | processing | failed, as far as the platform says."""


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A statement as the platform wrote it, on our disk."""

    gateway: str
    merchant_id: str
    day: date
    """The platform's own day: a Shanghai day, or its clearing day."""
    path: Path
    sha256: str


class StatementNotReady(Exception):
    """The platform has not written the statement of this day yet: ask again later."""


class NoStatement(Exception):
    """The platform says that nothing was traded on this day."""


class StatementBroken(Exception):
    """A statement that is not whole, or not what was asked for; the text says what and where."""


class WebhookRejected(Exception):
    """A webhook that did not prove itself; `reply` is all its sender learns."""

    def __init__(self, cause: str, reply: WebhookReply) -> None:
        """Keep the cause (for a counter, never for the sender) and the reply."""
        super().__init__(cause)
        self.cause = cause
        self.reply = reply


class PaymentGateway(Protocol):
    """One payment platform as the inside sees it. Every call may raise GatewayUnavailable."""

    name: str
    merchant_id: str
    app_id: str

    async def create(self, ask: PaymentAsk) -> Collection:
        """Ask the platform to collect. Raises OrderRefused where it says no for good."""
        ...

    def bridge_fields(self, collection: Collection) -> dict[str, str]:
        """Return the signed fields that the page hands to the platform's own bridge (JSAPI)."""
        ...

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        """Ask how an order stands; an order the platform never saw is PENDING with 0 fen."""
        ...

    async def close(self, order_no: str, asked_at: datetime) -> None:
        """Ask the platform to take no more money for it. Always followed by a query."""
        ...

    async def refund(self, ask: RefundAsk) -> RefundFact:
        """Ask for money back; the same number again is the same refund."""
        ...

    async def query_refund(self, refund_no: str, order_no: str, asked_at: datetime) -> RefundFact:
        """Ask how a refund stands."""
        ...

    async def fetch_statement(self, day: date, into: Path) -> StatementFile:
        """Put the statement of a day into a folder, proved by the platform's own hash.

        Raises StatementNotReady, NoStatement, StatementBroken.
        """
        ...

    def read_statement(self, path: Path, day: date) -> Iterator[StatementLine]:
        """Read a fetched statement line by line; memory does not grow with it.

        Raises StatementBroken, at the latest at its end, where its own sums, day or merchant are
        not those of its lines.
        """
        ...

    def read_webhook(self, request: WebhookRequest, *, now: datetime) -> PaymentFact | RefundFact:
        """Prove and translate a notification. Raises WebhookRejected; never touches the books."""
        ...

    def acknowledge(self) -> WebhookReply:
        """Return the platform's word for "heard"."""
        ...

    def ask_again(self) -> WebhookReply:
        """Return the platform's word for "not now, send it again"."""
        ...


class OrderRefused(Exception):
    """The platform refused an order for good; `is_paid` says it was paid already."""

    def __init__(self, code: str, *, is_paid: bool = False) -> None:
        """Keep the platform's code for staff."""
        super().__init__(code)
        self.code = code
        self.is_paid = is_paid
