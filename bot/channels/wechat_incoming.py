"""From the fields of an official account callback to what a person did."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from bot.channels.wechat_codec import BadCallback
from storage.ports.chat import IncomingKind, IncomingMessage

Fields = Mapping[str, str]

MESSAGES: Final[Mapping[str, tuple[IncomingKind, str]]] = MappingProxyType(
    {
        "text": (IncomingKind.TEXT, "Content"),
        "voice": (IncomingKind.VOICE, "Recognition"),
        "image": (IncomingKind.IMAGE, ""),
        "location": (IncomingKind.LOCATION, ""),
    }
)
"""Message type → what it is to us and which field holds its words; others are OTHER."""

Events = Mapping[str, IncomingKind]

EVENTS: Final[Events] = MappingProxyType(
    {
        "subscribe": IncomingKind.FOLLOW,
        "unsubscribe": IncomingKind.UNFOLLOW,
        "scan": IncomingKind.SCAN,
        "click": IncomingKind.CLICK,
        # These two also answer like a tapped button and open the same one-minute window.
        "scancode_push": IncomingKind.CLICK,
        "scancode_waitmsg": IncomingKind.CLICK,
        "view": IncomingKind.VIEW,
        "view_miniprogram": IncomingKind.VIEW,
        "location": IncomingKind.LOCATION,
        "templatesendjobfinish": IncomingKind.DELIVERY,
        "masssendjobfinish": IncomingKind.DELIVERY,
        "subscribe_msg_sent_event": IncomingKind.DELIVERY,
        "subscribe_msg_popup_event": IncomingKind.CREDIT,
        "subscribe_msg_change_event": IncomingKind.CREDIT,
    }
)
"""Event, in lower case for the platform's own case varies → what it is to us."""

DELIVERED: Final = frozenset({"success", "send success"})
MAX_KEY_CHARS: Final = 120


def _require(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise BadCallback(400, name)
    return value


def _sent_at(fields: Fields) -> datetime:
    created = _require(fields, "CreateTime")
    if not (created.isascii() and created.isdigit() and len(created) <= 11):
        raise BadCallback(400, "CreateTime")
    return datetime.fromtimestamp(int(created), tz=UTC)


def _message_key(fields: Fields) -> str:
    """Return the de-duplication key; a long one is replaced by its digest."""
    if number := fields.get("MsgId"):
        key = number
    else:
        names = ("FromUserName", "CreateTime", "Event", "EventKey")
        inner = fields.get("MsgID") or fields.get("SubscribeMsgSentEvent.List0.MsgID", "")
        key = "|".join(("event", *(fields.get(name, "") for name in names), inner))
    if len(key) <= MAX_KEY_CHARS:
        return key
    return f"digest|{hashlib.sha256(key.encode()).hexdigest()}"


def _state(words: str) -> str:
    """Return "success" or the platform's own words of failure."""
    return "success" if words in DELIVERED else words


def _job_report(fields: Fields) -> dict[str, str]:
    report = {"message_id": fields.get("MsgID", ""), "state": _state(fields.get("Status", ""))}
    counts = ("TotalCount", "FilterCount", "SentCount", "ErrorCount")
    report.update({name: fields[name] for name in counts if name in fields})
    return report


def _items(fields: Fields, parent: str) -> list[str]:
    """Return the path prefix of each `List` under an event's parent element."""
    found: list[str] = []
    while any(f"{parent}.List{len(found)}.{leaf}" in fields for leaf in ("TemplateId", "MsgID")):
        found.append(f"{parent}.List{len(found)}.")
    return found


def _sent_report(fields: Fields) -> dict[str, str]:
    """Report on one notice; any further ones follow under numbered names."""
    report = {"message_id": "", "state": ""}
    for number, item in enumerate(_items(fields, "SubscribeMsgSentEvent")):
        mark = f".{number}" if number else ""
        is_sent = fields.get(item + "ErrorCode") == "0"
        report["message_id" + mark] = fields.get(item + "MsgID", "")
        report["state" + mark] = "success" if is_sent else fields.get(item + "ErrorStatus", "")
    return report


def _credit_report(parent: str) -> Callable[[Fields], dict[str, str]]:
    def read(fields: Fields) -> dict[str, str]:
        return {
            fields.get(item + "TemplateId", ""): fields.get(item + "SubscribeStatusString", "")
            for item in _items(fields, parent)
        }

    return read


REPORTS: Final[Mapping[str, Callable[[Fields], dict[str, str]]]] = MappingProxyType(
    {
        "templatesendjobfinish": _job_report,
        "masssendjobfinish": _job_report,
        "subscribe_msg_sent_event": _sent_report,
        "subscribe_msg_popup_event": _credit_report("SubscribeMsgPopupEvent"),
        "subscribe_msg_change_event": _credit_report("SubscribeMsgChangeEvent"),
    }
)


def _meaning(
    fields: Fields, events: Events, otherwise: IncomingKind
) -> tuple[IncomingKind, str, Mapping[str, str]]:
    """Return the kind, the words or the key, and the platform's report."""
    message_type = _require(fields, "MsgType").lower()
    if message_type != "event":
        kind, name = MESSAGES.get(message_type, (IncomingKind.OTHER, ""))
        return kind, fields.get(name, ""), {}
    event = _require(fields, "Event").lower()
    key = fields.get("EventKey", "")
    if event == "subscribe":
        key = key.removeprefix("qrscene_")
    report = REPORTS[event](fields) if event in REPORTS else {}
    return events.get(event, otherwise), key, report


def read_message(
    account: str,
    fields: Fields,
    events: Events = EVENTS,
    *,
    otherwise: IncomingKind = IncomingKind.OTHER,
) -> IncomingMessage:
    """Read what a person did; an event that is not among `events` is `otherwise`.

    Raises BadCallback(400) where something needed is missing.
    """
    kind, text, report = _meaning(fields, events, otherwise)
    return IncomingMessage(
        account=account,
        sender=_require(fields, "FromUserName"),
        kind=kind,
        text=text,
        message_key=_message_key(fields),
        sent_at=_sent_at(fields),
        reply_to=_require(fields, "ToUserName"),
        media_id=fields.get("MediaId", ""),
        report=report,
    )
