"""The owners' public accounts (公共收支): published from a sheet, corrected by a later one."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.frozen import dataclass
from storage.kinds import PublicSide
from storage.models.sharing import public_accounts
from storage.money import yuan
from storage.periods import BillingPeriod
from storage.queries.estate import all_communities
from storage.rules.privacy import private_part


@dataclass(frozen=True, slots=True)
class PublicFact:
    """What the community earned or spent on one thing in a month, in fen."""

    period: BillingPeriod
    side: PublicSide
    label: str
    amount_fen: int
    note: str = ""


class Reason(StrEnum):
    """Why a row of a sheet of public accounts cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    TWICE = "twice"
    PRIVATE = "private"
    """It names a household with money, a phone or an identity number."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index."""

    index: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class PublicPlan:
    """What rows would do: indexes of new ones, (index, fen until now) of corrected ones."""

    new: tuple[int, ...]
    changed: tuple[tuple[int, int], ...]
    objections: tuple[Objection, ...]


Rows = Sequence[tuple[str, PublicFact]]
"""(community, fact)."""
Place = tuple[int, str, str, str]
"""Community, period, side and label: each is published once."""


def plan_public(tx: Connection, rows: Rows) -> PublicPlan:
    """Return what publishing these rows would do; changes nothing."""
    ids = {one.name: one.community_id for one in all_communities(tx)}
    known = _known(tx, {ids[name] for name, _ in rows if name in ids})
    seen: dict[Place, PublicFact] = {}
    new: list[int] = []
    changed: list[tuple[int, int]] = []
    objections: list[Objection] = []
    for index, (community, fact) in enumerate(rows):
        if community not in ids:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY))
            continue
        place = _place(ids[community], fact)
        if private_part(f"{fact.label} {fact.note}") is not None:
            objections.append(Objection(index, Reason.PRIVATE))
        elif place in seen:
            objections.append(Objection(index, Reason.TWICE))
        elif place not in known:
            new.append(index)
        elif known[place] != (fact.amount_fen, fact.note):
            changed.append((index, known[place][0]))
        seen[place] = fact
    return PublicPlan(tuple(new), tuple(changed), tuple(objections))


def import_public(tx: Connection, rows: Rows, *, actor: Actor, now: datetime) -> PublicPlan:
    """Publish the rows, all or (where one is objected to) none; the same rows again do nothing.

    A row that was published with another amount or note is corrected; the trail keeps both.
    """
    plan = plan_public(tx, rows)
    if plan.objections:
        return plan
    ids = {one.name: one.community_id for one in all_communities(tx)}
    for index in plan.new:
        community, fact = rows[index]
        values = {
            "community_id": ids[community],
            "period": str(fact.period),
            "side": fact.side,
            "label": fact.label,
            "amount_fen": fact.amount_fen,
            "note": fact.note,
            "published_at": now,
        }
        tx.execute(public_accounts.insert().values(values))
    for index, before_fen in plan.changed:
        _correct(tx, ids[rows[index][0]], rows[index][1], before_fen, actor=actor, now=now)
    if plan.new:
        reference = "、".join(dict.fromkeys(rows[index][0] for index in plan.new))
        detail = f"{len(plan.new)} rows"
        audit.note(tx, actor, "publish", "public_account", reference, at=now, detail=detail)
    return plan


def _correct(
    tx: Connection,
    community_id: int,
    fact: PublicFact,
    before_fen: int,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    tx.execute(
        update(public_accounts)
        .where(
            public_accounts.c.community_id == community_id,
            public_accounts.c.period == str(fact.period),
            public_accounts.c.side == fact.side,
            public_accounts.c.label == fact.label,
        )
        .values(amount_fen=fact.amount_fen, note=fact.note, published_at=now)
    )
    detail = f"{fact.side} {fact.label}: {yuan(before_fen)} → {yuan(fact.amount_fen)}"
    reference = f"{community_id}/{fact.period}"
    audit.note(tx, actor, "correct", "public_account", reference, at=now, detail=detail)


def _known(tx: Connection, community_ids: set[int]) -> dict[Place, tuple[int, str]]:
    rows = tx.execute(
        select(public_accounts).where(public_accounts.c.community_id.in_(sorted(community_ids)))
    )
    return {
        (row.community_id, row.period, row.side, row.label): (row.amount_fen, row.note)
        for row in rows
    }


def _place(community_id: int, fact: PublicFact) -> Place:
    return community_id, str(fact.period), str(fact.side), fact.label
