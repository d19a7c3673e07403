"""What a sheet of an estate would change, beside what the books hold: no database here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from storage.frozen import dataclass
from storage.kinds import OccupancyRole, UnitKind


@dataclass(frozen=True, slots=True)
class EstateRow:
    """One unit, and (with a name) one person there. Days are Shanghai days."""

    community: str
    code: str
    label: str
    kind: UnitKind
    building: str = ""
    entrance: str = ""
    floor_area_m2: Decimal | None = None
    name: str = ""
    phone: str = ""
    role: OccupancyRole = OccupancyRole.OWNER
    from_on: date | None = None
    until_on: date | None = None


class Verb(StrEnum):
    """What happens to a unit or to the people in it."""

    ADD_COMMUNITY = "add_community"
    ADD_UNIT = "add_unit"
    CHANGE_AREA = "change_area"
    CHANGE_PHONE = "change_phone"
    MOVE_IN = "move_in"
    MOVE_OUT = "move_out"
    HAND_OVER = "hand_over"


class Reason(StrEnum):
    """Why a row of an estate cannot be taken."""

    REPEATED = "repeated"
    AREA_UNCLEAR = "area_unclear"
    KIND_DIFFERS = "kind_differs"
    OWNER_DIFFERS = "owner_differs"
    PHONE_UNCLEAR = "phone_unclear"
    DAYS_REVERSED = "days_reversed"


@dataclass(frozen=True, slots=True)
class Living:
    """Somebody who lives in a unit now, as the books have it."""

    occupancy_id: int
    resident_id: int
    name: str
    phone: str
    role: OccupancyRole
    from_on: date


@dataclass(frozen=True, slots=True)
class Kept:
    """What the books hold, by (community, code)."""

    communities: frozenset[str]
    units: Mapping[tuple[str, str], tuple[str, Decimal | None]]
    living: Mapping[tuple[str, str], Sequence[Living]]
    left: frozenset[tuple[str, str, str, str, date]] = frozenset()
    """(community, code, name, role, last day after) of those who moved out."""
    resident_ids: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """(community, name, phone) → resident."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the row of an index changes. `living`: whom it is about."""

    index: int
    verb: Verb
    community: str
    code: str
    area_m2: Decimal | None = None
    on: date | None = None
    living: tuple[Living, ...] = ()


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `other` is the row that it contradicts."""

    index: int
    reason: Reason
    other: int | None = None


@dataclass(frozen=True, slots=True)
class EstatePlan:
    """What the rows would do."""

    changes: tuple[Change, ...]
    objections: tuple[Objection, ...]


Step = Change | Objection


def plan_rows(rows: Sequence[EstateRow], kept: Kept) -> EstatePlan:
    """Compare the rows with the books."""
    by_unit: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        by_unit.setdefault((row.community, row.code), []).append(index)
    steps: list[Step] = []
    entered = set(kept.communities)
    for (community, code), indexes in by_unit.items():
        if community not in entered:
            entered.add(community)
            steps.append(Change(indexes[0], Verb.ADD_COMMUNITY, community, code))
        steps += _unit_steps(rows, indexes, kept)
        steps += _people_steps(rows, indexes, kept)
    steps += _phone_contradictions(rows, steps, kept)
    return EstatePlan(
        tuple(step for step in steps if isinstance(step, Change)),
        tuple(step for step in steps if isinstance(step, Objection)),
    )


def _unit_steps(rows: Sequence[EstateRow], indexes: list[int], kept: Kept) -> Iterator[Step]:
    first = rows[indexes[0]]
    measured = [index for index in indexes if rows[index].floor_area_m2 is not None]
    area = rows[measured[0]].floor_area_m2 if measured else None
    for index in indexes:
        row = rows[index]
        if row.floor_area_m2 not in (None, area):
            yield Objection(index, Reason.AREA_UNCLEAR, measured[0])
        if row.kind != first.kind:
            yield Objection(index, Reason.KIND_DIFFERS, indexes[0])
    known = kept.units.get((first.community, first.code))
    if known is None:
        yield Change(indexes[0], Verb.ADD_UNIT, first.community, first.code, area_m2=area)
        return
    kind, known_area = known
    if kind != first.kind:
        yield Objection(indexes[0], Reason.KIND_DIFFERS)
    if area is not None and area != known_area:
        yield Change(measured[0], Verb.CHANGE_AREA, first.community, first.code, area_m2=area)


def _people_steps(rows: Sequence[EstateRow], indexes: list[int], kept: Kept) -> Iterator[Step]:
    first = rows[indexes[0]]
    living = kept.living.get((first.community, first.code), ())
    seen: dict[tuple[str, OccupancyRole], int] = {}
    owners = {rows[i].name for i in indexes if rows[i].role is OccupancyRole.OWNER}
    handed_over = False
    for index in indexes:
        row = rows[index]
        if not row.name:
            if len(indexes) > 1 and index != indexes[0]:
                yield Objection(index, Reason.REPEATED, indexes[0])
            continue
        other = seen.setdefault((row.name, row.role), index)
        if other != index:
            yield Objection(index, Reason.REPEATED, other)
        elif row.until_on is not None and row.from_on is not None and row.until_on <= row.from_on:
            yield Objection(index, Reason.DAYS_REVERSED)
        elif not _has_left(row, kept):
            step = _person_step(index, row, living, owners, handed_over=handed_over)
            handed_over |= isinstance(step, Change) and step.verb is Verb.HAND_OVER
            if step is not None:
                yield step


def _has_left(row: EstateRow, kept: Kept) -> bool:
    if row.until_on is None:
        return False
    return (row.community, row.code, row.name, str(row.role), row.until_on) in kept.left


def _person_step(
    index: int,
    row: EstateRow,
    living: Sequence[Living],
    owners: set[str],
    *,
    handed_over: bool,
) -> Step | None:
    same = [one for one in living if (one.name, one.role) == (row.name, row.role)]
    if same:
        return _known_person_step(index, row, same[0])
    before = tuple(one for one in living if one.role is OccupancyRole.OWNER)
    is_succession = row.role is OccupancyRole.OWNER and before and not handed_over
    if is_succession and not owners.intersection(one.name for one in before):
        if row.from_on is None or any(one.from_on >= row.from_on for one in before):
            return Objection(index, Reason.OWNER_DIFFERS)
        return Change(index, Verb.HAND_OVER, row.community, row.code, on=row.from_on, living=before)
    return Change(index, Verb.MOVE_IN, row.community, row.code, on=row.from_on)


def _known_person_step(index: int, row: EstateRow, known: Living) -> Step | None:
    if row.until_on is not None:
        if row.until_on <= known.from_on:
            return Objection(index, Reason.DAYS_REVERSED)
        return Change(
            index, Verb.MOVE_OUT, row.community, row.code, on=row.until_on, living=(known,)
        )
    if row.phone and row.phone != known.phone:
        return Change(index, Verb.CHANGE_PHONE, row.community, row.code, living=(known,))
    return None


def _phone_contradictions(
    rows: Sequence[EstateRow], steps: Sequence[Step], kept: Kept
) -> list[Objection]:
    """Object where one person would get two phones, or the phone of another of her name."""
    said: dict[int, int] = {}
    found = []
    moving = {
        (rows[step.index].community, rows[step.index].name, rows[step.index].phone): step.index
        for step in steps
        if isinstance(step, Change) and step.verb in (Verb.MOVE_IN, Verb.HAND_OVER)
    }
    for step in steps:
        if not isinstance(step, Change) or step.verb is not Verb.CHANGE_PHONE:
            continue
        row = rows[step.index]
        other = said.setdefault(step.living[0].resident_id, step.index)
        taken = moving.get((row.community, row.name, row.phone))
        if rows[other].phone != row.phone:
            found.append(Objection(step.index, Reason.PHONE_UNCLEAR, other))
        elif taken is not None:
            found.append(Objection(step.index, Reason.PHONE_UNCLEAR, taken))
        elif (row.community, row.name, row.phone) in kept.resident_ids:
            found.append(Objection(step.index, Reason.PHONE_UNCLEAR))
    return found
