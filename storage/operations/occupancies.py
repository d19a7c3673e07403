"""Registering residents, and who lives where from when until when: all rows or none, once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.frozen import dataclass
from storage.kinds import OccupancyRole
from storage.models.estate import communities, units
from storage.models.people import occupancies, residents
from storage.operations.leaving import bindings_of, see_off
from storage.periods import shanghai_day
from storage.sql import insert_once

SINCE_EVER: Final = date(2000, 1, 1)
"""Since when somebody lives there where nobody knows."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody in a unit (code "": only in the register); `until_on` is the first day after."""

    community: str
    code: str
    name: str
    phone: str = ""
    role: OccupancyRole = OccupancyRole.OWNER
    from_on: date = SINCE_EVER
    until_on: date | None = None

    def meets(self, from_on: date, until_on: date | None) -> bool:
        """Say whether it shares a day with other days."""
        is_after = until_on is not None and until_on <= self.from_on
        is_before = self.until_on is not None and self.until_on <= from_on
        return not is_after and not is_before


class Verb(StrEnum):
    """What happens to a person."""

    REGISTER = "register"
    CHANGE_PHONE = "change_phone"
    CHANGE_FROM = "change_from"
    """The books did not know since when she lives there; now they do."""
    MOVE_IN = "move_in"
    MOVE_OUT = "move_out"


class Reason(StrEnum):
    """Why a row of residents or occupancies cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    UNKNOWN_UNIT = "unknown_unit"
    REPEATED = "repeated"
    DAYS_REVERSED = "days_reversed"
    UNTIL_DIFFERS = "until_differs"
    STAYS_OVERLAP = "stays_overlap"
    OWNER_DIFFERS = "owner_differs"
    PHONE_UNCLEAR = "phone_unclear"


@dataclass(frozen=True, slots=True)
class KeptStay:
    """A stay in the books."""

    occupancy_id: int
    resident_id: int
    stay: Stay


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the row of an index changes; `known`: whom, where the books know her."""

    index: int
    verb: Verb
    known: KeptStay | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index; `other` is the row that it contradicts."""

    index: int
    reason: Reason
    other: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PeoplePlan:
    """What the rows would do."""

    changes: tuple[Change, ...]
    objections: tuple[Objection, ...]


Person = tuple[str, str, str]
"""Community, name, phone."""


class _Books:
    """What the books hold of the communities that the rows name."""

    def __init__(self, tx: Connection, names: Sequence[str]) -> None:
        self.communities: dict[str, int] = {
            row.name: row.id
            for row in tx.execute(select(communities).where(communities.c.name.in_(names)))
        }
        called = {key: name for name, key in self.communities.items()}
        self.units: dict[tuple[str, str], int] = {
            (called[row.community_id], row.code): row.id
            for row in tx.execute(
                select(units.c.id, units.c.community_id, units.c.code).where(
                    units.c.community_id.in_(called)
                )
            )
        }
        self.people: dict[Person, int] = {}
        self.namesakes: dict[tuple[str, str], dict[str, int]] = {}
        """Community and name → phone → resident."""
        for row in tx.execute(
            select(residents).where(residents.c.community_id.in_(called)).order_by(residents.c.id)
        ):
            place = called[row.community_id]
            self.people[place, row.name, row.phone] = row.id
            self.namesakes.setdefault((place, row.name), {})[row.phone] = row.id
        self.stays = _kept(tx, self.units)


def _kept(
    tx: Connection, unit_ids: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], list[KeptStay]]:
    places = {unit_id: place for place, unit_id in unit_ids.items()}
    community_ids = select(units.c.id).where(
        units.c.community_id.in_(
            select(communities.c.id).where(
                communities.c.name.in_({community for community, _ in unit_ids})
            )
        )
    )
    found: dict[tuple[str, str], list[KeptStay]] = {}
    for row in tx.execute(
        select(occupancies, residents.c.name, residents.c.phone)
        .join(residents, residents.c.id == occupancies.c.resident_id)
        .where(occupancies.c.unit_id.in_(community_ids))
        .order_by(occupancies.c.id)
    ):
        place = places[row.unit_id]
        role = OccupancyRole(row.role)
        stay = Stay(*place, row.name, row.phone, role, row.from_on, row.until_on)
        found.setdefault(place, []).append(KeptStay(row.id, row.resident_id, stay))
    return found


def plan_people(tx: Connection, rows: Sequence[Stay]) -> PeoplePlan:
    """Return what importing the rows would do; changes nothing."""
    return _Planning(_Books(tx, sorted({row.community for row in rows})), rows).plan()


class _Planning:
    """Compares rows with the books and with each other."""

    def __init__(self, books: _Books, rows: Sequence[Stay]) -> None:
        self._books, self._rows = books, rows
        self._seen: dict[Stay | Person, int] = {}
        self._of_unit: dict[tuple[str, str], list[int]] = {}
        for index, row in enumerate(rows):
            self._of_unit.setdefault((row.community, row.code), []).append(index)
        self._phones: dict[int, tuple[str, int]] = {}

    def plan(self) -> PeoplePlan:
        steps = [step for index in range(len(self._rows)) for step in self._steps(index)]
        return PeoplePlan(
            tuple(step for step in steps if isinstance(step, Change)),
            tuple(step for step in steps if isinstance(step, Objection)),
        )

    def _steps(self, index: int) -> list[Change | Objection]:
        row = self._rows[index]
        if row.community not in self._books.communities:
            return [Objection(index, Reason.UNKNOWN_COMMUNITY)]
        if row.code and (row.community, row.code) not in self._books.units:
            return [Objection(index, Reason.UNKNOWN_UNIT)]
        key = Stay(row.community, row.code, row.name, row.phone, row.role, row.from_on)
        first = self._seen.setdefault(key, index)
        if first != index:
            return [Objection(index, Reason.REPEATED, first)]
        if row.until_on is not None and row.until_on <= row.from_on:
            return [Objection(index, Reason.DAYS_REVERSED)]
        return self._lives(index, row) if row.code else self._registered(index, row)

    def _registered(self, index: int, row: Stay) -> list[Change | Objection]:
        namesakes = self._books.namesakes.get((row.community, row.name), {})
        if row.phone in namesakes or (namesakes and not row.phone):
            return []
        if [*namesakes] == [""]:
            return self._phone(index, KeptStay(0, namesakes[""], row))
        return [Change(index, Verb.REGISTER)]

    def _lives(self, index: int, row: Stay) -> list[Change | Objection]:
        hers = [
            one
            for one in self._books.stays.get((row.community, row.code), ())
            if (one.stay.name, one.stay.role) == (row.name, row.role)
        ]
        hers = [one for one in hers if one.stay.phone == row.phone] or hers
        same = next((one for one in hers if one.stay.from_on == row.from_on), None)
        if same is None and len(hers) == 1 and hers[0].stay.from_on == SINCE_EVER:
            same = hers[0]
        if same is not None:
            return self._known(index, row, same)
        if any(one.stay.meets(row.from_on, row.until_on) for one in hers):
            return [Objection(index, Reason.STAYS_OVERLAP)]
        return self._comes(index, row)

    def _known(self, index: int, row: Stay, same: KeptStay) -> list[Change | Objection]:
        kept = same.stay
        if kept.until_on is not None and kept.until_on != row.until_on:
            return [Objection(index, Reason.UNTIL_DIFFERS, detail=kept.until_on.isoformat())]
        steps: list[Change | Objection] = []
        if row.phone and row.phone != kept.phone:
            steps += self._phone(index, same)
        if kept.from_on != row.from_on:
            steps.append(Change(index, Verb.CHANGE_FROM, same))
        if kept.until_on is None and row.until_on is not None:
            steps.append(Change(index, Verb.MOVE_OUT, same))
        return steps

    def _phone(self, index: int, known: KeptStay) -> list[Change | Objection]:
        """Change a phone, unless another of her name has it or two rows disagree."""
        row = self._rows[index]
        phone, first = self._phones.setdefault(known.resident_id, (row.phone, index))
        if phone != row.phone:
            return [Objection(index, Reason.PHONE_UNCLEAR, first)]
        if (row.community, row.name, row.phone) in self._books.people:
            return [Objection(index, Reason.PHONE_UNCLEAR)]
        return [] if first != index else [Change(index, Verb.CHANGE_PHONE, known)]

    def _comes(self, index: int, row: Stay) -> list[Change | Objection]:
        of_unit = [
            (one, self._rows[one]) for one in self._of_unit[row.community, row.code] if one != index
        ]
        for other, one in of_unit:
            is_hers = (one.name, one.phone, one.role) == (row.name, row.phone, row.role)
            if is_hers and other < index and one.meets(row.from_on, row.until_on):
                return [Objection(index, Reason.STAYS_OVERLAP, other)]
        if row.role is OccupancyRole.OWNER and row.until_on is None:
            said = {one.name for _, one in of_unit if one.role is OccupancyRole.OWNER}
            if any(
                one.stay.role is OccupancyRole.OWNER
                and one.stay.until_on is None
                and one.stay.name not in said
                for one in self._books.stays.get((row.community, row.code), ())
            ):
                return [Objection(index, Reason.OWNER_DIFFERS)]
        return [Change(index, Verb.MOVE_IN)]


def import_people(
    tx: Connection, rows: Sequence[Stay], *, actor: Actor, now: datetime
) -> PeoplePlan:
    """Enter the rows, all of them or (where one is objected to) none; again they do nothing.

    Whoever has moved out by today loses her binding, and is told.
    """
    books = _Books(tx, sorted({row.community for row in rows}))
    plan = _Planning(books, rows).plan()
    if plan.objections or not plan.changes:
        return plan
    for one in plan.changes:
        _apply(tx, books, rows[one.index], one, actor, now)
    for name, community_id in books.communities.items():
        count = sum(rows[one.index].community == name for one in plan.changes)
        detail = f"{count} changes"
        audit.note(tx, actor, "import", "occupancies", str(community_id), at=now, detail=detail)
    return plan


def _apply(
    tx: Connection, books: _Books, row: Stay, change: Change, actor: Actor, now: datetime
) -> None:
    known = change.known
    if known is None:
        resident_id = _register(tx, books, row)
        if change.verb is Verb.MOVE_IN:
            lives = {
                "resident_id": resident_id,
                "unit_id": books.units[row.community, row.code],
                "role": row.role,
                "from_on": row.from_on,
                "until_on": row.until_on,
            }
            insert_once(tx, occupancies, lives)
        return
    if change.verb is Verb.CHANGE_PHONE:
        one = residents.c.id == known.resident_id
        tx.execute(update(residents).where(one).values(phone=row.phone))
        return
    of_stay = occupancies.c.id == known.occupancy_id
    if change.verb is Verb.CHANGE_FROM:
        tx.execute(update(occupancies).where(of_stay).values(from_on=row.from_on))
        return
    tx.execute(update(occupancies).where(of_stay).values(until_on=row.until_on))
    if row.until_on is not None and row.until_on <= shanghai_day(now):
        unit_id = books.units[row.community, row.code]
        gone = bindings_of(tx, unit_id, [known.resident_id])
        see_off(tx, unit_id, gone, actor=actor, now=now)


def _register(tx: Connection, books: _Books, row: Stay) -> int:
    """Return the resident of a row; who is not in the register is written into it."""
    person = (row.community, row.name, row.phone)
    if person not in books.people:
        named = {
            "community_id": books.communities[row.community],
            "name": row.name,
            "phone": row.phone,
        }
        added = insert_once(tx, residents, named)
        if added is None:
            added = tx.execute(select(residents.c.id).filter_by(**named)).scalar_one()
        books.people[person] = added
    return books.people[person]
