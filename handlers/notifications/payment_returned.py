"""Money came for what was paid already, and goes back by itself."""

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import PaymentReturned
from storage.ports.chat import OutgoingMessage


def say(event: PaymentReturned, told: Telling) -> OutgoingMessage:
    """Tell the payer that nothing of it is lost and nothing has to be done."""
    return OutgoingMessage(
        kind="payment_returned",
        text=words.lines(
            f"{event.unit_label} 的账单之前已经缴清，刚才又收到一笔 "
            f"{words.money(event.amount_fen)}。",
            f"这笔钱会自动原路退回，编号 {event.refund_no}，不用您操作。",
            "退回后会通知您。",
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="自动退回",
            number=event.refund_no,
        ),
    )


def in_english(event: PaymentReturned, told: Telling) -> str:
    """Tell the payer that what came twice goes back by itself."""
    del told
    return words.lines(
        f"{event.unit_label}: this was paid before, and {english.money(event.amount_fen)} came"
        " once more.",
        f"It goes back to you by itself ({event.refund_no}). Nothing for you to do.",
    )


def in_plain(event: PaymentReturned, told: Telling) -> str:
    """Tell her that what came twice goes back."""
    del told
    return words.lines(
        f"{event.unit_label} 又多缴了：", words.money(event.amount_fen), "会自动退给您，不用您管。"
    )


NOTIFICATION = Notification(PaymentReturned, say, in_english, in_plain)
