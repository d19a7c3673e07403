"""Customer groups (客户群) of WeCom: a task waits for the owner, who presses send or not."""

import html
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.sandbox.book import Book
from bot.sandbox.clock import SHANGHAI, from_ms
from bot.sandbox.keys import word
from bot.sandbox.wecom import Call, RobotError, WecomRobots

PAGE = "/_sandbox/phone/tasks/"
UNSENT, SENT, ALREADY_TOLD = 0, 1, 3
WAITING, PRESSED, CANCELLED = "waiting", "pressed", "cancelled"
REMINDERS_A_DAY = 3
MOST_GROUPS = 2000

SCHEMA = """
CREATE TABLE IF NOT EXISTS customer_groups (
  chat_id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS group_tasks (
  msgid TEXT PRIMARY KEY, sender TEXT NOT NULL, chat_ids TEXT NOT NULL, text TEXT NOT NULL,
  state TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS group_sends (
  msgid TEXT NOT NULL, chat_id TEXT NOT NULL, status INTEGER NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS task_reminders (msgid TEXT NOT NULL, at_ms INTEGER NOT NULL);
"""


class CustomerGroups:
    """The customer groups of one corporation, and what its members are asked to send there."""

    def __init__(
        self,
        book: Book,
        robots: WecomRobots,
        *,
        members: Callable[[], dict[str, str]],
        tell: Callable[[str, str, str], None],
        now: Callable[[], int],
    ) -> None:
        """Keep them in the app's book; what they read is shown beside the robots' groups."""
        self.book, self.robots = book, robots
        self._members, self._say, self._now = members, tell, now
        self.endpoints: dict[tuple[str, str], Callable[[Call], dict[str, Any]]] = {
            ("POST", "/cgi-bin/externalcontact/add_msg_template"): self._add,
            ("POST", "/cgi-bin/externalcontact/get_groupmsg_send_result"): self._result,
            ("POST", "/cgi-bin/externalcontact/remind_groupmsg_send"): self._remind,
            ("POST", "/cgi-bin/externalcontact/cancel_groupmsg_send"): self._cancel,
            ("POST", "/cgi-bin/externalcontact/groupchat/list"): self._list,
        }

    def add_group(self, name: str, owner: str) -> str:
        """Make a group of residents that a member owns; return its chat_id, the same next time."""
        self.book.write(
            "INSERT OR IGNORE INTO customer_groups VALUES (?, ?, ?)", "wr" + word(30), name, owner
        )
        known: str = self.book.value("SELECT chat_id FROM customer_groups WHERE name = ?", name)
        return known

    def groups(self) -> list[dict[str, str]]:
        """Return name, chat_id and owner of each group."""
        rows = self.book.rows("SELECT * FROM customer_groups ORDER BY rowid")
        return [{key: row[key] for key in ("name", "chat_id", "owner")} for row in rows]

    def tasks(self) -> list[dict[str, str]]:
        """Return all tasks, the oldest first."""
        rows = self.book.rows("SELECT * FROM group_tasks ORDER BY rowid")
        return [{key: row[key] for key in ("msgid", "sender", "text", "state")} for row in rows]

    def press(self, msgid: str) -> str:
        """Let the owner press send; return the state. Each group shows one such message a day."""
        row = self._task(msgid)
        if row["state"] != WAITING:
            return str(row["state"])
        today = from_ms(self._now()).astimezone(SHANGHAI).date()
        for chat_id in row["chat_ids"].split("|"):
            sent = self.book.rows("SELECT at_ms FROM group_sends WHERE chat_id = ?", chat_id)
            days = {from_ms(one["at_ms"]).astimezone(SHANGHAI).date() for one in sent}
            status = ALREADY_TOLD if today in days else SENT
            self.book.write(
                "INSERT INTO group_sends VALUES (?, ?, ?, ?)", msgid, chat_id, status, self._now()
            )
            if status == SENT:
                name = "SELECT name FROM customer_groups WHERE chat_id = ?"
                self.robots.put(self.book.value(name, chat_id), row["text"])
        self.book.write("UPDATE group_tasks SET state = ? WHERE msgid = ?", PRESSED, msgid)
        return PRESSED

    # The API

    def _add(self, call: Call) -> dict[str, Any]:
        body = call.body
        owner, chats = str(body.get("sender", "")), body.get("chat_id_list")
        part = body.get("text")
        content = part.get("content") if isinstance(part, dict) else None
        if body.get("chat_type") != "group" or not isinstance(content, str) or not content:
            raise RobotError(40058, "invalid Request Parameter")
        if owner not in self._members():
            raise RobotError(40096, "invalid external userid")
        if not isinstance(chats, list) or not 1 <= len(chats) <= MOST_GROUPS:
            raise RobotError(40058, "chat_id_list. invalid Request Parameter")
        hers = {one["chat_id"] for one in self.groups() if one["owner"] == owner}
        asked = [str(one) for one in chats if one in hers]
        if not asked:
            raise RobotError(41048, "no customer to send")
        msgid = "msg" + word(40)
        self.book.write(
            "INSERT INTO group_tasks VALUES (?, ?, ?, ?, ?, ?)",
            *(msgid, owner, "|".join(asked), content, WAITING, self._now()),
        )
        self._tell(msgid, owner, f"【群发任务】请点开后按“发送”：\n{content}")
        return {"fail_list": [one for one in chats if one not in hers], "msgid": msgid}

    def _tell(self, msgid: str, owner: str, words: str) -> None:
        self._say(owner, "task", f"{words}\n{self.robots.ground.base_url}{PAGE}{msgid}")

    def _result(self, call: Call) -> dict[str, Any]:
        row = self._task(call.body.get("msgid"))
        if call.body.get("userid") != row["sender"]:
            raise RobotError(60111, "userid not found")
        sends = self.book.rows("SELECT * FROM group_sends WHERE msgid = ?", row["msgid"])
        known = {one["chat_id"]: one for one in sends}
        told = []
        for chat_id in row["chat_ids"].split("|"):
            one: dict[str, Any] = {"chat_id": chat_id, "userid": row["sender"], "status": UNSENT}
            if chat_id in known:
                one |= {"status": known[chat_id]["status"]}
                one |= {"send_time": known[chat_id]["at_ms"] // 1000}
            told.append(one)
        return {"send_list": told, "next_cursor": ""}

    def _remind(self, call: Call) -> dict[str, Any]:
        row = self._task(call.body.get("msgid"))
        since = self._now() - 86_400_000
        asked = "SELECT COUNT(*) FROM task_reminders WHERE msgid = ? AND at_ms > ?"
        if self.book.value(asked, row["msgid"], since) >= REMINDERS_A_DAY:
            raise RobotError(45033, "api concurrent out of limit")
        self.book.write("INSERT INTO task_reminders VALUES (?, ?)", row["msgid"], self._now())
        self._tell(row["msgid"], row["sender"], "【提醒】有一条群发还没有按“发送”：")
        return {}

    def _cancel(self, call: Call) -> dict[str, Any]:
        row = self._task(call.body.get("msgid"))
        if row["state"] == PRESSED:
            raise RobotError(41048, "already sent")
        self.book.write("UPDATE group_tasks SET state = ? WHERE msgid = ?", CANCELLED, row["msgid"])
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        wanted = call.body.get("owner_filter") or {}
        owners = wanted.get("userid_list") if isinstance(wanted, dict) else None
        found = [one for one in self.groups() if not owners or one["owner"] in owners]
        chats = [{"chat_id": one["chat_id"], "status": 0} for one in found]
        return {"group_chat_list": chats, "next_cursor": ""}

    def _task(self, msgid: object) -> Any:  # noqa: ANN401 - a row
        row = self.book.row("SELECT * FROM group_tasks WHERE msgid = ?", str(msgid or ""))
        if row is None:
            raise RobotError(40058, "msgid. invalid Request Parameter")
        return row

    # On the phone

    def routes(self) -> list[web.RouteDef]:
        """Return the page on which an owner presses send."""
        return [web.get(PAGE + "{msgid}", self._page), web.post(PAGE + "{msgid}", self._pressed)]

    async def _page(self, request: web.Request) -> web.Response:
        try:
            row = self._task(request.match_info["msgid"])
        except RobotError:
            raise web.HTTPNotFound from None
        state = {WAITING: "", PRESSED: "已经发送", CANCELLED: "已经取消"}[row["state"]]
        button = state or "<button style='font-size:1.2rem;padding:.6rem 2rem'>发送</button>"
        return web.Response(
            text="<!doctype html><html lang='zh-CN'><meta charset='utf-8'>"
            "<meta name='viewport' content='width=device-width'><title>群发任务</title>"
            "<body style='font-family:sans-serif;padding:1rem'><h1 style='font-size:1.3rem'>"
            f"群发到客户群</h1><p style='white-space:pre-wrap'>{html.escape(row['text'])}</p>"
            f"<form method='post'>{button}</form>",
            content_type="text/html",
        )

    async def _pressed(self, request: web.Request) -> web.Response:
        try:
            self.press(request.match_info["msgid"])
        except RobotError:
            raise web.HTTPNotFound from None
        raise web.HTTPSeeOther(PAGE + request.match_info["msgid"])
