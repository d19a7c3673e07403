"""What was written down at the counter was wrong: undone, and owed as before."""

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import PaymentVoided
from storage.ports.chat import OutgoingMessage


def say(event: PaymentVoided, told: Telling) -> OutgoingMessage:
    """Tell the household that the receipt no longer counts, and what to do if that is wrong."""
    return OutgoingMessage(
        kind="payment_voided",
        text=words.lines(
            f"{event.unit_label} 的一笔收款 {words.money(event.amount_fen)} 登记有误，已经冲正，"
            "原来的收据作废，账单恢复为待缴。",
            f"原因：{words.shorten(event.reason, 60).rstrip('。')}。",
            "如果您确实付了这笔钱，请带收据到物业服务中心，或者回复“人工”。",
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="收款已冲正",
            number="-",
        ),
    )


NOTIFICATION = Notification(PaymentVoided, say)
