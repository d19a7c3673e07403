"""What a community publishes (公示): its prices, shared costs, public accounts, refund times.

Nothing here names a person: a unit is its label, and texts that staff wrote are shown only where
they hold no phone, no identity number, and no household's money.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from storage.frozen import dataclass
from storage.kinds import FeeClass, PublicSide, RefundStep, SharedCostState, ShareMethod
from storage.models.bills import fee_items
from storage.models.estate import communities, units
from storage.models.payments import refunds
from storage.models.sharing import public_accounts, shared_costs
from storage.periods import BillingPeriod
from storage.queries.estate import in_order
from storage.queries.tariffs import schemes_of
from storage.rules.billing import Scheme
from storage.rules.figures import figure
from storage.rules.privacy import private_part
from storage.rules.sharing_proofs import exact_share

SHOWN_COSTS: Final = 60
SHOWN_MONTHS: Final = 36
REFUNDS_OF: Final = timedelta(days=365)
LEAST_REFUNDS: Final = 5
"""Fewer would tell of single households."""
OPEN_TO_ALL: Final = (SharedCostState.PUBLISHED, SharedCostState.ISSUED)


@dataclass(frozen=True, slots=True)
class PublicRow:
    """One thing that was earned or spent, in fen."""

    side: PublicSide
    label: str
    amount_fen: int
    note: str


@dataclass(frozen=True, slots=True)
class PublicMonth:
    """A month of the public accounts."""

    period: BillingPeriod
    rows: tuple[PublicRow, ...]

    @property
    def income_fen(self) -> int:
        """What was earned."""
        return sum(one.amount_fen for one in self.rows if one.side is PublicSide.INCOME)

    @property
    def expenditure_fen(self) -> int:
        """What was spent."""
        return sum(one.amount_fen for one in self.rows if one.side is PublicSide.EXPENDITURE)


@dataclass(frozen=True, slots=True)
class SharedCost:
    """A cost that was shared among units, as it was published."""

    cost_id: int
    item_name: str
    period: BillingPeriod
    scope_label: str
    method: ShareMethod
    total_fen: int
    legal_basis: str
    note: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownShare:
    """What one unit bears: its weight, the exact fen, and the fen that it was rounded to."""

    unit_label: str
    weight: str
    exact_fen: Fraction
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SharedProof:
    """A shared cost unit by unit: anyone can add the weights and the fen."""

    community_name: str
    office_phone: str
    cost: SharedCost
    weight_sum: str
    spare_fen: int
    shares: tuple[ShownShare, ...]


@dataclass(frozen=True, slots=True)
class RefundTimes:
    """How long refunds took from the request to the money's arrival, over a year."""

    count: int
    median: timedelta
    within_a_day: int


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A community's public page. `schemes` are in the order of their fee items."""

    community_id: int
    community_name: str
    company_name: str
    office_phone: str
    schemes: tuple[Scheme, ...]
    costs: tuple[SharedCost, ...]
    months: tuple[PublicMonth, ...]
    refund_times: RefundTimes | None
    """None where there were too few to tell."""


def disclosure_of(tx: Connection, community_id: int, *, now: datetime) -> Disclosure | None:
    """Return what a community publishes, None where there is no such community."""
    row = _community(tx, community_id)
    if row is None:
        return None
    by_place = schemes_of(tx, community_id)
    schemes = [one for of_place in by_place.values() for one in of_place.values()]
    costs = tx.execute(
        _costs(community_id)
        .order_by(shared_costs.c.period.desc(), shared_costs.c.id.desc())
        .limit(SHOWN_COSTS)
    )
    return Disclosure(
        community_id=community_id,
        community_name=row.name,
        company_name=row.company_name,
        office_phone=row.phone,
        schemes=tuple(one for one in schemes if one.fee_class is not FeeClass.DEPOSIT),
        costs=tuple(map(_cost, costs)),
        months=tuple(_months(tx, community_id)),
        refund_times=_refund_times(tx, community_id, now),
    )


def shared_proof(tx: Connection, community_id: int, cost_id: int) -> SharedProof | None:
    """Return the proof of a shared cost that is published, None for any other.

    Its units are in the order of their rooms; areas have two decimals.
    """
    community = _community(tx, community_id)
    asked = _costs(community_id).add_columns(shared_costs.c.proof)
    row = tx.execute(asked.where(shared_costs.c.id == cost_id)).one_or_none()
    if community is None or row is None:
        return None
    proof = _proof(row)
    labels = dict(
        tx.execute(
            select(units.c.code, units.c.label).where(units.c.community_id == community_id)
        ).all()
    )
    decimals = 2 if row.method == ShareMethod.BY_AREA else 0
    shares = sorted(proof.get("shares", ()), key=lambda one: in_order(one["unit"]))
    return SharedProof(
        community_name=community.name,
        office_phone=community.phone,
        cost=_cost(row),
        weight_sum=figure(Fraction(proof.get("weight_sum", 0)), decimals=decimals),
        spare_fen=int(proof.get("spare_fen", 0)),
        shares=tuple(
            _share(one, proof, labels.get(one["unit"], one["unit"]), decimals) for one in shares
        ),
    )


def _community(tx: Connection, community_id: int) -> Row[Any] | None:
    asked = select(communities).where(communities.c.id == community_id)
    return tx.execute(asked).one_or_none()


_SHOWN: Final = [one for one in shared_costs.c if one.name not in ("proof", "staff_id")]
"""The proof of a cost may name thousands of units: it is read for the page that shows it."""


def _costs(community_id: int) -> Any:  # noqa: ANN401 - a SELECT
    return (
        select(*_SHOWN, fee_items.c.name.label("item_name"))
        .join(fee_items, fee_items.c.id == shared_costs.c.fee_item_id)
        .where(
            shared_costs.c.community_id == community_id,
            shared_costs.c.state.in_(OPEN_TO_ALL),
            shared_costs.c.published_at.is_not(None),
        )
    )


def _proof(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    found = json.loads(row.proof)
    return found if isinstance(found, dict) else {}


def _cost(row: Any) -> SharedCost:  # noqa: ANN401 - a row
    return SharedCost(
        cost_id=row.id,
        item_name=row.item_name,
        period=BillingPeriod.parse(row.period),
        scope_label=row.scope_label,
        method=ShareMethod(row.method),
        total_fen=row.total_fen,
        legal_basis=_open_text(row.legal_basis),
        note=_open_text(row.note),
        published_at=row.published_at,
    )


def _share(
    kept: Mapping[str, Any], proof: Mapping[str, Any], label: str, decimals: int
) -> ShownShare:
    weight = Fraction(kept["weight"])
    shown, exact_fen = figure(weight, decimals=decimals), exact_share(proof, weight)
    return ShownShare(label, shown, exact_fen, int(kept["fen"]))


def _open_text(text: str) -> str:
    """Return a text of staff, "" where it tells of one household."""
    return text if private_part(text) is None else ""


def _months(tx: Connection, community_id: int) -> list[PublicMonth]:
    """Return the newest months of the public accounts, the newest first."""
    newest = (
        select(public_accounts.c.period)
        .where(public_accounts.c.community_id == community_id)
        .distinct()
        .order_by(public_accounts.c.period.desc())
        .limit(SHOWN_MONTHS)
    )
    by_month: dict[str, list[PublicRow]] = {one: [] for one in tx.execute(newest).scalars()}
    rows: Sequence[Any] = tx.execute(
        select(public_accounts)
        .where(
            public_accounts.c.community_id == community_id,
            public_accounts.c.period.in_(list(by_month)),
        )
        .order_by(public_accounts.c.side.desc(), public_accounts.c.id)
    ).all()
    for row in rows:
        one = PublicRow(PublicSide(row.side), row.label, row.amount_fen, _open_text(row.note))
        by_month[row.period].append(one)
    return [PublicMonth(BillingPeriod.parse(one), tuple(rows)) for one, rows in by_month.items()]


def _refund_times(tx: Connection, community_id: int, now: datetime) -> RefundTimes | None:
    rows = tx.execute(
        select(refunds.c.requested_at, refunds.c.settled_at).where(
            refunds.c.community_id == community_id,
            refunds.c.state == RefundStep.SUCCESS,
            refunds.c.settled_at.is_not(None),
            refunds.c.settled_at >= now - REFUNDS_OF,
        )
    ).all()
    spans = [max(row.settled_at - row.requested_at, timedelta()) for row in rows]
    if len(spans) < LEAST_REFUNDS:
        return None
    within = sum(1 for span in spans if span <= timedelta(days=1))
    return RefundTimes(len(spans), median(spans), within)
