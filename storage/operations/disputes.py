"""A resident's word against her bills (账单有异议): they rest while staff check them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import HoldKind, StaffRole
from storage.models.bills import bills
from storage.models.estate import units
from storage.operations.hearers import tell_staff
from storage.operations.holds import NewHold, place_hold
from storage.periods import shanghai_day
from storage.queries.disputes import DisputeState, disputable_bills

NOTE_CHARS: Final = 200
_ANSWERED_BY: Final = (StaffRole.STEWARD, StaffRole.MANAGER)


@dataclass(frozen=True, slots=True)
class Disputed:
    """Which bills rest now, and how many of the staff hear of it."""

    bill_ids: tuple[int, ...]
    heard: int


def dispute(
    tx: Connection,
    *,
    binding_id: int,
    unit_id: int,
    bill_ids: Sequence[int],
    said: str,
    note: str,
    actor: Actor,
    now: datetime,
) -> Disputed:
    """Let bills rest until staff end it: no reminder, no late fee; and put them before staff.

    `said` is kept with the hold, `note` is what staff read. What is not open to this person, rests
    already, or was checked before, is left as it is; where nothing is left nobody is told.
    """
    unit = tx.execute(select(units).where(units.c.id == unit_id).with_for_update()).one()
    free = {
        one.bill.bill_id: one.bill.open_fen
        for one in disputable_bills(tx, binding_id, unit_id, shanghai_day(now))
        if one.state is DisputeState.FREE
    }
    wanted = [key for key in bill_ids if key in free]
    for key in wanted:
        new = NewHold(unit_id, HoldKind.DISPUTE, said, bill_id=key)
        place_hold(tx, new, actor=actor, now=now)
    if not wanted:
        return Disputed((), 0)
    community_id: int = tx.execute(
        select(bills.c.community_id).where(bills.c.id == wanted[0])
    ).scalar_one()
    total_fen = sum(free[key] for key in wanted)
    task = StaffTask("dispute", unit.code, unit.label, total_fen, note[:NOTE_CHARS])
    for role in _ANSWERED_BY:
        heard = tell_staff(
            tx,
            task,
            community_id=community_id,
            roles=(role,),
            key=f"dispute:{wanted[0]}:{len(wanted)}",
            now=now,
        )
        if heard:
            return Disputed(tuple(wanted), heard)
    return Disputed(tuple(wanted), 0)
