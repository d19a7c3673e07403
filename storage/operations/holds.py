"""Holding reminders (暂停催缴), and what residents promise to pay by a day (承诺缴费)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import NothingToPay, UnknownBill
from storage.frozen import dataclass
from storage.kinds import HoldKind
from storage.models.bills import bills
from storage.models.dunning import promises
from storage.models.estate import units
from storage.models.late_fees import holds
from storage.models.payments import allocations
from storage.operations.dunning_acts import note_act
from storage.periods import shanghai_day
from storage.queries.holds import dunned_bills_of_unit
from storage.sql import insert

REASON_CHARS: Final = 120
OPEN, KEPT, BROKEN, WITHDRAWN = "open", "kept", "broken", "withdrawn"


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold to be placed: of a unit's debts, of one bill, or (with an amount) of a part of it."""

    unit_id: int
    kind: HoldKind
    reason: str
    until_on: date | None = None
    bill_id: int | None = None
    amount_fen: int | None = None


def place_hold(tx: Connection, new: NewHold, *, actor: Actor, now: datetime) -> int:
    """Stop reminding from today on; a dispute's late fee stands still too. Return the hold's key.

    Reminders that wait are not sent any more: each looks again when it is sent. Raises
    UnknownBill for a bill of another unit, or for a part of no bill.
    """
    if new.amount_fen is not None and new.bill_id is None:
        raise UnknownBill
    if new.bill_id is not None:
        unit_id = tx.execute(
            select(bills.c.unit_id).where(bills.c.id == new.bill_id, bills.c.voided_at.is_(None))
        ).scalar_one_or_none()
        if unit_id != new.unit_id:
            raise UnknownBill
    reason = new.reason.strip()[:REASON_CHARS]
    hold_id: int = tx.execute(
        insert(tx, holds)
        .values(
            unit_id=new.unit_id,
            bill_id=new.bill_id,
            kind=new.kind,
            amount_fen=new.amount_fen,
            from_on=shanghai_day(now),
            until_on=new.until_on,
            reason=reason,
            identity_id=actor.identity_id,
            staff_id=actor.staff_id,
            made_at=now,
        )
        .returning(holds.c.id)
    ).scalar_one()
    until = "" if new.until_on is None else f" until {new.until_on}"
    detail = f"{new.kind}{until}"
    note_act(
        tx,
        new.unit_id,
        "hold",
        now=now,
        amount_fen=new.amount_fen or 0,
        detail=f"{detail}: {reason}",
        staff_id=actor.staff_id,
    )
    audit.note(tx, actor, "hold", "dunning", str(hold_id), at=now, detail=detail)
    return hold_id


def end_hold(tx: Connection, hold_id: int, *, actor: Actor, now: datetime) -> bool:
    """Let reminders go on from today; returns False where the hold had ended before."""
    today = shanghai_day(now)
    ended = tx.execute(
        update(holds)
        .where(
            holds.c.id == hold_id,
            holds.c.ended_at.is_(None),
            func.coalesce(holds.c.until_on, date.max) > today,
        )
        .values(until_on=today, ended_at=now)
        .returning(holds.c.unit_id, holds.c.kind)
    ).one_or_none()
    if ended is None:
        return False
    tx.execute(
        update(promises)
        .where(promises.c.hold_id == hold_id, promises.c.state == OPEN)
        .values(state=WITHDRAWN)
    )
    note_act(tx, ended.unit_id, "hold_end", now=now, detail=ended.kind, staff_id=actor.staff_id)
    audit.note(tx, actor, "end_hold", "dunning", str(hold_id), at=now)
    return True


def promise(
    tx: Connection,
    *,
    unit_id: int,
    parts: Sequence[tuple[date, int]],
    actor: Actor,
    now: datetime,
) -> int:
    """Write down what somebody says she will pay, (day, fen) by (day, fen); return the hold.

    Until the last day is over nobody of the unit is reminded of what is open now. Earlier
    promises of the unit give way to this one. Raises NothingToPay where nothing is asked for.
    """
    label = tx.execute(
        select(units.c.label).where(units.c.id == unit_id).with_for_update()
    ).scalar_one()
    _withdraw(tx, unit_id, actor, now)
    if not dunned_bills_of_unit(tx, unit_id, shanghai_day(now)):
        raise NothingToPay(label)
    last_on = max(day for day, _ in parts)
    kind = HoldKind.PROMISE if len(parts) == 1 else HoldKind.INSTALMENT
    new = NewHold(unit_id, kind, "", last_on + timedelta(days=1))
    hold_id = place_hold(tx, new, actor=actor, now=now)
    tx.execute(
        promises.insert(),
        [
            {
                "unit_id": unit_id,
                "hold_id": hold_id,
                "identity_id": actor.identity_id,
                "due_on": day,
                "amount_fen": fen,
                "made_at": now,
                "state": OPEN,
            }
            for day, fen in sorted(parts)
        ],
    )
    for day, fen in sorted(parts):
        note_act(tx, unit_id, "promise", now=now, amount_fen=fen, detail=day.isoformat())
    return hold_id


def _withdraw(tx: Connection, unit_id: int, actor: Actor, now: datetime) -> None:
    known = select(promises.c.hold_id).where(
        promises.c.unit_id == unit_id, promises.c.state == OPEN
    )
    for hold_id in sorted(set(tx.execute(known).scalars())):
        end_hold(tx, hold_id, actor=actor, now=now)


def judge_promises(tx: Connection, *, community_id: int, now: datetime) -> list[int]:
    """Hold promises against what came since; return the units where one was broken.

    Kept is what was paid by its day, of several parts together up to each. A broken one ends
    its hold, and the reminders go on; the last one kept ends it too.
    """
    today = shanghai_day(now)
    rows = tx.execute(
        select(promises)
        .join(units, units.c.id == promises.c.unit_id)
        .where(units.c.community_id == community_id, promises.c.state == OPEN)
        .order_by(promises.c.hold_id, promises.c.due_on, promises.c.id)
    ).all()
    by_hold: dict[int, list[Row[Any]]] = {}
    for row in rows:
        by_hold.setdefault(row.hold_id, []).append(row)
    return [
        parts[0].unit_id
        for hold_id, parts in by_hold.items()
        if _judge(tx, hold_id, parts, today, now)
    ]


def _judge(
    tx: Connection, hold_id: int, parts: Sequence[Row[Any]], today: date, now: datetime
) -> bool:
    """Judge the open parts of one agreement; tell whether one was broken."""
    unit_id = parts[0].unit_id
    has_debt = bool(_owed_at(tx, unit_id, parts[0].made_at))
    paid_fen = _paid_since(tx, unit_id, parts[0].made_at)
    promised_fen = _kept_before(tx, hold_id)
    is_broken = False
    for part in parts:
        promised_fen += part.amount_fen
        if not has_debt or paid_fen >= promised_fen:
            _set_state(tx, part, KEPT, now)
        elif part.due_on < today:
            _set_state(tx, part, BROKEN, now)
            is_broken = True
            break
    still_open = select(promises.c.id).where(
        promises.c.hold_id == hold_id, promises.c.state == OPEN
    )
    if is_broken or tx.execute(still_open).first() is None:
        end_hold(tx, hold_id, actor=audit.CLOCK, now=now)
    return is_broken


def _owed_at(tx: Connection, unit_id: int, made_at: datetime) -> list[int]:
    """Return the bills that were there when a promise was made and are still open."""
    asked = select(bills.c.id).where(
        bills.c.unit_id == unit_id,
        bills.c.issued_at <= made_at,
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
    )
    return list(tx.execute(asked).scalars())


def _paid_since(tx: Connection, unit_id: int, since: datetime) -> int:
    """Return what came since an instant for the bills there were, less what went back."""
    paid: int = tx.execute(
        select(func.coalesce(func.sum(allocations.c.amount_fen), 0))
        .join(bills, bills.c.id == allocations.c.bill_id)
        .where(
            bills.c.unit_id == unit_id,
            bills.c.issued_at <= since,
            allocations.c.booked_at >= since,
        )
    ).scalar_one()
    return int(paid)


def _kept_before(tx: Connection, hold_id: int) -> int:
    kept: int = tx.execute(
        select(func.coalesce(func.sum(promises.c.amount_fen), 0)).where(
            promises.c.hold_id == hold_id, promises.c.state == KEPT
        )
    ).scalar_one()
    return int(kept)


def _set_state(tx: Connection, part: Row[Any], state: str, now: datetime) -> None:
    tx.execute(update(promises).where(promises.c.id == part.id).values(state=state))
    act = f"promise_{state}"
    note_act(tx, part.unit_id, act, now=now, amount_fen=part.amount_fen, detail=f"{part.due_on}")
