"""The official account's own book: people, windows, messages, templates, tokens, quotas."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.book import Book, Row
from bot.sandbox.clock import from_ms, iso, shanghai_day, to_ms, whole_second
from bot.sandbox.ground import Ground
from bot.sandbox.keys import Names, word

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (
  openid TEXT PRIMARY KEY, nickname TEXT NOT NULL, follows INTEGER NOT NULL,
  blocked INTEGER NOT NULL DEFAULT 0, followed_ms INTEGER, scene TEXT NOT NULL DEFAULT '',
  remark TEXT NOT NULL DEFAULT '', window_left INTEGER NOT NULL DEFAULT 0,
  window_ms INTEGER NOT NULL DEFAULT 0, acted_ms INTEGER NOT NULL DEFAULT 0,
  typing_ms INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, openid TEXT NOT NULL, side TEXT NOT NULL,
  route TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, url TEXT, card TEXT,
  at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (openid, seq);
CREATE TABLE IF NOT EXISTS templates (
  template_id TEXT PRIMARY KEY, family TEXT NOT NULL, title TEXT NOT NULL,
  content TEXT NOT NULL, short_id TEXT);
CREATE TABLE IF NOT EXISTS once (
  openid TEXT NOT NULL, client_msg_id TEXT NOT NULL, msgid INTEGER NOT NULL,
  at_ms INTEGER NOT NULL, PRIMARY KEY (openid, client_msg_id));
CREATE TABLE IF NOT EXISTS credits (
  openid TEXT NOT NULL, template_id TEXT NOT NULL, credit INTEGER NOT NULL,
  PRIMARY KEY (openid, template_id));
CREATE TABLE IF NOT EXISTS tokens (
  token TEXT PRIMARY KEY, family TEXT NOT NULL, issued_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, dead_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS used (
  api TEXT NOT NULL, span TEXT NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (api, span));
CREATE TABLE IF NOT EXISTS pushes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, due_ms INTEGER NOT NULL, openid TEXT NOT NULL,
  fields TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS pushes_due ON pushes (done, due_ms);
CREATE TABLE IF NOT EXISTS tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS tagged (
  tag_id INTEGER NOT NULL, openid TEXT NOT NULL, PRIMARY KEY (tag_id, openid));
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, openid TEXT NOT NULL, scope TEXT NOT NULL, at_ms INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS scenes (
  ticket TEXT PRIMARY KEY, scene TEXT NOT NULL, url TEXT NOT NULL, expires_ms INTEGER);
CREATE TABLE IF NOT EXISTS media (
  media_id TEXT PRIMARY KEY, family TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
  at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mass (
  msg_id INTEGER PRIMARY KEY AUTOINCREMENT, clientmsgid TEXT, to_all INTEGER NOT NULL,
  openids TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL,
  at_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS received_mass (
  openid TEXT NOT NULL, month TEXT NOT NULL, times INTEGER NOT NULL,
  PRIMARY KEY (openid, month));
"""


@dataclass(frozen=True)
class Person:
    """Somebody with WeChat, as the platform knows him."""

    openid: str
    nickname: str
    follows: bool
    blocked: bool
    followed_at: datetime | None
    scene: str
    remark: str

    @property
    def avatar(self) -> str:
        """The letter that stands for a face."""
        return self.nickname[-1:] or "·"


class OfficialAccount:
    """One official account (服务号) as WeChat keeps it."""

    def __init__(self, ground: Ground, names: Names) -> None:
        """Open the account's book; chat is committed but not flushed past a power cut."""
        self.ground, self.names = ground, names
        self.book = Book(ground.folder / "wechat.sqlite3", SCHEMA, durability="NORMAL")
        self.limits: dict[str, int] = {}

    @property
    def callback_url(self) -> str | None:
        """Where messages go, as the operator entered it on the platform's page."""
        return self.book.kept("callback_url")

    def set_callback(self, url: str) -> None:
        """Enter the callback address."""
        self.book.keep("callback_url", url)

    def now_ms(self) -> int:
        """Return the clock's milliseconds."""
        return to_ms(self.ground.clock.now())

    # People

    def people(self) -> list[Person]:
        """Return everybody, in the order they came."""
        return [_person(row) for row in self.book.rows("SELECT * FROM people ORDER BY rowid")]

    def person(self, openid: str) -> Person | None:
        """Return one, or None."""
        row = self.book.row("SELECT * FROM people WHERE openid = ?", openid)
        return None if row is None else _person(row)

    def add_person(self, nickname: str, openid: str | None = None) -> Person:
        """Seed a follower without telling the bot; one who is there gets the new nickname."""
        openid = openid or "o" + word(27)
        self.book.write(
            "INSERT INTO people (openid, nickname, follows, followed_ms, scene) "
            "VALUES (?, ?, 1, ?, 'ADD_SCENE_SEARCH') "
            "ON CONFLICT (openid) DO UPDATE SET nickname = excluded.nickname",
            openid,
            nickname,
            self.now_ms(),
        )
        self.ground.live.publish("people")
        found = self.person(openid)
        if found is None:
            raise LookupError(openid)
        return found

    def add_people(self, seeds: list[tuple[str, str | None]]) -> list[Person]:
        """Seed many followers (nickname, openid) in one commit."""
        with self.book.transaction():
            return [self.add_person(nickname, openid) for nickname, openid in seeds]

    def follow(self, openid: str, scene: str = "ADD_SCENE_SEARCH") -> None:
        """Note that a person follows from now on."""
        self.book.write(
            "UPDATE people SET follows = 1, followed_ms = ?, scene = ? WHERE openid = ?",
            self.now_ms(),
            scene,
            openid,
        )
        self.ground.live.publish("people")

    def unfollow(self, openid: str) -> None:
        """Note that a person left: window, tags and credits are gone."""
        with self.book.transaction():
            self.book.write(
                "UPDATE people SET follows = 0, window_left = 0, window_ms = 0 WHERE openid = ?",
                openid,
            )
            self.book.write("DELETE FROM tagged WHERE openid = ?", openid)
        self.ground.live.publish("people")

    def block(self, openid: str, turned: str) -> None:
        """Let a person turn the account's messages `off` or `on`."""
        self.book.write(
            "UPDATE people SET blocked = ? WHERE openid = ?", int(turned == "off"), openid
        )

    # The window for customer-service messages

    def open_window(self, openid: str, quota: int, lasts: timedelta) -> None:
        """Note what a person's action allows: not additive, the larger of old and new."""
        now = self.now_ms()
        until = now + round(lasts.total_seconds() * 1000)
        self.book.write(
            "UPDATE people SET window_left = "
            "CASE WHEN window_ms < ? THEN ? ELSE MAX(window_left, ?) END, "
            "window_ms = MAX(window_ms, ?), acted_ms = ? WHERE openid = ?",
            now,
            quota,
            quota,
            until,
            now,
            openid,
        )

    # Messages

    def tell(
        self,
        openid: str,
        route: str,
        text: str,
        *,
        kind: str = "text",
        url: str | None = None,
        card: Mapping[str, Any] | None = None,
        side: str = "account",
    ) -> dict[str, Any]:
        """Put one message into a person's chat and show it to who watches."""
        at = self.now_ms()
        seq = self.book.write(
            "INSERT INTO messages (openid, side, route, kind, text, url, card, at_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            openid,
            side,
            route,
            kind,
            text,
            url,
            json.dumps(card, ensure_ascii=False) if card else None,
            at,
        )
        message = {
            "seq": seq,
            "route": route,
            "text": text,
            "url": url,
            "at": iso(from_ms(at)),
            "kind": kind,
            "card": dict(card) if card else None,
            "side": side,
        }
        self.ground.live.publish("inbox", openid=openid, message=message)
        return message

    def inbox(self, openid: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what reached a person after a number, oldest first."""
        return [m for m in self.conversation(openid, after) if m["side"] == "account"]

    def conversation(self, openid: str, after: int = 0) -> list[dict[str, Any]]:
        """Return both sides of a person's chat after a number, oldest first."""
        rows = self.book.rows(
            "SELECT * FROM messages WHERE openid = ? AND seq > ? ORDER BY seq", openid, after
        )
        return [_message(row) for row in rows]

    # Templates, menu

    def add_template(
        self, template_id: str, title: str, content: str, *, family: str = "template"
    ) -> None:
        """Add a template (or family "subscribe"); the same id again replaces it."""
        self.book.write(
            "INSERT INTO templates (template_id, family, title, content) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (template_id) DO UPDATE SET title = excluded.title, "
            "content = excluded.content, family = excluded.family",
            template_id,
            family,
            title,
            content,
        )

    def template(self, template_id: str, family: str) -> Row | None:
        """Return one template's row."""
        return self.book.row(
            "SELECT * FROM templates WHERE template_id = ? AND family = ?", template_id, family
        )

    def menu(self) -> list[dict[str, Any]]:
        """Return the menu's buttons as last created, empty without one."""
        buttons: list[dict[str, Any]] = json.loads(self.book.kept("menu") or "[]")
        return buttons

    def grant(self, openid: str, template_id: str, credit: int) -> None:
        """Add a credit for a subscription notice; zero takes all away."""
        self.book.write(
            "INSERT INTO credits (openid, template_id, credit) VALUES (?, ?, ?) "
            "ON CONFLICT (openid, template_id) DO UPDATE SET "
            "credit = CASE WHEN excluded.credit = 0 THEN 0 ELSE credit + excluded.credit END",
            openid,
            template_id,
            credit,
        )

    # Pushes to come, quotas, tokens

    def push_later(self, openid: str, fields: Mapping[str, str | int], seconds: float) -> None:
        """Queue an event for the bot's callback, due after so many seconds of the clock."""
        due = whole_second(self.ground.clock.now() + timedelta(seconds=seconds))
        self.book.write(
            "INSERT INTO pushes (due_ms, openid, fields) VALUES (?, ?, ?)",
            to_ms(due),
            openid,
            json.dumps(dict(fields), ensure_ascii=False),
        )
        self.ground.clock.wake()

    def use(self, api: str, span: str | None = None) -> int:
        """Count a call of an API in a Shanghai day (or another span); return the count."""
        count: int = self.book.value(
            "INSERT INTO used (api, span, calls) VALUES (?, ?, 1) "
            "ON CONFLICT (api, span) DO UPDATE SET calls = calls + 1 RETURNING calls",
            api,
            span or shanghai_day(self.ground.clock.now()),
        )
        return count

    def used(self, api: str) -> int:
        """Return how many calls an API had on this Shanghai day."""
        day = shanghai_day(self.ground.clock.now())
        found = self.book.value("SELECT calls FROM used WHERE api = ? AND span = ?", api, day)
        return int(found or 0)

    def kill_tokens(self) -> None:
        """Make every token in use worthless, as another process' refresh does."""
        self.book.write("UPDATE tokens SET dead_ms = 0")


def new_msg_id() -> int:
    """Return a message number as long as the real ones."""
    return 24_000_000_000_000_000 + secrets.randbelow(900_000_000_000_000)


def _person(row: Row) -> Person:
    return Person(
        openid=row["openid"],
        nickname=row["nickname"],
        follows=bool(row["follows"]),
        blocked=bool(row["blocked"]),
        followed_at=from_ms(row["followed_ms"]) if row["followed_ms"] else None,
        scene=row["scene"],
        remark=row["remark"],
    )


def _message(row: Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "route": row["route"],
        "text": row["text"],
        "url": row["url"],
        "at": iso(from_ms(row["at_ms"])),
        "kind": row["kind"],
        "card": json.loads(row["card"]) if row["card"] else None,
        "side": row["side"],
    }
