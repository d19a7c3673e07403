"""Sending to one person: customer-service messages, templates, subscription notices."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.book import Row
from bot.sandbox.keys import word
from bot.sandbox.official_account import new_msg_id
from bot.sandbox.wechat_call import OK, ApiError, Call, Endpoint

TEXT_BYTES = 2048
ONCE_MS = 600_000
TYPING_MS = 30_000
KEPT_TEMPLATES = 25
PLACE = re.compile(r"\{\{\s*(\w+)\.DATA\s*\}\}")
KEY_SHAPE = re.compile(r"([a-z_]+)[0-9]*")
OLD_FIELD_LENGTH = 20
NOT_SHOWN = ("first", "remark")

Reading = tuple[str, str, str | None, dict[str, Any] | None]

# What a typed key (thing1, amount2) may hold.
FIELD_RULES: Mapping[str, re.Pattern[str]] = {
    "thing": re.compile(r".{1,20}"),
    "character_string": re.compile(r"[\x20-\x7e]{1,32}"),
    "number": re.compile(r"-?[0-9]{1,32}(\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s]{1,5}"),
    "phone_number": re.compile(r"[0-9+\-() ]{1,17}"),
    "amount": re.compile(r"[¥￥$€£]?-?[0-9]{1,10}(\.[0-9]{1,2})?元?"),
    "time": re.compile(r"[0-9年月日/:\-~ ]{4,40}"),
    "date": re.compile(r"[0-9年月日/:\-~ ]{4,40}"),
    "phrase": re.compile(r"[一-鿿]{1,5}"),
    "name": re.compile(r"[一-鿿·*]{1,10}|[A-Za-z .*]{1,20}"),
    "car_number": re.compile(r".{1,8}"),
    "const": re.compile(r".{1,20}"),
}


def custom_send(call: Call) -> dict[str, Any]:
    """POST message/custom/send: inside the window and its count (45015, 45047)."""
    openid = call.openid()
    kind, text, url, card = _read_message(call.json)
    account = call.account
    row = account.book.row("SELECT * FROM people WHERE openid = ?", openid)
    if row is None or not row["follows"] or account.now_ms() >= row["window_ms"]:
        raise ApiError(45015)
    if row["window_left"] < 1:
        raise ApiError(45047)
    with account.book.transaction():
        account.book.write(
            "UPDATE people SET window_left = window_left - 1, typing_ms = 0 WHERE openid = ?",
            openid,
        )
        account.tell(openid, "custom", text, kind=kind, url=url, card=card)
    return dict(OK)


def _read_message(body: Mapping[str, Any]) -> Reading:
    reader = MESSAGE_KINDS.get(str(body.get("msgtype")))
    if reader is None:
        raise ApiError(40008)
    part = body.get(str(body["msgtype"]))
    if not isinstance(part, dict):
        raise ApiError(44004)
    return reader(part)


def _text(part: Mapping[str, Any]) -> Reading:
    content = part.get("content")
    if not isinstance(content, str) or not content:
        raise ApiError(44004)
    if len(content.encode()) > TEXT_BYTES:
        raise ApiError(45002)
    return "text", content, None, None


def _news(part: Mapping[str, Any]) -> Reading:
    articles = part.get("articles")
    if not isinstance(articles, list) or len(articles) != 1:
        raise ApiError(45008 if articles and len(articles) > 1 else 44004)
    article = {k: str(articles[0].get(k, "")) for k in ("title", "description", "url", "picurl")}
    text = "\n".join(p for p in (article["title"], article["description"]) if p)
    return "news", text, article["url"] or None, {"articles": [article]}


def _msgmenu(part: Mapping[str, Any]) -> Reading:
    choices = [str(one.get("content", "")) for one in part.get("list", [])]
    lines = [str(part.get("head_content", "")), *choices, str(part.get("tail_content", ""))]
    text = "\n".join(line for line in lines if line)
    if not text:
        raise ApiError(44004)
    return "menu", text, None, dict(part)


def _media(part: Mapping[str, Any]) -> Reading:
    if not part.get("media_id"):
        raise ApiError(40007)
    return "image", "[图片]", None, {"media_id": part["media_id"]}


def _mini_program(part: Mapping[str, Any]) -> Reading:
    return "miniprogram", str(part.get("title", "")), None, dict(part)


MESSAGE_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = {
    "text": _text,
    "news": _news,
    "msgmenu": _msgmenu,
    "image": _media,
    "voice": _media,
    "miniprogrampage": _mini_program,
}


def custom_typing(call: Call) -> dict[str, Any]:
    """POST message/custom/typing: Typing or CancelTyping."""
    openid, command = call.openid(), call.json.get("command")
    if command not in ("Typing", "CancelTyping"):
        raise ApiError(47001)
    account = call.account
    row = account.book.row("SELECT * FROM people WHERE openid = ?", openid)
    now = account.now_ms()
    if row is None or not row["follows"] or now >= row["window_ms"]:
        raise ApiError(45015)
    if command == "Typing" and now - row["acted_ms"] > TYPING_MS:
        raise ApiError(45080)
    if command == "Typing" and now - row["typing_ms"] < 15_000:
        raise ApiError(45081)
    typing = now if command == "Typing" else 0
    account.book.write("UPDATE people SET typing_ms = ? WHERE openid = ?", typing, openid)
    account.ground.live.publish("typing", openid=openid, on=command == "Typing")
    return dict(OK)


# Templates


def template_send(call: Call) -> dict[str, Any]:
    """POST message/template/send; the same client_msg_id within ten minutes is sent once."""
    openid = call.openid()
    row = _template(call, "template")
    account, once = call.account, str(call.json.get("client_msg_id", ""))[:32]
    person = account.person(openid)
    if person is None or not person.follows:
        raise ApiError(43004)
    text, fields = _rendered(row, call.json.get("data"))
    with account.book.transaction():
        msgid, is_new = _once(call, openid, once)
        if not is_new:
            return {**OK, "msgid": msgid}
        outcome = "failed:user block" if person.blocked else "success"
        if not person.blocked:
            url = call.json.get("url") or None
            card = {"title": row["title"], "fields": fields}
            account.tell(openid, "template", text, kind="template", url=url, card=card)
        event = {"MsgType": "event", "Event": "TEMPLATESENDJOBFINISH"}
        account.push_later(openid, {**event, "MsgID": msgid, "Status": outcome}, 1)
    return {**OK, "msgid": msgid}


def _once(call: Call, openid: str, client_msg_id: str) -> tuple[int, bool]:
    """Return the message's number and whether it is new within ten minutes."""
    book, now, fresh = call.account.book, call.account.now_ms(), new_msg_id()
    if not client_msg_id:
        return fresh, True
    row = book.row(
        "SELECT msgid, at_ms FROM once WHERE openid = ? AND client_msg_id = ?",
        openid,
        client_msg_id,
    )
    if row is not None and now - row["at_ms"] < ONCE_MS:
        return int(row["msgid"]), False
    book.write("INSERT OR REPLACE INTO once VALUES (?, ?, ?, ?)", openid, client_msg_id, fresh, now)
    return fresh, True


def _template(call: Call, family: str) -> Row:
    row = call.account.template(str(call.json.get("template_id", "")), family)
    if row is None:
        raise ApiError(40037)
    return row


def _rendered(row: Row, given: object) -> tuple[str, list[dict[str, str]]]:
    """Return a template as a person reads it; raises ApiError 47003 naming the field."""
    if not isinstance(given, dict):
        raise ApiError(47003, "data is emtpy")
    lines, fields = [row["title"]], []
    for line in row["content"].splitlines():
        found = PLACE.search(line)
        if found is None:
            lines.append(line)
            continue
        key = found.group(1)
        value = _field(key, given.get(key))
        if key in NOT_SHOWN:
            continue
        lines.append(line[: found.start()] + value + line[found.end() :])
        fields.append({"key": key, "label": line[: found.start()].rstrip(":：　 "), "value": value})
    return "\n".join(lines), fields


def _field(key: str, given: object) -> str:
    value = given.get("value") if isinstance(given, dict) else None
    if key in NOT_SHOWN:
        return ""
    if value is None or value == "":
        raise ApiError(47003, f"data.{key}.value is emtpy")
    shown = re.sub(r"[\r\n]+", "", str(value))
    shape = KEY_SHAPE.fullmatch(key)
    rule = FIELD_RULES.get(shape.group(1) if shape else "")
    if rule is None:
        return shown[:OLD_FIELD_LENGTH]
    if not rule.fullmatch(shown):
        raise ApiError(47003, f"data.{key}.value invalid")
    return shown


def bizsend(call: Call) -> dict[str, Any]:
    """POST message/subscribe/bizsend: one credit a message, followers or not (43101)."""
    openid = call.openid()
    row = _template(call, "subscribe")
    account, template_id = call.account, row["template_id"]
    text, fields = _rendered(row, call.json.get("data"))
    msgid = new_msg_id()
    with account.book.transaction():
        spent = account.book.change(
            "UPDATE credits SET credit = credit - 1 "
            "WHERE openid = ? AND template_id = ? AND credit > 0",
            openid,
            template_id,
        )
        if not spent:
            raise ApiError(43101)
        url = call.json.get("page") or None
        card = {"title": row["title"], "fields": fields}
        account.tell(openid, "subscribe", text, kind="template", url=url, card=card)
        sent = (
            f"<List><TemplateId><![CDATA[{template_id}]]></TemplateId><MsgID>{msgid}</MsgID>"
            "<ErrorCode>0</ErrorCode><ErrorStatus><![CDATA[success]]></ErrorStatus></List>"
        )
        event = {"MsgType": "event", "Event": "subscribe_msg_sent_event"}
        account.push_later(openid, {**event, "SubscribeMsgSentEvent": sent}, 1)
    return dict(OK)


def add_template(call: Call) -> dict[str, Any]:
    """POST template/api_add_template: take one from the library by its short number."""
    short = call.json.get("template_id_short")
    if not isinstance(short, str) or not short:
        raise ApiError(40037)
    book = call.account.book
    if book.value("SELECT COUNT(*) FROM templates WHERE family = 'template'") >= KEPT_TEMPLATES:
        raise ApiError(45026)
    names = [str(name) for name in call.json.get("keyword_name_list", [])]
    lines = [f"{name}：{{{{thing{n}.DATA}}}}" for n, name in enumerate(names, 1)]
    template_id = word(43)
    call.account.add_template(template_id, "模板 " + short, "\n".join(lines))
    return {**OK, "template_id": template_id}


def list_templates(call: Call) -> dict[str, Any]:
    """GET template/get_all_private_template."""
    rows = call.account.book.rows("SELECT * FROM templates WHERE family = 'template'")
    listed = [
        {
            "template_id": row["template_id"],
            "title": row["title"],
            "primary_industry": "房地产",
            "deputy_industry": "物业管理",
            "content": row["content"],
            "example": "",
        }
        for row in rows
    ]
    return {"template_list": listed}


def delete_template(call: Call) -> dict[str, Any]:
    """POST template/del_private_template."""
    template_id = str(call.json.get("template_id", ""))
    if not call.account.book.change("DELETE FROM templates WHERE template_id = ?", template_id):
        raise ApiError(40037)
    return dict(OK)


def industry(call: Call) -> dict[str, Any]:
    """GET template/get_industry."""
    named = {"first_class": "房地产", "second_class": "物业管理"}
    return {"primary_industry": named, "secondary_industry": named}


def set_industry(call: Call) -> dict[str, Any]:
    """POST template/api_set_industry."""
    if not call.json.get("industry_id1"):
        raise ApiError(47001)
    month = call.account.ground.clock.now().strftime("%Y-%m")
    if call.account.use("set_industry", month) > 1:
        raise ApiError(43100)
    return dict(OK)


def list_subscriptions(call: Call) -> dict[str, Any]:
    """GET /wxaapi/newtmpl/gettemplate."""
    rows = call.account.book.rows("SELECT * FROM templates WHERE family = 'subscribe'")
    listed = [
        {
            "priTmplId": row["template_id"],
            "title": row["title"],
            "content": row["content"],
            "example": "",
            "type": 2,
        }
        for row in rows
    ]
    return {**OK, "data": listed}


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/cgi-bin/message/custom/send"): custom_send,
    ("POST", "/cgi-bin/message/custom/typing"): custom_typing,
    ("POST", "/cgi-bin/message/template/send"): template_send,
    ("POST", "/cgi-bin/message/subscribe/bizsend"): bizsend,
    ("POST", "/cgi-bin/template/api_add_template"): add_template,
    ("GET", "/cgi-bin/template/get_all_private_template"): list_templates,
    ("POST", "/cgi-bin/template/del_private_template"): delete_template,
    ("GET", "/cgi-bin/template/get_industry"): industry,
    ("POST", "/cgi-bin/template/api_set_industry"): set_industry,
    ("GET", "/wxaapi/newtmpl/gettemplate"): list_subscriptions,
}
