"""The lists: what we answer, what staff may ask for, what we tell unasked. Order is priority."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.intents import (
    balance,
    bill_detail,
    bind,
    cancel,
    confirm,
    contact,
    dispute,
    due_date,
    feedback,
    goodbye,
    greeting,
    help,  # noqa: A004 - the intent's own name
    history,
    human,
    invoice,
    meter,
    mute,
    my_units,
    notices,
    out_of_scope,
    pay,
    payment_status,
    plain_speech,
    prepay,
    promise,
    rate,
    receipt,
    refund_policy,
    refund_request,
    refund_status,
    remove_person,
    repair,
    report,
    staff_bind,
    tariff,
    thanks,
    tickets,
    unbind,
    unmute,
    unpaid,
)
from handlers.notification import Notification
from handlers.notifications import (
    bill_waived,
    bills_issued,
    binding_changed,
    binding_tried,
    broadcast_reported,
    day_reconciled,
    deposit_moved,
    figures_told,
    handed_over,
    late_answer,
    notice_sent,
    payment_returned,
    payment_settled,
    payment_voided,
    prepayment_applied,
    refund_approved,
    refund_declined,
    refund_failed,
    refund_received,
    refund_settled,
    refund_submitted,
    reminder,
    staff_task,
    talk_moved,
    tax_invoice_declined,
    tax_invoice_issued,
    ticket_moved,
    transfer_waits,
)
from handlers.staff.words import LIKE, WORDS
from handlers.turn import Answer, Intent, Turn
from storage.lazy import load
from storage.ports.chat import OutgoingMessage

INTENTS: Final[tuple[Intent, ...]] = (
    bind.INTENT,
    unbind.INTENT,
    remove_person.INTENT,
    staff_bind.INTENT,
    my_units.INTENT,
    unpaid.INTENT,
    bill_detail.INTENT,
    history.INTENT,
    tariff.INTENT,
    due_date.INTENT,
    pay.INTENT,
    payment_status.INTENT,
    balance.INTENT,
    prepay.INTENT,
    promise.INTENT,
    receipt.INTENT,
    invoice.INTENT,
    refund_request.INTENT,
    refund_status.INTENT,
    refund_policy.INTENT,
    dispute.INTENT,
    repair.INTENT,
    tickets.INTENT,
    feedback.INTENT,
    rate.INTENT,
    notices.INTENT,
    contact.INTENT,
    human.INTENT,
    mute.INTENT,
    unmute.INTENT,
    plain_speech.INTENT,
    report.INTENT,
    meter.INTENT,
    help.INTENT,
    greeting.INTENT,
    thanks.INTENT,
    goodbye.INTENT,
    confirm.INTENT,
    cancel.INTENT,
    out_of_scope.INTENT,
)


def _of_staff(module: str) -> Intent:
    """Return an intent whose module is loaded when somebody of the staff first says its words."""

    def later(act: str) -> Answer:
        async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
            said: OutgoingMessage = await getattr(load(f"handlers.staff.{module}"), act)(turn, deps)
            return said

        return answer

    go_on = later("go_on") if module in GO_ON else None
    name, like = f"staff_{module}", LIKE.get(module)
    return Intent(name, later("answer"), go_on=go_on, said_as=WORDS[module], said_like=like)


GO_ON: Final = frozenset(
    {
        "broadcast",
        "cash",
        "day_close",
        "differences",
        "owing",
        "refund_ask",
        "refund_decline",
        "suspense_assign",
    }
)
"""Those of the staff's that ask something and take the answer."""

STAFF_INTENTS: Final[tuple[Intent, ...]] = tuple(map(_of_staff, WORDS))
"""In the order of their words."""

NOTIFICATIONS: Final[tuple[Notification, ...]] = (
    payment_settled.NOTIFICATION,
    payment_returned.NOTIFICATION,
    transfer_waits.NOTIFICATION,
    refund_received.NOTIFICATION,
    refund_approved.NOTIFICATION,
    refund_declined.NOTIFICATION,
    refund_submitted.NOTIFICATION,
    refund_settled.NOTIFICATION,
    refund_failed.NOTIFICATION,
    payment_voided.NOTIFICATION,
    bill_waived.NOTIFICATION,
    bills_issued.NOTIFICATION,
    reminder.NOTIFICATION,
    notice_sent.NOTIFICATION,
    late_answer.NOTIFICATION,
    binding_changed.NOTIFICATION,
    binding_tried.NOTIFICATION,
    staff_task.NOTIFICATION,
    ticket_moved.NOTIFICATION,
    talk_moved.NOTIFICATION,
    tax_invoice_declined.NOTIFICATION,
    tax_invoice_issued.NOTIFICATION,
    broadcast_reported.NOTIFICATION,
    prepayment_applied.NOTIFICATION,
    deposit_moved.NOTIFICATION,
    handed_over.NOTIFICATION,
    day_reconciled.NOTIFICATION,
    figures_told.NOTIFICATION,
)
