"""The platform could not give the money back; what happens next is said."""

from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import RefundFailed
from storage.ports.chat import OutgoingMessage

CAUSES: Final = {
    "abnormal": (
        "没能退回原支付账户，可能是账户已注销或冻结，钱还没有退出，没有丢。",
        "物业会联系您换一种方式退；也可以回复“人工”。",
    ),
    "closed": (
        "没有办成，钱没有退出，还在原来的缴费里。",
        "您可以回复“退款”重新申请，或者回复“人工”。",
    ),
    "again": (
        "被支付平台关闭了，钱没有丢，还在原来的缴费里。",
        "我们已换一个编号重新提交，办成后会通知您，不用您操作。",
    ),
    "unfunded": (
        "还要再等一等，支付平台暂时没有受理，钱没有丢。",
        "我们会自动再次提交，提交后会通知您，不用您操作。",
    ),
}
"""Cause → where the money is, and what happens next."""
GOES_ON: Final = ("unfunded", "again")
"""Nobody has to do anything: it is tried again."""


def say(event: RefundFailed, told: Telling) -> OutgoingMessage:
    """Tell the resident that her money is not lost, and who acts next."""
    where, following = CAUSES[event.cause]
    return OutgoingMessage(
        kind="refund_failed",
        text=words.lines(
            f"{event.unit_label} 的退款 {words.money(event.amount_fen)}（编号 {event.refund_no}）"
            f"{where}",
            following,
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="退款处理中" if event.cause in GOES_ON else "退款未办成",
            number=event.refund_no,
        ),
    )


CAUSES_IN_ENGLISH: Final = {
    "abnormal": "did not go through: your account takes no money. We will contact you.",
    "closed": "did not go through. Ask again, type: refund; or type: human",
    "again": "was closed by the payment platform. We have sent it again; nothing for you to do.",
    "unfunded": "has to wait a little. We send it again; nothing for you to do.",
}


def in_english(event: RefundFailed, told: Telling) -> str:
    """Tell the resident that her money is not lost, and who acts next."""
    del told
    return words.lines(
        f"{event.unit_label}: your refund of {english.money(event.amount_fen)}"
        f" ({event.refund_no}) {CAUSES_IN_ENGLISH[event.cause]}",
        "Your money is not lost.",
    )


def in_plain(event: RefundFailed, told: Telling) -> str:
    """Tell her that the money is not lost, and who acts next."""
    del told
    return words.lines(
        f"{event.unit_label} 退款没办成：",
        words.money(event.amount_fen),
        "钱没有丢。",
        "我们接着办，不用您管。" if event.cause in GOES_ON else "请回复“人工”，我们帮您办。",
    )


NOTIFICATION = Notification(RefundFailed, say, in_english, in_plain)
