"""The money of a refund is back; bills that it had paid are owed again."""

from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields, moment
from storage.events import RefundSettled
from storage.ports.chat import OutgoingMessage

WENT: Final = {
    "cash": "已用现金付给您，编号 {number}。",
    "transfer": "已转到您提供的收款账户，编号 {number}。",
}
"""Where the money is, by the way a person handed it over."""
BY_PLATFORM: Final = "已到账，退回了原支付账户，编号 {number}。"


def say(event: RefundSettled, told: Telling) -> OutgoingMessage:
    """Tell the resident where the money is, and what she owes again."""
    following = (
        f"对应的账单恢复为待缴 {words.money(event.reopened_fen)}，请回复“账单”查看。"
        if event.reopened_fen > 0
        else "您的账单没有变动；如有疑问，请回复“人工”。"
    )
    return OutgoingMessage(
        kind="refund_settled",
        text=words.lines(
            f"{event.unit_label} 的退款 {words.money(event.amount_fen)} "
            + WENT.get(event.gateway, BY_PLATFORM).format(number=event.refund_no),
            following,
            _receipt(event),
            words.RATE if event.asks_rating else "",
        ),
        url=told.links.receipt_url(told.links.receipt_token(event.payment_id))
        if event.receipt_no
        else "",
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=moment(event.settled_at),
            state="退款已到账",
            number=event.refund_no,
        ),
    )


def _receipt(event: RefundSettled) -> str:
    """Say which receipt is hers now, where a part of the payment stays paid."""
    if not event.receipt_no:
        return ""
    return f"收据已换成 {event.receipt_no}（{words.money(event.kept_fen)}），原收据作废，点开可看。"


WENT_IN_ENGLISH: Final = {
    "cash": "was paid to you in cash",
    "transfer": "was sent to the account that you gave us",
}


def in_english(event: RefundSettled, told: Telling) -> str:
    """Tell the resident where the money is, and what she owes again."""
    del told
    went = WENT_IN_ENGLISH.get(event.gateway, "is back in the account that you paid from")
    return words.lines(
        f"{event.unit_label}: {english.money(event.amount_fen)} {went}, number {event.refund_no}.",
        f"To be paid again: {english.money(event.reopened_fen)}. To see it, type: bill"
        if event.reopened_fen > 0
        else "Your bills have not changed. Questions? Type: human",
        f"Your receipt is now {event.receipt_no} ({english.money(event.kept_fen)}); the old one"
        " is void."
        if event.receipt_no
        else "",
        english.RATE if event.asks_rating else "",
    )


def in_plain(event: RefundSettled, told: Telling) -> str:
    """Tell her that she has the money, and what she owes again."""
    del told
    return words.lines(
        f"{event.unit_label} 已退给您：",
        words.money(event.amount_fen),
        f"要重新缴 {words.money(event.reopened_fen)}。" if event.reopened_fen > 0 else "",
        "收据换了，点下面蓝色的字。" if event.receipt_no else "",
        words.RATE_PLAIN if event.asks_rating else "",
    )


NOTIFICATION = Notification(RefundSettled, say, in_english, in_plain)
