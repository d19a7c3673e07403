"""A resident's ticket (工单) has gone a step."""

from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, fields
from handlers.tickets import KINDS
from storage.events import TicketMoved
from storage.ports.chat import OutgoingMessage
from storage.ticket_kinds import TicketKind

STATES: Final = {
    "assigned": "已有人处理",
    "answered": "物业有答复",
    "closed": "已办结",
    "found": "已到账",
}
RATE: Final = "请回复1到5打分，5分最好；没解决，回复“没解决”和原因。"


def say(event: TicketMoved, told: Telling) -> OutgoingMessage:
    """Tell the resident what was done, and what she can answer."""
    called = f"{KINDS[TicketKind(event.kind)]}工单 {event.ticket_no}"
    where = f"{event.unit_label} " if event.unit_label else ""
    said = words.shorten(event.words, 280).rstrip("。.")
    is_dispute = event.kind == TicketKind.DISPUTE
    rows: tuple[str, ...]
    match event.change:
        case "found":
            rows = (
                f"{where}您说的那笔缴费查到了，已经入账。",
                "不用再付；回复“账单”看还有没有待缴。",
            )
        case "closed" if event.kind == TicketKind.PAYMENT:
            rows = (
                f"{where}您说的那笔缴费核对过了：",
                f"{said}。",
                "账单恢复正常提醒；没解决，回复“没解决”和原因。",
            )
        case "assigned":
            rows = (f"您的{called} 已有人处理。", "有进展会告诉您；看进度回复“我的工单”。")
        case "answered":
            rows = (f"您的{called} 有答复：", f"{said}。", "还有要说的，回复“人工”。")
        case _:
            rows = (
                f"您的{called} 已办结：",
                f"{said}。",
                f"{where}的账单恢复正常提醒；核对的这些天不算违约金。" if is_dispute else "",
                RATE if event.asks_rating else "没解决，回复“没解决”和原因。",
            )
    return OutgoingMessage(
        kind="ticket_moved",
        text=words.lines(*rows),
        fields=fields(
            unit=event.unit_label or "未注明",
            amount="-",
            time=f"{told.today}",
            state=STATES[event.change],
            number=event.ticket_no,
        ),
    )


IN_ENGLISH: Final = {
    TicketKind.DISPUTE: "bill check",
    TicketKind.COMPLAINT: "complaint",
    TicketKind.SUGGESTION: "suggestion",
    TicketKind.REPAIR: "repair",
    TicketKind.QUESTION: "question",
    TicketKind.PAYMENT: "payment check",
}


def in_english(event: TicketMoved, told: Telling) -> str:
    """Tell the resident what was done; what staff wrote stays as they wrote it."""
    del told
    called = f"Your {IN_ENGLISH[TicketKind(event.kind)]} {event.ticket_no}"
    said = words.shorten(event.words, 280)
    is_dispute = event.kind == TicketKind.DISPUTE
    is_about_money = is_dispute or event.kind == TicketKind.PAYMENT
    match event.change:
        case "found":
            return "We found your payment and booked it.\nDo not pay again. To see more, type: bill"
        case "assigned":
            return f"{called}: somebody works on it now. We tell you here."
        case "answered":
            return words.lines(f"{called} has an answer:", said, "More to say? Type: human")
        case _:
            return words.lines(
                f"{called} is done:",
                said,
                "Reminders go on as before." if is_about_money else "",
                "The days of checking cost no late fee." if is_dispute else "",
                english.RATE if event.asks_rating else "Not solved? Type: human",
            )


def in_plain(event: TicketMoved, told: Telling) -> str:
    """Tell her in few words what was done, and what she can answer."""
    del told
    called, said = KINDS[TicketKind(event.kind)], words.shorten(event.words, 120).rstrip("。.")
    is_dispute = event.kind == TicketKind.DISPUTE
    is_about_money = is_dispute or event.kind == TicketKind.PAYMENT
    match event.change:
        case "found":
            return "您缴的钱查到了。\n这笔不用再缴。"
        case "assigned":
            return f"{called}有人办了。\n有消息告诉您。"
        case "answered":
            return words.lines(f"{called}有答复：", f"{said}。", "还有话，回复“人工”。")
        case _:
            return words.lines(
                f"{called}办完了：",
                f"{said}。",
                "账单照常提醒您。" if is_about_money else "",
                "核对这几天不算违约金。" if is_dispute else "",
                words.RATE_PLAIN if event.asks_rating else "",
                "没解决，回复“没解决”。",
            )


NOTIFICATION = Notification(TicketMoved, say, in_english, in_plain)
