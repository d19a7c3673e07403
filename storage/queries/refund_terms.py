"""What holds for refunds of a fee item on a day (退款政策)."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.bills import bills, fee_items
from storage.models.refund_terms import refund_terms
from storage.paying_kinds import FeeBearer
from storage.queries.policies import Policy
from storage.rules.refunds import RefundTerms


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """The terms of one fee item, by its name."""

    item_name: str
    terms: RefundTerms


def default_terms(policy: Policy) -> RefundTerms:
    """Return what holds where a fee item has no terms of its own."""
    return RefundTerms(policy.refund_window_days, policy.refund_automatic_fen)


def terms_of_bills(
    tx: Connection, bill_ids: Collection[int], policy: Policy, day: date
) -> list[RefundTerms]:
    """Return the terms of the fee items of some bills on a Shanghai day."""
    items = set(tx.execute(select(bills.c.fee_item_id).where(bills.c.id.in_(bill_ids))).scalars())
    own = _own(tx, items, day)
    return [own.get(one, default_terms(policy)) for one in sorted(items)]


def terms_of_community(tx: Connection, community_id: int, day: date) -> list[ItemTerms]:
    """Return the fee items that have terms of their own on a Shanghai day."""
    named = tx.execute(
        select(fee_items.c.id, fee_items.c.name)
        .where(fee_items.c.community_id == community_id)
        .order_by(fee_items.c.id)
    ).all()
    own = _own(tx, {row.id for row in named}, day)
    return [ItemTerms(row.name, own[row.id]) for row in named if row.id in own]


def _own(tx: Connection, items: Collection[int], day: date) -> dict[int, RefundTerms]:
    rows = tx.execute(
        select(refund_terms)
        .where(refund_terms.c.fee_item_id.in_(items), refund_terms.c.effective_on <= day)
        .order_by(refund_terms.c.effective_on)
    )
    return {
        row.fee_item_id: RefundTerms(
            window_days=row.window_days,
            automatic_fen=row.automatic_fen,
            is_refundable=bool(row.is_refundable),
            fee_ppm=row.fee_ppm if row.fee_bearer == FeeBearer.PAYER else 0,
            clause=row.clause,
        )
        for row in rows
    }
