"""The WeCom group robot (群机器人): groups, their messages, its limits and error texts."""

import base64
import binascii
import hashlib
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.answering import answer
from bot.sandbox.book import Book
from bot.sandbox.clock import from_ms, iso, to_ms
from bot.sandbox.faults import ANSWER
from bot.sandbox.ground import Ground

PREFIX = "/_sandbox/wecom"
PER_MINUTE = 20
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
IMAGE_BYTES, FILE_BYTES = 2 << 20, 20 << 20
MEDIA_MS = 3 * 86_400_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS robots (
  key TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, kind TEXT NOT NULL,
  text TEXT NOT NULL, mentioned TEXT NOT NULL, card TEXT, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (name, seq);
CREATE TABLE IF NOT EXISTS other_groups (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS media (
  media_id TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL, at_ms INTEGER NOT NULL);
"""

Reading = tuple[str, dict[str, Any] | None]


@dataclass(frozen=True)
class Call:
    """One API call: its query and the JSON it brought."""

    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


class RobotError(Exception):
    """WeCom's refusal: a code and its text."""

    def __init__(self, code: int, text: str) -> None:
        """Refuse with a code."""
        super().__init__(code, text)
        self.code, self.text = code, text

    def answer(self) -> dict[str, Any]:
        """Return the JSON that the caller reads."""
        hint = "".join(secrets.choice("0123456789") for _ in range(25))
        more = f"hint: [{hint}], from ip: 127.0.0.1, more info at "
        more += f"https://open.work.weixin.qq.com/devtool/query?e={self.code}"
        return {"errcode": self.code, "errmsg": f"{self.text}, {more}"}


class WecomRobots:
    """Groups with a robot each."""

    def __init__(self, ground: Ground) -> None:
        """Open the robots' book."""
        self.ground = ground
        self.book = Book(ground.folder / "wecom.sqlite3", SCHEMA, durability="NORMAL")

    # The book

    def add_group(self, name: str) -> str:
        """Make a group with a robot; return the robot's webhook address, the same next time."""
        self.book.write("INSERT OR IGNORE INTO robots VALUES (?, ?)", str(uuid.uuid4()), name)
        return self.webhook_url(name)

    def webhook_url(self, name: str) -> str:
        """Return a group's webhook address."""
        key = self.book.value("SELECT key FROM robots WHERE name = ?", name)
        return f"{self.ground.base_url}{PREFIX}/cgi-bin/webhook/send?key={key}"

    def groups(self) -> list[str]:
        """Return the groups' names."""
        return [row["name"] for row in self.book.rows("SELECT name FROM robots ORDER BY rowid")]

    def seen_groups(self) -> list[str]:
        """Return the names of all groups that a member can look at, with a robot or without."""
        others = self.book.rows("SELECT name FROM other_groups ORDER BY rowid")
        return list(dict.fromkeys([*self.groups(), *(row["name"] for row in others)]))

    def messages(self, group: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what a group saw after a number, oldest first."""
        rows = self.book.rows(
            "SELECT * FROM messages WHERE name = ? AND seq > ? ORDER BY seq", group, after
        )
        return [
            {
                "seq": row["seq"],
                "kind": row["kind"],
                "text": row["text"],
                "mentioned": json.loads(row["mentioned"]),
                "card": json.loads(row["card"]) if row["card"] else None,
                "at": iso(from_ms(row["at_ms"])),
            }
            for row in rows
        ]

    # The API

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/wecom."""
        return [
            web.post(PREFIX + "/cgi-bin/webhook/send", self._send),
            web.post(PREFIX + "/cgi-bin/webhook/upload_media", self._upload),
        ]

    async def _send(self, request: web.Request) -> web.Response:
        async def work(body: bytes) -> web.Response:
            return self._answered(request, lambda group: self.say(group, body))

        return await answer(self.ground, "wecom", request, work, {})

    async def _upload(self, request: web.Request) -> web.Response:
        async def work(body: bytes) -> web.Response:
            family = request.query.get("type", "")
            return self._answered(request, lambda _: self.take_file(family, body))

        return await answer(self.ground, "wecom", request, work, {})

    def _answered(self, request: web.Request, do: Callable[[str], dict[str, Any]]) -> web.Response:
        try:
            return web.json_response(do(self._group(request.query.get("key", ""))))
        except RobotError as refused:
            return web.json_response(refused.answer())

    def _group(self, key: str) -> str:
        name: str | None = self.book.value("SELECT name FROM robots WHERE key = ?", key)
        if name is None:
            raise RobotError(93000, "invalid webhook url")
        fault = self.ground.faults.take("wecom", ANSWER, {"group": name}, "quota", "errcode")
        if fault is not None:
            code = int(fault.settings.get("code", 45009))
            raise RobotError(code, "api freq out of limit" if code == 45009 else "refused")
        return name

    def say(self, group: str, body: bytes) -> dict[str, Any]:
        """Put a robot's message into its group; raises RobotError."""
        try:
            parsed = json.loads(body)
        except ValueError as wrong:
            raise RobotError(47001, "data format error") from wrong
        kind = parsed.get("msgtype") if isinstance(parsed, dict) else None
        reader = READERS.get(str(kind))
        part = parsed.get(str(kind)) if isinstance(parsed, dict) else None
        if reader is None or not isinstance(part, dict):
            raise RobotError(40008, "invalid message type")
        text, card = reader(part)
        now = to_ms(self.ground.clock.now())
        sent = self.book.value(
            "SELECT COUNT(*) FROM messages WHERE name = ? AND at_ms > ?", group, now - 60_000
        )
        if sent >= PER_MINUTE:
            raise RobotError(45009, "api freq out of limit")
        mentioned = [*part.get("mentioned_list", []), *part.get("mentioned_mobile_list", [])]
        self._write(group, str(kind), text, mentioned, card)
        return {"errcode": 0, "errmsg": "ok"}

    def put(self, group: str, text: str) -> None:
        """Show a message that came by another way than a robot, in a group that needs none."""
        self.book.write("INSERT OR IGNORE INTO other_groups VALUES (?)", group)
        self._write(group, "text", text, [], None)

    def _write(
        self, group: str, kind: str, text: str, mentioned: list[str], card: dict[str, Any] | None
    ) -> None:
        seq = self.book.write(
            "INSERT INTO messages (name, kind, text, mentioned, card, at_ms) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            group,
            kind,
            text,
            json.dumps(mentioned),
            json.dumps(card, ensure_ascii=False) if card else None,
            to_ms(self.ground.clock.now()),
        )
        for message in self.messages(group, seq - 1):
            self.ground.live.publish("group", group=group, message=message)

    def take_file(self, family: str, body: bytes) -> dict[str, Any]:
        """Keep an uploaded file's number for three days; raises RobotError."""
        if family not in ("file", "voice"):
            raise RobotError(40004, "invalid media type")
        if len(body) < 5:
            raise RobotError(41005, "media data missing")
        if len(body) > FILE_BYTES:
            raise RobotError(45001, "media size out of limit")
        media_id, now = "3" + secrets.token_hex(32), to_ms(self.ground.clock.now())
        self.book.write("INSERT INTO media VALUES (?, ?, ?, ?)", media_id, family, len(body), now)
        created = str(now // 1000)
        ok = {"errcode": 0, "errmsg": "ok"}
        return {**ok, "type": family, "media_id": media_id, "created_at": created}


def _worded(kind: str, limit: int) -> Callable[[Mapping[str, Any]], Reading]:
    def read(part: Mapping[str, Any]) -> Reading:
        content = part.get("content")
        if not isinstance(content, str) or not content:
            raise RobotError(44004, f"{kind}.content is empty")
        if len(content.encode()) > limit:
            text = f"{kind}.content exceed max length {limit}. invalid Request Parameter"
            raise RobotError(40058, text)
        return content, None

    return read


def _image(part: Mapping[str, Any]) -> Reading:
    try:
        raw = base64.b64decode(str(part.get("base64", "")), validate=True)
    except binascii.Error as wrong:
        raise RobotError(40009, "invalid image size") from wrong
    if not 0 < len(raw) <= IMAGE_BYTES:
        raise RobotError(40009, "invalid image size")
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != part.get("md5"):
        raise RobotError(301019, "image md5 not match")
    return "[图片]", {"base64": part["base64"]} if len(raw) < 200_000 else None


def _news(part: Mapping[str, Any]) -> Reading:
    articles = part.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise RobotError(40058, "news.articles size must be 1 to 8. invalid Request Parameter")
    if any(not one.get("title") or not one.get("url") for one in articles):
        raise RobotError(40058, "news.articles.title or url is empty. invalid Request Parameter")
    return "\n".join(str(one["title"]) for one in articles), {"articles": articles}


def _file(part: Mapping[str, Any]) -> Reading:
    if not part.get("media_id"):
        raise RobotError(40007, "invalid media_id")
    return "[文件]", dict(part)


def _card(part: Mapping[str, Any]) -> Reading:
    title = part.get("main_title")
    if not isinstance(title, dict) or not isinstance(part.get("card_action"), dict):
        raise RobotError(42045, "Template_Card: card_action or main_title missing")
    return f"{title.get('title', '')}\n{title.get('desc', '')}".strip(), dict(part)


READERS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = {
    "text": _worded("text", TEXT_BYTES),
    "markdown": _worded("markdown", MARKDOWN_BYTES),
    "markdown_v2": _worded("markdown_v2", MARKDOWN_BYTES),
    "image": _image,
    "news": _news,
    "file": _file,
    "voice": _file,
    "template_card": _card,
}
