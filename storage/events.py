"""What a person may be told: facts that operations put in the outbox.

Each event is a frozen dataclass of plain values; the outbox stores it as JSON under its class
name, and words are made of it only when it is delivered.
"""

import json
from dataclasses import asdict, fields
from typing import Any

from storage.figure_events import FiguresTold as FiguresTold
from storage.frozen import dataclass
from storage.telling import Event as Event


@dataclass(frozen=True, slots=True)
class PaymentSettled(Event):
    """Money arrived and was allocated."""

    order_no: str
    receipt_no: str
    payment_id: int
    unit_label: str
    amount_fen: int
    bills: tuple[tuple[str, str, int], ...]
    """(fee item name, period, fen) of each bill it paid."""
    surplus_fen: int
    paid_at: str
    open_fen: int
    """What the hearer still owes here; -1 where she may not know."""
    kept_for: str = ""
    """The fee item that an order without bills put money aside for, "" for any."""
    asks_rating: bool = False


@dataclass(frozen=True, slots=True)
class PaymentReturned(Event):
    """Money came for what was paid already and goes back by itself."""

    order_no: str
    refund_no: str
    unit_label: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class TransferWaits(Event):
    """A transfer came with her code, but not as it was asked for: the office says what it pays."""

    unit_label: str
    amount_fen: int
    asked_fen: int
    """What the transfer with this code was to be."""
    cause: str
    """other_amount | not_awaited (paid or closed meanwhile) | several_codes."""
    came_at: str


@dataclass(frozen=True, slots=True)
class RefundReceived(Event):
    """A request for money back is in our books."""

    refund_no: str
    unit_label: str
    amount_fen: int
    is_automatic: bool
    kept_fen: int = 0
    """What of it stays for the platform's fee."""


@dataclass(frozen=True, slots=True)
class RefundApproved(Event):
    """Somebody agreed to the refund; the platform is asked next, or a person hands it over."""

    refund_no: str
    unit_label: str
    amount_fen: int
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class RefundDeclined(Event):
    """The refund was declined, with the reason."""

    refund_no: str
    unit_label: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundSubmitted(Event):
    """The platform accepted the refund; the money is on its way, not yet there."""

    refund_no: str
    unit_label: str
    amount_fen: int
    gateway: str


@dataclass(frozen=True, slots=True)
class RefundSettled(Event):
    """The platform says the money is back; bills it had paid are owed again."""

    refund_no: str
    unit_label: str
    amount_fen: int
    settled_at: str
    reopened_fen: int
    gateway: str = ""
    """By which way it went; "" where that was not written down."""
    receipt_no: str = ""
    """The receipt over `kept_fen`, in the place of the old one; "" where nothing is kept."""
    kept_fen: int = 0
    payment_id: int = 0
    """The payment that it is the receipt of."""
    asks_rating: bool = False


@dataclass(frozen=True, slots=True)
class PaymentVoided(Event):
    """What was written down at the counter was wrong and is undone (冲正); bills are owed again."""

    unit_label: str
    amount_fen: int
    reason: str
    reopened_fen: int


@dataclass(frozen=True, slots=True)
class BillWaived(Event):
    """A part of a bill, or all of it, is asked for no more (减免)."""

    unit_label: str
    item_name: str
    period: str
    amount_fen: int
    left_fen: int
    """What of the bill is still open."""


@dataclass(frozen=True, slots=True)
class RefundFailed(Event):
    """The platform could not give the money back; what happens next is said."""

    refund_no: str
    unit_label: str
    amount_fen: int
    cause: str
    """abnormal | closed | again (closed, and goes on under a new number) | unfunded."""


@dataclass(frozen=True, slots=True)
class BillsIssued(Event):
    """New bills of one household, merged."""

    unit_id: int
    unit_label: str
    binding_id: int
    link_epoch: int
    period: str
    lines: tuple[tuple[str, int], ...]
    total_fen: int
    due_on: str


@dataclass(frozen=True, slots=True)
class ReminderDue(Event):
    """A household's open bills, before, on or after the due day; re-read when delivered."""

    unit_id: int
    unit_label: str
    binding_id: int
    link_epoch: int
    days_from_due: int
    """Which step of the plan: -3 is three days before the due day."""
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class ReminderWords(Event):
    """A reminder with the figures of the moment it is sent (made by the re-check)."""

    unit_label: str
    days_from_due: int
    bill_count: int
    open_fen: int
    due_on: str
    as_of_on: str
    is_overdue: bool
    pay_url: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class NoticeSent(Event):
    """A notice (公告) that staff send to many."""

    broadcast_no: str
    community_name: str
    category: str
    text: str
    reads: str = ""
    """each (filled in for her when it is delivered) | writer (a preview) | "" (all the same)."""
    name: str = ""
    rooms: tuple[str, ...] = ()
    owed_fen: int = 0


@dataclass(frozen=True, slots=True)
class LateAnswer(Event):
    """An answer that took longer than the platform waits."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class BindingChanged(Event):
    """Somebody bound or was removed from a flat; its owner is told."""

    unit_label: str
    person: str
    role: str
    change: str
    """bound | removed | ended or left (she reads it herself) | applied | approved | declined."""


@dataclass(frozen=True, slots=True)
class BindingTried(Event):
    """Somebody keeps trying to bind a flat; its owner is told, and no more tries are taken."""

    unit_label: str
    tries: int
    minutes: int
    """Within so many minutes, and so long nobody may try again."""


@dataclass(frozen=True, slots=True)
class StaffTask(Event):
    """Something waits for a member of staff."""

    topic: str
    """What waits: refund_approval, dispute, ticket, payment_claim and the like."""
    reference: str
    """What staff name when they act on it: a refund's or broadcast's number, a binding's key."""
    unit_label: str
    amount_fen: int
    """0 where no money is meant."""
    note: str
    """A cause, a reason, or what the resident said."""


@dataclass(frozen=True, slots=True)
class TicketMoved(Event):
    """A resident's ticket (工单) has gone a step."""

    ticket_no: str
    kind: str
    """dispute | complaint | suggestion | repair | question | payment."""
    change: str
    """assigned | answered | closed | found (the money is in our books)."""
    unit_label: str
    words: str
    """What staff say; "" where nobody said anything."""
    asks_rating: bool = False


@dataclass(frozen=True, slots=True)
class TalkMoved(Event):
    """A person of the office has said something to a resident, or has gone."""

    change: str
    """answered | ended."""
    words: str
    talk_id: int = 0
    asks_rating: bool = False


@dataclass(frozen=True, slots=True)
class BroadcastReported(Event):
    """A broadcast has finished; who started it reads the figures."""

    broadcast_no: str
    reached: int
    waiting: int
    failed: int
    skipped: int


@dataclass(frozen=True, slots=True)
class PrepaymentApplied(Event):
    """Money that was put aside has paid bills."""

    unit_label: str
    bills: tuple[tuple[str, str, int], ...]
    """(fee item name, period, fen) of each bill, the oldest first."""
    drawn_fen: int
    open_fen: int
    """What is still open on these bills."""
    left_fen: int
    """What is left of the prepayment."""


@dataclass(frozen=True, slots=True)
class DepositMoved(Event):
    """A deposit (押金) was inspected and deducted from, or was given back offline."""

    unit_label: str
    purpose: str
    change: str
    """deducted | returned."""
    amount_fen: int
    left_fen: int
    evidence: str
    """Why, and what proves it."""


@dataclass(frozen=True, slots=True)
class HandedOver(Event):
    """A flat is no longer somebody's: what she still owes there, or that she is clear."""

    unit_id: int
    resident_id: int
    unit_label: str
    kind: str
    """sale | rename | move_out."""
    handed_on: str
    """The first day on which it is no longer hers."""
    open_fen: int
    is_clear: bool
    """Nothing is owed, and nothing of her days is still to be billed."""


@dataclass(frozen=True, slots=True)
class DayReconciled(Event):
    """A day's statements were held against our books (对账结果)."""

    day: str
    staff_id: int
    """Who is told: the page that the text leads to opens for her alone."""
    gateways: tuple[tuple[str, str, int, int, int, int], ...]
    """(gateway, statement's state, lines, paid fen, refunded fen, fee fen)."""
    found: tuple[tuple[str, int], ...]
    """(kind, how many) of the day's differences that wait for a person."""
    healed: int
    open_count: int
    """What waits in the hearer's offices, of all days."""


@dataclass(frozen=True, slots=True)
class TaxInvoiceIssued(Event):
    """The tax bureau's system has issued an invoice (发票), or its red letter."""

    application_no: str
    unit_label: str
    amount_fen: int
    """Negative for a red letter."""
    title: str
    tax_invoice_no: str
    file_id: int
    """Whose file may be opened, 0 while there is none."""


@dataclass(frozen=True, slots=True)
class TaxInvoiceDeclined(Event):
    """An application for an invoice cannot be met; `reason` is staff's, or "refunded"."""

    application_no: str
    unit_label: str
    amount_fen: int
    reason: str


def dump(event: Event) -> str:
    """Return the event's facts as JSON text."""
    return json.dumps(asdict(event), ensure_ascii=False, separators=(",", ":"))


def load(name: str, facts: str) -> Event:
    """Rebuild an event from its class name and its JSON. Raises KeyError for an unknown name.

    Fields that a newer version added fall away; this is what makes a rolling upgrade safe.
    """
    kind = KINDS[name]
    values: dict[str, Any] = json.loads(facts)
    known = _FIELDS[name]
    return kind(**{key: _frozen(value) for key, value in values.items() if key in known})


def _frozen(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
_FIELDS = {name: frozenset(field.name for field in fields(kind)) for name, kind in KINDS.items()}
