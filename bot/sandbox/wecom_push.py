"""Delivering what members do in a WeCom app to the bot's callback, as WeCom does."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping

import aiohttp

from bot.sandbox.faults import NOTICE, Fault
from bot.sandbox.official_account import new_msg_id
from bot.sandbox.wechat_crypto import SafeMode, Unreadable, xml_of
from bot.sandbox.wechat_push import ATTEMPTS, DEADLINE_SECONDS, Delivery
from bot.sandbox.wechat_replies import read_reply
from bot.sandbox.wecom_app import WecomApp

ECHO = "1616140317555161061"


class NotAMember(Exception):
    """Who does not see the app cannot speak to it."""


class WecomPush:
    """Pushes to the app's callback: signed, encrypted, five seconds, three deliveries."""

    def __init__(self, app: WecomApp) -> None:
        """Push for one app."""
        self.app = app
        self.attempts = ATTEMPTS
        self.deadline_seconds = DEADLINE_SECONDS
        names = app.names
        self.safe = SafeMode(names.wecom_token, names.wecom_aes_key, names.corp_id)
        self._held: asyncio.Event | None = None

    async def check_address(self) -> bool:
        """Ask the callback whether it is the operator's: it must open what we sealed."""
        sealed = self.safe.encrypt(ECHO)
        query = self._query(sealed) | {"echostr": sealed}
        url = self.app.callback_url or ""
        async with self.app.ground.http().get(url, params=query) as response:
            return response.status == 200 and await response.text() == ECHO

    async def text(self, userid: str, text: str) -> Delivery:
        """Say something to the app; raises NotAMember."""
        self._check(userid)
        self.app.tell(userid, "said", text, side="me")
        said: dict[str, str | int] = {"MsgType": "text", "Content": text, "MsgId": new_msg_id()}
        return await self.deliver(userid, said)

    async def event(self, userid: str, event: str, event_key: str = "") -> Delivery:
        """Open the app, tap its menu, or lose it; raises NotAMember."""
        self._check(userid)
        if event == "unsubscribe":
            self.app.remove_member(userid)
        fields = {"MsgType": "event", "Event": event, "EventKey": event_key}
        return await self.deliver(userid, fields)

    def _check(self, userid: str) -> None:
        if userid not in self.app.members():
            raise NotAMember(userid)

    async def deliver(self, userid: str, fields: Mapping[str, str | int]) -> Delivery:
        """Push one message or event with WeCom's deadline and repeats; show the reply."""
        whole: dict[str, str | int] = {
            "ToUserName": self.app.names.corp_id,
            "FromUserName": userid,
            "CreateTime": int(self.app.ground.clock.now().timestamp()),
            **fields,
            "AgentID": int(self.app.names.agent_id),
        }
        fault = self.app.ground.faults.take("wecom", NOTICE, {"userid": userid})
        await self._before(fault)
        began = time.monotonic()
        delivery = Delivery(None, 0, 0.0, "no callback address")
        for attempt in range(1, self.attempts + 1 if self.app.callback_url else 1):
            started = time.monotonic()
            trouble, reply = await self._attempt(userid, whole, fault)
            seconds = round(time.monotonic() - began, 4)
            delivery = Delivery(reply, attempt, seconds, trouble)
            if trouble is None or trouble.startswith("unreadable"):
                break
            if attempt < self.attempts:
                await asyncio.sleep(max(0.0, started + self.deadline_seconds - time.monotonic()))
        if fault is not None and fault.kind == "duplicate":
            await self._attempt(userid, whole, None)
        if delivery.reply:
            self.app.tell(userid, "passive", delivery.reply)
        return delivery

    async def _before(self, fault: Fault | None) -> None:
        """Hold a push that must come after the next."""
        if self._held is not None:
            self._held.set()
            self._held = None
        if fault is not None and fault.kind == "reorder":
            self._held = held = asyncio.Event()
            try:
                await asyncio.wait_for(held.wait(), fault.seconds(10.0))
                await asyncio.sleep(0.2)
            except TimeoutError:
                self._held = None

    async def _attempt(
        self, userid: str, whole: Mapping[str, str | int], fault: Fault | None
    ) -> tuple[str | None, str | None]:
        """Push once; return the trouble and the reply."""
        trouble: str | None = None
        reply: str | None = None
        try:
            reply = await self._post(userid, whole, fault)
        except TimeoutError:
            trouble = "timeout"
        except (aiohttp.ClientError, OSError) as wrong:
            trouble = f"no answer: {type(wrong).__name__}"
        except Unreadable as wrong:
            trouble = f"unreadable: {wrong}"
        self.app.ground.calls.note(
            *("wecom", "PUSH", "callback"),
            userid=userid,
            body=json.dumps(dict(whole), ensure_ascii=False),
            answer=reply,
            fault=fault.kind if fault else trouble,
        )
        return trouble, reply

    async def _post(
        self, userid: str, whole: Mapping[str, str | int], fault: Fault | None
    ) -> str | None:
        query, body = self.sealed(whole)
        if fault is not None and fault.kind == "wrong_signature":
            query["msg_signature"] = "0" * 40
        async with self.app.ground.http().post(
            self.app.callback_url or "",
            params=query,
            data=body.encode(),
            headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0"},
            timeout=aiohttp.ClientTimeout(total=self.deadline_seconds),
            allow_redirects=False,
        ) as response:
            text = (await response.text("utf-8", "replace")).strip()
            if response.status != 200:
                raise Unreadable(f"HTTP {response.status}")
        if text in ("", "success"):
            return None
        return read_reply(self.safe.open_reply(text), userid, self.app.names.corp_id).text

    def sealed(self, whole: Mapping[str, str | int]) -> tuple[dict[str, str], str]:
        """Return the query and the body of one push."""
        sealed = self.safe.encrypt(xml_of(whole))
        names = self.app.names
        outer = {"ToUserName": names.corp_id, "Encrypt": sealed, "AgentID": names.agent_id}
        return self._query(sealed), xml_of(outer)

    def _query(self, sealed: str) -> dict[str, str]:
        stamp = str(int(self.app.ground.clock.now().timestamp()))
        nonce = str(secrets.randbelow(2_000_000_000))
        signature = self.safe.signature(stamp, nonce, sealed)
        return {"msg_signature": signature, "timestamp": stamp, "nonce": nonce}
