"""ChatChannel: what every chat platform must do, and the messages it carries."""

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from storage.frozen import dataclass


class IncomingKind(StrEnum):
    """What kind of thing reached us."""

    TEXT = "text"
    VOICE = "voice"
    IMAGE = "image"
    LOCATION = "location"
    OTHER = "other"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    SCAN = "scan"
    CLICK = "click"
    VIEW = "view"
    DELIVERY = "delivery"
    """The platform's report on a message of ours (template job finished and the like)."""
    CREDIT = "credit"
    """A subscription notice was accepted or refused."""


class Manner(StrEnum):
    """How a person wishes to be spoken to."""

    USUAL = "usual"
    PLAIN = "plain"
    """In few and simple words (老年模式)."""
    ENGLISH = "english"


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One thing a person did, proved to come from the platform."""

    account: str
    sender: str
    """openid."""
    kind: IncomingKind
    text: str
    """What was typed or transcribed; the key of a click or scan; "" otherwise."""
    message_key: str
    """De-duplication key: MsgId, or the event's tuple."""
    sent_at: datetime
    reply_to: str
    """Our own id at the platform (ToUserName)."""
    media_id: str = ""
    report: Mapping[str, str] = field(default_factory=dict)
    """DELIVERY: message_id, state. CREDIT: kind of message → accept | reject."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """Something said to a person, already in words."""

    kind: str
    """The intent's or the event's name; the adapter's table maps it to a template."""
    text: str
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The same in at most 20 characters a field, for templates: our own field names."""


class Route(StrEnum):
    """By which of a platform's ways a message went."""

    PASSIVE = "passive"
    CUSTOM = "custom"
    TEMPLATE = "template"
    SUBSCRIBE = "subscribe"
    GROUP = "group"
    GROUP_TASK = "group_task"
    """A residents' group by its owner, who is asked to press send."""
    APP = "app"
    """A work chat's own way to its members: no window, and our repetition is shown once."""


KNOWS_OUR_ID: Final = frozenset({Route.TEMPLATE, Route.APP})
"""Ways that for ten minutes show what we send again only once."""


class Verdict(StrEnum):
    """What an attempt to send came to, and so what is done next."""

    SENT = "sent"
    NOT_NOW = "not_now"
    """This way is shut for this person now (window, quota, credit): try the next way."""
    LATER = "later"
    """The platform is busy or the token was stale: the same way again after a while."""
    UNKNOWN = "unknown"
    """It may have arrived; only a way with an id of ours may be tried again."""
    GONE = "gone"
    """The person does not follow us any more or the id is no good: give up."""
    MUTED = "muted"
    """The person has turned us off: give up."""
    BAD_CONTENT = "bad_content"
    """The platform refuses the content: a bug of ours, shown to staff."""
    PAUSED = "paused"
    """This way is shut for everybody until `not_before` (day quota, configuration)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: by which route, with what result and the platform's own words."""

    route: Route
    verdict: Verdict
    detail: str = ""
    platform_message_id: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What we know of a person's open ways: chosen by the outbox, kept by the books."""

    custom_left: int
    """Customer-service messages left in the open window, 0 when shut."""
    subscribe_credits: Mapping[str, int] = field(default_factory=dict)
    """Accepted subscription notices by kind."""


class ChatChannel(Protocol):
    """One chat account as the inside sees it."""

    name: str
    """The account's name in our addresses, e.g. "demo"."""

    def routes_for(self, message: OutgoingMessage, reach: Reach) -> tuple[Route, ...]:
        """Return the ways open for this message to this person now, best first."""
        ...

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        """Try one way. Never raises for what a platform may answer: the verdict says it."""
        ...


class ChatKept(StrEnum):
    """What was done so that a chat of staff has the members it should have."""

    MADE = "made"
    CHANGED = "changed"
    SAME = "same"
    TOO_FEW = "too_few"
    """Nothing: a chat has two members at least."""


class TaskStands(StrEnum):
    """How a notice stands that a group's owner was asked to send."""

    WAITING = "waiting"
    SENT = "sent"
    ALREADY_TOLD = "already_told"
    """The group had another one that day, so the platform did not show this."""
    REFUSED = "refused"


class StaffChats(Protocol):
    """An account that makes chats of staff and asks owners of residents' groups to send.

    Each of both is a recipient of its `send`.
    """

    groups: Mapping[str, str]
    """Chat's name → the community whose staff sit in it, "" for all staff."""

    residents_groups: Collection[str]
    """The residents' groups by name."""

    async def keep_chat(self, name: str, members: Collection[str]) -> ChatKept:
        """Make a chat, or bring its members in step. Raises ChannelUnavailable."""
        ...

    async def task_stands(self, group: str, message_id: str) -> TaskStands:
        """Ask how a notice to a residents' group stands. Raises ChannelUnavailable."""
        ...

    async def remind_of_task(self, message_id: str) -> None:
        """Remind the owner of a group to press send. Raises ChannelUnavailable."""
        ...

    async def cancel_task(self, message_id: str) -> None:
        """Take a notice back that was not sent yet. Raises ChannelUnavailable."""
        ...
