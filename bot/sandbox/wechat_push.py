"""Delivering what people do to the bot's callback, exactly as WeChat does."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.sandbox.clock import from_ms, to_ms
from bot.sandbox.faults import NOTICE, Fault
from bot.sandbox.keys import word
from bot.sandbox.official_account import OfficialAccount, Person, new_msg_id
from bot.sandbox.wechat_crypto import SafeMode, Unreadable, xml_of
from bot.sandbox.wechat_replies import Reply, read_reply

log = logging.getLogger(__name__)

APOLOGY = "该公众号提供的服务出现故障，请稍后再试"
DEADLINE_SECONDS = 5.0
ATTEMPTS = 3
MESSAGE_WINDOW = (5, timedelta(hours=48))
TOUCH_WINDOW = (3, timedelta(minutes=1))
TOUCHES = frozenset({"CLICK", "SCANCODE_PUSH", "SCANCODE_WAITMSG", "SUBSCRIBE", "SCAN"})
SILENT = frozenset({"UNSUBSCRIBE", "VIEW", "TEMPLATESENDJOBFINISH", "MASSSENDJOBFINISH"})


class NotAFollower(Exception):
    """Who does not follow cannot speak to the account."""


@dataclass(frozen=True)
class Delivery:
    """What came of one push: the words shown (None for `success`), attempts, seconds, trouble."""

    reply: str | None
    attempts: int
    seconds: float
    trouble: str | None = None


class WechatPush:
    """Pushes to the callback: signed, encrypted, five seconds, three deliveries."""

    def __init__(self, account: OfficialAccount) -> None:
        """Push for one account."""
        self.account = account
        self.attempts = ATTEMPTS
        self.deadline_seconds = DEADLINE_SECONDS
        self.safe = SafeMode(account.names.token, account.names.aes_key, account.names.appid)
        self._working: set[int] = set()
        self._held: asyncio.Event | None = None
        self._retrying: set[asyncio.Task[Delivery]] = set()

    # What a person does

    async def text(self, openid: str, text: str) -> Delivery:
        """Say something to the account; raises NotAFollower."""
        person = self._follower(openid)
        self.account.tell(openid, "said", text, side="me")
        return await self._message(person, {"MsgType": "text", "Content": text})

    async def image(self, openid: str, picture_url: str) -> Delivery:
        """Send a picture; raises NotAFollower."""
        person = self._follower(openid)
        self.account.tell(openid, "said", "[图片]", kind="image", url=picture_url, side="me")
        fields = {"MsgType": "image", "PicUrl": picture_url, "MediaId": word(64)}
        return await self._message(person, fields)

    async def voice(self, openid: str, recognition: str) -> Delivery:
        """Send a voice message, with what was recognised in it; raises NotAFollower."""
        person = self._follower(openid)
        self.account.tell(openid, "said", "[语音] " + recognition, kind="voice", side="me")
        fields = {"MsgType": "voice", "MediaId": word(64), "Format": "amr"}
        return await self._message(person, fields | {"Recognition": recognition})

    async def location(self, openid: str, place: Mapping[str, Any]) -> Delivery:
        """Send a place: x, y, scale, label; raises NotAFollower."""
        person = self._follower(openid)
        label = str(place.get("label", ""))
        self.account.tell(openid, "said", "[位置] " + label, kind="location", side="me")
        fields = {
            "MsgType": "location",
            "Location_X": str(place.get("x", "23.134521")),
            "Location_Y": str(place.get("y", "113.358803")),
            "Scale": str(place.get("scale", "20")),
            "Label": label,
        }
        return await self._message(person, fields)

    async def event(
        self,
        openid: str,
        event: str,
        event_key: str = "",
        extra: Mapping[str, str | int] | None = None,
    ) -> Delivery:
        """Follow, leave, tap a menu, scan: change the platform's book, then push the event."""
        person = self.account.person(openid)
        if person is None:
            raise NotAFollower(openid)
        name = event.upper()
        if name == "SUBSCRIBE":
            self.account.follow(openid, "ADD_SCENE_QR_CODE" if event_key else "ADD_SCENE_SEARCH")
        elif name == "UNSUBSCRIBE":
            self.account.unfollow(openid)
        elif not person.follows:
            raise NotAFollower(openid)
        if name in TOUCHES:
            self.account.open_window(openid, *TOUCH_WINDOW)
        shown = event.lower() if name in ("SUBSCRIBE", "UNSUBSCRIBE") else event
        fields: dict[str, str | int] = {"MsgType": "event", "Event": shown, "EventKey": event_key}
        return await self.deliver(openid, fields | dict(extra or {}))

    async def _message(self, person: Person, fields: Mapping[str, str]) -> Delivery:
        self.account.open_window(person.openid, *MESSAGE_WINDOW)
        return await self.deliver(person.openid, {**fields, "MsgId": new_msg_id()})

    def _follower(self, openid: str) -> Person:
        person = self.account.person(openid)
        if person is None or not person.follows:
            raise NotAFollower(openid)
        return person

    # What the platform does

    async def deliver(self, openid: str, fields: Mapping[str, str | int]) -> Delivery:
        """Push one message or event with WeChat's deadline and repeats; show the reply."""
        whole: dict[str, str | int] = {
            "ToUserName": self.account.names.original_id,
            "FromUserName": openid,
            "CreateTime": int(self.account.ground.clock.now().timestamp()),
        }
        whole |= fields
        facts = {"openid": openid, "event": str(fields.get("Event", "")).lower()}
        fault = self.account.ground.faults.take("wechat", NOTICE, facts)
        await self._before(fault)
        began, silent = time.monotonic(), str(fields.get("Event", "")).upper() in SILENT
        delivery = Delivery(None, 0, 0.0, "no callback address")
        rounds = 0 if self.account.callback_url is None else self.attempts
        if fault is not None and fault.kind == "drop":
            rounds, delivery = 0, Delivery(None, 0, 0.0, "dropped")
        for attempt in range(1, rounds + 1):
            started = time.monotonic()
            delivery = await self._attempt(openid, whole, attempt, fault, began)
            if delivery.trouble is None or delivery.trouble.startswith("unreadable"):
                break
            if attempt < rounds:
                await asyncio.sleep(max(0.0, started + self.deadline_seconds - time.monotonic()))
        if fault is not None and fault.kind == "duplicate":
            await self._attempt(openid, whole, 2, None, began)
        if delivery.trouble is not None and rounds and not silent:
            self.account.tell(openid, "passive", APOLOGY, kind="fault")
            return Delivery(APOLOGY, delivery.attempts, delivery.seconds, delivery.trouble)
        return delivery

    async def _before(self, fault: Fault | None) -> None:
        """Hold a delayed push, or one that must come after the next."""
        if self._held is not None:
            self._held.set()
            self._held = None
        if fault is None:
            return
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds(2.0))
        if fault.kind == "reorder":
            self._held = held = asyncio.Event()
            try:
                await asyncio.wait_for(held.wait(), fault.seconds(10.0))
                await asyncio.sleep(0.2)
            except TimeoutError:
                self._held = None

    async def _attempt(
        self,
        openid: str,
        whole: Mapping[str, str | int],
        attempt: int,
        fault: Fault | None,
        began: float,
    ) -> Delivery:
        def ended(reply: str | None, trouble: str | None) -> Delivery:
            seconds = round(time.monotonic() - began, 4)
            self.account.ground.calls.note(
                "wechat",
                "PUSH",
                "callback",
                openid=openid,
                body=json.dumps(dict(whole), ensure_ascii=False),
                attempt=attempt,
                answer=reply,
                fault=fault.kind if fault else trouble,
            )
            return Delivery(reply, attempt, seconds, trouble)

        try:
            body = await self._post(openid, whole, fault)
        except TimeoutError:
            return ended(None, "timeout")
        except (aiohttp.ClientError, OSError) as wrong:
            return ended(None, f"no answer: {type(wrong).__name__}")
        except Unreadable as wrong:
            return ended(None, str(wrong))
        if body in ("", "success"):
            return ended(None, None)
        try:
            reply = read_reply(self.safe.open_reply(body), openid, self.account.names.original_id)
        except Unreadable as wrong:
            log.warning("callback.unreadable", extra={"reason": str(wrong)})
            return ended(None, f"unreadable: {wrong}")
        return ended(self._show(openid, reply), None)

    async def _post(self, openid: str, whole: Mapping[str, str | int], fault: Fault | None) -> str:
        query, body = self.sealed(openid, whole)
        if fault is not None and fault.kind == "wrong_signature":
            query["msg_signature"] = query["signature"] = "0" * 40
        timeout = aiohttp.ClientTimeout(total=self.deadline_seconds)
        async with self.account.ground.http().post(
            self.account.callback_url or "",
            params=query,
            data=body.encode(),
            headers={"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Pragma": "no-cache"},
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            text = await response.text("utf-8", "replace")
            if response.status != 200:
                raise Unreadable(f"HTTP {response.status}")
            return text.strip()

    def sealed(self, openid: str, whole: Mapping[str, str | int]) -> tuple[dict[str, str], str]:
        """Return the query and the body of one push in safe mode."""
        stamp = str(int(self.account.ground.clock.now().timestamp()))
        nonce = str(secrets.randbelow(2_000_000_000))
        sealed = self.safe.encrypt(xml_of(whole))
        query = {
            "signature": self.safe.signature(stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "openid": openid,
            "encrypt_type": "aes",
            "msg_signature": self.safe.signature(stamp, nonce, sealed),
        }
        return query, xml_of({"ToUserName": self.account.names.original_id, "Encrypt": sealed})

    def _show(self, openid: str, reply: Reply) -> str:
        self.account.tell(
            openid, "passive", reply.text, kind=reply.kind, url=reply.url, card=reply.card
        )
        return reply.text

    # Events that fall due by the clock

    def next_due(self) -> datetime | None:
        """Return when the first queued event falls due."""
        rows = self.account.book.rows(
            "SELECT id, due_ms FROM pushes WHERE done = 0 ORDER BY due_ms LIMIT 500"
        )
        waiting = [row["due_ms"] for row in rows if row["id"] not in self._working]
        return from_ms(waiting[0]) if waiting else None

    async def run_due(self, now: datetime) -> int:
        """Push the queued events that are due; wait for their first answers, not for repeats."""
        rows = self.account.book.rows(
            "SELECT * FROM pushes WHERE done = 0 AND due_ms <= ? ORDER BY due_ms LIMIT 100",
            to_ms(now),
        )
        mine = [row for row in rows if row["id"] not in self._working]
        self._working |= {row["id"] for row in mine}
        with self.account.book.transaction():
            for row in mine:
                self.account.book.write("UPDATE pushes SET done = 1 WHERE id = ?", row["id"])
        self._working -= {row["id"] for row in mine}
        jobs = [
            asyncio.create_task(self.deliver(row["openid"], json.loads(row["fields"])))
            for row in mine
        ]
        self._retrying.update(jobs)
        for job in jobs:
            job.add_done_callback(self._retrying.discard)
        if jobs:
            await asyncio.wait(jobs, timeout=1.0)
        return len(jobs)

    async def stop(self) -> None:
        """Give up repeats that are still to come."""
        for job in list(self._retrying):
            job.cancel()
        await asyncio.gather(*self._retrying, return_exceptions=True)
