"""Something waits for a member of staff."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import StaffTask
from storage.ports.chat import OutgoingMessage

TROUBLES: Final = {
    "abnormal": "收款账户异常，请联系住户换一种方式退",
    "closed": "平台已关闭这笔退款，请和住户核对后重新发起",
    "unfunded": "平台余额不足，请给商户号充值，系统会自动重试",
}
TOPICS: Final = {
    "refund_approval": (
        "退款待审批 {reference}：{unit}，{amount}。",
        "原因：{note}。",
        "回复“同意 {reference}”，或者“拒绝 {reference} 原因”。",
    ),
    "refund_trouble": (
        "退款 {reference} 没有办成：{unit}，{amount}。",
        "{trouble}。",
        "住户已收到说明。",
    ),
    "broadcast_approval": (
        "群发待审批 {reference}：{unit}。",
        "内容：{note}",
        "回复“同意群发 {reference}”，或者“拒绝群发 {reference}”。",
    ),
    "handover": (
        "有住户找人工：{unit}。",
        "住户说：{note}",
        "请尽快联系住户。",
    ),
    "binding_application": (
        "绑定申请 {reference}：{unit}。",
        "申请人：{note}。",
        "回复“同意绑定 {reference}”，或者“拒绝绑定 {reference}”。",
    ),
}
"""Topic → what waits, why, and what to answer."""
STATES: Final = {
    "refund_approval": "退款待审批",
    "refund_trouble": "退款未办成",
    "broadcast_approval": "群发待审批",
    "handover": "住户找人工",
    "binding_application": "绑定待核对",
}


def say(event: StaffTask, told: Telling) -> OutgoingMessage:
    """Put a task before staff, with the words that act on it."""
    note = words.shorten(event.note, 120) or "没有写明"
    named = {
        "reference": event.reference,
        "unit": event.unit_label or "没有说是哪一户",
        "amount": words.money(event.amount_fen),
        "note": note,
        "trouble": TROUBLES.get(event.note, note),
    }
    return OutgoingMessage(
        kind="staff_task",
        text=words.lines(*(line.format(**named) for line in TOPICS[event.topic])),
        fields=fields(
            unit=event.unit_label or "未注明",
            amount=amount(event.amount_fen) if event.amount_fen else "-",
            time=f"{told.today}",
            state=STATES[event.topic],
            number=event.reference or "-",
        ),
    )


NOTIFICATION = Notification(StaffTask, say)
