"""Whom a broadcast reaches (群发范围), by which way, whom not and why."""

import json
from collections import defaultdict
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from storage.errors import UnknownAudience
from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole
from storage.models.bills import bills
from storage.models.estate import buildings, entrances, units
from storage.models.people import bindings, identities, occupancies
from storage.periods import shanghai_day
from storage.queries.opening import spoken_to


@dataclass(frozen=True, slots=True)
class AudienceWords:
    """An audience as staff said it: numbers of buildings ("3"), an entrance, a condition."""

    said: str
    buildings: tuple[str, ...] = ()
    entrance: str = ""
    only_arrears: bool = False
    min_fen: int = 0
    min_days: int = 0


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast is for: households of a community, or (group) one group of staff.

    `min_fen` and `min_days` narrow those with arrears: owing at least so much, since so long.
    """

    community_id: int
    buildings: tuple[str, ...] = ()
    entrance: str = ""
    only_arrears: bool = False
    min_fen: int = 0
    min_days: int = 0
    group: str = ""

    def dump(self) -> str:
        """Return the audience as JSON; the same audience is always the same text."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> "Audience":
        """Rebuild an audience from its JSON."""
        parts: dict[str, Any] = json.loads(text)
        return cls(**{**parts, "buildings": tuple(parts["buildings"])})


def resolve(tx: Connection, said: AudienceWords, community_id: int) -> Audience:
    """Find what an audience's words name in a community. Raises UnknownAudience."""
    known = {
        row.label: row.id
        for row in tx.execute(
            select(buildings.c.id, buildings.c.label).where(
                buildings.c.community_id == community_id
            )
        )
    }
    labels = [_label(number, ("栋", "号楼", "幢", "座", ""), known) for number in said.buildings]
    entrance = ""
    if said.entrance and labels and labels[0]:
        doors = tx.execute(
            select(entrances.c.label).where(entrances.c.building_id == known[labels[0]])
        ).scalars()
        entrance = _label(said.entrance, ("单元", "门", ""), set(doors))
    if "" in labels or bool(said.entrance) != bool(entrance):
        raise UnknownAudience(said.said)
    return Audience(
        community_id, tuple(labels), entrance, said.only_arrears, said.min_fen, said.min_days
    )


def _label(number: str, tails: tuple[str, ...], known: Any) -> str:  # noqa: ANN401 - a container
    return next((number + tail for tail in tails if number + tail in known), "")


def households(tx: Connection, audience: Audience, today: date) -> Select[Any]:
    """Select the units of an audience as of a Shanghai day, of those that may be spoken to."""
    found = select(units.c.id).where(
        units.c.community_id == audience.community_id, spoken_to(tx, audience.community_id)
    )
    if audience.buildings:
        found = found.join(buildings, buildings.c.id == units.c.building_id).where(
            buildings.c.label.in_(audience.buildings)
        )
    if audience.entrance:
        found = found.join(entrances, entrances.c.id == units.c.entrance_id).where(
            entrances.c.label == audience.entrance
        )
    if audience.only_arrears:
        found = found.where(units.c.id.in_(_in_arrears(audience, today)))
    return found


def _is_overdue(audience: Audience, today: date) -> Any:  # noqa: ANN401 - a SQL condition
    latest = today - timedelta(days=max(audience.min_days, 1))
    return and_(
        bills.c.voided_at.is_(None), bills.c.paid_fen < bills.c.amount_fen, bills.c.due_on <= latest
    )


def _in_arrears(audience: Audience, today: date) -> Select[Any]:
    owed = func.sum(bills.c.amount_fen - bills.c.paid_fen)
    return (
        select(bills.c.unit_id)
        .where(bills.c.community_id == audience.community_id, _is_overdue(audience, today))
        .group_by(bills.c.unit_id)
        .having(owed >= max(audience.min_fen, 1))
    )


def hearing(tx: Connection, audience: Audience, today: date) -> Select[Any]:
    """Select each (unit, identity) of an audience; of arrears hears only who may know of them."""
    found = (
        select(
            bindings.c.unit_id,
            identities.c.id,
            identities.c.account,
            identities.c.openid,
            identities.c.is_following,
            identities.c.muted,
            identities.c.window_until,
            identities.c.window_left,
        )
        .select_from(bindings.join(identities))
        .where(
            bindings.c.state == BindingState.ACTIVE,
            bindings.c.unit_id.in_(households(tx, audience, today)),
        )
    )
    return found.where(_may_know(audience, today)) if audience.only_arrears else found


def _may_know(audience: Audience, today: date) -> Any:  # noqa: ANN401 - a SQL condition
    owners = select(occupancies.c.resident_id).where(
        occupancies.c.unit_id == bindings.c.unit_id,
        occupancies.c.role == OccupancyRole.OWNER,
        occupancies.c.until_on.is_(None),
    )
    hers = bills.c.liable_id == bindings.c.resident_id
    theirs = and_(
        bindings.c.role != OccupancyRole.TENANT,
        or_(bills.c.liable_id.is_(None), bills.c.liable_id.in_(owners)),
    )
    return exists().where(
        bills.c.unit_id == bindings.c.unit_id, _is_overdue(audience, today), or_(hers, theirs)
    )


def blocked(row: Row[Any], category: str) -> str:
    """Say why a person hears nothing: "not_following", "muted", or "" where she does.

    Urgent notices (停水停电) cannot be muted.
    """
    if not row.is_following:
        return "not_following"
    return "muted" if category != "urgent" and "notices" in row.muted.split() else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """How many a broadcast would reach now: households, people by way, households left out."""

    households: int
    recipients: int
    by_window: int
    """People who can be written to at once; the rest by template, or when they next write."""
    skipped: dict[str, int]
    """Households by reason: not_bound, muted, not_following."""

    @property
    def by_template(self) -> int:
        """People whose window is shut."""
        return self.recipients - self.by_window


def preview(tx: Connection, audience: Audience, *, category: str, now: datetime) -> Preview:
    """Count whom a broadcast would reach."""
    if audience.group:
        return Preview(0, 1, 1, {})
    skipped: dict[str, int] = defaultdict(int)
    for _, why in left_out(tx, audience, category=category, now=now):
        skipped[why] += 1
    people = {
        row.id: row
        for row in tx.execute(hearing(tx, audience, shanghai_day(now)))
        if not blocked(row, category)
    }
    by_window = sum(
        row.window_until is not None and row.window_until > now and row.window_left > 0
        for row in people.values()
    )
    count = tx.execute(
        select(func.count()).select_from(households(tx, audience, shanghai_day(now)).subquery())
    ).scalar_one()
    return Preview(count, len(people), by_window, dict(skipped))


def left_out(
    tx: Connection, audience: Audience, *, category: str, now: datetime
) -> list[tuple[int, str]]:
    """Return (unit, why) of the households that nobody of can be told."""
    today = shanghai_day(now)
    reasons: dict[int, set[str]] = defaultdict(set)
    for row in tx.execute(hearing(tx, audience, today)):
        reasons[row.unit_id].add(blocked(row, category))
    found = []
    for unit_id in tx.execute(households(tx, audience, today).order_by(units.c.id)).scalars():
        why = reasons.get(unit_id, {"not_bound"})
        if "" not in why:
            found.append((unit_id, "muted" if "muted" in why else next(iter(why))))
    return found
