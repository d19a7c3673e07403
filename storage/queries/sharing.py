"""Shared costs (公摊): where each stands, and among which units one is shared."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select, true

from storage.charge_errors import UnknownSharedCost
from storage.frozen import dataclass
from storage.kinds import FeeClass, SharedCostState, ShareMethod, ShareScope, UnitKind
from storage.models.bills import fee_items
from storage.models.estate import buildings, communities, entrances, units
from storage.models.sharing import shared_costs, sharing_factors
from storage.periods import BillingPeriod
from storage.rules.sharing import Sharer

FULL: Final = 100
_SAID: Final = sharing_factors.c.percent


@dataclass(frozen=True, slots=True)
class CostView:
    """A shared cost as staff see it."""

    cost_id: int
    community_id: int
    fee_item_id: int
    item_name: str
    fee_class: FeeClass
    period: BillingPeriod
    scope: ShareScope
    scope_id: int
    scope_label: str
    method: ShareMethod
    total_fen: int
    legal_basis: str
    due_on: date
    state: SharedCostState


def cost_of(tx: Connection, cost_id: int) -> CostView:
    """Return a shared cost. Raises UnknownSharedCost."""
    row = tx.execute(_costs().where(shared_costs.c.id == cost_id)).one_or_none()
    if row is None:
        raise UnknownSharedCost(str(cost_id))
    return _view(row)


def costs_of(tx: Connection, community_id: int, *, limit: int) -> list[CostView]:
    """Return the newest shared costs of a community, those taken back too."""
    newest = _costs().where(shared_costs.c.community_id == community_id)
    rows = tx.execute(newest.order_by(shared_costs.c.id.desc()).limit(limit))
    return [_view(row) for row in rows]


def _costs() -> Select[Any]:
    return select(shared_costs, fee_items.c.name.label("item_name"), fee_items.c.fee_class).join(
        fee_items, fee_items.c.id == shared_costs.c.fee_item_id
    )


def _view(row: Row[Any]) -> CostView:
    return CostView(
        cost_id=row.id,
        community_id=row.community_id,
        fee_item_id=row.fee_item_id,
        item_name=row.item_name,
        fee_class=FeeClass(row.fee_class),
        period=BillingPeriod.parse(row.period),
        scope=ShareScope(row.scope),
        scope_id=row.scope_id,
        scope_label=row.scope_label,
        method=ShareMethod(row.method),
        total_fen=row.total_fen,
        legal_basis=row.legal_basis,
        due_on=row.due_on,
        state=SharedCostState(row.state),
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """Among whose units a cost is shared: a community, one of its buildings or entrances."""

    scope: ShareScope
    scope_id: int
    """The building or the entrance, 0 for the community."""
    label: str


def scope_named(tx: Connection, community_id: int, words: str) -> Scope:
    """Return the scope that words name: "" or 全小区, "3" or 3栋, "3-2" or 3栋2单元.

    Raises UnknownSharedCost where the community has no such building or entrance.
    """
    said = words.strip().replace("栋", "-").replace("单元", "").rstrip("-")
    if said in ("", "全小区"):
        name = tx.execute(
            select(communities.c.name).where(communities.c.id == community_id)
        ).scalar_one()
        return Scope(ShareScope.COMMUNITY, 0, name)
    building, _, entrance = said.partition("-")
    found = tx.execute(
        select(buildings.c.id).where(
            buildings.c.community_id == community_id,
            buildings.c.label.in_((building, f"{building}栋")),
        )
    ).scalar_one_or_none()
    if found is None:
        raise UnknownSharedCost(words)
    if not entrance:
        return Scope(ShareScope.BUILDING, found, f"{building}栋")
    inside = tx.execute(
        select(entrances.c.id).where(
            entrances.c.building_id == found,
            entrances.c.label.in_((entrance, f"{entrance}单元")),
        )
    ).scalar_one_or_none()
    if inside is None:
        raise UnknownSharedCost(words)
    return Scope(ShareScope.ENTRANCE, inside, f"{building}栋{entrance}单元")


@dataclass(frozen=True, slots=True)
class SharerOf:
    """A unit that bears a part, and its key."""

    unit_id: int
    sharer: Sharer


def sharers_of(tx: Connection, community_id: int, cost: CostView) -> list[SharerOf]:
    """Return the units among which a cost is shared, each with what it bears of its weight.

    Homes and shops bear all of it, parking spaces nothing, unless `sharing_factors` says other
    for the fee item: 0 for a ground floor's lift, 150 for a shop, 50 for an unsold flat. Where
    the method is by share, the factor is the share itself, and a unit without one has none.
    """
    rows = tx.execute(
        select(units.c.id, units.c.code, units.c.kind, units.c.floor_area_m2, _SAID)
        .outerjoin(
            sharing_factors,
            and_(
                sharing_factors.c.unit_id == units.c.id,
                sharing_factors.c.fee_item_id == cost.fee_item_id,
            ),
        )
        .where(units.c.community_id == community_id, _within(cost))
        .order_by(units.c.code)
    )
    return [SharerOf(row.id, _sharer(row, cost.method)) for row in rows]


def _within(cost: CostView) -> ColumnElement[bool]:
    if cost.scope is ShareScope.BUILDING:
        return units.c.building_id == cost.scope_id
    if cost.scope is ShareScope.ENTRANCE:
        return units.c.entrance_id == cost.scope_id
    return true()


def _sharer(row: Any, method: ShareMethod) -> Sharer:  # noqa: ANN401 - a row
    said: int | None = row.percent
    usual = 0 if row.kind == UnitKind.PARKING else FULL
    if method is ShareMethod.BY_SHARE:
        share = Decimal(said if said is not None else 0)
        return Sharer(row.code, row.floor_area_m2, share, FULL)
    return Sharer(row.code, row.floor_area_m2, None, usual if said is None else said)
