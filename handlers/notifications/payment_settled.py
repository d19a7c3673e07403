"""Money arrived: what it paid, what is left, and the receipt."""

from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields, moment
from storage.events import PaymentSettled
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage

MOST_BILLS: Final = 6


def say(event: PaymentSettled, told: Telling) -> OutgoingMessage:
    """Tell the payer that her money is with us."""
    text = words.lines(
        f"已收到 {event.unit_label} 的{_kind(event)} {words.money(event.amount_fen)}，谢谢您。",
        *_bills(event),
        _surplus(event),
        _left(event),
        f"点开可以查看电子收据，编号 {event.receipt_no}。",
        words.RATE if event.asks_rating else "",
    )
    return OutgoingMessage(
        kind="payment_settled",
        text=text,
        url=told.links.receipt_url(told.links.receipt_token(event.payment_id)),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=moment(event.paid_at),
            state=f"{_kind(event)}成功",
            number=event.receipt_no,
        ),
    )


def _kind(event: PaymentSettled) -> str:
    return "缴费" if event.bills else "预存"


def _bills(event: PaymentSettled) -> list[str]:
    shown = [
        f"{name} {words.period(BillingPeriod.parse(period))} {words.money(fen)}"
        for name, period, fen in event.bills[:MOST_BILLS]
    ]
    rest = len(event.bills) - len(shown)
    return [*shown, f"还有 {rest} 笔，见收据"] if rest > 0 else shown


def _surplus(event: PaymentSettled) -> str:
    if event.surplus_fen <= 0:
        return ""
    if not event.bills:
        return f"已存为{event.kept_for}预存款，以后出账会自动抵扣，余下的可以退。"
    return f"多缴的 {words.money(event.surplus_fen)} 已存为预存款。"


def _left(event: PaymentSettled) -> str:
    if event.open_fen > 0:
        return f"还有 {words.money(event.open_fen)} 待缴，回复“账单”查看。"
    return "现在没有待缴账单了。" if event.open_fen == 0 else ""


def in_english(event: PaymentSettled, told: Telling) -> str:
    """Tell the payer that her money is with us, and what is left."""
    del told
    left = "Nothing more to pay now." if event.open_fen == 0 else ""
    if event.open_fen > 0:
        left = f"Still to pay: {english.money(event.open_fen)}. To see it, type: bill"
    return words.lines(
        f"{event.unit_label}: we received {english.money(event.amount_fen)}, thank you.",
        f"Kept as prepaid: {english.money(event.surplus_fen)}." if event.surplus_fen > 0 else "",
        left,
        f"Tap the link to see receipt {event.receipt_no}.",
        english.RATE if event.asks_rating else "",
    )


def in_plain(event: PaymentSettled, told: Telling) -> str:
    """Tell the sum, what is left, and where the receipt is."""
    del told
    left = "现在不用再缴了。" if event.open_fen == 0 else ""
    return words.lines(
        f"收到 {event.unit_label} 缴的：",
        words.money(event.amount_fen),
        f"给您存着 {words.money(event.surplus_fen)}。" if event.surplus_fen > 0 else "",
        f"还要缴 {words.money(event.open_fen)}。" if event.open_fen > 0 else left,
        "看收据，点下面蓝色的字。",
        words.RATE_PLAIN if event.asks_rating else "",
    )


NOTIFICATION = Notification(PaymentSettled, say, in_english, in_plain)
