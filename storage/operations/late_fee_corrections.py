"""Late fees that turned out too high: taken back and charged anew; waived (减免) by two people."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage import audit
from storage.audit import CLOCK, Actor
from storage.charge_errors import WaiverTooMuch
from storage.errors import NotAllowed, SelfApproval, UnknownBill
from storage.frozen import dataclass
from storage.models.bills import bills
from storage.models.late_fees import waivers
from storage.operations.bills import void_bill
from storage.operations.differences import raise_difference
from storage.operations.issuing import lock_billing
from storage.operations.late_fees import (
    LateFeePart,
    NewLateFee,
    clause_on,
    lock_units,
    write_late_fee,
)
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.late_fees import (
    RECALCULATED,
    LateFeeBill,
    Terms,
    late_fee_bills,
    lateness,
    terms_of,
)
from storage.queries.staff import is_manager

CHARGED_TOO_MUCH: Final = "late_fee_too_much"
REASON_CHARS: Final = 120


def correct_late_fees(
    tx: Connection, *, community_id: int, unit_ids: Collection[int], now: datetime
) -> int:
    """Take back late fees that turned out too high, and charge what is right; return how many.

    A payment was heard late, a fee was waived, a bill voided: each late-fee bill is held against
    the rule again, and one that is too high is voided and issued anew, linked to it, which counts
    today even where its month is closed. One that was paid is put before an operator. Run again
    it changes nothing.
    """
    lock_billing(tx, community_id)
    lock_units(tx, unit_ids)
    books = _Books(community_id, terms_of(tx, community_id), now)
    known = late_fee_bills(tx, unit_ids)
    return sum(_replay(tx, charged, books) for charged in known.values())


@dataclass(frozen=True, slots=True)
class _Books:
    """What a correction needs to know of a community."""

    community_id: int
    terms: Sequence[Terms]
    now: datetime


def _may_change(bill: LateFeeBill) -> bool:
    """Tell whether a bill stands, nobody has paid of it, and it is still asked for.

    One made anew would ask again for what was waived or written off of the old one.
    """
    return not bill.is_void and not bill.paid_fen and bill.is_asked


def _replay(tx: Connection, charged: Sequence[LateFeeBill], books: _Books) -> int:
    """Go through a unit's late-fee bills by the last of their days, each after those before it."""
    ids = {part.principal_id for bill in charged for part in bill.parts}
    sofar = dict.fromkeys(ids, 0)
    corrected = 0
    for bill in charged:
        late = lateness(tx, ids, terms=books.terms, as_of=bill.last_on)
        parts = [
            LateFeePart(late[one.principal_id], sofar[one.principal_id])
            for one in bill.parts
            if one.principal_id in late
        ]
        amounts = {one.principal_id: one.amount_fen for one in bill.parts}
        if _over_fen(amounts, parts) and _may_change(bill):
            _reissue(tx, bill, [one for one in parts if one.amount_fen], books)
            amounts = {one.late.principal.bill_id: one.amount_fen for one in parts}
            corrected += 1
        for key, fen in amounts.items():
            sofar[key] += fen
    _alarm_if_kept_too_much(tx, charged, sofar, books)
    return corrected


def _alarm_if_kept_too_much(
    tx: Connection, charged: Sequence[LateFeeBill], sofar: dict[int, int], books: _Books
) -> None:
    """Put before an operator what the rule does not give (any more) and cannot be taken back.

    It was paid; what later months bear is charged less by it.
    """
    kept = [one for one in charged if one.paid_fen]
    if not kept:
        return
    late = lateness(tx, sofar, terms=books.terms, as_of=charged[-1].last_on)
    right = {key: one.late_fee.owed_fen for key, one in late.items()}
    over_fen = sum(max(fen - right.get(key, 0), 0) for key, fen in sofar.items())
    if over_fen:
        detail, reference = str(over_fen), kept[-1].bill_no
        raise_difference(tx, CHARGED_TOO_MUCH, reference, detail, at=books.now)


def _over_fen(amounts: dict[int, int], parts: Sequence[LateFeePart]) -> int:
    """Return by how much the parts of a bill are more than the rule gives, part by part."""
    right = {one.late.principal.bill_id: one.amount_fen for one in parts}
    return sum(max(fen - right.get(key, 0), 0) for key, fen in amounts.items())


def _reissue(
    tx: Connection, bill: LateFeeBill, parts: Sequence[LateFeePart], books: _Books
) -> None:
    void_bill(tx, bill_id=bill.bill_id, reason=RECALCULATED, actor=CLOCK, now=books.now)
    if not parts:
        return
    new = NewLateFee(
        community_id=books.community_id,
        unit_id=bill.unit_id,
        liable_id=bill.liable_id,
        period=BillingPeriod.parse(bill.period),
        due_on=bill.due_on,
        parts=tuple(parts),
        clause=clause_on(books.terms, bill.last_on),
        corrects_id=bill.bill_id,
    )
    write_late_fee(tx, new, books.now)


def waive_late_fee(
    tx: Connection,
    *,
    bill_no: str,
    amount_fen: int,
    reason: str,
    asked_by: int,
    approved_by: int,
    now: datetime,
) -> int:
    """Waive late fee of a bill, or of all bills that a late-fee bill is about; return fen waived.

    What was charged and not paid is taken back at once; what was not charged yet never will be.
    `asked_by` and `approved_by` are staff, the second a manager of the community. Raises
    UnknownBill, NotAllowed, SelfApproval, and WaiverTooMuch where less is left to waive.
    """
    bill = tx.execute(select(bills).where(bills.c.bill_no == bill_no)).one_or_none()
    if bill is None or bill.voided_at is not None:
        raise UnknownBill
    if asked_by == approved_by:
        raise SelfApproval
    if not is_manager(tx, approved_by, bill.community_id):
        raise NotAllowed
    lock_units(tx, [bill.unit_id])
    left = _left_to_waive(tx, bill.id, bill.unit_id, bill.community_id, now)
    if not 0 < amount_fen <= sum(left.values()):
        raise WaiverTooMuch(sum(left.values()))
    rest_fen = amount_fen
    for key, fen in left.items():
        part_fen = min(rest_fen, fen)
        if part_fen:
            tx.execute(
                waivers.insert().values(
                    bill_id=key,
                    amount_fen=part_fen,
                    reason=reason.strip()[:REASON_CHARS],
                    asked_by=asked_by,
                    approved_by=approved_by,
                    made_at=now,
                )
            )
        rest_fen -= part_fen
    detail = f"late fee {amount_fen} asked by {asked_by}: {reason.strip()[:REASON_CHARS]}"
    audit.note(tx, Actor(staff_id=approved_by), "waive", "bill", bill_no, at=now, detail=detail)
    correct_late_fees(tx, community_id=bill.community_id, unit_ids=[bill.unit_id], now=now)
    return amount_fen


def _left_to_waive(
    tx: Connection, bill_id: int, unit_id: int, community_id: int, now: datetime
) -> dict[int, int]:
    """Return principal → fen of its late fee up to today, or as far as the bill named charges it.

    What a paid late-fee bill charged is not waived but refunded.
    """
    charged = late_fee_bills(tx, [unit_id]).get(unit_id, [])
    named = next((one for one in charged if one.bill_id == bill_id), None)
    wanted = {bill_id} if named is None else {one.principal_id for one in named.parts}
    late = lateness(tx, wanted, terms=terms_of(tx, community_id), as_of=shanghai_day(now))
    left = {key: one.late_fee.owed_fen - _paid_fen(charged, key) for key, one in late.items()}
    if named is not None:
        mine = {one.principal_id: one.amount_fen for one in named.parts}
        left = {key: min(fen, mine[key]) for key, fen in left.items()}
    return {key: max(fen, 0) for key, fen in left.items()}


def _paid_fen(charged: Sequence[LateFeeBill], principal_id: int) -> int:
    """Return what bills that were paid, in part even, charged for a principal."""
    return sum(
        part.amount_fen
        for bill in charged
        if bill.paid_fen
        for part in bill.parts
        if part.principal_id == principal_id
    )
