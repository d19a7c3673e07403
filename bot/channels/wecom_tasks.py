"""Notices to residents' own WeChat groups (客户群): a task that waits for the group's owner.

WeCom sends nothing there by itself: whoever owns the group presses send, or does not.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bot.channels.wechat_errors import ApiRefused, judge_trouble
from bot.channels.wecom_chats import TROUBLE
from bot.channels.wecom_client import WecomClient
from bot.channels.wecom_errors import MEANINGS
from storage.errors import ChannelUnavailable
from storage.frozen import dataclass
from storage.ports.chat import Attempt, Route, TaskStands, Verdict

_PATH: Final = "/cgi-bin/externalcontact/"
_STANDS: Final = {0: TaskStands.WAITING, 1: TaskStands.SENT, 3: TaskStands.ALREADY_TOLD}
"""The platform's status of one group; any other: it cannot be sent."""


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """A group of residents: its number at WeCom, and the member who owns it and presses send."""

    chat_id: str
    owner: str


class GroupTasks:
    """The residents' groups of one corporation by their names."""

    def __init__(
        self,
        account: str,
        client: WecomClient,
        groups: Mapping[str, CustomerGroup],
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._client = client
        self._groups = groups
        self._now = now

    def __contains__(self, name: object) -> bool:
        """Tell whether a recipient is one of the groups."""
        return name in self._groups

    async def ask(self, name: str, content: str) -> Attempt:
        """Ask a group's owner to send a text. SENT: she is asked, nobody else has read it.

        The platform knows no id of ours: what may have arrived must not be asked again.
        """
        group, route = self._groups[name], Route.GROUP_TASK
        body = {
            "chat_type": "group",
            "sender": group.owner,
            "chat_id_list": [group.chat_id],
            "allow_select": False,
            "text": {"content": content},
        }
        try:
            answer = await self._client.deliver(f"{_PATH}add_msg_template", body)
        except TROUBLE as trouble:
            return judge_trouble(trouble, route, now=self._now(), meanings=MEANINGS)
        if group.chat_id in (answer.get("fail_list") or ()):
            return Attempt(route, Verdict.BAD_CONTENT, "fail_list: not a group of this owner")
        return Attempt(route, Verdict.SENT, platform_message_id=str(answer.get("msgid", "")))

    async def stands(self, name: str, message_id: str) -> TaskStands:
        """Ask how a task stands. Raises ChannelUnavailable."""
        group = self._groups[name]
        asked = {"msgid": message_id, "userid": group.owner, "limit": 500}
        answer = await self._call("get_groupmsg_send_result", asked)
        for one in answer.get("send_list") or ():
            if one.get("chat_id") == group.chat_id:
                return _STANDS.get(one.get("status"), TaskStands.REFUSED)
        return TaskStands.WAITING

    async def remind(self, message_id: str) -> None:
        """Remind the owner, three times a day at most. Raises ChannelUnavailable."""
        await self._call("remind_groupmsg_send", {"msgid": message_id})

    async def cancel(self, message_id: str) -> None:
        """Take a task back; the owner cannot send it any more. Raises ChannelUnavailable."""
        await self._call("cancel_groupmsg_send", {"msgid": message_id})

    async def _call(self, act: str, body: Mapping[str, object]) -> dict[str, Any]:
        try:
            return await self._client.deliver(_PATH + act, body)
        except TROUBLE as trouble:
            words = f"{trouble.code} {trouble.words}" if isinstance(trouble, ApiRefused) else ""
            raise ChannelUnavailable(self._account, words or str(trouble)) from trouble
