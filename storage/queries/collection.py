"""How much of what was asked for was paid (收缴率、清欠率), with the bills behind each rate.

`collected` is the one read behind every rate that is shown; what is published names no household.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, units
from storage.periods import BillingPeriod, months_after
from storage.queries.debt_moves import (
    Bills,
    Condition,
    Days,
    Scope,
    for_months,
    is_developers,
    moves_since,
    open_now,
    total,
)
from storage.queries.estate import in_order
from storage.queries.late_fees import LATE_FEE
from storage.rules.collecting import PAID, Move, Rate

MONTHS: Final = 12
LEAST_UNITS: Final = 20
"""The figure of fewer households would tell of single ones."""
NOTHING: Final = Rate(0, 0, 0, 0)


class Whose(StrEnum):
    """Whose bills a rate is of."""

    RESIDENTS = "residents"
    DEVELOPERS = "developers"
    """开发商承担: told apart."""
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Question:
    """Which rate is asked for: 收缴率 of bills of some months, as of the end of a Shanghai day.

    Without a fee item it is of our own fees, without late fees (违约金). `due_after` and
    `due_until` narrow it to bills that fell due in between; `is_old` asks for 清欠率 instead:
    of the bills of all months before.
    """

    scope: Scope
    first: BillingPeriod
    last: BillingPeriod
    cut_off: date
    whose: Whose = Whose.RESIDENTS
    due_after: date | None = None
    due_until: date | None = None
    is_old: bool = False
    is_long_past: bool = False
    """The cut-off is so long ago that the bills' own moves are fewer than all late ones."""

    @classmethod
    def of_month(cls, scope: Scope, period: BillingPeriod, cut_off: date) -> "Question":
        """Ask for a month's own rate (当期)."""
        last_on = min(cut_off, period.last_on)
        return cls(scope, period, period, last_on, is_long_past=cut_off > period.last_on)

    @classmethod
    def of_year_so_far(cls, scope: Scope, period: BillingPeriod, cut_off: date) -> "Question":
        """Ask for the rate of January up to a month (累计)."""
        first = BillingPeriod(period.year, 1)
        return cls(scope, first, period, min(cut_off, period.last_on))

    @classmethod
    def of_old_debts(cls, scope: Scope, period: BillingPeriod, cut_off: date) -> "Question":
        """Ask for what a month brought in of the debts of months before it (清欠率)."""
        return cls(scope, period, period, min(cut_off, period.last_on), is_old=True)

    @property
    def days(self) -> Days:
        """Which moves count: of old debts only those since the months began."""
        return Days(self.first.first_on, self.cut_off)

    def bills(self, after_id: int = 0) -> Bills:
        """Return the bills that the rate is of, with a key beyond `after_id`."""
        theirs = self._holds()
        mine = Bills.of(self.scope, after_id)
        late = mine.led if self.is_long_past else mine.unled
        return Bills(mine.community_id, mine.led & theirs, late & theirs)

    def _holds(self) -> Condition:
        mine = [*self._whose(), *self._items()]
        if self.is_old:
            mine.append(bills.c.period < str(self.first))
        else:
            mine.append(for_months(self.first, self.last))
        if self.due_after is not None:
            mine.append(bills.c.due_on > self.due_after)
        if self.due_until is not None:
            mine.append(bills.c.due_on <= self.due_until)
        return and_(*mine)

    def _whose(self) -> Sequence[Condition]:
        match self.whose:
            case Whose.RESIDENTS:
                return (or_(bills.c.liable_id.is_not(None), ~is_developers()),)
            case Whose.DEVELOPERS:
                return (is_developers(),)
            case Whose.EVERYBODY:
                return ()

    def _items(self) -> Sequence[Condition]:
        if self.scope.fee_item_id is not None:
            return ()
        ours = select(fee_items.c.id).where(
            fee_items.c.community_id == self.scope.community_id,
            fee_items.c.fee_class == FeeClass.OWN,
            fee_items.c.code != LATE_FEE,
        )
        return (bills.c.fee_item_id.in_(ours),)


@dataclass(frozen=True, slots=True)
class BuildingRate:
    """The rate of a building; `label` is "" for what stands in none."""

    building_id: int | None
    label: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class CollectedBill:
    """A bill behind a rate, with what of it was asked for and paid."""

    bill_id: int
    bill_no: str
    unit_id: int
    unit_label: str
    item_name: str
    period: str
    due_on: date
    asked_fen: int
    paid_fen: int


def collected(tx: Connection, question: Question) -> Rate:
    """Return a rate with both its sides."""
    by_unit = _by(question, "unit_id")
    row = tx.execute(select(*_sides(by_unit))).one()
    return _rate(row)


def collected_by_building(tx: Connection, question: Question) -> tuple[BuildingRate, ...]:
    """Return the rate of each building, in the order of buildings; they sum to `collected`."""
    by_unit = _by(question, "unit_id")
    rows = tx.execute(
        select(units.c.building_id, buildings.c.label, *_sides(by_unit))
        .select_from(
            by_unit.join(units, units.c.id == by_unit.c.unit_id).outerjoin(
                buildings, buildings.c.id == units.c.building_id
            )
        )
        .group_by(units.c.building_id, buildings.c.label)
    )
    found = (BuildingRate(row.building_id, row.label or "", _rate(row)) for row in rows)
    return tuple(sorted(found, key=lambda one: _first((one.label,))))


def collected_bills(
    tx: Connection, question: Question, *, after_id: int = 0, limit: int
) -> tuple[CollectedBill, ...]:
    """Return the bills behind a rate with a key beyond `after_id`; all pages sum to it."""
    by_bill = _by(question, "bill_id", after_id)
    rows = tx.execute(
        select(by_bill, bills, units.c.label, fee_items.c.name)
        .select_from(
            by_bill.join(bills, bills.c.id == by_bill.c.bill_id)
            .join(units, units.c.id == bills.c.unit_id)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        .where(or_(by_bill.c.asked != 0, by_bill.c.paid != 0))
        .order_by(by_bill.c.bill_id)
        .limit(limit)
    )
    return tuple(
        CollectedBill(
            row.bill_id,
            row.bill_no,
            row.unit_id,
            row.label,
            row.name,
            row.period,
            row.due_on,
            int(row.asked),
            int(row.paid),
        )
        for row in rows
    )


def _by(question: Question, key: str, after_id: int = 0) -> Any:  # noqa: ANN401 - a subquery
    """Return what was asked for and paid, unit by unit or bill by bill."""
    which = question.bills(after_id)
    parts = _of_old_debts(question, which) if question.is_old else _of_months(question, which)
    sides = union_all(*parts).subquery("parts")
    return (
        select(sides.c[key], total(sides.c.asked).label("asked"), total(sides.c.paid).label("paid"))
        .group_by(sides.c[key])
        .subquery("sides")
    )


def _of_months(question: Question, which: Bills) -> tuple[Select[Any], Select[Any]]:
    """Return what bills ask for and have been paid now, less what moved after the cut-off."""
    now = select(
        bills.c.id.label("bill_id"),
        bills.c.unit_id,
        (bills.c.amount_fen + bills.c.written_off_fen).label("asked"),
        bills.c.paid_fen.label("paid"),
    ).where(which.led, bills.c.voided_at.is_(None))
    moves = moves_since(which, question.days.end)
    is_paid, is_asked = _kinds(moves)
    return now, select(
        moves.c.bill_id,
        moves.c.unit_id,
        case((is_asked, -moves.c.fen), else_=0).label("asked"),
        case((is_paid, moves.c.fen), else_=0).label("paid"),
    )


def _of_old_debts(question: Question, which: Bills) -> tuple[Select[Any], Select[Any]]:
    """Return what is open now, counted back to the first day, with what moved in the days."""
    now = open_now(which.led)
    moves = moves_since(which, question.days.begin)
    is_paid, is_asked = _kinds(moves)
    is_theirs = moves.c.at < question.days.end
    standing = select(
        now.c.bill_id, now.c.unit_id, now.c.fen.label("asked"), literal(0).label("paid")
    )
    return standing, select(
        moves.c.bill_id,
        moves.c.unit_id,
        case((and_(is_theirs, is_asked), 0), else_=-moves.c.fen).label("asked"),
        case((and_(is_theirs, is_paid), -moves.c.fen), else_=0).label("paid"),
    )


def _kinds(moves: Subquery) -> tuple[Condition, Condition]:
    """Say that a move is a payment, and that it changes what is asked for."""
    is_paid = moves.c.move.in_([str(one) for one in PAID])
    return is_paid, and_(~is_paid, moves.c.move != str(Move.WRITTEN_OFF))


def _sides(by_unit: Any) -> tuple[ColumnElement[Any], ...]:  # noqa: ANN401 - a subquery
    counts = by_unit.c.asked > 0
    is_paid_up = and_(counts, by_unit.c.paid >= by_unit.c.asked)
    return (
        total(by_unit.c.paid).label("paid_fen"),
        total(by_unit.c.asked).label("asked_fen"),
        func.count(case((is_paid_up, 1))).label("households_paid"),
        func.count(case((counts, 1))).label("households"),
    )


def _rate(row: Any) -> Rate:  # noqa: ANN401 - a row
    return Rate(int(row.paid_fen), int(row.asked_fen), row.households_paid, row.households)


@dataclass(frozen=True, slots=True)
class CollectionRate:
    """What some buildings paid of what fell due in a year; `percent` is rounded down."""

    buildings: tuple[str, ...]
    """Their names, "" for what stands in none; several where one alone has too few households."""
    unit_count: int
    percent: int


def question_of_year(community_id: int, today: date) -> Question:
    """Ask for the rate that is published: of what fell due in the year up to a Shanghai day."""
    since = months_after(today, -MONTHS)
    return Question(
        Scope(community_id),
        BillingPeriod.of(since).plus(-MONTHS),
        BillingPeriod.of(today),
        today,
        due_after=since,
        due_until=today,
    )


def collection_rates(tx: Connection, community_id: int, today: date) -> tuple[CollectionRate, ...]:
    """Return the rates of the year up to a Shanghai day, building by building.

    Buildings with few households are taken together with the smallest of the others until there
    are enough; a community with too few in all has no rate.
    """
    return rates_to_publish(collected_by_building(tx, question_of_year(community_id, today)))


def are_enough(households: int) -> bool:
    """Tell whether a figure of so many households may be seen by everybody."""
    return households >= LEAST_UNITS


def rates_to_publish(found: Sequence[BuildingRate]) -> tuple[CollectionRate, ...]:
    """Return rates of enough households each; what is published names no fewer."""
    groups = _large_enough([one for one in found if one.rate.asked_fen > 0])
    return tuple(sorted(map(_together, groups), key=lambda one: _first(one.buildings)))


def _large_enough(rows: Sequence[BuildingRate]) -> list[list[BuildingRate]]:
    """Join the smallest building with the next ones until each group has enough households."""
    left = sorted(rows, key=lambda one: (one.rate.households, one.label))
    groups: list[list[BuildingRate]] = []
    small: list[BuildingRate] = []
    for row in left:
        small.append(row)
        if are_enough(sum(one.rate.households for one in small)):
            groups.append(small)
            small = []
    if groups:
        groups[-1] += small
    return groups


def _together(group: Sequence[BuildingRate]) -> CollectionRate:
    labels = sorted((one.label for one in group), key=lambda one: _first((one,)))
    rate = Rate(*map(sum, zip(*(one.rate for one in group), strict=True)))
    return CollectionRate(tuple(labels), rate.households, (rate.percent_e2 or 0) // 100)


def _first(labels: Sequence[str]) -> tuple[bool, list[tuple[int, str]]]:
    """Return by what groups are put in order: as buildings are counted, what is in none last."""
    return not labels[0], in_order(labels[0].removesuffix("栋"))
