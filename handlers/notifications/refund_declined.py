"""A refund was declined, with the reason."""

from handlers import english, words
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


def in_english(event: RefundDeclined, told: Telling) -> str:
    """Tell the resident why (as it was written), and that the payment stays what it was."""
    del told
    return words.lines(
        f"{event.unit_label}: your refund of {english.money(event.amount_fen)} was not agreed to,"
        f" number {event.refund_no}.",
        f"Reason: {words.shorten(event.reason, 120) or 'not given'}",
        "Your payment stays as it was. Questions? Type: human",
    )


def in_plain(event: RefundDeclined, told: Telling) -> str:
    """Tell her why, and whom to ask."""
    del told
    return words.lines(
        f"{event.unit_label} 退款没通过：",
        words.money(event.amount_fen),
        f"原因：{words.shorten(event.reason, 60) or '没有写明'}。",
        "想问，回复“人工”。",
    )


NOTIFICATION = Notification(RefundDeclined, say, in_english, in_plain)
