"""The words that columns of the books may hold; the same words leave them again."""

from enum import StrEnum


class Basis(StrEnum):
    """What a tariff multiplies its price with."""

    BY_AREA = "by_area"
    FIXED = "fixed"


class UnitKind(StrEnum):
    """What a unit is; all are billed alike."""

    HOME = "home"
    SHOP = "shop"
    PARKING = "parking"


class Account(StrEnum):
    """Which accounts exist (科目)."""

    RECEIVABLE = "receivable"
    INCOME = "income"
    CLEARING = "clearing"
    PREPAYMENT = "prepayment"
    REFUND_DUE = "refund_due"
    OPENING = "opening"


class OutboxState(StrEnum):
    """Where a message that we decided to send stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    HELD = "held"
    """No way is open to this person now; waits until she writes."""
    SUPPRESSED = "suppressed"
    """Not needed any more (paid meanwhile, muted, not following)."""
    DEAD = "dead"
    UNKNOWN = "unknown"
    """May have arrived; not sent again."""


class Urgency(StrEnum):
    """Which messages go first, and which may wait for the morning."""

    RECEIPT = "receipt"
    NOTICE = "notice"
    REMINDER = "reminder"


class BroadcastState(StrEnum):
    """Where a broadcast stands."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"


class JobState(StrEnum):
    """Where a job's run for one period stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class OrderState(StrEnum):
    """Where a payment order of ours stands."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"
    FAILED = "failed"


class RefundStep(StrEnum):
    """Where a refund of ours stands."""

    REQUESTED = "requested"
    DECLINED = "declined"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    UNFUNDED = "unfunded"
    UNKNOWN = "unknown"
    ABNORMAL = "abnormal"
    CLOSED = "closed"
    FAILED = "failed"
    SUCCESS = "success"


class OccupancyRole(StrEnum):
    """What a resident is to a unit."""

    OWNER = "owner"
    TENANT = "tenant"
    FAMILY = "family"


class StaffRole(StrEnum):
    """What a member of staff may do."""

    MANAGER = "manager"
    CASHIER = "cashier"
    STEWARD = "steward"


class BindingState(StrEnum):
    """Where a binding stands."""

    ACTIVE = "active"
    APPLIED = "applied"
    DECLINED = "declined"
    REMOVED = "removed"
