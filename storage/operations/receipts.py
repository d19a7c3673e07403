"""Receipts (收据): numbered, one per payment; the payer is told in the same transaction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update

from storage.events import PaymentSettled
from storage.frozen import dataclass
from storage.kinds import RefundStep, Urgency
from storage.many import Keyed
from storage.models.bills import fee_items
from storage.models.estate import units
from storage.models.payments import payments, receipts, refunds
from storage.models.people import identities
from storage.models.prepayments import prepay_orders
from storage.operations.hearers import Cause, Hearer, hearers_of_many
from storage.outbox import Addressee, NewMessage, enqueue_many
from storage.periods import shanghai_day
from storage.ports.payments import TradeKind
from storage.prepared import Prepared, filled
from storage.queries.bills import open_fen_of_bindings
from storage.sql import next_number, next_numbers


class PaidBill(NamedTuple):
    """What a payment paid of a bill, in fen."""

    unit_id: int
    unit_label: str
    item_name: str
    period: str
    fen: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What a receipt says, and what is needed to tell it; amounts in fen."""

    payment_id: int
    paid_order: Row[Any]
    amount_fen: int
    surplus_fen: int
    returned_fen: int
    paid_at: datetime
    paid: tuple[PaidBill, ...]
    """The oldest first."""
    now: datetime


def issue(tx: Connection, proofs: Sequence[Proof]) -> None:
    """Number the receipts of new payments, and tell each payer; of money that goes back, nobody."""
    numbered = list(zip(proofs, _numbers(tx, [one.now for one in proofs]), strict=True))
    rows = [
        {
            "receipt_no": receipt_no,
            "payment_id": one.payment_id,
            "community_id": one.paid_order.community_id,
            "amount_fen": one.amount_fen,
            "issued_at": one.now,
        }
        for one, receipt_no in numbered
    ]
    _RECEIPT.run_many(tx, rows)
    _tell(tx, [both for both in numbered if not both[0].returned_fen])


_RECEIPT = Prepared(
    lambda insert: filled(
        insert,
        receipts,
        *("receipt_no", "payment_id", "community_id", "amount_fen", "issued_at"),
    )
)


def _numbers(tx: Connection, at: Sequence[datetime]) -> list[str]:
    """Return the next number of its Shanghai year for each instant."""
    years = [shanghai_day(one).year for one in at]
    counts = sorted(Counter(years).items())
    given = {year: iter(next_numbers(tx, f"receipt:{year}", count)) for year, count in counts}
    return [f"R{year}{next(given[year]):07d}" for year in years]


def _tell(tx: Connection, numbered: Sequence[tuple[Proof, str]]) -> None:
    proofs = [one for one, _ in numbered]
    labels = {
        row.id: row.label for row in _LABELS.run(tx, {one.paid_order.unit_id for one in proofs})
    }
    heard = _hearers(tx, proofs)
    bound = {one.binding_id for some in heard for one in some if one.binding_id}
    open_fen = {0: -1, **open_fen_of_bindings(tx, bound)}
    messages = []
    for (proof, receipt_no), some in zip(numbered, heard, strict=True):
        event = PaymentSettled(
            order_no=proof.paid_order.order_no,
            receipt_no=receipt_no,
            payment_id=proof.payment_id,
            unit_label=labels[proof.paid_order.unit_id],
            amount_fen=proof.amount_fen,
            bills=_lines(proof),
            surplus_fen=proof.surplus_fen,
            paid_at=proof.paid_at.astimezone(UTC).isoformat(),
            open_fen=-1,
            kept_for="" if proof.paid else _kept_for(tx, proof.paid_order.id),
        )
        messages += [
            NewMessage(
                replace(event, open_fen=open_fen[hearer.binding_id]),
                hearer.addressee,
                f"receipt:{receipt_no}:{hearer.addressee.identity_id}",
                Urgency.RECEIPT,
                proof.now,
                community_id=proof.paid_order.community_id,
            )
            for hearer in some
        ]
    enqueue_many(tx, messages)


_LABELS = Keyed(lambda among: select(units.c.id, units.c.label).where(among(units.c.id)))


def _lines(proof: Proof) -> tuple[tuple[str, str, int], ...]:
    """Return (fee, period, fen) of each bill that was paid; of several units with theirs."""
    several = len({one.unit_id for one in proof.paid}) > 1
    return tuple(
        (f"{one.unit_label} {one.item_name}" if several else one.item_name, one.period, one.fen)
        for one in proof.paid
    )


def after_refund(tx: Connection, payment_id: int, *, now: datetime) -> str | None:
    """Void the receipt of a payment of which money went back, and number one over what is kept.

    Returns the new number, None where nothing is kept or there was no receipt.
    """
    paid_fen: int = tx.execute(
        select(payments.c.amount_fen).where(payments.c.id == payment_id)
    ).scalar_one()
    went_fen: int = tx.execute(
        select(func.coalesce(func.sum(refunds.c.amount_fen - refunds.c.kept_fen), 0)).where(
            refunds.c.payment_id == payment_id, refunds.c.state == RefundStep.SUCCESS
        )
    ).scalar_one()
    old = tx.execute(
        update(receipts)
        .where(receipts.c.payment_id == payment_id, receipts.c.voided_at.is_(None))
        .values(voided_at=now, void_reason="refund")
        .returning(receipts.c.id, receipts.c.community_id, receipts.c.invoiced_at)
    ).one_or_none()
    if old is None or paid_fen == went_fen:
        return None
    year = shanghai_day(now).year
    receipt_no = f"R{year}{next_number(tx, f'receipt:{year}'):07d}"
    values = {
        "receipt_no": receipt_no,
        "payment_id": payment_id,
        "community_id": old.community_id,
        "amount_fen": paid_fen - went_fen,
        "issued_at": now,
        "replaces_id": old.id,
        "invoiced_at": old.invoiced_at,
    }
    tx.execute(receipts.insert().values(values))
    return receipt_no


def _hearers(tx: Connection, proofs: Sequence[Proof]) -> list[list[Hearer]]:
    """Return whoever hears of each money: whose link it was, and who paid by it."""
    causes = [Cause(one.paid_order.identity_id, one.paid_order.unit_id) for one in proofs]
    known = hearers_of_many(tx, set(causes))
    heard = [known[cause] for cause in causes]
    payers = [_other_payer(one, some) for one, some in zip(proofs, heard, strict=True)]
    wanted = {payer for payer in payers if payer}
    found = {row.openid: row for row in _PAYERS.run(tx, wanted)} if wanted else {}
    return [
        [*some, *_also(found.get(payer), some)] for some, payer in zip(heard, payers, strict=True)
    ]


_PAYERS = Keyed(
    lambda among: select(identities.c.openid, identities.c.id, identities.c.account).where(
        among(identities.c.openid)
    )
)


def _other_payer(proof: Proof, heard: Sequence[Hearer]) -> str:
    """Return the openid of a payer who is not known to hear of it already, "" where none is."""
    payer = proof.paid_order.payer_id if proof.paid_order.kind == TradeKind.JSAPI else ""
    return "" if payer in {one.addressee.recipient for one in heard} else payer


def _also(payer: Row[Any] | None, heard: Sequence[Hearer]) -> list[Hearer]:
    if payer is None or payer.id in {one.addressee.identity_id for one in heard}:
        return []
    return [Hearer(Addressee(payer.account, payer.openid, payer.id), 0)]


def _kept_for(tx: Connection, order_id: int) -> str:
    """Return the fee item that an order without bills puts money aside for, "" for any."""
    name = tx.execute(
        select(fee_items.c.name)
        .join(prepay_orders, prepay_orders.c.fee_item_id == fee_items.c.id)
        .where(prepay_orders.c.order_id == order_id)
    ).scalar_one_or_none()
    return name or ""
