"""Deposits (押金): held once their bill is paid, inspected, deducted from, given back.

A deposit is the payer's money: it pays no other bill, and is deducted from only with evidence and
with her word that she agrees.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit, ledger
from storage.audit import Actor
from storage.charge_errors import DepositTooMuch, EvidenceMissing, UnknownDeposit
from storage.events import DepositMoved
from storage.frozen import dataclass
from storage.kinds import Account, FeeClass, Urgency
from storage.ledger import Leg
from storage.many import Keyed
from storage.models.bills import MONTHLY, bills, fee_items
from storage.models.estate import units
from storage.models.payments import allocations, payment_orders, payments
from storage.models.prepayments import deposits
from storage.operations.hearers import hearers
from storage.outbox import enqueue
from storage.sql import insert_once

CAUSE: Final = "deposit"
"""The cause of a refund that gives a deposit back: its bill stays paid."""


_DEPOSITS = Keyed(
    lambda among: (
        select(bills.c.id, bills.c.unit_id, bills.c.liable_id, bills.c.amount_fen, fee_items.c.name)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(
            among(bills.c.id),
            fee_items.c.fee_class == FeeClass.DEPOSIT,
            bills.c.paid_fen == bills.c.amount_fen,
            bills.c.voided_at.is_(None),
            bills.c.is_imported == MONTHLY,
        )
        .order_by(bills.c.id)
    )
)


def take(tx: Connection, paid_at: Mapping[int, datetime]) -> int:
    """Hold the deposits among bills that are paid in full by now, each once; return how many.

    Takes bill → when money came for it. One that was brought along as a debt of the old books is
    theirs to hold, not ours.
    """
    rows = _DEPOSITS.run(tx, paid_at).all()
    taken = [
        insert_once(
            tx,
            deposits,
            {
                "unit_id": row.unit_id,
                "bill_id": row.id,
                "resident_id": row.liable_id,
                "amount_fen": row.amount_fen,
                "purpose": row.name,
                "taken_at": paid_at[row.id],
            },
        )
        for row in rows
    ]
    return sum(one is not None for one in taken)


def forget(tx: Connection, bill_ids: Iterable[int]) -> None:
    """Hold the deposits of bills no more whose payment is undone: they are owed as before.

    Raises DepositTooMuch where one was inspected: only then may anything become of it.
    """
    rows = tx.execute(
        select(deposits).where(deposits.c.bill_id.in_([*bill_ids])).with_for_update()
    ).all()
    for row in rows:
        if row.inspected_at is not None:
            raise DepositTooMuch(left_of(row))
    tx.execute(deposits.delete().where(deposits.c.id.in_([row.id for row in rows])))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found: what is kept of a deposit, why, what proves it, and who agreed to it."""

    bill_no: str
    deducted_fen: int = 0
    evidence: str = ""
    """Photos, a record: where they lie and what they show. Needed to deduct."""
    agreed_by: str = ""
    """How the payer said that she agrees. Needed to deduct."""


def inspect(tx: Connection, found: Inspection, *, actor: Actor, now: datetime) -> int:
    """Note an inspection and deduct what it found, once; return what is left of the deposit.

    Again with the same sum changes nothing. Raises UnknownDeposit, DepositTooMuch,
    EvidenceMissing.
    """
    row = lock(tx, found.bill_no)
    if found.deducted_fen < 0:
        raise DepositTooMuch(left_of(row))
    if row.inspected_at is not None and row.deducted_fen == found.deducted_fen:
        return left_of(row)
    if found.deducted_fen and not (found.evidence.strip() and found.agreed_by.strip()):
        raise EvidenceMissing
    if row.deducted_fen or found.deducted_fen > left_of(row):
        raise DepositTooMuch(left_of(row))
    evidence = f"{found.evidence.strip()}（{found.agreed_by.strip()}）" if found.evidence else ""
    tx.execute(
        update(deposits)
        .where(deposits.c.id == row.id)
        .values(
            deducted_fen=found.deducted_fen,
            evidence=evidence[:200],
            inspected_by=actor.staff_id,
            inspected_at=now,
        )
    )
    audit.note(tx, actor, "inspect", "deposit", row.bill_no, at=now, detail=str(found.deducted_fen))
    left_fen = left_of(row) - found.deducted_fen
    if found.deducted_fen:
        book(tx, row, f"deposit-deduct:{row.bill_no}", found.deducted_fen, Account.INCOME, now)
        tell(tx, row, ("deducted", found.deducted_fen, left_fen, evidence), now)
    return left_fen


def give(tx: Connection, bill_id: int, amount_fen: int, *, now: datetime) -> None:
    """Count what goes back of a deposit (above 0), or stays after all (below 0).

    Raises UnknownDeposit, DepositTooMuch.
    """
    row = tx.execute(
        select(deposits).where(deposits.c.bill_id == bill_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownDeposit(str(bill_id))
    if amount_fen > left_of(row):
        raise DepositTooMuch(left_of(row))
    tx.execute(
        update(deposits)
        .where(deposits.c.id == row.id)
        .values(returned_fen=deposits.c.returned_fen + amount_fen, returned_at=now)
    )


def lock(tx: Connection, bill_no: str) -> Row[Any]:
    """Return a deposit by its bill's number, with its unit, until the transaction ends."""
    row = tx.execute(
        select(
            deposits,
            bills.c.bill_no,
            bills.c.community_id,
            units.c.label.label("unit_label"),
        )
        .join(bills, bills.c.id == deposits.c.bill_id)
        .join(units, units.c.id == deposits.c.unit_id)
        .where(bills.c.bill_no == bill_no)
        .with_for_update(of=deposits)
    ).one_or_none()
    if row is None:
        raise UnknownDeposit(bill_no)
    return row


def left_of(row: Row[Any]) -> int:
    """Return the fen that are still held of a deposit's row."""
    return int(row.amount_fen - row.deducted_fen - row.returned_fen)


def book(
    tx: Connection, row: Row[Any], key: str, amount_fen: int, to: Account, now: datetime
) -> bool:
    """Take fen out of the deposits held; False where the key was booked before."""
    return ledger.post(
        tx,
        key=key,
        memo="押金",
        community_id=row.community_id,
        posted_at=now,
        legs=[Leg(Account.DEPOSIT, amount_fen), Leg(to, -amount_fen)],
    )


def tell(tx: Connection, row: Row[Any], moved: tuple[str, int, int, str], now: datetime) -> None:
    """Tell who paid the deposit, or all who have bound the unit where nobody knows who did."""
    change, amount_fen, left_fen, evidence = moved
    event = DepositMoved(row.unit_label, row.purpose, change, amount_fen, left_fen, evidence)
    payer_id = tx.execute(
        select(payment_orders.c.identity_id)
        .select_from(
            allocations.join(payments, payments.c.id == allocations.c.payment_id).join(
                payment_orders, payment_orders.c.id == payments.c.order_id
            )
        )
        .where(allocations.c.bill_id == row.bill_id, allocations.c.refund_id.is_(None))
        .order_by(allocations.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    for hearer in hearers(tx, identity_id=payer_id, unit_id=row.unit_id):
        enqueue(
            tx,
            event,
            hearer.addressee,
            key=f"deposit:{row.bill_no}:{change}:{left_fen}:{hearer.addressee.identity_id}",
            urgency=Urgency.RECEIPT,
            now=now,
            community_id=row.community_id,
        )
