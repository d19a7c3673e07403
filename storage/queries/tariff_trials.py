"""What a price would come to for real units, before it is saved (试算)."""

import json
from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, select

from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.estate import units
from storage.periods import BillingPeriod
from storage.queries.pricing import BilledUnit, Made, Pricing, SkipReason
from storage.rules.billing import Due, Scheme, Version, dues_of
from storage.rules.cycles import MONTHS
from storage.rules.pricing import Pricer

UNITS = 3


@dataclass(frozen=True, slots=True)
class TariffTrial:
    """What a unit would be billed: the amount in fen and how it comes about, or why nothing."""

    unit_label: str
    amount_fen: int | None
    sum: str
    refusal: Refusal | SkipReason | None


def try_on_units(
    tx: Connection,
    community_id: int,
    unit_kind: str,
    asked: Version,
    *,
    item_name: str,
    today: date,
) -> tuple[TariffTrial, ...]:
    """Price the first span that a tariff bills, for the smallest, a middle and the largest unit.

    No unit of the kind: nothing to try on. The item's meters are not looked at: a price by use
    is tried by its formula only.
    """
    chosen = chosen_units(tx, community_id, (unit_kind,))
    scheme = Scheme(community_id, 0, item_name, FeeClass.OWN, unit_kind, "", (asked,))
    due = _first_due(scheme, asked, today)
    if due is None:
        return ()
    pricer = Pricer(due, item_name)
    ids = [one.unit_id for one in chosen]
    pricing = Pricing(tx, community_id, ids, [(scheme, pricer)], date.max)
    return tuple(_trial(one, pricing.of(one, scheme, pricer)) for one in chosen)


def _trial(unit: BilledUnit, made: Made) -> TariffTrial:
    if not isinstance(made, tuple):
        return TariffTrial(unit.label, None, "", made)
    if not made:
        return TariffTrial(unit.label, None, "", None)
    told = "、".join(json.loads(one.priced.explanation)["sum"] for one in made)
    return TariffTrial(unit.label, sum(one.priced.amount_fen for one in made), told, None)


def chosen_units(
    tx: Connection, community_id: int, unit_kinds: Collection[str]
) -> list[BilledUnit]:
    """Return a community's smallest, middle and largest unit of some kinds."""
    rows = [
        BilledUnit(row.id, row.label, row.kind, row.floor_area_m2)
        for row in tx.execute(
            select(units.c.id, units.c.label, units.c.kind, units.c.floor_area_m2)
            .where(units.c.community_id == community_id, units.c.kind.in_(unit_kinds))
            .order_by(units.c.floor_area_m2.is_(None), units.c.floor_area_m2, units.c.id)
        )
    ]
    places = sorted({0, len(rows) // 2, len(rows) - 1})
    return [rows[at] for at in places] if rows else []


def _first_due(scheme: Scheme, asked: Version, today: date) -> Due | None:
    """Return the first span that is billed once the price is in force, or the first from today."""
    begins_on = asked.tariff.effective_on
    if today < date.max and (asked.tariff.ends_on is None or asked.tariff.ends_on > today):
        begins_on = max(begins_on, today)
    month = BillingPeriod.of(begins_on)
    for after in range(2 * max(MONTHS.values()) + 1):
        found = dues_of({"": scheme}, (), month.plus(after))
        if found:
            return found[0]
    return None
