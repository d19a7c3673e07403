"""The words that columns of the books may hold; the same words leave them again."""

from enum import StrEnum


class Basis(StrEnum):
    """What a tariff multiplies its price with."""

    BY_AREA = "by_area"
    FIXED = "fixed"
    BY_METER = "by_meter"
    TIERED = "tiered"
    PARKING = "parking"
    SHARED = "shared"
    ONE_OFF = "one_off"
    DEPOSIT = "deposit"
    FORMULA = "formula"


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
    DEFERRED = "deferred"
    """What months other than that of the bill earn: income of its own month.

    A credit is billed for months to come (合同负债), a debit earned and not billed yet (合同资产).
    """
    DEPOSIT = "deposit"
    """Held for residents, theirs to get back (其他应付—押金)."""
    AGENCY = "agency"
    """Collected for others without a mark-up (其他应付—代收)."""
    WAIVER = "waiver"
    """What is asked for no more because somebody agreed to it (减免): the income stays earned."""
    BAD_DEBT = "bad_debt"
    """What nobody pays any more (坏账): the company's own loss, and no forgiveness."""
    GATEWAY_FEE = "gateway_fee"
    CASH = "cash"
    BANK = "bank"
    SUSPENSE = "suspense"
    """Money that came and nobody knows yet for what."""


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


class BroadcastCategory(StrEnum):
    """What a broadcast is about: it decides who may turn it off and whether it comes at night."""

    NOTICE = "notice"
    ACTIVITY = "activity"
    URGENT = "urgent"
    """停水停电 and the like: at night too, and nobody can turn it off."""
    LEGAL = "legal"
    """What has to be told by law or contract: nobody can turn it off."""


class JobState(StrEnum):
    """Where a job's run for one period stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class AlarmKind(StrEnum):
    """What is wrong with the running itself."""

    LATE_JOB = "late_job"
    CHANNEL = "channel"
    DIFFERENCE = "difference"
    QUEUE = "queue"


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


class ChargeInput(StrEnum):
    """What a charge is worked out from; a refusal names the one that is missing or wrong."""

    AREA = "area"
    READING = "reading"
    USAGE = "usage"
    HEADS = "heads"
    COUNT = "count"
    PRICE = "price"
    TIERS = "tiers"
    BOUNDS = "bounds"
    MULTIPLIER = "multiplier"
    LOSS = "loss"
    WEIGHT = "weight"
    AMOUNT = "amount"
    PERCENT = "percent"
    FORMULA = "formula"


class RoundingUnit(StrEnum):
    """To what an amount is rounded."""

    FEN = "fen"
    JIAO = "jiao"
    YUAN = "yuan"


class RoundingMode(StrEnum):
    """Which way an amount is rounded."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


class LineKind(StrEnum):
    """What a line of a bill is."""

    PIECE = "piece"
    TIER = "tier"
    SHARE = "share"
    FORMULA = "formula"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    ROUNDING = "rounding"
    DISCOUNT = "discount"
    LATE_FEE = "late_fee"
    WAIVER = "waiver"
    WRITE_OFF = "write_off"


class TierSpan(StrEnum):
    """Over what time the steps of a price (阶梯) count what was used."""

    MONTH = "month"
    YEAR = "year"


class ReadingKind(StrEnum):
    """How a meter reading came about."""

    READ = "read"
    ESTIMATED = "estimated"
    CORRECTED = "corrected"


class ReadingVerdict(StrEnum):
    """What a new reading looks like beside the ones before it."""

    PLAUSIBLE = "plausible"
    LOWER = "lower"
    """Lower than the last one: ask whether the meter turned over or was replaced."""
    TOO_HIGH = "too_high"
    """Three times what is usual or more: ask whether it is right."""


class ShareMethod(StrEnum):
    """What a shared cost is shared by (公摊方式)."""

    BY_AREA = "by_area"
    BY_HOUSEHOLD = "by_household"
    BY_SHARE = "by_share"


class ShareScope(StrEnum):
    """Among whose units a cost is shared."""

    COMMUNITY = "community"
    BUILDING = "building"
    ENTRANCE = "entrance"


class LateFeeMode(StrEnum):
    """What becomes of a late fee (违约金)."""

    OFF = "off"
    CALCULATED = "calculated"
    """Worked out and shown to staff, asked of nobody."""
    CHARGED = "charged"


class LateFeeStart(StrEnum):
    """From which day a late fee counts once the grace is over."""

    AFTER_GRACE = "after_grace"
    AFTER_DUE = "after_due"


class DiscountReason(StrEnum):
    """Why something is taken off a bill (优惠)."""

    PERSON_GROUP = "person_group"
    YEAR_AHEAD = "year_ahead"
    VACANT = "vacant"
    COUPON = "coupon"


class CycleLength(StrEnum):
    """How long the spans of a billing cycle are."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


class CycleTiming(StrEnum):
    """When a span is billed."""

    IN_ADVANCE = "in_advance"
    IN_ARREARS = "in_arrears"


class FeeClass(StrEnum):
    """Whose money a fee item is, and so what becomes of it when it is late."""

    OWN = "own"
    AGENCY = "agency"
    """Collected for others (代收): no mark-up, no late fee."""
    DEPOSIT = "deposit"
    """Given back one day (押金): no income, no late fee, no dunning."""
    RENEWAL = "renewal"
    """Paid to go on (月租车位): not renewing is no debt, no dunning, no late fee."""


class Payer(StrEnum):
    """Who bears a fee of a unit."""

    OWNER = "owner"
    TENANT = "tenant"
    DEVELOPER = "developer"
    COMPANY = "company"


class SharedCostState(StrEnum):
    """Where a shared cost (公摊) stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ISSUED = "issued"
    CANCELLED = "cancelled"


class ReadingState(StrEnum):
    """Whether a meter reading counts."""

    ASKED = "asked"
    """Looks odd: waits until somebody confirms it."""
    ACCEPTED = "accepted"
    REPLACED = "replaced"
    """Another reading of the same day counts instead."""


class HoldKind(StrEnum):
    """Why nobody is reminded of a debt for a while."""

    DISPUTE = "dispute"
    """Its late fee is frozen too."""
    PROMISE = "promise"
    INSTALMENT = "instalment"
    HARDSHIP = "hardship"
    """Bereavement or illness."""
    OFFICE = "office"


class PublicSide(StrEnum):
    """Which side of the owners' public accounts (公共收支) a row is on."""

    INCOME = "income"
    EXPENDITURE = "expenditure"


class Tone(StrEnum):
    """How a reminder speaks; none threatens."""

    KIND = "kind"
    PLAIN = "plain"
    FIRM = "firm"


class OwnText(StrEnum):
    """What a community says in words of its own."""

    GREETING = "greeting"
    """The first line of a greeting."""
    OFF_DUTY = "off_duty"
    """Said besides when a person is wished for and nobody is at the office."""
    PHONES = "phones"
    """More numbers of the office: "工程报修=0571-1234; 门岗=0571-5678"."""
