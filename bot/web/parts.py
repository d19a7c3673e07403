"""All that the web is built from; filled once by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.web.deadlines import REPLY_SECONDS
from bot.web.metrics import Metrics
from handlers.deps import HandlerDeps
from storage.database import Database
from storage.frozen import dataclass
from storage.inbox import Foresight
from storage.links import Links
from storage.ports.chat import IncomingMessage, OutgoingMessage
from storage.ports.clock import Clock
from storage.ports.payments import PaymentGateway
from storage.queries.residents import Person


class Listener(Protocol):
    """One chat account as its callback's door sees it."""

    name: str

    def verify_url(self, query: Mapping[str, str]) -> bytes | None:
        """Return what to echo to the platform's address check, None where it is not theirs."""
        ...

    def receive(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> IncomingMessage:
        """Prove, open and read one callback. Raises BadCallback."""
        ...

    def reply(
        self,
        incoming: IncomingMessage,
        message: OutgoingMessage | None,
        *,
        timestamp: int,
        nonce: str,
    ) -> bytes:
        """Return the body that answers a callback."""
        ...


class Account(Listener, Protocol):
    """One official account as the web sees it: it also knows browsers."""

    async def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return where a browser inside the chat app learns who it is, silently."""
        ...

    async def openid_from_code(self, code: str) -> str:
        """Return whose browser brought this code, "" where it is no good."""
        ...


class Router(Protocol):
    """Finds who speaks and which intent answers."""

    def foresee(self, message: IncomingMessage, *, now: datetime) -> Foresight | None:
        """Return what will be read for the answer, so far as the words alone tell."""
        ...

    async def answer(
        self,
        person: Person,
        message: IncomingMessage,
        *,
        now: datetime,
        foreseen: Any = None,  # noqa: ANN401 - what the foresight found
    ) -> OutgoingMessage | None:
        """Return the answer, None where nothing is to be said."""
        ...


@dataclass(frozen=True, slots=True)
class Company:
    """Who runs this, as the front page says it."""

    name: str
    phone: str = ""
    services: tuple[str, ...] = ()
    filing_no: str = ""
    """备案号."""


def nothing() -> None:
    """Wake nobody."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """The web's surroundings."""

    db: Database
    clock: Clock
    links: Links
    secret: bytes = field(repr=False)
    """At least 32 bytes, the links' own: signs OAuth states, cookies and paper codes."""
    channels: Mapping[str, Account]
    """Official accounts by name, the one whose app id the gateways use first."""
    gateways: Mapping[str, PaymentGateway]
    """By name, those that may notify us."""
    pay_gateways: tuple[str, ...]
    """Those that the pay page offers, in this order."""
    router: Router
    handler_deps: HandlerDeps
    base_url: str
    company: Company
    address_header: str = ""
    """Where our own proxy writes the visitor's address, "" where none stands before us."""
    requests_per_minute: int = 300
    """What one address may ask of the pages, 0 for any number."""
    link_hosts: tuple[str, ...] = ()
    """Where links in a community's own words may lead, besides our own address."""
    verify_dir: Path | None = None
    """Where MP_verify_*.txt files lie."""
    wake: Callable[[], None] = nothing
    """Called when something was put into the outbox."""
    begin_work: Callable[[], None] = nothing
    """Called when long work was asked for."""
    work_channels: Mapping[str, Listener] = field(default_factory=dict)
    """Apps of a work chat (企业微信) by name."""
    reply_seconds: float = REPLY_SECONDS
    """How long a chat answer may take before it goes out by the outbox."""
    metrics: Metrics = field(default_factory=Metrics)
    is_ready: Callable[[], bool] = lambda: True
    """Whether all the rest (clock, channels) is up."""
