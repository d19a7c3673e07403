"""What a month's run would bill (出账预览): bill by bill, and which units miss what."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

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
from storage.models.operating import audit_records
from storage.periods import BillingPeriod, DaySpan
from storage.queries.handovers import Noun
from storage.queries.liable import Party
from storage.queries.pricing import (
    AS_THE_BOOKS_SAY,
    BilledUnit,
    DueBill,
    Made,
    Pricing,
    SkipReason,
    Tried,
)
from storage.queries.tariffs import assignments_of, schemes_of
from storage.rules.billing import Assignment, Scheme, dues_of
from storage.rules.pricing import Pricer

Place = tuple[int, int, str]
"""Unit, fee item and month of bills."""

_A_DAY: Final = timedelta(days=1)
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
    bill_no: str = ""
    """The bill that is in the way, where one is."""

    @property
    def detail(self) -> str:
        """The facts of the cause, as text: what was found, or since when."""
        if self.bill_no:
            return self.bill_no
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
            bills.c.unit_id,
            bills.c.fee_item_id,
            bills.c.period,
            bills.c.part,
            bills.c.begins_on,
            bills.c.last_on,
            bills.c.bill_no,
            bills.c.voided_at,
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

    Days whose bill is there, voided or not, count as repeated, unless the bills of the place are
    to be made anew; that may be of a closed month. A bill that stands for days which are another
    party's by now is named as missing a correction, unless its unit was handed over with it.
    """
    found = _units(tx, community_id, unit_ids)
    dues = _Dues(tx, community_id, period, found)
    billed = _billed(tx, found, dues)
    ids = [one.unit_id for one in found]
    pricing = Pricing(tx, community_id, ids, dues.pricers, today, tried)
    new: list[DueBill] = []
    missing: list[Missing] = []
    crossed: list[Missing] = []
    repeated = 0
    for unit, scheme, pricer in dues.each():
        place = (unit.unit_id, scheme.fee_item_id, pricer.period)
        known = None if place in anew else billed.get(place)
        made: Made
        if known is None:
            price = pricing.anew if place in anew else pricing.of
            made = price(unit, scheme, pricer)
        elif not known.has_any_of(pricer.due.days):
            made = SkipReason.PERIOD_TAKEN
        else:
            parties = pricing.parties(unit, pricer)
            left = [one for one in parties if not known.has_any_of(one.days)]
            repeated += max(len(parties) - len(left), 1)
            crossed += [
                _missing(unit, scheme, place[2], SkipReason.PARTY_CHANGED, bill_no)
                for bill_no in known.crossed_by(parties)
            ]
            made = known.rest_of(pricing.of(unit, scheme, pricer)) if left else ()
        if isinstance(made, tuple):
            new += made
        else:
            missing.append(_missing(unit, scheme, place[2], made))
    missing += _undecided(tx, crossed)
    return DueBills(tuple(new), repeated, tuple(missing))


def _undecided(tx: Connection, crossed: Sequence[Missing]) -> list[Missing]:
    """Leave out the bills of which a hand-over decided whose they are."""
    if not crossed:
        return []
    decided = select(audit_records.c.reference).where(
        audit_records.c.noun == Noun.ARREAR,
        audit_records.c.reference.in_([one.bill_no for one in crossed]),
    )
    known = set(tx.execute(decided).scalars())
    return [one for one in crossed if one.bill_no not in known]


def _missing(
    unit: BilledUnit,
    scheme: Scheme,
    period: str,
    why: SkipReason | Refusal,
    bill_no: str = "",
) -> Missing:
    refusal = why if isinstance(why, Refusal) else None
    reason = _reason(why) if isinstance(why, Refusal) else why
    item = scheme.fee_item_id
    label, name = unit.label, scheme.item_name
    return Missing(unit.unit_id, label, item, name, period, reason, refusal, bill_no)


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


class _Standing(NamedTuple):
    """A bill that is there, the newest of its part."""

    bill_no: str
    days: DaySpan | None
    is_voided: bool

    def is_of(self, days: DaySpan) -> bool:
        """Say whether it is for one of some days; one without days is for its month."""
        return self.days is None or self.days.common(days) is not None


class _Known:
    """The bills that are there of one unit, fee and month."""

    def __init__(self) -> None:
        self.parts: dict[int, _Standing] = {}

    def has_any_of(self, days: DaySpan) -> bool:
        """Say whether one of some days is billed, or was and was taken back."""
        return any(one.is_of(days) for one in self.parts.values())

    def crossed_by(self, parties: Sequence[Party]) -> list[str]:
        """Return the numbers of bills that stand for days of more than one party."""
        return [
            one.bill_no
            for one in self.parts.values()
            if one.days is not None
            and not one.is_voided
            and sum(one.is_of(party.days) for party in parties) > 1
        ]

    def rest_of(self, made: Made) -> Made:
        """Return of bills those whose days are not billed, numbered on."""
        if not isinstance(made, tuple):
            return made
        rest = [one for one in made if not self.has_any_of(one.due.days)]
        free = max(self.parts) + 1
        return tuple(one._replace(part=number) for number, one in enumerate(rest, start=free))


def _billed(tx: Connection, found: Sequence[BilledUnit], dues: _Dues) -> dict[Place, _Known]:
    """Return (unit, fee item, month) → the bills that are there; the newest of a part counts."""
    for _ in dues.each():
        pass
    months = sorted(pricer.period for _, pricer in dues.pricers)
    if not months:
        return {}
    ids = [one.unit_id for one in found]
    rows: Iterable[Any] = _BILLED.run(tx, ids, first=months[0], last=months[-1])
    billed: dict[Place, _Known] = {}
    for unit_id, item_id, period, part, begins_on, last_on, bill_no, voided_at in rows:
        days = None
        if begins_on is not None and last_on is not None:
            days = DaySpan(begins_on, last_on + _A_DAY)
        known = billed.setdefault((unit_id, item_id, period), _Known())
        known.parts[part] = _Standing(bill_no, days, voided_at is not None)
    return billed
