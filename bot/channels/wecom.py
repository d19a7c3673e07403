"""The WeCom app (企业微信应用): members talk to the bot there, and hear of it at any hour."""

import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import aiohttp

from bot.channels.exchange import Patience
from bot.channels.throttle import Throttle
from bot.channels.wechat_codec import BadCallback, Codec, cdata, plain_text
from bot.channels.wechat_errors import ApiRefused, judge_trouble
from bot.channels.wechat_incoming import Events, read_message
from bot.channels.wecom_chats import TROUBLE, WecomChats
from bot.channels.wecom_client import WecomClient
from bot.channels.wecom_errors import MEANINGS
from bot.channels.wecom_tasks import CustomerGroup, GroupTasks
from storage.ports.chat import (
    Attempt,
    ChatKept,
    IncomingKind,
    IncomingMessage,
    OutgoingMessage,
    Reach,
    Route,
    TaskStands,
    Verdict,
)

log = logging.getLogger(__name__)

SUCCESS: Final = b"success"
_LEEWAY: Final = timedelta(seconds=5)
"""Our count begins when a call goes out, the platform's when it arrives."""
MEMBER_LIMITS: Final = (
    (30, timedelta(minutes=1) + _LEEWAY),
    (1000, timedelta(hours=1) + _LEEWAY),
)
"""What one member is shown of an app; WeCom drops the rest without a word, so we wait."""
ONCE_SECONDS: Final = 600
"""Within so long the platform shows a member the same text once: what we repeat is not doubled."""
MOST_COUNTED: Final = 10_000
SILENT: Final = frozenset(
    {IncomingKind.VIEW, IncomingKind.FOLLOW, IncomingKind.UNFOLLOW, IncomingKind.DELIVERY}
)
"""What is answered with no words: nobody spoke."""
EVENTS: Final[Events] = MappingProxyType(
    {
        # The app was shown to a member, or taken from her.
        "subscribe": IncomingKind.FOLLOW,
        "unsubscribe": IncomingKind.UNFOLLOW,
        "click": IncomingKind.CLICK,
        "scancode_push": IncomingKind.CLICK,
        "scancode_waitmsg": IncomingKind.CLICK,
        "location": IncomingKind.LOCATION,
    }
)
"""Event → what it is to us; WeCom tells of much else (enter_agent …), which nobody said."""
_USERID: Final = re.compile(r"[0-9A-Za-z._@-]+", re.ASCII)
MOST_NAME_CHARS: Final = 50


@dataclass(frozen=True)
class Config:
    """One app of one corporation. Raises ValueError, naming the key, where one is empty."""

    name: str
    corp_id: str
    agent_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    base_url: str = "https://qyapi.weixin.qq.com"
    groups: Mapping[str, str] = field(default_factory=dict)
    """Chat of staff that the app makes → its community's name, "" for all staff."""
    residents_groups: Mapping[str, CustomerGroup] = field(default_factory=dict)
    """Residents' own group (客户群) → its number, and the member who presses send there."""

    def __post_init__(self) -> None:
        """Refuse empty keys: an empty token could be signed by anybody."""
        for key in ("name", "corp_id", "agent_id", "secret", "token", "aes_key", "base_url"):
            if not getattr(self, key):
                raise ValueError(f"{key} is empty")
        if not (self.agent_id.isascii() and self.agent_id.isdigit()):
            raise ValueError("agent_id is not a number")
        for group in (*self.groups, *self.residents_groups):
            if group in self.groups and group in self.residents_groups:
                raise ValueError(f"{group} is both in groups and in residents_groups")
            if not 0 < len(group) <= MOST_NAME_CHARS or _USERID.fullmatch(group):
                raise ValueError(f"groups.{group}: a name of 1 to 50 characters, one Chinese")


class Wecom:
    """One app as the inside sees it, a ChatChannel whose recipients are members' userids."""

    def __init__(
        self,
        config: Config,
        *,
        http: aiohttp.ClientSession,
        now: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        self.name = config.name
        self._config = config
        self._now = now
        self._pause: Attempt | None = None
        self._throttles: dict[str, tuple[Throttle, ...]] = {}
        self._codec = Codec(config.token, config.aes_key, config.corp_id)
        self._client = WecomClient(
            corp_id=config.corp_id,
            secret=config.secret,
            base_url=config.base_url,
            http=http,
            now=now,
            patience=patience,
        )
        self.groups: Mapping[str, str] = config.groups
        self.residents_groups: Collection[str] = tuple(config.residents_groups)
        self._tasks = GroupTasks(config.name, self._client, config.residents_groups, now)
        self._chats = WecomChats(
            config.name,
            self._client,
            whose=f"{config.corp_id}:{config.agent_id}",
            names=config.groups,
            now=now,
        )

    # What comes in

    def verify_url(self, query: Mapping[str, str]) -> bytes | None:
        """Return what to echo to the platform's address check, None where it is not theirs."""
        return self._codec.verify_sealed_url(query)

    def receive(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> IncomingMessage:
        """Prove, open and read one callback. Raises BadCallback and nothing else.

        The corporation's apps share its id, so a message to another app is refused too.
        """
        fields = self._codec.open(query, body, now=now)
        if fields.get("AgentID", self._config.agent_id) != self._config.agent_id:
            raise BadCallback(400, "AgentID")
        return read_message(self.name, fields, EVENTS, otherwise=IncomingKind.VIEW)

    def reply(
        self,
        incoming: IncomingMessage,
        message: OutgoingMessage | None,
        *,
        timestamp: int,
        nonce: str,
    ) -> bytes:
        """Return the body that answers a callback: an encrypted text, or "success" for nothing."""
        if message is None or incoming.kind in SILENT:
            return SUCCESS
        content = plain_text(message.text, tail=message.url)
        if not content:
            return SUCCESS
        xml = (
            f"<xml><ToUserName>{cdata(incoming.sender)}</ToUserName>"
            f"<FromUserName>{cdata(self._config.corp_id)}</FromUserName>"
            f"<CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content>{cdata(content)}</Content></xml>"
        )
        return self._codec.seal(xml, timestamp, nonce)

    # What goes out

    def routes_for(self, message: OutgoingMessage, reach: Reach) -> tuple[Route, ...]:
        """Return the one way there is, open at any hour."""
        return (Route.APP,)

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        """Tell one member, or a chat of staff (which answers as Route.GROUP).

        Never raises for what the platform may answer: the verdict says it.
        """
        if route is not Route.APP:
            return Attempt(route, Verdict.NOT_NOW, "an app has no such route")
        content = plain_text(message.text, tail=message.url)
        if not content.strip():
            return Attempt(route, Verdict.BAD_CONTENT, "the text is empty")
        if recipient in self._chats:
            return await self._chats.say(recipient, content)
        if recipient in self._tasks:
            return await self._tasks.ask(recipient, content)
        shut = self._shut(recipient)
        if shut is not None:
            return shut
        body = {
            "touser": recipient,
            "msgtype": "text",
            "agentid": int(self._config.agent_id),
            "text": {"content": content},
            "enable_duplicate_check": 1,
            "duplicate_check_interval": ONCE_SECONDS,
        }
        try:
            answer = await self._client.deliver("/cgi-bin/message/send", body)
        except TROUBLE as trouble:
            attempt = judge_trouble(trouble, route, now=self._now(), meanings=MEANINGS)
            return self._noted(attempt, trouble)
        return _told(answer, recipient)

    async def keep_chat(self, name: str, members: Collection[str]) -> ChatKept:
        """Make a chat of staff, or bring its members in step. Raises ChannelUnavailable."""
        return await self._chats.keep(name, members)

    async def task_stands(self, group: str, message_id: str) -> TaskStands:
        """Ask how a notice to a residents' group stands. Raises ChannelUnavailable."""
        return await self._tasks.stands(group, message_id)

    async def remind_of_task(self, message_id: str) -> None:
        """Remind the owner of a group to press send. Raises ChannelUnavailable."""
        await self._tasks.remind(message_id)

    async def cancel_task(self, message_id: str) -> None:
        """Take a notice back that was not sent yet. Raises ChannelUnavailable."""
        await self._tasks.cancel(message_id)

    def _shut(self, recipient: str) -> Attempt | None:
        """Return why nothing may go to this member now, or count one message to her."""
        paused = self._pause
        if paused is not None and (paused.not_before or self._now()) > self._now():
            return paused
        if len(self._throttles) >= MOST_COUNTED:
            self._throttles.clear()
        counted = self._throttles.setdefault(
            recipient, tuple(Throttle(self._now, *limit) for limit in MEMBER_LIMITS)
        )
        free_at = max(one.free_at(1) for one in counted)
        if free_at > self._now():
            why = "30 a minute, 1000 an hour for one member"
            return Attempt(Route.APP, Verdict.LATER, why, not_before=free_at)
        for one in counted:
            one.take()
        return None

    def _noted(self, attempt: Attempt, trouble: Exception) -> Attempt:
        """Remember that the app is shut for everybody, e.g. because a quota is used up."""
        if attempt.verdict is Verdict.PAUSED and isinstance(trouble, ApiRefused):
            log.error("wecom.paused", extra={"code": trouble.code})
            self._pause = attempt
        return attempt


def _told(answer: Mapping[str, Any], recipient: str) -> Attempt:
    """Read an answer whose code is 0: the platform may still have told nobody."""
    for name, verdict in (("invaliduser", Verdict.GONE), ("unlicenseduser", Verdict.NOT_NOW)):
        named = str(answer.get(name) or "").lower().split("|")
        if recipient.lower() in named:
            return Attempt(Route.APP, verdict, f"{name}: the app may not reach this member")
    return Attempt(Route.APP, Verdict.SENT, platform_message_id=str(answer.get("msgid", "")))
