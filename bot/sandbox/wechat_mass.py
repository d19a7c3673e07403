"""Mass messages (群发): four a month for each person, sent after half a minute."""

import json
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.clock import SHANGHAI, from_ms, to_ms
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.wechat_call import OK, ApiError, Call, Endpoint

MONTHLY = 4
DAILY_CALLS = 100
MOST = 10_000
TAKES_MS = 30_000
REPEAT_MS = 60_000
SUBMITTED = {"errcode": 0, "errmsg": "send job submission success"}


def send_all(call: Call) -> dict[str, Any]:
    """POST message/mass/sendall: to everybody or to a tag (45159)."""
    wanted = call.json.get("filter")
    if not isinstance(wanted, dict):
        raise ApiError(47001)
    book = call.account.book
    if wanted.get("is_to_all") is True:
        openids = [p.openid for p in call.account.people() if p.follows]
        return _submit(call, openids, to_all=1)
    tag_id = wanted.get("tag_id")
    if book.row("SELECT id FROM tags WHERE id = ?", tag_id) is None:
        raise ApiError(45159)
    rows = book.rows("SELECT openid FROM tagged WHERE tag_id = ?", tag_id)
    return _submit(call, [row["openid"] for row in rows], to_all=0)


def send(call: Call) -> dict[str, Any]:
    """POST message/mass/send: 2 to 10,000 openids (40031, 40032)."""
    listed = call.json.get("touser")
    if not isinstance(listed, list) or not 2 <= len(listed) <= MOST:
        raise ApiError(40032)
    if not any(isinstance(o, str) and call.account.person(o) for o in listed):
        raise ApiError(40031)
    return _submit(call, [str(openid) for openid in dict.fromkeys(listed)], to_all=0)


def _content(call: Call) -> tuple[str, str]:
    kind = str(call.json.get("msgtype"))
    part = call.json.get(kind)
    if kind not in ("text", "mpnews", "image", "voice", "images"):
        raise ApiError(40008)
    if not isinstance(part, dict):
        raise ApiError(44004)
    if kind != "text":
        return kind, f"[{kind}]"
    if not isinstance(part.get("content"), str) or not part["content"]:
        raise ApiError(44004)
    return kind, part["content"]


def _submit(call: Call, openids: list[str], *, to_all: int) -> dict[str, Any]:
    kind, text = _content(call)
    account = call.account
    book, now = account.book, account.now_ms()
    named = str(call.json.get("clientmsgid") or "") or None
    if named is not None:
        row = book.row("SELECT msg_id, at_ms FROM mass WHERE clientmsgid = ?", named)
        if row is not None and now - row["at_ms"] < REPEAT_MS:
            raise ApiError(45066)
        if row is not None:
            raise ApiError(45065, msg_id=row["msg_id"])
    if account.use("mass") > DAILY_CALLS or (to_all and _to_all(account) >= MONTHLY):
        raise ApiError(45028)
    due = -(-(now + TAKES_MS) // 1000) * 1000
    msg_id = book.write(
        "INSERT INTO mass (clientmsgid, to_all, openids, kind, text, state, at_ms, due_ms) "
        "VALUES (?, ?, ?, ?, ?, 'SENDING', ?, ?)",
        named,
        to_all,
        json.dumps(openids),
        kind,
        text,
        now,
        due,
    )
    account.ground.clock.wake()
    return {**SUBMITTED, "msg_id": msg_id, "msg_data_id": 2_247_483_600 + msg_id}


def _month_start(account: OfficialAccount) -> int:
    local = account.ground.clock.now().astimezone(SHANGHAI)
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return to_ms(first.astimezone(UTC))


def _to_all(account: OfficialAccount) -> int:
    sql = "SELECT COUNT(*) FROM mass WHERE to_all = 1 AND state != 'DELETE' AND at_ms >= ?"
    return int(account.book.value(sql, _month_start(account)))


def preview(call: Call) -> dict[str, Any]:
    """POST message/mass/preview: to one person, outside the monthly count."""
    openid = call.openid()
    kind, text = _content(call)
    call.account.tell(openid, "mass", text, kind=kind)
    return {"errcode": 0, "errmsg": "preview success", "msg_id": 34182}


def state(call: Call) -> dict[str, Any]:
    """POST message/mass/get."""
    row = call.account.book.row("SELECT * FROM mass WHERE msg_id = ?", call.json.get("msg_id"))
    if row is None:
        raise ApiError(40059)
    return {"msg_id": row["msg_id"], "msg_status": row["state"]}


def delete(call: Call) -> dict[str, Any]:
    """POST message/mass/delete."""
    sql = "UPDATE mass SET state = 'DELETE' WHERE msg_id = ?"
    if not call.account.book.change(sql, call.json.get("msg_id")):
        raise ApiError(40059)
    return dict(OK)


class MassSending:
    """Sends submitted mass messages when their time has come."""

    def __init__(self, account: OfficialAccount) -> None:
        """Send for one account."""
        self.account = account

    def next_due(self) -> datetime | None:
        """Return when the first submitted message goes out."""
        due = self.account.book.value("SELECT MIN(due_ms) FROM mass WHERE state = 'SENDING'")
        return None if due is None else from_ms(due)

    async def run_due(self, now: datetime) -> int:
        """Send what is due, and queue MASSSENDJOBFINISH for each."""
        rows = self.account.book.rows(
            "SELECT * FROM mass WHERE state = 'SENDING' AND due_ms <= ?", to_ms(now)
        )
        for row in rows:
            with self.account.book.transaction():
                self._send(row["msg_id"], json.loads(row["openids"]), row["kind"], row["text"])
        return len(rows)

    def _send(self, msg_id: int, openids: list[str], kind: str, text: str) -> None:
        sent = failed = 0
        for openid in openids:
            person = self.account.person(openid)
            if person is None or not person.follows or person.blocked:
                failed += 1
            elif self._counted(openid):
                self.account.tell(openid, "mass", text, kind=kind)
                sent += 1
        self.account.book.write("UPDATE mass SET state = 'SEND_SUCCESS' WHERE msg_id = ?", msg_id)
        event: dict[str, str | int] = {
            "MsgType": "event",
            "Event": "MASSSENDJOBFINISH",
            "MsgID": msg_id,
            "Status": "send success" if sent else "send fail",
            "TotalCount": len(openids),
            "FilterCount": sent + failed,
            "SentCount": sent,
            "ErrorCount": failed,
        }
        self.account.push_later(openids[0] if openids else "", event, 1)

    def _counted(self, openid: str) -> bool:
        """Count one for the month; False when the person already had four."""
        month = self.account.ground.clock.now().astimezone(SHANGHAI).strftime("%Y-%m")
        times = self.account.book.value(
            "INSERT INTO received_mass VALUES (?, ?, 1) "
            "ON CONFLICT (openid, month) DO UPDATE SET times = times + 1 RETURNING times",
            openid,
            month,
        )
        return int(times) <= MONTHLY


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/cgi-bin/message/mass/sendall"): send_all,
    ("POST", "/cgi-bin/message/mass/send"): send,
    ("POST", "/cgi-bin/message/mass/preview"): preview,
    ("POST", "/cgi-bin/message/mass/get"): state,
    ("POST", "/cgi-bin/message/mass/delete"): delete,
}
