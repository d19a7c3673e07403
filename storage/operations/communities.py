"""What an office decides for its community: how it is reached, and its dated choices (策略)."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, datetime, time
from typing import Final

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import CLOCK, Actor
from storage.models.estate import communities
from storage.models.policies import policies
from storage.queries.policies import Policy, named_reasons, policy_on
from storage.rules.tickets import are_ticket_hours
from storage.sql import insert

NOON: Final = time(12)
LONGEST_STEP_DAYS: Final = 365
OFFICE: Final = ("company_name", "address", "phone", "filing_no")


def write_office(
    tx: Connection,
    changed: dict[str, str],
    *,
    community_id: int,
    now: datetime,
    actor: Actor = CLOCK,
) -> None:
    """Change how residents reach the office: any of `OFFICE`, the others stay.

    Raises ValueError for a name that is none of them.
    """
    if unknown := set(changed) - set(OFFICE):
        raise ValueError(f"an office has no {sorted(unknown)[0]}")
    tx.execute(update(communities).where(communities.c.id == community_id).values(**changed))
    detail = " ".join(sorted(changed))
    audit.note(tx, actor, "change", "office", str(community_id), at=now, detail=detail)


def choose(
    tx: Connection,
    policy: Policy,
    *,
    community_id: int,
    effective_on: date,
    now: datetime,
    actor: Actor = CLOCK,
) -> None:
    """Write a community's choices that hold from a Shanghai day on; that day's are replaced.

    Raises ValueError, naming the choice, for one that cannot be kept.
    """
    check(policy)
    values = {one.name: _stored(getattr(policy, one.name)) for one in fields(policy)}
    tx.execute(
        insert(tx, policies)
        .values(community_id=community_id, effective_on=effective_on, **values)
        .on_conflict_do_update(index_elements=["community_id", "effective_on"], set_=values)
    )
    detail = f"{effective_on} " + " ".join(f"{name}={one}" for name, one in values.items())
    audit.note(tx, actor, "choose", "policy", str(community_id), at=now, detail=detail)


def change_choices(
    tx: Connection,
    changed: Mapping[str, tuple[object, object]],
    *,
    community_id: int,
    effective_on: date,
    now: datetime,
    actor: Actor,
) -> bool:
    """Change some choices from a Shanghai day on, each (as it was seen, as it is to be).

    False, and nothing changed, where one of them is no longer as it was seen. Raises ValueError,
    naming the choice, for one that cannot be kept.
    """
    tx.execute(select(communities.c.id).where(communities.c.id == community_id).with_for_update())
    before = policy_on(tx, community_id, effective_on)
    if any(getattr(before, name) not in one for name, one in changed.items()):
        return False
    policy = replace(before, **{name: to_be for name, (_, to_be) in changed.items()})  # type: ignore[arg-type]
    choose(tx, policy, community_id=community_id, effective_on=effective_on, now=now, actor=actor)
    return True


def _stored(choice: object) -> object:
    """Return a choice as its column holds it."""
    if isinstance(choice, tuple):
        return ",".join(str(one) for one in sorted(set(choice)))
    if isinstance(choice, time):
        return f"{choice:%H:%M}"
    return int(choice) if isinstance(choice, bool) else choice


def _are_reasons(text: str) -> bool:
    try:
        return len(text) <= 300 and bool(named_reasons(text) or not text)
    except ValueError:
        return False


def check(policy: Policy) -> None:
    """Refuse choices that cannot be kept. Raises ValueError, naming the choice."""
    fitting = {
        "reminder_days": all(abs(one) <= LONGEST_STEP_DAYS for one in policy.reminder_days)
        and len(policy.reminder_days) <= 12,
        "weekly_cap": 0 <= policy.weekly_cap <= 7,
        "quiet_from": policy.quiet_until <= NOON <= policy.quiet_from,
        "broadcast_approval_over": policy.broadcast_approval_over >= 0,
        "issue_day": 1 <= policy.issue_day <= 28,
        "refund_window_days": 0 <= policy.refund_window_days <= 365,
        "refund_automatic_fen": policy.refund_automatic_fen >= 0,
        "collection_closed": len(policy.collection_closed) <= 120,
        "sharing_basis": len(policy.sharing_basis) <= 200,
        "closed_gateways": _are_reasons(policy.closed_gateways),
        "rounding_limit_fen": 0 <= policy.rounding_limit_fen <= 10_000,
        "waiver_second_over_fen": policy.waiver_second_over_fen >= 0,
        "duty_from": policy.duty_from < policy.duty_until,
        "duty_days": bool(policy.duty_days) and set(policy.duty_days) <= set(range(1, 8)),
        "rating_days": 0 <= policy.rating_days <= 365,
        "ticket_hours": are_ticket_hours(policy.ticket_hours),
    }
    broken = [name for name, fits in fitting.items() if not fits]
    if broken:
        raise ValueError(broken[0])
