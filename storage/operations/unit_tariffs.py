"""Which unit is charged by which tariff: set from a day on, never changed in place."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from storage import audit
from storage.audit import Actor
from storage.frozen import dataclass
from storage.kinds import Payer
from storage.models.bills import fee_items, tariffs
from storage.models.estate import communities, units
from storage.models.tariffs import unit_tariffs
from storage.operations.assignments import Entered, end_assignment, enter
from storage.rules.billing import Assignment


@dataclass(frozen=True, slots=True)
class Choice:
    """What a unit is charged by, from a Shanghai day on; `until_on` is the first day after."""

    community: str
    code: str
    fee_item: str
    from_on: date
    scheme: str = ""
    is_charged: bool = True
    count: int = 1
    heads: int | None = None
    payer: Payer = Payer.OWNER
    anchored_on: date | None = None
    plate: str = ""
    until_on: date | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is about: a fee of a unit."""
        return self.community, self.code, self.fee_item

    @property
    def terms(self) -> tuple[object, ...]:
        """All that it says besides its days."""
        return (
            self.scheme,
            self.is_charged,
            self.count,
            self.heads,
            self.payer,
            self.anchored_on,
            self.plate,
        )

    @property
    def assigned(self) -> Assignment:
        """What it says, as bills are reckoned with it."""
        return Assignment(
            scheme=self.scheme,
            is_charged=self.is_charged,
            count=self.count,
            heads=self.heads,
            payer=self.payer,
            anchored_on=self.anchored_on,
            from_on=self.from_on,
            until_on=self.until_on,
        )


class Reason(StrEnum):
    """Why a row cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    UNKNOWN_UNIT = "unknown_unit"
    UNKNOWN_FEE_ITEM = "unknown_fee_item"
    UNKNOWN_SCHEME = "unknown_scheme"
    REPEATED = "repeated"
    DAYS_REVERSED = "days_reversed"
    DIFFERS = "differs"
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `other` is the row that it contradicts."""

    index: int
    reason: Reason
    other: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChoicePlan:
    """What the rows would do: indexes of new ones, and of those that only end now."""

    new: tuple[int, ...]
    ended: tuple[int, ...]
    objections: tuple[Objection, ...]


class _Books:
    """What the books hold of the communities that the rows name."""

    def __init__(self, tx: Connection, names: Iterable[str]) -> None:
        self.communities: dict[str, int] = {
            row.name: row.id
            for row in tx.execute(select(communities).where(communities.c.name.in_(names)))
        }
        called = {key: name for name, key in self.communities.items()}
        of_ours = units.c.community_id.in_(called)
        self.units: dict[tuple[str, str], Any] = {
            (called[row.community_id], row.code): row
            for row in tx.execute(select(units).where(of_ours))
        }
        self.items: dict[tuple[str, str], int] = {
            (called[row.community_id], row.name): row.id
            for row in tx.execute(select(fee_items).where(fee_items.c.community_id.in_(called)))
        }
        self.schemes: set[tuple[int, str, str]] = {
            (row.fee_item_id, row.unit_kind, row.scheme)
            for row in tx.execute(select(tariffs).where(tariffs.c.community_id.in_(called)))
        }
        self.choices: dict[tuple[str, str, str], list[Choice]] = {}
        for row in tx.execute(
            select(unit_tariffs, units.c.community_id, units.c.code, fee_items.c.name)
            .join(units, units.c.id == unit_tariffs.c.unit_id)
            .join(fee_items, fee_items.c.id == unit_tariffs.c.fee_item_id)
            .where(of_ours)
            .order_by(unit_tariffs.c.from_on)
        ):
            one = choice_of(called[row.community_id], row)
            self.choices.setdefault(one.place, []).append(one)

    def place_of(self, row: Choice) -> tuple[int, int]:
        """Return the keys of the unit and the fee that a row is about."""
        return self.units[row.community, row.code].id, self.items[row.community, row.fee_item]


def choice_of(community: str, row: Any) -> Choice:  # noqa: ANN401 - a row with code and name
    """Return what a row of the books says, joined with its unit's code and its fee's name."""
    return Choice(
        community=community,
        code=row.code,
        fee_item=row.name,
        from_on=row.from_on,
        scheme=row.scheme,
        is_charged=bool(row.is_charged),
        count=row._mapping[unit_tariffs.c.count],
        heads=row.heads,
        payer=Payer(row.payer),
        anchored_on=row.anchored_on,
        plate=row.plate,
        until_on=row.until_on,
    )


def plan_choices(tx: Connection, rows: Sequence[Choice]) -> ChoicePlan:
    """Return what importing the rows would do; changes nothing."""
    return _plan(_Books(tx, {row.community for row in rows}), rows)


def _plan(books: _Books, rows: Sequence[Choice]) -> ChoicePlan:
    new: list[int] = []
    ended: list[int] = []
    objections: list[Objection] = []
    seen: dict[tuple[object, ...], int] = {}
    said: dict[tuple[str, str, str], list[tuple[int, Choice]]] = {}
    for index in sorted(range(len(rows)), key=lambda one: (rows[one].from_on, one)):
        row = rows[index]
        first = seen.setdefault((*row.place, row.from_on), index)
        verdict: Objection | bool | None = _unknown(books, index, row)
        if verdict is None and first != index:
            verdict = Objection(index, Reason.REPEATED, first)
        if verdict is None:
            verdict = _judged(books, said.setdefault(row.place, []), index, row)
        if isinstance(verdict, Objection):
            objections.append(verdict)
        elif verdict is not None:
            (new if verdict else ended).append(index)
    return ChoicePlan(
        tuple(sorted(new)),
        tuple(sorted(ended)),
        tuple(sorted(objections, key=lambda one: one.index)),
    )


def _unknown(books: _Books, index: int, row: Choice) -> Objection | None:
    if row.community not in books.communities:
        return Objection(index, Reason.UNKNOWN_COMMUNITY)
    unit = books.units.get((row.community, row.code))
    if unit is None:
        return Objection(index, Reason.UNKNOWN_UNIT)
    item_id = books.items.get((row.community, row.fee_item))
    if item_id is None:
        return Objection(index, Reason.UNKNOWN_FEE_ITEM)
    if row.scheme and (item_id, unit.kind, row.scheme) not in books.schemes:
        return Objection(index, Reason.UNKNOWN_SCHEME)
    if row.until_on is not None and row.until_on <= row.from_on:
        return Objection(index, Reason.DAYS_REVERSED)
    return None


def _judged(
    books: _Books, said: list[tuple[int, Choice]], index: int, row: Choice
) -> Objection | bool | None:
    """Return an objection, True for a new choice, False for one that ends, None for no change.

    A choice without an end ends where the next one begins; one with an end is not cut short.
    """
    known = books.choices.get(row.place, [])
    same = next((one for one in known if one.from_on == row.from_on), None)
    verdict: Objection | bool | None = True
    if same is not None:
        ends_with_next = row.until_on is None and any(one.from_on == same.until_on for one in known)
        verdict = None if same.until_on == row.until_on or ends_with_next else False
        is_other_end = same.until_on not in (None, row.until_on) and not ends_with_next
        if same.terms != row.terms or is_other_end:
            return Objection(index, Reason.DIFFERS, detail=row.from_on.isoformat())
    for other, one in [*said, *((None, one) for one in known if one is not same)]:
        before, after = sorted((one, row), key=lambda each: each.from_on)
        is_cut = before.until_on is not None and before.until_on > after.from_on
        if is_cut and one != row:
            return Objection(index, Reason.OVERLAPS, other)
    said.append((index, row))
    return verdict


def import_choices(
    tx: Connection, rows: Sequence[Choice], *, actor: Actor, now: datetime
) -> ChoicePlan:
    """Enter the rows, all of them or (where one is objected to) none; again they do nothing."""
    books = _Books(tx, {row.community for row in rows})
    plan = _plan(books, rows)
    if plan.objections:
        return plan
    for index in plan.ended:
        row = rows[index]
        if row.until_on is not None:
            unit_id, item_id = books.place_of(row)
            end_assignment(
                tx,
                unit_id=unit_id,
                fee_item_id=item_id,
                from_on=row.from_on,
                until_on=row.until_on,
            )
    enter(
        tx,
        [
            Entered(*books.place_of(row), row.assigned, row.plate)
            for row in map(rows.__getitem__, plan.new)
        ],
    )
    for name, community_id in books.communities.items():
        changed = sum(rows[index].community == name for index in (*plan.new, *plan.ended))
        if changed:
            detail = f"{changed} changes"
            audit.note(
                tx, actor, "import", "unit_tariffs", str(community_id), at=now, detail=detail
            )
    return plan
