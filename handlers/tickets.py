"""What all texts about tickets (工单) share: names of kinds and states, lines, the opening key."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from handlers import words
from handlers.turn import Turn
from storage.lazy import regex
from storage.queries.tickets import TicketView
from storage.ticket_kinds import Priority, TicketKind, TicketState

KINDS: Final[Mapping[str, str]] = {
    TicketKind.DISPUTE: "账单核对",
    TicketKind.COMPLAINT: "投诉",
    TicketKind.SUGGESTION: "建议",
    TicketKind.REPAIR: "报修",
    TicketKind.QUESTION: "提问",
    TicketKind.PAYMENT: "到账核对",
}
STATES: Final = {
    TicketState.OPEN: "等物业安排",
    TicketState.ASSIGNED: "已有人处理",
    TicketState.ANSWERED: "处理中",
    TicketState.CLOSED: "已办结",
    TicketState.REOPENED: "重新处理",
}
_NUMBER: Final = regex(r"[GgＧｇ] ?([0-9０-９]{8,10})(?![0-9０-９])")
_PHONE: Final = regex(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])")


def request_key(turn: Turn) -> str:
    """Return the key of what is opened by this message: heard again, it opens nothing."""
    return f"{turn.message.account}|{turn.message.message_key}"[:200]


def ticket_no(text: str) -> str:
    """Return the ticket's number in a text ("g 26110001" too), or ""."""
    found = _NUMBER.search(text)
    return f"G{unicodedata.normalize('NFKC', found[1])}" if found else ""


def after_number(text: str) -> str:
    """Return what stands in a text behind the number of its ticket, as it was typed."""
    found = _NUMBER.search(text)
    return text[found.end() :].strip(" \t\n:：,，。、") if found else ""


def masked(text: str) -> str:
    """Hide phone numbers that somebody typed: lists are read by many."""
    return _PHONE.sub(r"\1****\2", text)


def before(at: datetime) -> str:
    """Say until when: "11月23日 17:30前"."""
    return f"{words.moment(at)}前"


def line(one: TicketView, now: datetime) -> str:
    """Say a ticket on one line for staff, the words without phone numbers."""
    where = one.unit_label or one.community_name
    late = "已超时" if one.due_at <= now else before(one.due_at)
    mark = "紧急 " if one.priority is Priority.URGENT else ""
    who = one.assignee_name or "没有人接"
    said = words.shorten(masked(one.said), 24)
    return f"{mark}{one.ticket_no} {KINDS[one.kind]} {where} {said}（{late}，{who}）"


def own_line(one: TicketView) -> str:
    """Say a ticket on one line to who opened it."""
    said = words.shorten(one.said, 20)
    if not one.is_live:
        return f"{one.ticket_no} {KINDS[one.kind]} {said}：已办结"
    return f"{one.ticket_no} {KINDS[one.kind]} {said}：{STATES[one.state]}，{before(one.due_at)}"


def which(asked: str, among: Sequence[TicketView]) -> str:
    """Ask which ticket is meant, with the words that name the first."""
    rows = [f"{one.ticket_no} {words.shorten(one.said, 20)}" for one in among]
    return words.lines(
        f"您有 {len(among)} 件，请说是哪一件，例如“{asked} {among[0].ticket_no}”：", *rows
    )


def stars_in(text: str) -> tuple[int, str] | None:
    """Read "5", "5分" or "4 师傅很快" as (stars, word), None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip()
    match = re.fullmatch(r"([1-5])(?: ?[分星颗](?:好评)?|(?=[ ,.!。!]|$))[ ,.!。]*(.*)", plain)
    if match is None or re.search("[0-9]", match[2]):
        return None
    return int(match[1]), match[2].strip()
