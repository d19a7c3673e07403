"""A refund was declined, with the reason."""

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import RefundDeclined
from storage.ports.chat import OutgoingMessage


def say(event: RefundDeclined, told: Telling) -> OutgoingMessage:
    """Tell the resident why, and that the payment stays what it was."""
    return OutgoingMessage(
        kind="refund_declined",
        text=words.lines(
            f"{event.unit_label} 的退款 {words.money(event.amount_fen)} 没有通过，"
            f"编号 {event.refund_no}。",
            f"原因：{words.shorten(event.reason, 120) or '没有写明'}。",
            "原来的缴费没有变动；如有疑问，请回复“人工”。",
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="退款未通过",
            number=event.refund_no,
        ),
    )


NOTIFICATION = Notification(RefundDeclined, say)
