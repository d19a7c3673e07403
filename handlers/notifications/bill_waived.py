"""A bill, or a part of it, is asked for no more (减免)."""

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import BillWaived
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage


def say(event: BillWaived, told: Telling) -> OutgoingMessage:
    """Tell the household what was taken off, and what is left of the bill."""
    month = words.period(BillingPeriod.parse(event.period))
    left = (
        f"这笔账单还有 {words.money(event.left_fen)} 待缴，回复“账单”查看。"
        if event.left_fen
        else "这笔账单不用再缴了。"
    )
    return OutgoingMessage(
        kind="bill_waived",
        text=words.lines(
            f"{event.unit_label} {month}{event.item_name} 减免 {words.money(event.amount_fen)}，"
            "已经审批通过。",
            left,
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="账单已减免",
            number="-",
        ),
    )


NOTIFICATION = Notification(BillWaived, say)
