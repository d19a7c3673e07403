"""Differences (差异) reach the people who can look: cashiers and managers hear, and close them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, update

from storage import audit
from storage.audit import Actor
from storage.errors import UnknownDifference
from storage.events import StaffTask
from storage.kinds import StaffRole
from storage.models.operating import discrepancies
from storage.operations.difference_notes import note_act
from storage.operations.hearers import tell_staff
from storage.periods import shanghai_day
from storage.queries.differences import BOOKS, Difference, difference_of
from storage.queries.estate import all_communities
from storage.queries.proofs import Broken
from storage.queries.quiet import quiet_end
from storage.rules.agreeing import CLOSED

ROLES: Final = (StaffRole.CASHIER, StaffRole.MANAGER)
"""Who hears of a difference, and may close it."""


def raise_difference(
    tx: Connection, kind: str, reference: str, detail: str, *, at: datetime
) -> bool:
    """Put a contradiction before the office, once per kind, reference and detail.

    Returns False, and tells nobody, where it was raised before. Where no row of ours says whose
    it is, every community's office hears.
    """
    number = audit.open_discrepancy(tx, kind, reference, detail, at=at)
    found = difference_of(tx, number) if number is not None else None
    if found is None:
        return False
    task = StaffTask(
        "difference",
        str(found.number),
        found.unit_label,
        found.told_fen,
        f"{found.kind} {found.reference}",
    )
    for community_id in _concerned(tx, [found]):
        tell_staff(
            tx,
            task,
            community_id=community_id,
            roles=ROLES,
            key=f"difference:{found.number}",
            now=at,
        )
    return True


def raise_broken(tx: Connection, broken: Iterable[Broken], *, at: datetime) -> int:
    """Put what the books deny of themselves before the office, all of it in one message.

    A row that somebody has closed and that is still not true is open again. Nobody is woken for
    it: the message waits for the morning. Returns how many rows are new or open again.
    """
    numbers = [
        audit.open_discrepancy(tx, BOOKS, one.reference, one.sentence, at=at)
        or audit.reopen_discrepancy(tx, BOOKS, one.reference, one.sentence, at=at)
        for one in broken
    ]
    found = [difference_of(tx, number) for number in numbers if number is not None]
    new = [one for one in found if one is not None]
    for community_id in _concerned(tx, new):
        mine = [one for one in new if one.community_id in (None, community_id)]
        first = mine[0]
        tell_staff(
            tx,
            StaffTask("difference", str(first.number), "", 0, f"{BOOKS} {len(mine)}"),
            community_id=community_id,
            roles=ROLES,
            key=f"difference:{first.number}:{shanghai_day(at)}",
            now=at,
            not_before=quiet_end(tx, community_id, now=at),
        )
    return len(new)


def _concerned(tx: Connection, found: Sequence[Difference]) -> list[int]:
    """Return the communities whose offices hear of these."""
    if any(one.community_id is None for one in found):
        return [one.community_id for one in all_communities(tx)]
    return sorted({one.community_id for one in found if one.community_id is not None})


def close_difference(
    tx: Connection,
    number: int,
    *,
    staff_id: int,
    community_ids: Sequence[int],
    reason: str,
    now: datetime,
) -> Difference:
    """Close a difference with a reason, which the audit trail keeps; it moves no money.

    Raises UnknownDifference where it is closed already, or another office's.
    """
    found = difference_of(tx, number, community_ids=community_ids)
    if found is None:
        raise UnknownDifference
    closed = tx.execute(
        update(discrepancies)
        .where(discrepancies.c.id == number, discrepancies.c.closed_at.is_(None))
        .values(closed_at=now)
    ).rowcount
    if not closed:
        raise UnknownDifference
    note_act(tx, number, CLOSED, at=now, note=reason, staff_id=staff_id)
    actor = Actor(staff_id=staff_id)
    audit.note(tx, actor, "close", "difference", str(number), at=now, detail=reason)
    return found
