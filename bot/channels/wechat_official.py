"""The WeChat official account (公众号): reads its callbacks, replies, and sends by three ways."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from bot.channels.exchange import Patience
from bot.channels.wechat_client import WechatClient
from bot.channels.wechat_codec import Codec, cdata, plain_text
from bot.channels.wechat_errors import (
    CODE_USED_UP,
    ApiRefused,
    ApiShut,
    NotCalled,
    OutcomeUnknown,
    judge_trouble,
)
from bot.channels.wechat_incoming import read_message
from bot.channels.wechat_templates import TemplateMapping, UnfitField, fill
from storage.errors import ChannelUnavailable
from storage.ports.chat import (
    Attempt,
    IncomingKind,
    IncomingMessage,
    OutgoingMessage,
    Reach,
    Route,
    Verdict,
)

log = logging.getLogger(__name__)

SUCCESS: Final = b"success"
ONCE_KEY_CHARS: Final = 32
NO_MENU: Final = 46003
UNANSWERED: Final = frozenset(
    {IncomingKind.UNFOLLOW, IncomingKind.VIEW, IncomingKind.DELIVERY, IncomingKind.CREDIT}
)
"""What the platform takes no reply to."""
PATHS: Final[Mapping[Route, str]] = MappingProxyType(
    {
        Route.CUSTOM: "/cgi-bin/message/custom/send",
        Route.TEMPLATE: "/cgi-bin/message/template/send",
        Route.SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
    }
)
_TROUBLE: Final = (ApiRefused, ApiShut, NotCalled, OutcomeUnknown)


@dataclass(frozen=True)
class Config:
    """One official account. Raises ValueError, naming the key, where a needed one is empty."""

    name: str
    """The account in our addresses, e.g. "demo"."""
    app_id: str
    app_secret: str = field(repr=False)
    original_id: str
    """The account's own id at the platform, gh_…"""
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    base_url: str = "https://api.weixin.qq.com"
    oauth_url: str = "https://open.weixin.qq.com"
    templates: Mapping[str, TemplateMapping] = field(default_factory=dict)
    """Kind of message → template message (模板消息)."""
    subscribe_templates: Mapping[str, TemplateMapping] = field(default_factory=dict)
    """Kind of message → subscription notice (订阅通知)."""

    def __post_init__(self) -> None:
        """Refuse empty keys: an empty token could be signed by anybody."""
        for key in ("name", "app_id", "app_secret", "token", "aes_key", "base_url", "oauth_url"):
            if not getattr(self, key):
                raise ValueError(f"{key} is empty")


def _once_key(delivery_id: str) -> str:
    """Return the id under which the platform shows a message once: at most 32 characters."""
    if len(delivery_id) <= ONCE_KEY_CHARS:
        return delivery_id
    return hashlib.sha256(delivery_id.encode()).hexdigest()[:ONCE_KEY_CHARS]


class WechatOfficial:
    """One official account as the inside sees it, a ChatChannel."""

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
        self._pauses: dict[Route, Attempt] = {}
        self._codec = Codec(config.token, config.aes_key, config.app_id)
        self._client = WechatClient(
            app_id=config.app_id,
            app_secret=config.app_secret,
            base_url=config.base_url,
            http=http,
            now=now,
            patience=patience,
        )

    def verify_url(self, query: Mapping[str, str]) -> bytes | None:
        """Return what to echo to the platform's address check, None where it is not theirs."""
        return self._codec.verify_url(query)

    def receive(self, query: Mapping[str, str], body: bytes, *, now: datetime) -> IncomingMessage:
        """Prove, open and read one callback. Raises BadCallback and nothing else."""
        message = read_message(self.name, self._codec.open(query, body, now=now))
        if message.kind is not IncomingKind.CREDIT:
            return message
        report = {
            kind: word
            for template_id, word in message.report.items()
            for kind in self.kinds_of(template_id)
        }
        return replace(message, report=report)

    def reply(
        self,
        incoming: IncomingMessage,
        message: OutgoingMessage | None,
        *,
        timestamp: int,
        nonce: str,
    ) -> bytes:
        """Return the body that answers a callback: an encrypted text, or "success" for nothing.

        The address stands on its own line in plain sight: there it can be tapped.
        """
        if message is None or incoming.kind in UNANSWERED:
            return SUCCESS
        content = plain_text(message.text, tail=message.url)
        if not content:
            return SUCCESS
        xml = (
            f"<xml><ToUserName>{cdata(incoming.sender)}</ToUserName>"
            f"<FromUserName>{cdata(incoming.reply_to)}</FromUserName>"
            f"<CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content>{cdata(content)}</Content></xml>"
        )
        return self._codec.seal(xml, timestamp, nonce)

    def routes_for(self, message: OutgoingMessage, reach: Reach) -> tuple[Route, ...]:
        """Return the ways open for this message to this person now, best first."""
        kind = message.kind
        ways = (
            (Route.CUSTOM, reach.custom_left > 0),
            (Route.TEMPLATE, kind in self._config.templates),
            (
                Route.SUBSCRIBE,
                kind in self._config.subscribe_templates
                and reach.subscribe_credits.get(kind, 0) > 0,
            ),
        )
        return tuple(route for route, is_open in ways if is_open)

    def kinds_of(self, template_id: str) -> tuple[str, ...]:
        """Return the kinds of message that a subscription template of a CREDIT report tells."""
        known = self._config.subscribe_templates.items()
        return tuple(kind for kind, mapping in known if mapping.template_id == template_id)

    async def send(
        self, recipient: str, message: OutgoingMessage, route: Route, *, delivery_id: str
    ) -> Attempt:
        """Try one way. Never raises for what the platform may answer: the verdict says it.

        A template message carries `delivery_id`, and within ten minutes the platform shows it
        once however often it is sent.
        """
        path = PATHS.get(route)
        if path is None:
            return Attempt(route, Verdict.NOT_NOW, "the account has no such route")
        paused = self._paused(route)
        if paused is not None:
            return paused
        try:
            body = self._body(recipient, message, route, delivery_id)
            answer = await self._client.deliver(path, body)
        except UnfitField as unfit:
            return Attempt(route, Verdict.BAD_CONTENT, unfit.reason)
        except _TROUBLE as trouble:
            return self._noted(judge_trouble(trouble, route, now=self._now()), trouble)
        number = answer.get("msgid", "")
        return Attempt(route, Verdict.SENT, platform_message_id=str(number))

    def _paused(self, route: Route) -> Attempt | None:
        """Return why a way is shut for everybody now, or None; nobody is asked again for it."""
        paused = self._pauses.get(route)
        if paused is None or paused.not_before is None or paused.not_before <= self._now():
            return None
        return paused

    def _noted(self, attempt: Attempt, trouble: Exception) -> Attempt:
        """Remember that a way is shut for everybody, e.g. because the day's quota is used up."""
        if attempt.verdict is Verdict.PAUSED and isinstance(trouble, ApiRefused):
            if self._paused(attempt.route) is None:
                log.error(
                    "wechat.route_paused", extra={"route": attempt.route, "code": trouble.code}
                )
            self._pauses[attempt.route] = attempt
        return attempt

    def _body(
        self, recipient: str, message: OutgoingMessage, route: Route, delivery_id: str
    ) -> dict[str, object]:
        """Build what is posted. Raises UnfitField."""
        if route is Route.CUSTOM:
            content = plain_text(message.text, tail=message.url)
            if not content:
                raise UnfitField("the text is empty")
            return {"touser": recipient, "msgtype": "text", "text": {"content": content}}
        is_template = route is Route.TEMPLATE
        table = self._config.templates if is_template else self._config.subscribe_templates
        mapping = table.get(message.kind)
        if mapping is None:
            raise UnfitField(f"no template for {message.kind}")
        body: dict[str, object] = {
            "touser": recipient,
            "template_id": mapping.template_id,
            "data": fill(mapping, message.fields),
        }
        if message.url:
            body["url" if is_template else "page"] = message.url
        if is_template:
            body["client_msg_id"] = _once_key(delivery_id)
        return body

    async def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Return where a browser inside WeChat learns who it is, silently (snsapi_base)."""
        query = urlencode(
            {
                "appid": self._config.app_id,
                "redirect_uri": redirect_uri,
                "response_type": "code",
                "scope": "snsapi_base",
                "state": state,
            }
        )
        base = self._config.oauth_url.rstrip("/")
        return f"{base}/connect/oauth2/authorize?{query}#wechat_redirect"

    async def openid_from_code(self, code: str) -> str:
        """Return whose browser brought this code, "" where the code is no good (any more).

        A visitor who only looks at a snapshot (快照页) has no real openid, so she is "" too.
        Raises ChannelUnavailable.
        """
        if not code:
            return ""
        params = {
            "appid": self._config.app_id,
            "secret": self._config.app_secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        try:
            answer = await self._client.ask("/sns/oauth2/access_token", params)
        except ApiRefused as refused:
            if refused.code in CODE_USED_UP:
                return ""
            raise self._unavailable(refused) from None
        except (NotCalled, OutcomeUnknown) as trouble:
            raise self._unavailable(trouble) from None
        return "" if answer.get("is_snapshotuser") == 1 else str(answer.get("openid", ""))

    async def publish_menu(self, buttons: Sequence[Mapping[str, object]]) -> None:
        """Put these buttons under the chat. Raises ChannelUnavailable with the platform's words."""
        groups = await self._client.groups()
        try:
            await groups.menu.create({"button": [dict(button) for button in buttons]})
        except _TROUBLE as trouble:
            raise self._unavailable(trouble) from None

    async def menu(self) -> list[dict[str, Any]]:
        """Return the buttons that are published, none where there is no menu.

        Raises ChannelUnavailable.
        """
        groups = await self._client.groups()
        try:
            answer = await groups.menu.get()
        except ApiRefused as refused:
            if refused.code == NO_MENU:
                return []
            raise self._unavailable(refused) from None
        except _TROUBLE as trouble:
            raise self._unavailable(trouble) from None
        return list(answer.get("menu", {}).get("button", []))

    def _unavailable(
        self, trouble: ApiRefused | ApiShut | NotCalled | OutcomeUnknown
    ) -> ChannelUnavailable:
        attempt = judge_trouble(trouble, Route.CUSTOM, now=self._now())
        return ChannelUnavailable(self.name, attempt.detail)
