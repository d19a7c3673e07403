"""One WeCom app (企业微信应用): its members, tokens, messages and the group chats it makes."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.answering import answer
from bot.sandbox.book import Book
from bot.sandbox.clock import from_ms, iso, to_ms
from bot.sandbox.faults import ANSWER
from bot.sandbox.ground import Ground
from bot.sandbox.keys import Names, word
from bot.sandbox.wecom import PREFIX, Call, RobotError, WecomRobots
from bot.sandbox.wecom_customers import SCHEMA as CUSTOMERS_SCHEMA
from bot.sandbox.wecom_customers import CustomerGroups

FACE = "wecom:"
"""Begins what the phone calls a member by: her userid is no openid."""
TOKEN_SECONDS = 7200
TEXT_BYTES = 2048
SHOWN_A_MINUTE, SHOWN_AN_HOUR = 30, 1000
MOST_RECEIVERS, MOST_IN_CHAT = 1000, 2000
CHAT_ID = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
TROUBLES = ("errcode", "quota", "revoked_token")

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (userid TEXT PRIMARY KEY COLLATE NOCASE, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, until_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, userid TEXT NOT NULL, side TEXT NOT NULL,
  route TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (userid, seq);
CREATE TABLE IF NOT EXISTS chats (
  chatid TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, userids TEXT NOT NULL);
"""


class WecomApp:
    """One app of one corporation as WeCom keeps it."""

    def __init__(self, ground: Ground, names: Names, robots: WecomRobots) -> None:
        """Open the app's book; what its chats read is shown beside the robots' groups."""
        self.ground, self.names, self.robots = ground, names, robots
        self.book = Book(
            ground.folder / "wecom_app.sqlite3", SCHEMA + CUSTOMERS_SCHEMA, durability="NORMAL"
        )
        self.endpoints: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
            ("POST", "/cgi-bin/message/send"): self._send,
            ("POST", "/cgi-bin/appchat/create"): self._create_chat,
            ("GET", "/cgi-bin/appchat/get"): self._chat_told,
            ("POST", "/cgi-bin/appchat/update"): self._change_chat,
            ("POST", "/cgi-bin/appchat/send"): self._send_to_chat,
        }
        self.customers = CustomerGroups(
            self.book, robots, members=self.members, tell=self.tell, now=self._now
        )
        self.endpoints |= self.customers.endpoints

    # The book

    @property
    def secret(self) -> str:
        """The app's secret, made once."""
        kept = self.book.kept("secret")
        if kept is None:
            kept = word(43)
            self.book.keep("secret", kept)
        return kept

    @property
    def callback_url(self) -> str | None:
        """Where messages go, as the operator entered it on the platform's page."""
        return self.book.kept("callback_url")

    def set_callback(self, url: str) -> None:
        """Enter the callback address."""
        self.book.keep("callback_url", url)

    def add_member(self, userid: str, name: str) -> None:
        """Let a member of the corporation see the app; known ones keep their chat."""
        self.book.write("INSERT OR REPLACE INTO members VALUES (?, ?)", userid, name)

    def remove_member(self, userid: str) -> None:
        """Take the app from a member."""
        self.book.write("DELETE FROM members WHERE userid = ?", userid)

    def members(self) -> dict[str, str]:
        """Return userid → name of all who see the app."""
        rows = self.book.rows("SELECT * FROM members ORDER BY rowid")
        return {row["userid"]: row["name"] for row in rows}

    def conversation(self, userid: str, after: int = 0) -> list[dict[str, Any]]:
        """Return both sides of a member's chat after a number, oldest first."""
        rows = self.book.rows(
            "SELECT * FROM messages WHERE userid = ? AND seq > ? ORDER BY seq", userid, after
        )
        return [
            {
                **{name: row[name] for name in ("seq", "side", "route", "kind", "text")},
                "url": None,
                "card": None,
                "at": iso(from_ms(row["at_ms"])),
            }
            for row in rows
        ]

    def inbox(self, userid: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what reached a member after a number, oldest first."""
        return [one for one in self.conversation(userid, after) if one["side"] == "account"]

    def tell(self, userid: str, route: str, text: str, *, side: str = "account") -> None:
        """Put one message into a member's chat and show it to who watches."""
        seq = self.book.write(
            "INSERT INTO messages (userid, side, route, kind, text, at_ms) "
            "VALUES (?, ?, ?, 'text', ?, ?)",
            *(userid, side, route, text, self._now()),
        )
        self.ground.live.publish(
            "inbox", openid=FACE + userid, message=self.conversation(userid, seq - 1)[0]
        )

    def kill_tokens(self) -> None:
        """End every token, as a changed secret does."""
        self.book.write("DELETE FROM tokens")

    def _now(self) -> int:
        return to_ms(self.ground.clock.now())

    # The API

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/wecom; the robots' own come before them."""
        api = web.route("*", PREFIX + "/{path:cgi-bin/.*}", self._answer)
        return [api, *self.customers.routes()]

    async def _answer(self, request: web.Request) -> web.Response:
        path = "/" + request.match_info["path"]

        async def work(raw: bytes) -> web.Response:
            try:
                return web.json_response(self._called(request, path, raw))
            except RobotError as refused:
                return web.json_response(refused.answer())

        return await answer(self.ground, "wecom", request, work, {})

    def _called(self, request: web.Request, path: str, raw: bytes) -> dict[str, Any]:
        if (request.method, path) == ("GET", "/cgi-bin/gettoken"):
            return self._token(request.query)
        endpoint = self.endpoints.get((request.method, path))
        if endpoint is None:
            raise RobotError(40066, "invalid url")
        body = _object(raw) if raw else {}
        self._trouble({"path": path, "userid": str(body.get("touser", ""))})
        self._check_token(request.query.get("access_token", ""))
        return {"errcode": 0, "errmsg": "ok"} | endpoint(Call(path, request.query, body))

    def _trouble(self, facts: Mapping[str, str]) -> None:
        fault = self.ground.faults.take("wecom", ANSWER, facts, *TROUBLES)
        if fault is None:
            return
        if fault.kind == "revoked_token":
            self.kill_tokens()
        else:
            code = 45009 if fault.kind == "quota" else int(fault.settings["code"])
            raise RobotError(code, "api freq out of limit" if code == 45009 else "refused")

    def _token(self, query: Mapping[str, str]) -> dict[str, Any]:
        if query.get("corpid") != self.names.corp_id:
            raise RobotError(40013, "invalid corpid")
        if query.get("corpsecret") != self.secret:
            raise RobotError(40001, "invalid credential")
        now = self._now()
        row = self.book.row("SELECT * FROM tokens WHERE until_ms > ?", now)
        token, until = (row["token"], row["until_ms"]) if row else (word(214), 0)
        if row is None:
            until = now + TOKEN_SECONDS * 1000
            self.book.write("INSERT INTO tokens VALUES (?, ?)", token, until)
        left = (until - now) // 1000
        return {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": left}

    def _check_token(self, token: str) -> None:
        if not token:
            raise RobotError(41001, "access_token missing")
        until = self.book.value("SELECT until_ms FROM tokens WHERE token = ?", token)
        if until is None:
            raise RobotError(40014, "invalid access_token")
        if until <= self._now():
            raise RobotError(42001, "access_token expired")

    # Messages

    def _send(self, call: Call) -> dict[str, Any]:
        if str(call.body.get("agentid", "")) != self.names.agent_id:
            raise RobotError(40056, "invalid agentid")
        text = _text(call.body)
        named = [one for one in str(call.body.get("touser", "")).split("|") if one]
        if len(named) > MOST_RECEIVERS:
            raise RobotError(40031, "invalid userid list")
        known = {userid.lower(): userid for userid in self.members()}
        found = list(known.values()) if named == ["@all"] else []
        found += [known[one.lower()] for one in named if one.lower() in known]
        if not found:
            raise RobotError(81013, "user & party & tag all invalid")
        for userid in found:
            self._show(userid, text, call.body)
        strangers = [one for one in named if one.lower() not in known and one != "@all"]
        return {"invaliduser": "|".join(strangers), "msgid": word(40)}

    def _show(self, userid: str, text: str, body: Mapping[str, Any]) -> None:
        """Show a message, unless it is a repetition or too much: then it is dropped unsaid."""
        sent = "SELECT COUNT(*) FROM messages WHERE userid = ? AND route = 'app' AND at_ms > ?"
        now = self._now()
        if self.book.value(sent, userid, now - 60_000) >= SHOWN_A_MINUTE:
            return
        if self.book.value(sent, userid, now - 3_600_000) >= SHOWN_AN_HOUR:
            return
        since = now - int(body.get("duplicate_check_interval", 1800)) * 1000
        if body.get("enable_duplicate_check") and self.book.value(
            f"{sent} AND text = ?", userid, since, text
        ):
            return
        self.tell(userid, "app", text)

    # Group chats

    def _create_chat(self, call: Call) -> dict[str, Any]:
        userids = [str(one) for one in call.body.get("userlist", [])]
        if not 2 <= len(userids) <= MOST_IN_CHAT:
            raise RobotError(86006, "chat size out of limit")
        if any(one not in self.members() for one in userids):
            raise RobotError(40003, "invalid userid")
        chatid = str(call.body.get("chatid") or word(32))
        if CHAT_ID.fullmatch(chatid) is None or self.chat(chatid) is not None:
            raise RobotError(86001, "invalid chatid")
        owner = str(call.body.get("owner") or userids[0])
        if owner not in userids:
            raise RobotError(40003, "invalid userid")
        name = str(call.body.get("name") or "群聊")[:50]
        self.book.write(
            "INSERT INTO chats VALUES (?, ?, ?, ?)", chatid, name, owner, json.dumps(userids)
        )
        return {"chatid": chatid}

    def _change_chat(self, call: Call) -> dict[str, Any]:
        chat = self._known_chat(call.body.get("chatid"))
        left = [one for one in chat["userlist"] if one not in call.body.get("del_user_list", [])]
        left += [one for one in call.body.get("add_user_list", []) if one not in left]
        if any(one not in self.members() for one in left):
            raise RobotError(40003, "invalid userid")
        if len(left) < 2:
            raise RobotError(86006, "chat size out of limit")
        self.book.write(
            "UPDATE chats SET name = ?, owner = ?, userids = ? WHERE chatid = ?",
            str(call.body.get("name") or chat["name"]),
            str(call.body.get("owner") or chat["owner"]),
            json.dumps(left),
            chat["chatid"],
        )
        return {}

    def _chat_told(self, call: Call) -> dict[str, Any]:
        return {"chat_info": self._known_chat(call.query.get("chatid"))}

    def _send_to_chat(self, call: Call) -> dict[str, Any]:
        chat = self._known_chat(call.body.get("chatid"))
        self.robots.put(chat["name"], _text(call.body))
        return {}

    def chat(self, chatid: str) -> dict[str, Any] | None:
        """Return a group chat as `appchat/get` tells it."""
        row = self.book.row("SELECT * FROM chats WHERE chatid = ?", chatid)
        if row is None:
            return None
        named = {name: row[name] for name in ("chatid", "name", "owner")}
        return named | {"userlist": json.loads(row["userids"])}

    def _known_chat(self, chatid: object) -> dict[str, Any]:
        if not isinstance(chatid, str) or CHAT_ID.fullmatch(chatid) is None:
            raise RobotError(86001, "invalid chatid")
        chat = self.chat(chatid)
        if chat is None:
            raise RobotError(86003, "chatid not exist")
        return chat

    def chats(self) -> list[str]:
        """Return the names of the group chats, the first made first."""
        return [row["name"] for row in self.book.rows("SELECT name FROM chats ORDER BY rowid")]


def _object(raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw)
    except ValueError as wrong:
        raise RobotError(47001, "data format error") from wrong
    if not isinstance(parsed, dict):
        raise RobotError(47001, "data format error")
    return parsed


def _text(body: Mapping[str, Any]) -> str:
    """Return a message's words, cut as WeCom cuts them."""
    if body.get("msgtype") != "text":
        raise RobotError(40008, "invalid message type")
    part = body.get("text")
    content = part.get("content") if isinstance(part, dict) else None
    if not isinstance(content, str) or not content:
        raise RobotError(44004, "text content is empty")
    return content.encode()[:TEXT_BYTES].decode(errors="ignore")
