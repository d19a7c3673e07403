"""Entering a community: its buildings, entrances and units, who lives there and since when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.kinds import OccupancyRole
from storage.models.estate import buildings, communities, entrances, units
from storage.models.people import occupancies, residents
from storage.operations.estate_plan import (
    EstatePlan,
    EstateRow,
    Kept,
    Living,
    Verb,
    plan_rows,
)
from storage.operations.leaving import HOUSEHOLD, bindings_of, see_off
from storage.operations.occupancies import SINCE_EVER
from storage.periods import shanghai_day
from storage.sql import insert

Key = tuple[str, str]


def plan_estate(tx: Connection, rows: Sequence[EstateRow]) -> EstatePlan:
    """Return what importing the rows would do; changes nothing."""
    return plan_rows(rows, _kept(tx, rows))


def import_estate(
    tx: Connection, rows: Sequence[EstateRow], *, actor: Actor, now: datetime
) -> EstatePlan:
    """Enter the rows, all of them or (where one is objected to) none; again they do nothing."""
    plan = plan_rows(rows, _kept(tx, rows))
    if plan.objections or not plan.changes:
        return plan
    community_ids = _enter_communities(tx, rows)
    _enter_places(tx, rows, community_ids)
    unit_ids = _enter_units(tx, rows, plan, community_ids)
    _change_units(tx, plan, unit_ids)
    _move_people(tx, rows, plan, unit_ids, community_ids)
    _see_off(tx, plan, unit_ids, actor, now)
    for name, community_id in community_ids.items():
        count = sum(change.community == name for change in plan.changes)
        detail = f"{count} changes"
        audit.note(tx, actor, "import", "estate", str(community_id), at=now, detail=detail)
    return plan


def _kept(tx: Connection, rows: Sequence[EstateRow]) -> Kept:
    """Return what the books hold of the communities that the rows name."""
    names = sorted({row.community for row in rows})
    found = tx.execute(
        select(
            communities.c.name.label("community"), units.c.code, units.c.kind, units.c.floor_area_m2
        )
        .join(units, units.c.community_id == communities.c.id)
        .where(communities.c.name.in_(names))
    )
    people = tx.execute(
        select(communities.c.name.label("community"), residents)
        .join(residents, residents.c.community_id == communities.c.id)
        .where(communities.c.name.in_(names))
    )
    known = tx.execute(select(communities.c.name).where(communities.c.name.in_(names)))
    living, left = _lives(tx, names)
    return Kept(
        communities=frozenset(known.scalars()),
        units={(row.community, row.code): (row.kind, row.floor_area_m2) for row in found},
        living=living,
        left=frozenset(left),
        resident_ids={(row.community, row.name, row.phone): row.id for row in people},
    )


def _lives(
    tx: Connection, names: Sequence[str]
) -> tuple[dict[Key, list[Living]], set[tuple[str, str, str, str, date]]]:
    """Return who lives in each unit now, and who has left when."""
    living: dict[Key, list[Living]] = {}
    left = set()
    for row in tx.execute(
        select(
            communities.c.name.label("community"),
            units.c.code,
            occupancies,
            residents.c.name,
            residents.c.phone,
        )
        .select_from(
            occupancies.join(units, units.c.id == occupancies.c.unit_id)
            .join(communities, communities.c.id == units.c.community_id)
            .join(residents, residents.c.id == occupancies.c.resident_id)
        )
        .where(communities.c.name.in_(names))
        .order_by(occupancies.c.id)
    ):
        if row.until_on is not None:
            left.add((row.community, row.code, row.name, row.role, row.until_on))
            continue
        role = OccupancyRole(row.role)
        one = Living(row.id, row.resident_id, row.name, row.phone, role, row.from_on)
        living.setdefault((row.community, row.code), []).append(one)
    return living, left


def _write_new(tx: Connection, table: Any, values: list[dict[str, Any]]) -> None:  # noqa: ANN401
    if values:
        tx.execute(insert(tx, table).on_conflict_do_nothing(), values)


def _enter_communities(tx: Connection, rows: Sequence[EstateRow]) -> dict[str, int]:
    names = sorted({row.community for row in rows})
    _write_new(tx, communities, [{"name": name} for name in names])
    found = tx.execute(
        select(communities.c.name, communities.c.id).where(communities.c.name.in_(names))
    )
    return {row.name: row.id for row in found}


def _enter_places(
    tx: Connection, rows: Sequence[EstateRow], community_ids: Mapping[str, int]
) -> None:
    wanted = sorted({(community_ids[row.community], row.building) for row in rows if row.building})
    _write_new(tx, buildings, [{"community_id": one, "label": label} for one, label in wanted])
    ids = _building_ids(tx, community_ids)
    doors = sorted(
        {
            (ids[community_ids[row.community], row.building], row.entrance)
            for row in rows
            if row.entrance
        }
    )
    _write_new(tx, entrances, [{"building_id": one, "label": label} for one, label in doors])


def _building_ids(tx: Connection, community_ids: Mapping[str, int]) -> dict[tuple[int, str], int]:
    return {
        (row.community_id, row.label): row.id
        for row in tx.execute(
            select(buildings).where(buildings.c.community_id.in_(community_ids.values()))
        )
    }


def _enter_units(
    tx: Connection, rows: Sequence[EstateRow], plan: EstatePlan, community_ids: Mapping[str, int]
) -> dict[Key, int]:
    building_ids = _building_ids(tx, community_ids)
    entrance_ids = {
        (row.building_id, row.label): row.id
        for row in tx.execute(
            select(entrances).where(entrances.c.building_id.in_(building_ids.values()))
        )
    }
    new = []
    for change in plan.changes:
        if change.verb is not Verb.ADD_UNIT:
            continue
        row = rows[change.index]
        community_id = community_ids[row.community]
        building_id = building_ids.get((community_id, row.building))
        new.append(
            {
                "community_id": community_id,
                "building_id": building_id,
                "entrance_id": entrance_ids.get((building_id or 0, row.entrance)),
                "kind": row.kind,
                "code": row.code,
                "label": row.label,
                "floor_area_m2": change.area_m2,
            }
        )
    _write_new(tx, units, new)
    names = {community_id: name for name, community_id in community_ids.items()}
    return {
        (names[row.community_id], row.code): row.id
        for row in tx.execute(
            select(units.c.community_id, units.c.code, units.c.id).where(
                units.c.community_id.in_(names)
            )
        )
    }


def _change_units(tx: Connection, plan: EstatePlan, unit_ids: Mapping[Key, int]) -> None:
    for change in plan.changes:
        one = units.c.id == unit_ids[change.community, change.code]
        if change.verb is Verb.CHANGE_AREA:
            tx.execute(update(units).where(one).values(floor_area_m2=change.area_m2))


def _move_people(
    tx: Connection,
    rows: Sequence[EstateRow],
    plan: EstatePlan,
    unit_ids: Mapping[Key, int],
    community_ids: Mapping[str, int],
) -> None:
    for change in plan.changes:
        if change.verb is Verb.CHANGE_PHONE:
            one = residents.c.id == change.living[0].resident_id
            tx.execute(update(residents).where(one).values(phone=rows[change.index].phone))
        for gone in change.living if change.verb in (Verb.HAND_OVER, Verb.MOVE_OUT) else ():
            one = occupancies.c.id == gone.occupancy_id
            tx.execute(update(occupancies).where(one).values(until_on=change.on))
    coming = [
        rows[change.index]
        for change in plan.changes
        if change.verb in (Verb.MOVE_IN, Verb.HAND_OVER)
    ]
    resident_ids = _enter_residents(tx, coming, community_ids)
    lives = [
        {
            "resident_id": resident_ids[community_ids[row.community], row.name, row.phone],
            "unit_id": unit_ids[row.community, row.code],
            "role": row.role,
            "from_on": row.from_on or SINCE_EVER,
            "until_on": row.until_on,
        }
        for row in coming
    ]
    _write_new(tx, occupancies, lives)


def _see_off(
    tx: Connection, plan: EstatePlan, unit_ids: Mapping[Key, int], actor: Actor, now: datetime
) -> None:
    """End what whoever has left could still see of a unit; of an owner her family's too."""
    for change in plan.changes:
        is_sold = change.verb is Verb.HAND_OVER
        has_left = change.on is not None and change.on <= shanghai_day(now)
        if is_sold or (change.verb is Verb.MOVE_OUT and has_left):
            unit_id = unit_ids[change.community, change.code]
            gone = [one.resident_id for one in change.living]
            found = bindings_of(tx, unit_id, gone, roles=HOUSEHOLD if is_sold else ())
            see_off(tx, unit_id, found, actor=actor, now=now)


def _enter_residents(
    tx: Connection, coming: Sequence[EstateRow], community_ids: Mapping[str, int]
) -> dict[tuple[int, str, str], int]:
    people = sorted({(community_ids[row.community], row.name, row.phone) for row in coming})
    _write_new(
        tx,
        residents,
        [{"community_id": one, "name": name, "phone": phone} for one, name, phone in people],
    )
    found = tx.execute(
        select(residents).where(residents.c.community_id.in_(community_ids.values()))
    )
    return {(row.community_id, row.name, row.phone): row.id for row in found}
