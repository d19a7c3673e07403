"""All that a job may touch."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path

from storage.database import Database
from storage.events import Event
from storage.frozen import dataclass
from storage.inbox import Forgotten
from storage.links import Links
from storage.ports.chat import ChatChannel, Manner, OutgoingMessage, StaffChats
from storage.ports.clock import Clock
from storage.ports.payments import PaymentGateway


@dataclass(frozen=True, slots=True)
class JobDeps:
    """Filled once by the composition root."""

    db: Database
    clock: Clock
    links: Links
    channels: Mapping[str, ChatChannel]
    """By account name; group robots too."""
    gateways: Mapping[str, PaymentGateway]
    compose: Callable[[Event, Manner], OutgoingMessage]
    """Makes words of an event for its reader; handed in, so that no job knows any words."""
    answer_late: Callable[[Forgotten, datetime], Awaitable[None]]
    """Answers a message through the outbox; handed in, so that no job knows any words."""
    backup_dir: Path
    sqlite_file: Path | None
    """The database file, None on PostgreSQL."""
    statement_dir: Path = Path("statements")
    """Where platforms' statements are kept as they came."""
    fee_ppm: Mapping[str, int] = field(default_factory=dict)
    """Gateway → the agreed rate of its fee in millionths, where somebody has written it down."""
    staff_chats: Mapping[str, StaffChats] = field(default_factory=dict)
    """Account → the one that makes chats of staff."""
    duty_group: str = ""
    """The group that hears of troubles of the running itself, "" for none."""
