"""The lists: what we answer, what staff may ask for, what we tell unasked. Order is priority."""

from collections.abc import Mapping
from typing import Any, Final, cast

from handlers.deps import HandlerDeps
from handlers.intents import (
    human,
    plain_speech,
    promise,
    remove_person,
    repair,
    staff_bind,
    tickets,
    unpaid,
)
from handlers.notification import Notification
from handlers.staff.words import LIKE, WORDS
from handlers.turn import Answer, Intent, Turn
from storage.events import (
    BillsIssued,
    BillWaived,
    BindingChanged,
    BindingTried,
    BroadcastReported,
    DayReconciled,
    DepositMoved,
    Event,
    HandedOver,
    LateAnswer,
    NoticeSent,
    PaymentReturned,
    PaymentSettled,
    PaymentVoided,
    PrepaymentApplied,
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundReceived,
    RefundSettled,
    RefundSubmitted,
    ReminderWords,
    StaffTask,
    TalkMoved,
    TaxInvoiceDeclined,
    TaxInvoiceIssued,
    TicketMoved,
    TransferWaits,
)
from storage.figure_events import FiguresTold
from storage.lazy import load
from storage.ports.chat import OutgoingMessage


class _Later:
    """Stands for an intent whose module is loaded when it is first asked for more than its name."""

    said_as: Final = ()
    said_like: Final = None
    """None of these is called by words of its own: those that are stand in the list themselves."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, wanted: str) -> Any:  # noqa: ANN401 - whatever an intent has
        return getattr(load(f"handlers.intents.{self.name}").INTENT, wanted)


def _later(name: str) -> Intent:
    return cast("Intent", _Later(name))


INTENTS: Final[tuple[Intent, ...]] = (
    _later("bind"),
    _later("unbind"),
    remove_person.INTENT,
    staff_bind.INTENT,
    _later("my_units"),
    unpaid.INTENT,
    _later("bill_detail"),
    _later("history"),
    _later("tariff"),
    _later("due_date"),
    _later("pay"),
    _later("payment_status"),
    _later("balance"),
    _later("prepay"),
    promise.INTENT,
    _later("receipt"),
    _later("invoice"),
    _later("refund_request"),
    _later("refund_status"),
    _later("refund_policy"),
    _later("dispute"),
    repair.INTENT,
    tickets.INTENT,
    _later("feedback"),
    _later("rate"),
    _later("notices"),
    _later("contact"),
    human.INTENT,
    _later("mute"),
    _later("unmute"),
    plain_speech.INTENT,
    _later("report"),
    _later("meter"),
    _later("help"),
    _later("greeting"),
    _later("thanks"),
    _later("goodbye"),
    _later("confirm"),
    _later("cancel"),
    _later("out_of_scope"),
)
"""A service that starts has loaded only those by whose words any text may begin."""


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

NOTIFICATIONS: Final[Mapping[type[Event], str]] = {
    PaymentSettled: "payment_settled",
    PaymentReturned: "payment_returned",
    TransferWaits: "transfer_waits",
    RefundReceived: "refund_received",
    RefundApproved: "refund_approved",
    RefundDeclined: "refund_declined",
    RefundSubmitted: "refund_submitted",
    RefundSettled: "refund_settled",
    RefundFailed: "refund_failed",
    PaymentVoided: "payment_voided",
    BillWaived: "bill_waived",
    BillsIssued: "bills_issued",
    ReminderWords: "reminder",
    NoticeSent: "notice_sent",
    LateAnswer: "late_answer",
    BindingChanged: "binding_changed",
    BindingTried: "binding_tried",
    StaffTask: "staff_task",
    TicketMoved: "ticket_moved",
    TalkMoved: "talk_moved",
    TaxInvoiceDeclined: "tax_invoice_declined",
    TaxInvoiceIssued: "tax_invoice_issued",
    BroadcastReported: "broadcast_reported",
    PrepaymentApplied: "prepayment_applied",
    DepositMoved: "deposit_moved",
    HandedOver: "handed_over",
    DayReconciled: "day_reconciled",
    FiguresTold: "figures_told",
}
"""What is told → the module in handlers/notifications that has its words."""


def notification_of(event: type[Event]) -> Notification:
    """Return how an event is told. Raises KeyError for one that has no words."""
    found: Notification = load(f"handlers.notifications.{NOTIFICATIONS[event]}").NOTIFICATION
    return found
