"""Group chats that a WeCom app makes (appchat): staff of one community, or of all."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from bot.channels.throttle import Throttle
from bot.channels.wechat_errors import (
    ApiRefused,
    ApiShut,
    NotCalled,
    OutcomeUnknown,
    judge_trouble,
)
from bot.channels.wecom_client import WecomClient
from bot.channels.wecom_errors import MEANINGS, NO_SUCH_CHAT
from storage.errors import ChannelUnavailable
from storage.ports.chat import Attempt, ChatKept, Route, Verdict

PER_MINUTE: Final = 200
"""What one member is shown of all chats in a minute; WeCom drops the rest without a word."""
FEWEST: Final = 2
"""A chat of one is none: WeCom refuses it."""
_MADE_SOON: Final = timedelta(minutes=10)
TROUBLE: Final = (ApiRefused, ApiShut, NotCalled, OutcomeUnknown)


class WecomChats:
    """The chats of one app by their names; each name has its own number, so none is made twice."""

    def __init__(
        self,
        account: str,
        client: WecomClient,
        *,
        whose: str,
        names: Collection[str],
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._client = client
        self._now = now
        self._throttle = Throttle(now, PER_MINUTE)
        self._numbers = {name: _number(whose, name) for name in names}

    def __contains__(self, name: object) -> bool:
        """Tell whether a recipient is one of the chats."""
        return name in self._numbers

    async def say(self, name: str, content: str) -> Attempt:
        """Tell a chat a text. The platform does not know our repetitions: Route.GROUP says so."""
        if self._throttle.room() < 1:
            free_at = self._throttle.free_at(1)
            return Attempt(Route.GROUP, Verdict.LATER, "200 a minute", not_before=free_at)
        self._throttle.take()
        body = {
            "chatid": self._numbers[name],
            "msgtype": "text",
            "text": {"content": content},
            "safe": 0,
        }
        try:
            await self._client.deliver("/cgi-bin/appchat/send", body)
        except TROUBLE as trouble:
            if isinstance(trouble, ApiRefused) and trouble.code in NO_SUCH_CHAT:
                why = "the chat is not made yet: it needs two colleagues who are bound in WeCom"
                soon = self._now() + _MADE_SOON
                return Attempt(Route.GROUP, Verdict.LATER, why, not_before=soon)
            return judge_trouble(trouble, Route.GROUP, now=self._now(), meanings=MEANINGS)
        return Attempt(Route.GROUP, Verdict.SENT)

    async def keep(self, name: str, members: Collection[str]) -> ChatKept:
        """Make a chat, or bring its members in step. Raises ChannelUnavailable with the reason."""
        if len(members) < FEWEST:
            return ChatKept.TOO_FEW
        try:
            return await self._kept(name, list(members))
        except TROUBLE as trouble:
            judged = judge_trouble(trouble, Route.GROUP, now=self._now(), meanings=MEANINGS)
            raise ChannelUnavailable(self._account, judged.detail) from trouble

    async def _kept(self, name: str, members: list[str]) -> ChatKept:
        number = self._numbers[name]
        try:
            answer = await self._client.look("/cgi-bin/appchat/get", {"chatid": number})
        except ApiRefused as refused:
            if refused.code not in NO_SUCH_CHAT:
                raise
            made = {"name": name, "chatid": number, "owner": members[0], "userlist": members}
            await self._client.deliver("/cgi-bin/appchat/create", made)
            return ChatKept.MADE
        change = _change(answer.get("chat_info") or {}, members)
        if not change:
            return ChatKept.SAME
        await self._client.deliver("/cgi-bin/appchat/update", {"chatid": number, **change})
        return ChatKept.CHANGED


def _change(chat: Mapping[str, Any], members: list[str]) -> dict[str, object]:
    """Return what to ask for so that a chat has these members; who owns it stays, if she may."""
    there = {str(one).lower(): str(one) for one in chat.get("userlist", ())}
    wanted = {one.lower() for one in members}
    add = [one for one in members if one.lower() not in there]
    gone = [one for key, one in there.items() if key not in wanted]
    change: dict[str, object] = {}
    if add:
        change["add_user_list"] = add
    if gone:
        change["del_user_list"] = gone
    if str(chat.get("owner", "")).lower() not in wanted:
        change["owner"] = members[0]
    return change


def _number(whose: str, name: str) -> str:
    """Return a chat's number at the platform, the same in every process and after every start."""
    return "wy" + hashlib.sha256(f"{whose}:{name}".encode()).hexdigest()[:30]
