"""Which messages end by asking how it was (满意度): of money come or gone back, of a talk."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from storage.events import Event, PaymentSettled, RefundSettled, TalkMoved
from storage.models.payments import payment_orders, payments, refunds
from storage.models.ratings import ratings
from storage.models.talks import talks
from storage.operations.ratings import RatingAsk, expect_rating, may_ask
from storage.ticket_kinds import RatingTopic, TalkReason

Asking = PaymentSettled | RefundSettled | TalkMoved
ASKING: Final = (PaymentSettled, RefundSettled, TalkMoved)


def ask_with(tx: Connection, event: Asking, *, identity_id: int, now: datetime) -> bool:
    """Tell whether the message that tells `event` to a person ends by asking for a rating.

    From then on her next bare number is one. Tried again, the same message asks again.
    """
    ask = _about(tx, event, identity_id)
    if ask is None:
        return False
    before = tx.execute(
        select(ratings.c.stars).where(
            ratings.c.topic == ask.topic,
            ratings.c.reference == ask.reference,
            ratings.c.identity_id == identity_id,
        )
    ).one_or_none()
    if before is not None:
        return before.stars is None
    return may_ask(tx, ask, now=now) and expect_rating(tx, ask, now=now) is not None


def may_ask_with(tx: Connection, event: Asking, *, identity_id: int, now: datetime) -> bool:
    """Tell whether `ask_with` is worth a write: most are asked nothing."""
    ask = _about(tx, event, identity_id)
    if ask is None:
        return False
    known = select(ratings.c.id).where(
        ratings.c.identity_id == identity_id,
        ratings.c.topic == ask.topic,
        ratings.c.reference == ask.reference,
    )
    return tx.execute(known).first() is not None or may_ask(tx, ask, now=now)


def _about(tx: Connection, event: Event, identity_id: int) -> RatingAsk | None:
    """Return what a person may be asked about: her own money, a talk in which she was answered."""
    row: Any
    match event:
        case PaymentSettled():
            topic, reference = RatingTopic.PAYMENT, event.receipt_no
            row = _payment(tx, event.payment_id) if event.open_fen >= 0 else None
        case RefundSettled():
            topic, reference = RatingTopic.REFUND, event.refund_no
            row = tx.execute(select(refunds).where(refunds.c.refund_no == reference)).one_or_none()
        case TalkMoved(change="ended"):
            topic, reference = RatingTopic.PERSON, str(event.talk_id)
            row = _talk(tx, event.talk_id)
        case _:
            return None
    if row is None or row.identity_id != identity_id:
        return None
    return RatingAsk(identity_id, row.community_id, row.unit_id, topic, reference)


def _payment(tx: Connection, payment_id: int) -> Any:  # noqa: ANN401 - a row or None
    return tx.execute(
        select(payments.c.community_id, payments.c.unit_id, payment_orders.c.identity_id)
        .join(payment_orders, payment_orders.c.id == payments.c.order_id)
        .where(payments.c.id == payment_id)
    ).one_or_none()


def _talk(tx: Connection, talk_id: int) -> Any:  # noqa: ANN401 - a row or None
    """Return a talk in which somebody answered a person who did not come in anger."""
    return tx.execute(
        select(talks.c.community_id, talks.c.unit_id, talks.c.identity_id).where(
            talks.c.id == talk_id,
            talks.c.staff_id.is_not(None),
            talks.c.reason != TalkReason.ANGER,
        )
    ).one_or_none()
