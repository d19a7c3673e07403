"""Late fees (违约金): charge a month's days, one bill for a unit, a line for each principal.

What is charged is always what the rule derives up to a month's end, less what earlier late-fee
bills charged: running again, late or in another order never charges a day twice.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from storage import ledger
from storage.events import BillsIssued
from storage.frozen import dataclass
from storage.kinds import Account, LateFeeMode, LineKind, Urgency
from storage.ledger import Leg
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.estate import units
from storage.operations.issuing import lock_billing
from storage.outbox import Addressee, enqueue
from storage.periods import BillingPeriod, DaySpan, shanghai_day, shanghai_instant
from storage.queries.bills import open_bills
from storage.queries.closes import closed_periods
from storage.queries.late_fees import (
    LATE_FEE,
    LATE_FEE_NAME,
    LateFeeBill,
    Lateness,
    Terms,
    charged_by_principal,
    late_bills,
    late_fee_bills,
    lateness,
    terms_of,
)
from storage.queries.opening import spoken_to
from storage.queries.residents import listeners
from storage.rules.explanations import Reckoning, Step, reckon
from storage.rules.figures import YUAN, Factor, money_text, yuan_figure
from storage.rules.rounding import TO_THE_FEN
from storage.sql import insert, next_number

DUE_DAY: Final = 25
NOTICE_DAYS: Final = 10
"""A late fee is due on the first 25th that is at least so many days away."""


@dataclass(frozen=True, slots=True)
class Charged:
    """What charging a month's late fees did: bills, messages, and fen."""

    issued: int = 0
    told: int = 0
    total_fen: int = 0


@dataclass(frozen=True, slots=True)
class LateFeePart:
    """What a bill charges for one principal: the derived fee less what was charged before."""

    late: Lateness
    before_fen: int

    @property
    def amount_fen(self) -> int:
        return max(self.late.late_fee.owed_fen - self.before_fen, 0)

    @property
    def label(self) -> str:
        principal = self.late.principal
        period = BillingPeriod.parse(principal.period)
        return f"{period.year}年{period.month}月{principal.item_name}"

    @property
    def step(self) -> Step:
        """The part as a step of the bill's explanation, from which it can be recomputed."""
        derived = self.late.late_fee.explanation
        first, last = derived["steps"][0]["from"], derived["steps"][-1]["to"]
        days = DaySpan(date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1))
        of = asdict(self.late.principal) | {
            "due_on": self.late.principal.due_on.isoformat(),
            "waived_fen": self.late.waived_fen,
            "before_fen": self.before_fen,
        }
        return Step(
            LineKind.LATE_FEE,
            (Factor(yuan_figure(self.amount_fen), YUAN),),
            days,
            derived["tariff"],
            f"{self.label}：{self._told}",
            {"of": of, "derived": derived},
        )

    @property
    def _told(self) -> str:
        """The derived product less what was waived and charged: "250.60元 × 0.05% × 35天 − 0.63元".

        Where the cap was met it is the capped amount that is told.
        """
        made = self.late.late_fee
        product, _, came_to = made.explanation["sum"].partition(" = ")
        told = money_text(made.charged_fen) if " → " in came_to else product
        less = [money_text(fen) for fen in (self.late.waived_fen, self.before_fen) if fen]
        return " − ".join([told, *less])


@dataclass(frozen=True, slots=True)
class NewLateFee:
    """A late-fee bill to be written; it may take the place of another."""

    community_id: int
    unit_id: int
    liable_id: int | None
    period: BillingPeriod
    due_on: date
    parts: tuple[LateFeePart, ...]
    clause: str
    corrects_id: int | None = None

    @property
    def amount_fen(self) -> int:
        return sum(one.amount_fen for one in self.parts)


def bill_late_fees(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    unit_ids: Collection[int],
    now: datetime,
) -> Charged:
    """Charge units the late fees of a month that is over: one bill each, a line per principal.

    A unit whose month was charged before, or whose bill of it a person took back, gets none.
    Debts of several parties (a tenant's, an owner's) are on a bill for each. What is not charged
    because the month was closed meanwhile is charged with the next. Raises ValueError where the
    month is not over.
    """
    if shanghai_day(now) <= period.last_on:
        raise ValueError(f"{period} is not over")
    terms = terms_of(tx, community_id)
    if not may_charge(terms, period.last_on):
        return Charged()
    lock_billing(tx, community_id)
    if str(period) in closed_periods(tx, community_id):
        return Charged()
    lock_units(tx, unit_ids)
    known = late_fee_bills(tx, unit_ids)
    since = looked_back_to(period)
    found = lateness(tx, late_bills(tx, unit_ids, since=since), terms=terms, as_of=period.last_on)
    issued = told = total_fen = 0
    for new in _new_late_fees(community_id, period, found.values(), known, terms, now):
        bill_id = write_late_fee(tx, new, now)
        issued, total_fen = issued + 1, total_fen + new.amount_fen
        told += _tell(tx, new, bill_id, now)
    return Charged(issued, told, total_fen)


def looked_back_to(period: BillingPeriod) -> datetime:
    """Return since when money that moved makes a paid bill one that a month may have to charge.

    A month more than the month itself: what a closed month left uncharged is found again.
    """
    return shanghai_instant(period.plus(-1).first_on)


def may_charge(terms: Iterable[Terms], last_on: date) -> bool:
    """Tell whether any day up to `last_on` is charged by a community's terms."""
    return any(
        one.policy.mode == LateFeeMode.CHARGED and one.policy.effective_on <= last_on
        for one in terms
    )


def lock_units(tx: Connection, unit_ids: Collection[int]) -> None:
    """Let nobody else charge these units until the end."""
    asked = select(units.c.id).where(units.c.id.in_(sorted(unit_ids))).order_by(units.c.id)
    tx.execute(asked.with_for_update()).all()


def _new_late_fees(
    community_id: int,
    period: BillingPeriod,
    found: Iterable[Lateness],
    known: dict[int, list[LateFeeBill]],
    terms: Sequence[Terms],
    now: datetime,
) -> list[NewLateFee]:
    due_on = BillingPeriod.of(shanghai_day(now) + timedelta(days=NOTICE_DAYS)).day(DUE_DAY)
    by_party: dict[tuple[int, int | None], list[LateFeePart]] = {}
    for late in sorted(found, key=lambda one: (one.principal.period, one.principal.bill_id)):
        unit_id = late.principal.unit_id
        before = charged_by_principal(known.get(unit_id, ()))
        part = LateFeePart(late, before.get(late.principal.bill_id, 0))
        if part.amount_fen:
            by_party.setdefault((unit_id, late.principal.liable_id), []).append(part)
    new = []
    for (unit_id, liable_id), parts in by_party.items():
        of_month = [one for one in known.get(unit_id, ()) if one.period == str(period)]
        if any(one.liable_id == liable_id for one in of_month):
            continue
        clause = clause_on(terms, period.last_on)
        new.append(
            NewLateFee(community_id, unit_id, liable_id, period, due_on, tuple(parts), clause)
        )
    return new


def clause_on(terms: Sequence[Terms], day: date) -> str:
    """Return the clause of the newest charging terms in force on a day, or ""."""
    charging = [
        one.clause
        for one in terms
        if one.policy.mode == LateFeeMode.CHARGED and one.policy.effective_on <= day
    ]
    return charging[-1] if charging else ""


def write_late_fee(tx: Connection, new: NewLateFee, now: datetime) -> int:
    """Write a bill with its lines, its frozen explanation and its ledger entry; return its key."""
    made = reckon(
        [one.step for one in new.parts], rounding=TO_THE_FEN, basis=str(LineKind.LATE_FEE)
    )
    explanation = made.explanation | {"clause": new.clause}
    bill_no = f"B{new.period}-{next_number(tx, f'bill:{new.period}'):06d}"
    item_id = _fee_item(tx, new.community_id)
    bill_id: int = tx.execute(
        bills.insert()
        .values(
            bill_no=bill_no,
            community_id=new.community_id,
            unit_id=new.unit_id,
            fee_item_id=item_id,
            liable_id=new.liable_id,
            period=str(new.period),
            revision=_next_revision(tx, new, item_id),
            amount_fen=made.amount_fen,
            due_on=new.due_on,
            issued_at=now,
            explanation=json.dumps(explanation, ensure_ascii=False),
            begins_on=new.period.first_on,
            last_on=new.period.last_on,
            corrects_id=new.corrects_id,
        )
        .returning(bills.c.id)
    ).scalar_one()
    tx.execute(bill_lines.insert(), _lines(bill_id, new, made))
    ledger.post(
        tx,
        key=f"bill:{bill_no}",
        memo=LATE_FEE_NAME,
        community_id=new.community_id,
        posted_at=now,
        legs=[
            Leg(Account.RECEIVABLE, made.amount_fen, new.unit_id),
            Leg(Account.INCOME, -made.amount_fen),
        ],
    )
    return bill_id


def _next_revision(tx: Connection, new: NewLateFee, item_id: int) -> int:
    """Return the first revision of the unit's late fee of the month that is free."""
    last: int | None = tx.execute(
        select(func.max(bills.c.revision)).where(
            bills.c.unit_id == new.unit_id,
            bills.c.fee_item_id == item_id,
            bills.c.period == str(new.period),
        )
    ).scalar_one()
    return 0 if last is None else last + 1


def _lines(bill_id: int, new: NewLateFee, made: Reckoning) -> list[dict[str, object]]:
    return [
        {
            "bill_id": bill_id,
            "label": part.label[:60],
            "quantity": "",
            "unit_price": "",
            "kind": str(line.kind),
            "amount_fen": line.amount_fen,
        }
        for part, line in zip(new.parts, made.lines, strict=True)
    ]


def _fee_item(tx: Connection, community_id: int) -> int:
    """Return the fee item of late fees, made where it is missing."""
    named = {"community_id": community_id, "name": LATE_FEE_NAME}
    key: int = tx.execute(
        insert(tx, fee_items)
        .values(code=LATE_FEE, **named)
        .on_conflict_do_update(index_elements=[*named], set_={"code": LATE_FEE})
        .returning(fee_items.c.id)
    ).scalar_one()
    return key


def _tell(tx: Connection, new: NewLateFee, bill_id: int, now: datetime) -> int:
    """Tell those who may see the bill, once; a community that stays silent tells nobody."""
    label = tx.execute(
        select(units.c.label).where(units.c.id == new.unit_id, spoken_to(tx, new.community_id))
    ).scalar_one_or_none()
    told = 0
    for one in listeners(tx, new.unit_id) if label is not None else ():
        if bill_id not in {bill.bill_id for bill in open_bills(tx, one.binding_id)}:
            continue
        news = BillsIssued(
            unit_id=new.unit_id,
            unit_label=str(label),
            binding_id=one.binding_id,
            link_epoch=one.link_epoch,
            period=str(new.period),
            lines=((LATE_FEE_NAME, new.amount_fen),),
            total_fen=new.amount_fen,
            due_on=new.due_on.isoformat(),
        )
        told += enqueue(
            tx,
            news,
            Addressee(one.account, one.openid, one.identity_id),
            key=f"late_fee:{new.period}:{new.unit_id}:{bill_id}:{one.identity_id}",
            urgency=Urgency.REMINDER,
            now=now,
            community_id=new.community_id,
        )
    return told
