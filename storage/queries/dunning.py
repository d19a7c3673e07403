"""Dunning (催缴) as it stands: a community's plan, what was done, and debts by their age (账龄)."""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from storage.frozen import dataclass
from storage.kinds import FeeClass, Tone
from storage.models.bills import bills, fee_items
from storage.models.dunning import dunning_acts, dunning_steps
from storage.models.estate import units
from storage.periods import shanghai_day
from storage.queries.debt_ages import bucket_on
from storage.queries.policies import policy_on
from storage.rules.dunning import AGES, DunningStep, Route, last_due_on, limit_on

WRITTEN: Final = ("letter_delivered", "promise")
"""Acts with which the three years of a debt begin anew: a demand that arrived, a promise."""
NEAR: Final = timedelta(days=180)
"""So long before the three years are over a debt is listed."""


def plan_on(tx: Connection, community_id: int, day: date) -> tuple[DunningStep, ...]:
    """Return the steps in force on a Shanghai day, the first first.

    Without steps of its own a community has those of its choices' `reminder_days`, by chat: kind
    up to the due day, plain after it.
    """
    newest = (
        select(func.max(dunning_steps.c.effective_on))
        .where(dunning_steps.c.community_id == community_id, dunning_steps.c.effective_on <= day)
        .scalar_subquery()
    )
    rows = tx.execute(
        select(dunning_steps)
        .where(
            dunning_steps.c.community_id == community_id,
            dunning_steps.c.effective_on == newest,
        )
        .order_by(dunning_steps.c.days_from_due)
    ).all()
    if rows:
        return tuple(
            DunningStep(row.days_from_due, Route(row.route), Tone(row.tone), row.minimum_fen)
            for row in rows
        )
    days = sorted(policy_on(tx, community_id, day).reminder_days)
    return tuple(DunningStep(one, tone=Tone.KIND if one <= 0 else Tone.PLAIN) for one in days)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done about a unit's debt."""

    act: str
    done_at: datetime
    amount_fen: int
    days_from_due: int | None
    detail: str
    staff_id: int | None


def acts_of(tx: Connection, unit_id: int, *, limit: int) -> list[Act]:
    """Return what was done about a unit's debt, the newest first."""
    rows = tx.execute(
        select(dunning_acts)
        .where(dunning_acts.c.unit_id == unit_id)
        .order_by(dunning_acts.c.done_at.desc(), dunning_acts.c.id.desc())
        .limit(limit)
    )
    return [
        Act(row.act, row.done_at, row.amount_fen, row.days_from_due, row.detail, row.staff_id)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class OldDebt:
    """A debt that is soon too old to be asked for, or is so already."""

    unit_label: str
    bill_no: str
    item_name: str
    open_fen: int
    due_on: date
    limit_on: date
    """By when it has to be asked for on paper."""


@dataclass(frozen=True, slots=True)
class Ageing:
    """What a community's open bills come to by age, in fen, and the debts nearing three years."""

    buckets_fen: tuple[int, ...]
    """Not due or up to 30 days late, then beyond 30, 90, 365, 730 and 1095 days."""
    old: tuple[OldDebt, ...]


_OPEN: Final = (bills.c.amount_fen - bills.c.paid_fen).label("open_fen")


def ageing(tx: Connection, community_id: int, *, as_of: date) -> Ageing:
    """Return the open bills of a community by age on a Shanghai day; deposits, renewals apart."""
    owed = and_(
        bills.c.community_id == community_id,
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
        fee_items.c.fee_class.not_in([FeeClass.DEPOSIT, FeeClass.RENEWAL]),
    )
    aged = (
        select(_OPEN, bucket_on(as_of, AGES))
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(owed)
        .subquery("aged")
    )
    sums = select(aged.c.bucket, func.sum(aged.c.open_fen)).group_by(aged.c.bucket)
    by_bucket = {bucket: int(fen) for bucket, fen in tx.execute(sums)}
    buckets = tuple(by_bucket.get(one, 0) for one in range(len(AGES) + 1))
    return Ageing(buckets, tuple(_old(tx, owed, community_id, as_of)))


def _old(
    tx: Connection, owed: ColumnElement[bool], community_id: int, as_of: date
) -> list[OldDebt]:
    rows = tx.execute(
        select(
            bills.c.unit_id,
            bills.c.bill_no,
            bills.c.due_on,
            _OPEN,
            units.c.label,
            fee_items.c.name,
        )
        .select_from(
            bills.join(units, units.c.id == bills.c.unit_id).join(
                fee_items, fee_items.c.id == bills.c.fee_item_id
            )
        )
        .where(owed, bills.c.due_on <= last_due_on(as_of + NEAR))
        .order_by(bills.c.due_on, bills.c.id)
    )
    asked = _asked_on(tx, community_id)
    found = []
    for row in rows:
        last_on = limit_on(row.due_on, asked_on=asked.get(row.unit_id))
        if last_on - NEAR <= as_of:
            found.append(
                OldDebt(row.label, row.bill_no, row.name, row.open_fen, row.due_on, last_on)
            )
    return found


def _asked_on(tx: Connection, community_id: int) -> dict[int, date]:
    """Return unit → the last day on which its debt was asked for on paper, or promised."""
    rows = tx.execute(
        select(dunning_acts.c.unit_id, func.max(dunning_acts.c.done_at).label("done_at"))
        .join(units, units.c.id == dunning_acts.c.unit_id)
        .where(units.c.community_id == community_id, dunning_acts.c.act.in_(WRITTEN))
        .group_by(dunning_acts.c.unit_id)
    )
    return {row.unit_id: shanghai_day(row.done_at) for row in rows}


@dataclass(frozen=True, slots=True)
class DueLetter:
    """A household that has come to a letter of the plan, and waits for a person's approval."""

    unit_id: int
    unit_label: str
    unit_code: str
    amount_fen: int
    since: datetime


def letters_due(tx: Connection, community_id: int) -> list[DueLetter]:
    """Return the households whose letter is due and was not approved since, the first first."""
    written = (
        select(dunning_acts.c.unit_id, func.max(dunning_acts.c.done_at).label("done_at"))
        .where(dunning_acts.c.act == "letter")
        .group_by(dunning_acts.c.unit_id)
        .subquery()
    )
    rows = tx.execute(
        select(
            dunning_acts.c.unit_id,
            units.c.label,
            units.c.code,
            func.max(dunning_acts.c.amount_fen).label("amount_fen"),
            func.min(dunning_acts.c.done_at).label("since"),
        )
        .select_from(
            dunning_acts.join(units, units.c.id == dunning_acts.c.unit_id).outerjoin(
                written, written.c.unit_id == dunning_acts.c.unit_id
            )
        )
        .where(
            units.c.community_id == community_id,
            dunning_acts.c.act == "letter_due",
            (written.c.done_at.is_(None)) | (dunning_acts.c.done_at > written.c.done_at),
        )
        .group_by(dunning_acts.c.unit_id, units.c.label, units.c.code)
        .order_by(func.min(dunning_acts.c.done_at), dunning_acts.c.unit_id)
    )
    return [DueLetter(row.unit_id, row.label, row.code, row.amount_fen, row.since) for row in rows]
