"""Dunning (催缴) as the office looks through it: holds in force, and promises that are open."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, or_, select

from storage.frozen import dataclass
from storage.kinds import HoldKind
from storage.models.bills import bills
from storage.models.dunning import dunning_acts, promises
from storage.models.estate import units
from storage.models.late_fees import holds
from storage.models.people import staff


@dataclass(frozen=True, slots=True)
class HeldUnit:
    """A hold in force; `last_on` None while nobody has said until when, `bill_no` "" for all."""

    hold_id: int
    unit_id: int
    unit_label: str
    kind: HoldKind
    reason: str
    from_on: date
    last_on: date | None
    bill_no: str
    amount_fen: int | None
    staff_name: str


def held_units(
    tx: Connection, *, community_ids: Sequence[int], day: date, unit_id: int = 0, limit: int
) -> list[HeldUnit]:
    """Return the holds in force on a Shanghai day, the newest first; of one unit where named."""
    asked = (
        select(holds, units.c.label, bills.c.bill_no, staff.c.name.label("staff_name"))
        .select_from(
            holds.join(units, units.c.id == holds.c.unit_id)
            .outerjoin(bills, bills.c.id == holds.c.bill_id)
            .outerjoin(staff, staff.c.id == holds.c.staff_id)
        )
        .where(
            units.c.community_id.in_(community_ids),
            holds.c.from_on <= day,
            or_(holds.c.until_on.is_(None), holds.c.until_on > day),
        )
        .order_by(holds.c.id.desc())
        .limit(limit)
    )
    if unit_id:
        asked = asked.where(holds.c.unit_id == unit_id)
    return [
        HeldUnit(
            row.id,
            row.unit_id,
            row.label,
            HoldKind(row.kind),
            row.reason,
            row.from_on,
            None if row.until_on is None else row.until_on - timedelta(days=1),
            row.bill_no or "",
            row.amount_fen,
            row.staff_name or "",
        )
        for row in tx.execute(asked)
    ]


@dataclass(frozen=True, slots=True)
class OpenPromise:
    """What somebody said that would be paid by a day, and that is not judged yet."""

    unit_id: int
    unit_label: str
    due_on: date
    amount_fen: int
    made_at: datetime


def open_promises(
    tx: Connection, *, community_ids: Sequence[int], unit_id: int = 0, limit: int
) -> list[OpenPromise]:
    """Return the promises that nobody has kept or broken yet, the first due first."""
    asked = (
        select(promises, units.c.label)
        .join(units, units.c.id == promises.c.unit_id)
        .where(units.c.community_id.in_(community_ids), promises.c.state == "open")
        .order_by(promises.c.due_on, promises.c.id)
        .limit(limit)
    )
    if unit_id:
        asked = asked.where(promises.c.unit_id == unit_id)
    return [
        OpenPromise(row.unit_id, row.label, row.due_on, row.amount_fen, row.made_at)
        for row in tx.execute(asked)
    ]


def last_act_id(tx: Connection, unit_id: int) -> int:
    """Return the newest act about a unit's debt, 0 for none: what a form has seen."""
    newest = select(func.max(dunning_acts.c.id)).where(dunning_acts.c.unit_id == unit_id)
    return int(tx.execute(newest).scalar_one() or 0)


@dataclass(frozen=True, slots=True)
class WrittenLetter:
    """A letter (催告函) that was approved; `delivered` is how it arrived, "" while nobody said."""

    letter_no: str
    approved_at: datetime
    amount_fen: int
    delivered: str


def letters_of(tx: Connection, unit_id: int) -> list[WrittenLetter]:
    """Return the letters of a unit, the newest first."""
    rows = tx.execute(
        select(dunning_acts)
        .where(
            dunning_acts.c.unit_id == unit_id,
            dunning_acts.c.act.in_(("letter", "letter_delivered")),
        )
        .order_by(dunning_acts.c.id.desc())
    ).all()
    told = (row.detail.partition(": ") for row in rows if row.act == "letter_delivered")
    arrived = {number: how for number, _, how in told}
    return [
        WrittenLetter(number, row.done_at, row.amount_fen, arrived.get(number, ""))
        for row in rows
        if row.act == "letter" and (number := row.detail.partition(" ")[0])
    ]
