"""What becomes of a platform's verified word on a payment or a refund."""

import logging
from enum import StrEnum

from handlers.deps import HandlerDeps
from storage.errors import Contradiction, UnknownPaymentOrder, UnknownRefundNo
from storage.operations.payments import Heard, settle_payments
from storage.operations.refund_results import note_refund
from storage.ports.payments import PaymentFact, RefundFact

log = logging.getLogger(__name__)


class Hearing(StrEnum):
    """What the platform is to be told."""

    HEARD = "heard"
    """In the books or on an operator's list: it need not say it again."""
    UNKNOWN = "unknown"
    """Written down, but we know no such number (yet): let it say it again."""


async def hear(fact: PaymentFact | RefundFact, deps: HandlerDeps) -> Hearing:
    """Take a fact in and commit it before anything is answered.

    Hearing it again changes nothing. Raises StorageUnavailable, with nothing written.
    """
    now = deps.clock.now()
    if isinstance(fact, PaymentFact):
        settlement = await deps.db.write_together(settle_payments, Heard(fact, now))
        number, outcome, denied = fact.order_no, settlement.outcome, settlement.contradiction
    else:
        heard = await deps.db.write(note_refund, fact, heard_at=now)
        number, outcome, denied = fact.refund_no, heard.outcome, heard.contradiction
    log.info("webhook.heard", extra={"reference": number, "outcome": outcome})
    return _answer_to(denied, number)


def _answer_to(denied: Contradiction | None, number: str) -> Hearing:
    if denied is None:
        return Hearing.HEARD
    log.warning("webhook.denied", extra={"reference": number, "why": type(denied).__name__})
    if isinstance(denied, (UnknownPaymentOrder, UnknownRefundNo)):
        return Hearing.UNKNOWN
    return Hearing.HEARD
