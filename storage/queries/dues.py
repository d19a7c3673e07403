"""What a month's run would bill (出账预览): bill by bill, and which units miss what."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from storage.charge_errors import (
    InputMissing,
    InputRefused,
    ReadingLower,
    TariffGap,
    TariffOverlaps,
)
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import ChargeInput
from storage.many import Keyed
from storage.models.bills import bills
from storage.models.estate import units
from storage.periods import BillingPeriod, DaySpan
from storage.queries.pricing import (
    AS_THE_BOOKS_SAY,
    BilledUnit,
    DueBill,
    Pricing,
    SkipReason,
    Tried,
)
from storage.queries.tariffs import assignments_of, schemes_of
from storage.rules.billing import Assignment, Scheme, dues_of
from storage.rules.pricing import Pricer

Place = tuple[int, int, str]
"""Unit, fee item and month of a bill."""

_OF_INPUT: Final = {
    ChargeInput.AREA: SkipReason.AREA_MISSING,
    ChargeInput.READING: SkipReason.READING_MISSING,
    ChargeInput.HEADS: SkipReason.HEADS_MISSING,
}
_OF_REFUSAL: Final[tuple[tuple[type[Refusal], SkipReason], ...]] = (
    (InputMissing, SkipReason.INPUT_MISSING),
    (InputRefused, SkipReason.INPUT_REFUSED),
    (ReadingLower, SkipReason.READING_LOWER),
    (TariffGap, SkipReason.TARIFF_GAP),
    (TariffOverlaps, SkipReason.TARIFF_OVERLAPS),
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A unit's fee of a month that could not be billed, and why."""

    unit_id: int
    unit_label: str
    fee_item_id: int
    item_name: str
    period: str
    reason: SkipReason
    refusal: Refusal | None = None

    @property
    def detail(self) -> str:
        """The facts of the cause, as text: what was found, or since when."""
        kept = {} if self.refusal is None else vars(self.refusal)
        return " ".join(str(value) for name, value in kept.items() if name != "row" and value)


@dataclass(frozen=True, slots=True)
class DueBills:
    """What a month's run would bill, how much of it is billed already, and what is missing."""

    new: tuple[DueBill, ...]
    repeated: int
    missing: tuple[Missing, ...]


_UNITS: Final = (
    select(units.c.id, units.c.label, units.c.kind, units.c.floor_area_m2)
    .where(units.c.community_id == bindparam("community_id"))
    .order_by(units.c.id)
)
_SOME_UNITS: Final = Keyed(
    lambda among: _UNITS.where(among(units.c.id)),
)
_BILLED: Final = Keyed(
    lambda among: (
        select(
            bills.c.unit_id, bills.c.fee_item_id, bills.c.period, bills.c.begins_on, bills.c.last_on
        )
        .where(
            among(bills.c.unit_id), bills.c.period.between(bindparam("first"), bindparam("last"))
        )
        .order_by(bills.c.revision)
    )
)


def bills_due(
    tx: Connection,
    *,
    community_id: int,
    period: BillingPeriod,
    today: date,
    unit_ids: Collection[int] | None = None,
    anew: Collection[Place] = (),
    tried: Tried = AS_THE_BOOKS_SAY,
) -> DueBills:
    """Return what the run of a month would bill on a Shanghai day; changes nothing.

    A fee whose bill of the same days is there, voided or not, counts as repeated, unless it is to
    be made anew; that may be of a closed month.
    """
    found = _units(tx, community_id, unit_ids)
    dues = _Dues(tx, community_id, period, found)
    billed = _billed(tx, found, dues)
    ids = [one.unit_id for one in found]
    pricing = Pricing(tx, community_id, ids, dues.pricers, today, tried)
    new: list[DueBill] = []
    missing: list[Missing] = []
    repeated = 0
    for unit, scheme, pricer in dues.each():
        place = (unit.unit_id, scheme.fee_item_id, pricer.period)
        known = None if place in anew else billed.get(place)
        if known is not None and _is_of(known, pricer.due.days):
            repeated += 1
            continue
        price = pricing.anew if place in anew else pricing.of
        made = SkipReason.PERIOD_TAKEN if known is not None else price(unit, scheme, pricer)
        if isinstance(made, DueBill):
            new.append(made)
        elif made is not None:
            missing.append(_missing(unit, scheme, place[2], made))
    return DueBills(tuple(new), repeated, tuple(missing))


def _missing(unit: BilledUnit, scheme: Scheme, period: str, why: SkipReason | Refusal) -> Missing:
    refusal = why if isinstance(why, Refusal) else None
    reason = _reason(why) if isinstance(why, Refusal) else why
    item = scheme.fee_item_id
    return Missing(unit.unit_id, unit.label, item, scheme.item_name, period, reason, refusal)


def _reason(refusal: Refusal) -> SkipReason:
    if isinstance(refusal, InputMissing) and refusal.what in _OF_INPUT:
        return _OF_INPUT[refusal.what]
    for kind, reason in _OF_REFUSAL:
        if isinstance(refusal, kind):
            return reason
    return SkipReason.FORMULA_FAILS


def _units(tx: Connection, community_id: int, unit_ids: Collection[int] | None) -> list[BilledUnit]:
    if unit_ids is None:
        rows: Iterable[Any] = tx.execute(_UNITS, {"community_id": community_id})
    else:
        rows = _SOME_UNITS.run(tx, unit_ids, community_id=community_id)
    return [BilledUnit(*row) for row in rows]


class _Dues:
    """Which fees of which units are billed in a month; units that are alike share a pricer."""

    def __init__(
        self,
        tx: Connection,
        community_id: int,
        period: BillingPeriod,
        found: Sequence[BilledUnit],
    ) -> None:
        self._period = period
        self._schemes = schemes_of(tx, community_id)
        self._by_kind: dict[str, list[int]] = {}
        for kind, item_id in self._schemes:
            self._by_kind.setdefault(kind, []).append(item_id)
        self._found = found
        self._assigned = assignments_of(tx, [one.unit_id for one in found])
        self._pricers: dict[Any, list[tuple[Scheme, Pricer]]] = {}
        self._of_kind: dict[str, list[tuple[Scheme, Pricer]]] = {}

    def each(self) -> Iterable[tuple[BilledUnit, Scheme, Pricer]]:
        """Yield unit by unit what is billed."""
        for unit in self._found:
            of_unit = self._assigned.get(unit.unit_id)
            for scheme, pricer in (
                self._usual(unit.kind)
                if of_unit is None
                else [
                    one
                    for item_id in self._by_kind.get(unit.kind, ())
                    for one in self._of(unit.kind, item_id, of_unit.get(item_id, ()))
                ]
            ):
                yield unit, scheme, pricer

    def _usual(self, kind: str) -> list[tuple[Scheme, Pricer]]:
        """Return what is billed of a unit that is like all of its kind."""
        if kind not in self._of_kind:
            self._of_kind[kind] = [
                one
                for item_id in self._by_kind.get(kind, ())
                for one in self._of(kind, item_id, ())
            ]
        return self._of_kind[kind]

    def _of(
        self, kind: str, item_id: int, assigned: tuple[Assignment, ...]
    ) -> list[tuple[Scheme, Pricer]]:
        key = (kind, item_id, assigned)
        if key not in self._pricers:
            schemes = self._schemes[kind, item_id]
            scheme = next(iter(schemes.values()))
            self._pricers[key] = [
                (scheme, Pricer(due, scheme.item_name))
                for due in dues_of(schemes, assigned, self._period)
            ]
        return self._pricers[key]

    @property
    def pricers(self) -> list[tuple[Scheme, Pricer]]:
        """All that were asked for so far."""
        return [one for some in self._pricers.values() for one in some]


def _billed(
    tx: Connection, found: Sequence[BilledUnit], dues: _Dues
) -> dict[Place, tuple[date | None, date | None]]:
    """Return (unit, fee item, month) → the days of the bill that is there; the newest counts."""
    for _ in dues.each():
        pass
    months = sorted(pricer.period for _, pricer in dues.pricers)
    if not months:
        return {}
    ids = [one.unit_id for one in found]
    rows: Iterable[Any] = _BILLED.run(tx, ids, first=months[0], last=months[-1])
    return {
        (unit_id, item_id, period): (begins_on, last_on)
        for unit_id, item_id, period, begins_on, last_on in rows
    }


def _is_of(known: tuple[date | None, date | None], days: DaySpan) -> bool:
    """Say whether a bill that is there is for these days; one without days is for its month."""
    begins_on, last_on = known
    if begins_on is None or last_on is None:
        return True
    return begins_on < days.ends_on and last_on >= days.begins_on
