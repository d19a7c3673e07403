"""Shared costs (公摊): drafted, looked at, published with their proof, and only then billed.

What is kept as the proof is the JSON of `storage.rules.sharing_proofs`: total_fen, method,
weight_sum, spare_fen, and shares of {unit (its code), weight, rank, fen}. Bills are made from what
was published, never worked out again, so that nobody is billed by another proof than all can see.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import (
    InputRefused,
    PeriodClosed,
    SharedCostStateWrong,
    SharedCostTaken,
    SharingNotAllowed,
    UnknownSharedCost,
)
from storage.frozen import dataclass
from storage.kinds import (
    ChargeInput,
    FeeClass,
    SharedCostState,
    ShareMethod,
)
from storage.models.bills import bills, fee_items
from storage.models.estate import communities
from storage.models.sharing import shared_costs, sharing_factors
from storage.operations.bill_rows import INCOME_OF
from storage.operations.bills import announce, book_bills
from storage.operations.issuing import lock_billing
from storage.operations.shared_bills import bills_of_shares
from storage.periods import BillingPeriod
from storage.queries.closes import closed_periods
from storage.queries.policies import policy_on
from storage.queries.sharing import CostView, Scope, cost_of, sharers_of
from storage.rules.figures import yuan_figure
from storage.rules.sharing import MAX_FACTOR_PERCENT, Share, SharingProof, share_cost
from storage.rules.sharing_proofs import check, exact_share, kept
from storage.sql import insert, insert_once

MOST_FEN: Final = 99_999_999_999


@dataclass(frozen=True, slots=True)
class CostFact:
    """A cost of a month, among whom and how it is shared, and until when it is to be paid."""

    fee_item_id: int
    period: BillingPeriod
    scope: Scope
    method: ShareMethod
    total_fen: int
    due_on: date
    legal_basis: str = ""
    """By what it may be shared; "" takes what the community has named for all."""
    note: str = ""


def try_cost(tx: Connection, fact: CostFact, *, community_id: int) -> SharingProof:
    """Return how a cost would be shared; changes nothing.

    Raises SharingNotAllowed where the community has named no basis, SharedCostTaken where one of
    the units has a bill of this fee and month already, UnknownSharedCost for a fee item of
    others, InputRefused for a sum that cannot be, and what `share_cost` raises.
    """
    _basis(tx, fact, community_id)
    if not 0 < fact.total_fen <= MOST_FEN:
        raise InputRefused(ChargeInput.AMOUNT, yuan_figure(fact.total_fen), fact.scope.label)
    item = _item(tx, community_id, fact.fee_item_id)
    cost = CostView(
        cost_id=0,
        community_id=community_id,
        fee_item_id=fact.fee_item_id,
        item_name=item.name,
        fee_class=FeeClass(item.fee_class),
        period=fact.period,
        scope=fact.scope.scope,
        scope_id=fact.scope.scope_id,
        scope_label=fact.scope.label,
        method=fact.method,
        total_fen=fact.total_fen,
        legal_basis=fact.legal_basis,
        due_on=fact.due_on,
        state=SharedCostState.DRAFT,
    )
    return _shared(tx, cost)


def _basis(tx: Connection, fact: CostFact, community_id: int) -> str:
    policy = policy_on(tx, community_id, fact.period.first_on)
    if not policy.sharing_basis:
        name = select(communities.c.name).where(communities.c.id == community_id)
        raise SharingNotAllowed(tx.execute(name).scalar_one())
    return (fact.legal_basis.strip() or policy.sharing_basis)[:200]


def draft_cost(
    tx: Connection, fact: CostFact, *, community_id: int, actor: Actor, now: datetime
) -> int:
    """Write a cost down that can be shared; return its key.

    Raises SharedCostTaken where this cost is shared already, and what `try_cost` raises.
    """
    try_cost(tx, fact, community_id=community_id)
    values = {
        "community_id": community_id,
        "fee_item_id": fact.fee_item_id,
        "period": str(fact.period),
        "scope": fact.scope.scope,
        "scope_id": fact.scope.scope_id,
        "scope_label": fact.scope.label,
        "method": fact.method,
        "total_fen": fact.total_fen,
        "legal_basis": _basis(tx, fact, community_id),
        "note": fact.note.strip()[:200],
        "due_on": fact.due_on,
        "state": SharedCostState.DRAFT,
        "drafted_at": now,
        "staff_id": actor.staff_id,
    }
    cost_id = insert_once(tx, shared_costs, values)
    if cost_id is None:
        raise SharedCostTaken(fact.scope.label)
    audit.note(tx, actor, "draft", "shared_cost", str(cost_id), at=now, detail=fact.scope.label)
    return cost_id


def _item(tx: Connection, community_id: int, fee_item_id: int) -> Row[Any]:
    row = tx.execute(
        select(fee_items).where(
            fee_items.c.id == fee_item_id,
            fee_items.c.community_id == community_id,
            fee_items.c.fee_class != FeeClass.DEPOSIT,
        )
    ).one_or_none()
    if row is None:
        raise UnknownSharedCost(str(fee_item_id))
    return row


def preview(tx: Connection, cost_id: int) -> SharingProof:
    """Return how a cost that was drafted would be shared now; changes nothing.

    Raises UnknownSharedCost, SharedCostTaken, and what `share_cost` raises.
    """
    return _shared(tx, cost_of(tx, cost_id))


def _shared(tx: Connection, cost: CostView) -> SharingProof:
    found = sharers_of(tx, cost.community_id, cost)
    proof = share_cost(
        cost.total_fen,
        [one.sharer for one in found],
        method=cost.method,
        scope=cost.scope,
        scope_label=cost.scope_label,
    )
    bearing = {one.key for one in proof.shares if one.amount_fen}
    _refuse_billed(tx, cost, [one.unit_id for one in found if one.sharer.key in bearing])
    return proof


def _refuse_billed(tx: Connection, cost: CostView, unit_ids: list[int]) -> None:
    """Refuse to share a fee twice among the same units: a bill is unique by unit, fee and month."""
    if cost.state is SharedCostState.ISSUED:
        return
    billed = tx.execute(
        select(bills.c.unit_id).where(
            bills.c.community_id == cost.community_id,
            bills.c.fee_item_id == cost.fee_item_id,
            bills.c.period == str(cost.period),
        )
    ).scalars()
    if not set(unit_ids).isdisjoint(billed):
        raise SharedCostTaken(cost.scope_label)


def publish_cost(tx: Connection, cost_id: int, *, actor: Actor, now: datetime) -> bool:
    """Keep the proof for all to see; what is published is what will be billed.

    Returns False where it was published before. Raises UnknownSharedCost, SharedCostStateWrong,
    and what `preview` raises.
    """
    cost = _lock(tx, cost_id)
    if cost.state in (SharedCostState.PUBLISHED, SharedCostState.ISSUED):
        return False
    if cost.state is not SharedCostState.DRAFT:
        raise SharedCostStateWrong(cost.scope_label, cost.state)
    proof = kept(preview(tx, cost_id))
    check(proof)
    tx.execute(
        update(shared_costs)
        .where(shared_costs.c.id == cost_id)
        .values(
            state=SharedCostState.PUBLISHED,
            published_at=now,
            proof=json.dumps(proof, ensure_ascii=False, separators=(",", ":")),
        )
    )
    audit.note(tx, actor, "publish", "shared_cost", str(cost_id), at=now)
    return True


def issue_cost(tx: Connection, cost_id: int, *, actor: Actor, now: datetime) -> int:
    """Bill each unit its published share, all at once, and tell the households.

    Returns how many bills are new; again it makes none. A share of nothing makes no bill. Raises
    UnknownSharedCost, SharedCostStateWrong where it is not published, SharedCostTaken where a
    unit has a bill of this fee and month from elsewhere, and PeriodClosed.
    """
    cost = _lock(tx, cost_id)
    if cost.state is SharedCostState.ISSUED:
        return 0
    if cost.state is not SharedCostState.PUBLISHED:
        raise SharedCostStateWrong(cost.scope_label, cost.state)
    lock_billing(tx, cost.community_id)
    if str(cost.period) in closed_periods(tx, cost.community_id):
        raise PeriodClosed(str(cost.period))
    found = tx.execute(
        select(shared_costs.c.proof).where(shared_costs.c.id == cost_id)
    ).scalar_one()
    proof = _restored(json.loads(found), cost)
    new = bills_of_shares(tx, cost, proof)
    booked = book_bills(
        tx, new, community_id=cost.community_id, against=INCOME_OF[cost.fee_class], now=now
    )
    if len(booked) != len(new):
        raise SharedCostTaken(cost.scope_label)
    tx.execute(
        update(shared_costs)
        .where(shared_costs.c.id == cost_id)
        .values(state=SharedCostState.ISSUED, issued_at=now)
    )
    announce(tx, community_id=cost.community_id, period=cost.period, now=now)
    detail = f"{len(booked)} {cost.total_fen}"
    audit.note(tx, actor, "issue", "shared_cost", str(cost_id), at=now, detail=detail)
    return len(booked)


def _restored(known: Mapping[str, Any], cost: CostView) -> SharingProof:
    """Return a kept proof as the rules have it. Raises ValueError where it does not follow."""
    check(known)
    shares = tuple(
        Share(
            one["unit"],
            Fraction(one["weight"]),
            exact_share(known, Fraction(one["weight"])),
            int(one["rank"]),
            int(one["fen"]),
        )
        for one in known["shares"]
    )
    return SharingProof(
        int(known["total_fen"]),
        ShareMethod(known["method"]),
        cost.scope,
        cost.scope_label,
        Fraction(known["weight_sum"]),
        int(known["spare_fen"]),
        shares,
    )


def cancel_cost(tx: Connection, cost_id: int, *, reason: str, actor: Actor, now: datetime) -> bool:
    """Take a cost back that nobody was billed for. Returns False where it was taken back before.

    Raises UnknownSharedCost, and SharedCostStateWrong once it was issued.
    """
    cost = _lock(tx, cost_id)
    if cost.state is SharedCostState.CANCELLED:
        return False
    if cost.state is SharedCostState.ISSUED:
        raise SharedCostStateWrong(cost.scope_label, cost.state)
    tx.execute(
        update(shared_costs)
        .where(shared_costs.c.id == cost_id)
        .values(state=SharedCostState.CANCELLED)
    )
    audit.note(tx, actor, "cancel", "shared_cost", str(cost_id), at=now, detail=reason)
    return True


def set_factor(
    tx: Connection,
    *,
    fee_item_id: int,
    unit_id: int,
    percent: int,
    actor: Actor,
    now: datetime,
) -> None:
    """Say what a unit bears of its full weight for a fee item, or its share. Raises InputRefused.

    It counts for costs that are published from now on.
    """
    if not 0 <= percent <= MAX_FACTOR_PERCENT:
        raise InputRefused(ChargeInput.PERCENT, str(percent))
    values = {"fee_item_id": fee_item_id, "unit_id": unit_id, "percent": percent}
    tx.execute(
        insert(tx, sharing_factors)
        .values(values)
        .on_conflict_do_update(index_elements=["fee_item_id", "unit_id"], set_={"percent": percent})
    )
    detail = f"{fee_item_id} {percent}"
    audit.note(tx, actor, "factor", "shared_cost", str(unit_id), at=now, detail=detail)


def _lock(tx: Connection, cost_id: int) -> CostView:
    found = tx.execute(
        select(shared_costs.c.id).where(shared_costs.c.id == cost_id).with_for_update()
    )
    found.one_or_none()
    return cost_of(tx, cost_id)
