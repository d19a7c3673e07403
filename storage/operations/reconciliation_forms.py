"""Forms of the reconciliation's pages: they act on what was shown, or on nothing."""

from datetime import datetime

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.bank_errors import UnknownBankRow
from storage.counter_errors import ReasonMissing
from storage.errors import UnknownDifference
from storage.models.bank import bank_rows
from storage.models.estate import units
from storage.models.operating import discrepancies
from storage.operations.differences import close_difference
from storage.operations.suspense import Assigned, assign_row, dismiss_row
from storage.queries.bank_rows import PlannedRow, plan_of_row, waiting_row
from storage.queries.differences import history_of
from storage.queries.residents import Staff


def close_as_seen(
    tx: Connection, number: int, reason: str, *, seen_notes: int, by: Staff, now: datetime
) -> bool:
    """Close a difference whose history had so many lines when it was shown; False where it has
    more by now. Raises UnknownDifference, ReasonMissing.
    """
    tx.execute(
        select(discrepancies.c.id).where(discrepancies.c.id == number).with_for_update()
    ).all()
    found = history_of(tx, number, community_ids=by.community_ids)
    if found is None:
        raise UnknownDifference
    one, notes = found
    if one.closed_at is not None or len(notes) != seen_notes:
        return False
    if not reason.strip():
        raise ReasonMissing
    served = by.community_ids
    close_difference(
        tx,
        number,
        staff_id=by.staff_id,
        community_ids=served,
        reason=reason.strip(),
        now=now,
    )
    return True


def assign_as_seen(
    tx: Connection, row_id: int, unit_id: int, *, seen: str, by: Staff, now: datetime
) -> Assigned | None:
    """Book money that waits for a unit just as the plan was shown (its mark); None where it would
    pay something else by now. Raises UnknownBankRow, also where it does not wait any more.
    """
    _lock(tx, row_id, by)
    here = select(units.c.id).where(
        units.c.id == unit_id, units.c.community_id.in_(by.community_ids)
    )
    if tx.execute(here).one_or_none() is None:
        raise UnknownBankRow
    if plan_mark(plan_of_row(tx, row_id, unit_id)) != seen:
        return None
    return assign_row(tx, row_id, unit_id, actor=Actor(by.staff_id), now=now)


def dismiss_as_seen(tx: Connection, row_id: int, reason: str, *, by: Staff, now: datetime) -> None:
    """Take money out of suspense with a reason. Raises UnknownBankRow, ReasonMissing."""
    _lock(tx, row_id, by)
    if not reason.strip():
        raise ReasonMissing
    dismiss_row(tx, row_id, reason.strip(), actor=Actor(by.staff_id), now=now)


def _lock(tx: Connection, row_id: int, by: Staff) -> None:
    tx.execute(select(bank_rows.c.id).where(bank_rows.c.id == row_id).with_for_update()).all()
    waiting_row(tx, row_id, by.community_ids)


def plan_mark(plan: PlannedRow) -> str:
    """Return a short text that changes when what a row would pay does."""
    paid = "-".join(f"{one.bill_id}.{one.fen}" for one in plan.lines)
    return f"{plan.unit_id}:{plan.amount_fen}:{paid}"
