"""The terms of late fees (违约金): set from a day on, never changed for days that were charged."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, func, select

from storage import audit
from storage.audit import Actor
from storage.charge_errors import ClauseMissing, InputRefused, TariffOverlaps
from storage.kinds import ChargeInput, LateFeeMode
from storage.models.bills import bills, fee_items
from storage.models.late_fees import late_fee_policies
from storage.queries.late_fees import LATE_FEE, LATE_FEE_NAME, Terms
from storage.sql import insert

CLAUSE_CHARS: Final = 200


def set_late_fee(
    tx: Connection, terms: Terms, *, community_id: int, actor: Actor, now: datetime
) -> None:
    """Set the terms from their day on; that day's own are replaced.

    Raises ClauseMissing where charging names no clause of a contract, InputRefused for a cap
    finer than a hundredth of a percent, and TariffOverlaps for a day that was charged already.
    """
    policy, clause = terms.policy, terms.clause.strip()[:CLAUSE_CHARS]
    if policy.mode == LateFeeMode.CHARGED and not clause:
        raise ClauseMissing
    charged_on = _charged_up_to(tx, community_id)
    if charged_on is not None and policy.effective_on <= charged_on:
        raise TariffOverlaps(LATE_FEE_NAME, policy.effective_on)
    cap = None if policy.cap_percent is None else policy.cap_percent * 100
    if cap is not None and cap != int(cap):
        raise InputRefused(ChargeInput.PERCENT, str(policy.cap_percent))
    values = {
        "mode": policy.mode,
        "rate_ppm": policy.rate_ppm,
        "grace_days": policy.grace_days,
        "cap_percent_e2": None if cap is None else int(cap),
        "start": policy.start,
        "clause": clause,
    }
    tx.execute(
        insert(tx, late_fee_policies)
        .values(community_id=community_id, effective_on=policy.effective_on, **values)
        .on_conflict_do_update(index_elements=["community_id", "effective_on"], set_=values)
    )
    detail = f"{policy.effective_on} " + " ".join(f"{key}={one}" for key, one in values.items())
    audit.note(tx, actor, "set", "late_fee", str(community_id), at=now, detail=detail)


def _charged_up_to(tx: Connection, community_id: int) -> date | None:
    """Return the last day that a late-fee bill of a community charges, or None."""
    found: date | None = tx.execute(
        select(func.max(bills.c.last_on))
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(fee_items.c.community_id == community_id, fee_items.c.code == LATE_FEE)
    ).scalar_one()
    return found
