"""Somebody agreed to a refund; the platform is asked next, or a person hands it over."""

from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import RefundApproved
from storage.ports.chat import OutgoingMessage

NEXT: Final = {
    "cash": "请带身份证和收据到物业服务中心领取现金，领到以后会通知您。",
    "transfer": "物业会转账到您提供的收款账户，转出以后会通知您。",
}
"""What follows where a person hands it over, by the way it goes."""
BY_PLATFORM: Final = "马上提交给支付平台，提交后会通知您。"


def say(event: RefundApproved, told: Telling) -> OutgoingMessage:
    """Tell the resident that the money will go back."""
    return OutgoingMessage(
        kind="refund_approved",
        text=words.lines(
            f"{event.unit_label} 的退款 {words.money(event.amount_fen)} 已经审核通过，"
            f"编号 {event.refund_no}。",
            NEXT.get(event.gateway, BY_PLATFORM),
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="审核通过",
            number=event.refund_no,
        ),
    )


NEXT_IN_ENGLISH: Final = {
    "cash": "Please come to the office with your ID and receipt for the cash.",
    "transfer": "We send it to the account that you gave us, and tell you here.",
}
NEXT_IN_PLAIN: Final = {
    "cash": "带身份证和收据来前台领。",
    "transfer": "会转到您给的账户。",
}


def in_english(event: RefundApproved, told: Telling) -> str:
    """Tell the resident that the money will go back."""
    del told
    return words.lines(
        f"{event.unit_label}: your refund of {english.money(event.amount_fen)} is agreed to,"
        f" number {event.refund_no}.",
        NEXT_IN_ENGLISH.get(
            event.gateway, "It goes to the payment platform next. We tell you here."
        ),
    )


def in_plain(event: RefundApproved, told: Telling) -> str:
    """Tell her that the money will go back, and what she has to do."""
    del told
    return words.lines(
        f"{event.unit_label} 同意退款：",
        words.money(event.amount_fen),
        NEXT_IN_PLAIN.get(event.gateway, "正在退，有消息告诉您。"),
    )


NOTIFICATION = Notification(RefundApproved, say, in_english, in_plain)
