"""Every expected trouble: a Refusal is our no, a Contradiction is the outside disagreeing.

Trouble
├── Refusal                 someone asked for what may not be; she is told why
│   ├── NotAnAmount  NotAUnitLabel
│   ├── NotBound  BindingMismatch  TooManyTries  AlreadyBound
│   ├── NothingToPay  BillAlreadyPaid  UnknownBill  LinkExpired  CollectionClosed
│   ├── MixedPayees  PartNotTaken
│   ├── NothingToRefund  RefundTooMuch  RefundWindowOver  RefundNotOffered  UnknownRefund
│   ├── SelfApproval
│   ├── NotAllowed  UnknownAudience  AudienceEmpty  PrivacyLint  UnknownVariable
│   ├── PersonalInGroup  UnknownBroadcast
│   ├── BroadcastStateWrong  CommunitySilent  SheetDisagrees  UnknownDifference
│   ├── PhrasingTaken  UnknownFaq
│   ├── TariffOverlaps  TariffGap  InputMissing  InputRefused  ReadingLower  NobodyShares
│   ├── UnknownMeter  MeterTaken  DialUnknown  ReadingDayRefused  ReadingStands  UnknownReading
│   ├── FormulaTooLong  FormulaTooDeep  FormulaNotAllowed  FormulaUnknownName
│   ├── FormulaDividesByZero  FormulaTooLarge  FormulaBelowZero
│   ├── PeriodClosed  PeriodNotOver  CannotReissue  CycleBroken
│   ├── PrepayOutOfRange  PrepayNotOffered  UnknownDeposit  DepositTooMuch  EvidenceMissing
│   ├── SharingNotAllowed  SharedCostTaken  UnknownSharedCost  SharedCostStateWrong
│   └── ...
├── Contradiction           a platform says what our books deny; recorded, an operator looks
│   ├── UnknownPaymentOrder  UnknownRefundNo
│   └── AmountMismatch  MerchantMismatch  RefundEndedOtherwise
└── Unavailable             the outside did not answer; tried again
    ├── GatewayUnavailable  ChannelUnavailable  LanguageModelUnavailable
    └── StorageUnavailable
"""

from dataclasses import dataclass
from datetime import date, datetime


class Trouble(Exception):
    """An expected trouble; anything that is not one of these is a bug."""


class Refusal(Trouble):
    """Someone asked for what may not be."""


class Contradiction(Trouble):
    """A platform says what our books deny."""


class Unavailable(Trouble):
    """The outside did not answer; the outcome is unknown until asked again."""


@dataclass(eq=False)
class NotAnAmount(Refusal):
    """The text is not an amount of money that we take."""

    text: str


@dataclass(eq=False)
class NotBound(Refusal):
    """This chat identity has no flat yet."""


@dataclass(eq=False)
class UnitNotChosen(Refusal):
    """The resident has several flats and has not said which."""

    unit_labels: tuple[str, ...]


@dataclass(eq=False)
class BindingMismatch(Refusal):
    """What was typed does not agree with the register; never says which part."""


@dataclass(eq=False)
class BindingIncomplete(Refusal):
    """Something needed for binding has not been said yet."""

    missing: tuple[str, ...]


@dataclass(eq=False)
class TooManyTries(Refusal):
    """Too many attempts in a short time."""

    retry_at: datetime


@dataclass(eq=False)
class AlreadyBound(Refusal):
    """This chat identity already has this flat."""

    unit_label: str


@dataclass(eq=False)
class NothingToPay(Refusal):
    """No open bill is left."""

    unit_label: str


@dataclass(eq=False)
class BillAlreadyPaid(Refusal):
    """At least one of the chosen bills is no longer open."""

    bill_no: str


@dataclass(eq=False)
class UnknownBill(Refusal):
    """No such bill for this person."""


@dataclass(eq=False)
class LinkExpired(Refusal):
    """The pay link is unknown, used up or out of date."""


@dataclass(eq=False)
class CollectionClosed(Refusal):
    """This community takes no money by this gateway now."""

    reason: str


@dataclass(eq=False)
class MixedPayees(Refusal):
    """Bills that different companies collect cannot be paid at once."""

    payees: tuple[str, ...]


@dataclass(eq=False)
class PartNotTaken(Refusal):
    """A part of a bill that is not taken: none is here, or it is not between 0 and what is open."""


@dataclass(eq=False)
class NothingToRefund(Refusal):
    """No payment of this person can be refunded."""

    unit_label: str


@dataclass(eq=False)
class RefundTooMuch(Refusal):
    """More was asked back than is left of the payment."""

    left_fen: int


@dataclass(eq=False)
class RefundWindowOver(Refusal):
    """The payment is too old for a refund by the platform."""

    paid_on: date


@dataclass(eq=False)
class RefundNotOffered(Refusal):
    """The terms of this fee say that it is not given back on request."""

    clause: str


@dataclass(eq=False)
class PaymentNotSettled(Refusal):
    """The money has not arrived yet, so it cannot go back."""


@dataclass(eq=False)
class UnknownRefund(Refusal):
    """No such refund for this person."""


@dataclass(eq=False)
class RefundStateWrong(Refusal):
    """The refund is no longer where this step starts."""

    refund_no: str
    state: str


@dataclass(eq=False)
class SelfApproval(Refusal):
    """Who asked may not approve (four eyes)."""


@dataclass(eq=False)
class NotAllowed(Refusal):
    """This role may not do this."""


@dataclass(eq=False)
class UnknownAudience(Refusal):
    """The audience's words name nothing that exists."""

    words: str


@dataclass(eq=False)
class AudienceEmpty(Refusal):
    """The audience reaches nobody."""


@dataclass(eq=False)
class PrivacyLint(Refusal):
    """A text for many names a room with a debt, a phone or an identity number."""

    found: str


@dataclass(eq=False)
class UnknownVariable(Refusal):
    """A text for many has something in braces that stands for nothing."""

    found: str


@dataclass(eq=False)
class PersonalInGroup(Refusal):
    """A text for a group has what is each reader's own."""

    found: str


@dataclass(eq=False)
class UnknownBroadcast(Refusal):
    """No such broadcast in the communities of this person."""


@dataclass(eq=False)
class BroadcastStateWrong(Refusal):
    """The broadcast is no longer where this step starts."""

    broadcast_no: str
    state: str


@dataclass(eq=False)
class CommunitySilent(Refusal):
    """The community's opening sheet is not signed, so nothing unasked is sent."""

    community_name: str


@dataclass(eq=False)
class OpeningSheetDisagrees(Refusal):
    """The totals of the opening sheet are not those of the books."""

    rows: tuple[str, ...]


@dataclass(eq=False)
class PhrasingTaken(Refusal):
    """Another question of the community is asked with the same words on one of the same days."""

    phrasing: str
    faq_no: str


@dataclass(eq=False)
class UnknownFaq(Refusal):
    """The community has no question of this number."""

    faq_no: str


@dataclass(eq=False)
class TextTooLong(Refusal):
    """A text for many is longer than a message may be."""

    limit_chars: int


@dataclass(eq=False)
class UnknownOrder(Refusal):
    """No such payment order for this person."""


@dataclass(eq=False)
class UnknownPaymentOrder(Contradiction):
    """A platform reports a payment order that we never opened."""

    order_no: str


@dataclass(eq=False)
class UnknownRefundNo(Contradiction):
    """A platform reports a refund that we never asked for."""

    refund_no: str


@dataclass(eq=False)
class AmountMismatch(Contradiction):
    """A platform reports other fen than we asked."""

    order_no: str
    asked_fen: int
    reported_fen: int


@dataclass(eq=False)
class MerchantMismatch(Contradiction):
    """A platform reports another merchant, application or currency than we asked with."""

    order_no: str
    field: str


@dataclass(eq=False)
class RefundEndedOtherwise(Contradiction):
    """A platform reports as paid a refund that it had closed or refused, or that we declined."""

    refund_no: str
    state: str


@dataclass(eq=False)
class GatewayUnavailable(Unavailable):
    """A payment platform gave no usable answer; what happened there is unknown."""

    gateway: str
    reason: str


@dataclass(eq=False)
class LanguageModelUnavailable(Unavailable):
    """The language model gave no answer; the recogniser alone understands."""

    reason: str


@dataclass(eq=False)
class ChannelUnavailable(Unavailable):
    """A chat platform gave no usable answer; what happened there is unknown."""

    channel: str
    reason: str


@dataclass(eq=False)
class StorageUnavailable(Unavailable):
    """The database is closed, full or locked; nothing was written."""

    reason: str


@dataclass(eq=False)
class UnknownDifference(Refusal):
    """No such open difference in the communities of this member of staff."""


@dataclass(eq=False)
class HandoverRefused(Refusal):
    """A unit cannot change hands like this; nothing was changed."""

    why: str
    """day | nobody | same_person | successor | undecided | unknown | consent | reading | parted."""
    references: tuple[str, ...] = ()
    """What it is about: numbers of bills and orders, codes of spaces."""
