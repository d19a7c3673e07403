"""Which prices there are, which unit is charged by which, and what is taken off."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from storage.frozen import dataclass
from storage.kinds import (
    Basis,
    CycleLength,
    CycleTiming,
    DiscountReason,
    FeeClass,
    Payer,
    RoundingMode,
    RoundingUnit,
    TierSpan,
)
from storage.many import Keyed
from storage.models.bills import fee_items, tariffs
from storage.models.tariffs import discounts, unit_tariffs, vacancies
from storage.periods import DaySpan
from storage.rules.billing import Assignment, Scheme, Version
from storage.rules.rounding import TO_THE_FEN, Rounding
from storage.rules.tariffs import Tariff
from storage.rules.tiers import Tier

_PLAIN: Final = ("use_unit", "tier_year_starts", "included_heads", "minimum_fen", "maximum_fen")


@dataclass(frozen=True, slots=True)
class TariffTerms:
    """What else than its price a tariff says; see `storage.rules.tariffs.Tariff`."""

    use_unit: str = ""
    tiers: tuple[Tier, ...] = ()
    tier_span: TierSpan = TierSpan.MONTH
    tier_year_starts: int = 1
    included_heads: int = 0
    minimum_fen: int | None = None
    maximum_fen: int | None = None
    rounding: Rounding = TO_THE_FEN
    formula: str = ""

    @property
    def text(self) -> str:
        """The terms as they are kept: JSON of those that differ from the usual ones."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in (*_PLAIN, "formula")}
        kept["tier_span"] = str(self.tier_span)
        usual = {**{name: getattr(NO_TERMS, name) for name in kept}, "tier_span": TierSpan.MONTH}
        said = {name: one for name, one in kept.items() if one != usual[name]}
        if self.tiers:
            said["tiers"] = [
                [one.price_e4, None if one.up_to is None else str(one.up_to), str(one.per_head)]
                for one in self.tiers
            ]
        if self.rounding != TO_THE_FEN:
            said["rounding"] = [str(self.rounding.unit), str(self.rounding.mode)]
        return json.dumps(said, ensure_ascii=False, sort_keys=True)

    @classmethod
    def of(cls, text: str) -> "TariffTerms":
        """Read kept terms. Raises ValueError for a word that is none of ours."""
        said = json.loads(text)
        unknown = sorted(said.keys() - {*_PLAIN, "formula", "tiers", "tier_span", "rounding"})
        if unknown:
            raise ValueError(f"a tariff has no terms called {unknown}")
        if "tiers" in said:
            said["tiers"] = tuple(
                Tier(price_e4, None if up_to is None else Decimal(up_to), Decimal(per_head))
                for price_e4, up_to, per_head in said["tiers"]
            )
        if "tier_span" in said:
            said["tier_span"] = TierSpan(said["tier_span"])
        if "rounding" in said:
            unit, mode = said["rounding"]
            said["rounding"] = Rounding(RoundingUnit(unit), RoundingMode(mode))
        return cls(**said)

    def tariff(
        self,
        basis: Basis,
        price_e4: int,
        effective_on: date,
        ends_on: date | None = None,
        name: str = "",
    ) -> Tariff:
        """Return the rules' tariff with these terms. Raises InputRefused and ValueError."""
        return Tariff(
            basis,
            price_e4,
            effective_on,
            ends_on,
            name,
            use_unit=self.use_unit,
            tiers=self.tiers,
            tier_span=self.tier_span,
            tier_year_starts=self.tier_year_starts,
            included_heads=self.included_heads,
            minimum_fen=self.minimum_fen,
            maximum_fen=self.maximum_fen,
            rounding=self.rounding,
            formula=self.formula,
        )


NO_TERMS: Final = TariffTerms()


def schemes_of(tx: Connection, community_id: int) -> dict[tuple[str, int], dict[str, Scheme]]:
    """Return (kind of unit, fee item) → name → scheme, each with its versions in order."""
    rows = tx.execute(
        select(tariffs, fee_items.c.name.label("item_name"), fee_items.c.fee_class)
        .join(fee_items, fee_items.c.id == tariffs.c.fee_item_id)
        .where(tariffs.c.community_id == community_id)
        .order_by(tariffs.c.fee_item_id, tariffs.c.effective_on, tariffs.c.id)
    )
    groups: dict[tuple[str, int, str], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.unit_kind, row.fee_item_id, row.scheme), []).append(row)
    found: dict[tuple[str, int], dict[str, Scheme]] = {}
    for (unit_kind, item_id, name), versions in groups.items():
        found.setdefault((unit_kind, item_id), {})[name] = Scheme(
            community_id,
            item_id,
            versions[0].item_name,
            FeeClass(versions[0].fee_class),
            unit_kind,
            name,
            tuple(map(version_of, versions)),
        )
    return found


def mark_of(scheme: Scheme) -> str:
    """Return a short text that changes with every change of a scheme's prices or their days."""
    told = [
        (one.tariff_id, one.due_day, one.cycle, one.timing, one.tariff) for one in scheme.versions
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def version_of(row: Any) -> Version:  # noqa: ANN401 - a row of tariffs
    """Return what a row of prices says, named by its key and first day."""
    tariff = TariffTerms.of(row.terms).tariff(
        Basis(row.basis),
        row.price_e4,
        row.effective_on,
        row.ends_on,
        f"{row.id}/{row.effective_on.isoformat()}",
    )
    return Version(row.id, CycleLength(row.cycle), CycleTiming(row.timing), row.due_day, tariff)


_ASSIGNMENTS: Final = Keyed(
    lambda among: (
        select(unit_tariffs)
        .where(among(unit_tariffs.c.unit_id))
        .order_by(unit_tariffs.c.unit_id, unit_tariffs.c.from_on)
    )
)


_COUNT: Final = "count"
"""A row has a method of this name."""


def assignments_of(
    tx: Connection, unit_ids: Collection[int]
) -> dict[int, dict[int, tuple[Assignment, ...]]]:
    """Return unit → fee item → what differs from the unit's kind, the oldest first."""
    found: dict[int, dict[int, tuple[Assignment, ...]]] = {}
    rows: Iterable[Any] = _ASSIGNMENTS.run(tx, unit_ids)
    for row in rows:
        one = Assignment(
            row.scheme,
            bool(row.is_charged),
            row._mapping[_COUNT],
            row.heads,
            Payer(row.payer),
            row.anchored_on,
            row.from_on,
            row.until_on,
        )
        of_unit = found.setdefault(row.unit_id, {})
        of_unit[row.fee_item_id] = (*of_unit.get(row.fee_item_id, ()), one)
    return found


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Days on which a unit stands empty, and how many hundredths of a percent are taken off."""

    days: DaySpan
    percent: Decimal
    reason: str


_VACANCIES: Final = Keyed(
    lambda among: (
        select(vacancies)
        .where(among(vacancies.c.unit_id))
        .order_by(vacancies.c.unit_id, vacancies.c.from_on)
    )
)


def vacancies_of(tx: Connection, unit_ids: Collection[int]) -> dict[int, list[Vacancy]]:
    """Return unit → the days on which it stands empty, in order."""
    found: dict[int, list[Vacancy]] = {}
    for row in _VACANCIES.run(tx, unit_ids):
        days = DaySpan(row.from_on, row.until_on or date.max)
        percent = Decimal(row.percent_e2).scaleb(-2)
        found.setdefault(row.unit_id, []).append(Vacancy(days, percent, row.reason))
    return found


@dataclass(frozen=True, slots=True)
class Reduction:
    """A percentage or an amount off; `uses_left` None is without limit."""

    discount_id: int
    unit_id: int | None
    fee_item_id: int | None
    reason: DiscountReason
    name: str
    percent: Decimal | None
    amount_fen: int | None
    from_on: date
    until_on: date | None
    uses_left: int | None

    def covers(self, unit_id: int, fee_item_id: int, day: date) -> bool:
        """Say whether it is meant for a unit's fee on a day."""
        is_meant = self.unit_id in (None, unit_id) and self.fee_item_id in (None, fee_item_id)
        return is_meant and self.from_on <= day and (self.until_on is None or day < self.until_on)


def reductions_of(tx: Connection, community_id: int) -> list[Reduction]:
    """Return a community's reductions that may still be used, the first entered first."""
    rows = tx.execute(
        select(discounts)
        .where(
            discounts.c.community_id == community_id,
            or_(discounts.c.uses_left.is_(None), discounts.c.uses_left > 0),
        )
        .order_by(discounts.c.id)
    )
    return [
        Reduction(
            row.id,
            row.unit_id,
            row.fee_item_id,
            DiscountReason(row.reason),
            row.name,
            None if row.percent_e2 is None else Decimal(row.percent_e2).scaleb(-2),
            row.amount_fen,
            row.from_on,
            row.until_on,
            row.uses_left,
        )
        for row in rows
    ]
