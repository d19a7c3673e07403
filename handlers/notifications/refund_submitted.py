"""The platform accepted a refund: the money is on its way, not yet there."""

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import RefundSubmitted
from storage.ports.chat import OutgoingMessage


def say(event: RefundSubmitted, told: Telling) -> OutgoingMessage:
    """Tell the resident that the money has left us; never that it has arrived."""
    return OutgoingMessage(
        kind="refund_submitted",
        text=words.lines(
            f"{event.unit_label} 的退款 {words.money(event.amount_fen)} 已提交给"
            f"{words.gateway(event.gateway)}，编号 {event.refund_no}。",
            f"钱在路上：{words.arrives(event.gateway)}；退回后再通知您。",
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="退款已提交",
            number=event.refund_no,
        ),
    )


def in_english(event: RefundSubmitted, told: Telling) -> str:
    """Tell the resident that the money has left us; never that it has arrived."""
    del told
    return words.lines(
        f"{event.unit_label}: your refund of {english.money(event.amount_fen)} is on its way,"
        f" number {event.refund_no}.",
        "It has not arrived yet. We tell you here when it has.",
    )


def in_plain(event: RefundSubmitted, told: Telling) -> str:
    """Tell her that the money is on its way."""
    del told
    return words.lines(
        f"{event.unit_label} 正在退款：", words.money(event.amount_fen), "退好了再告诉您。"
    )


NOTIFICATION = Notification(RefundSubmitted, say, in_english, in_plain)
