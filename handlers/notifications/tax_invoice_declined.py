"""An application for an invoice cannot be met."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import TaxInvoiceDeclined
from storage.ports.chat import OutgoingMessage

REASONS: Final = {"refunded": "这笔缴费有退款，金额变了"}


def say(event: TaxInvoiceDeclined, told: Telling) -> OutgoingMessage:
    """Tell why, and how to go on."""
    reason = REASONS.get(event.reason, words.shorten(event.reason, 60))
    return OutgoingMessage(
        kind="tax_invoice_declined",
        text=words.lines(
            f"{event.unit_label} 的发票申请没有开出，{words.money(event.amount_fen)}。",
            f"原因：{reason}。",
            "可以回复“发票”重新申请；有疑问请回复“人工”。",
        ),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.amount_fen),
            time=f"{told.today}",
            state="发票没有开出",
            number=event.application_no,
        ),
    )


NOTIFICATION = Notification(TaxInvoiceDeclined, say)
