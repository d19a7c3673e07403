"""Whom a broadcast reaches (群发范围), by which way, whom not and why."""

import json
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
)

from storage.errors import UnknownAudience
from storage.frozen import dataclass
from storage.kinds import BindingState, FeeClass, OccupancyRole
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, entrances, units
from storage.models.people import bindings, identities, occupancies
from storage.periods import shanghai_day
from storage.queries.opening import spoken_to
from storage.rules.audiences import Condition
from storage.rules.broadcasts import silenced_by

HEARS: Final = ""
REASONS: Final = (HEARS, "muted", "not_following", "not_bound")
"""Why a household hears nothing, the one that is nearest to hearing first."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast is for: households of a community, or (group) one group of staff.

    The condition's places are those of the books: labels of buildings, codes of units.
    """

    community_id: int
    condition: Condition = Condition()
    group: str = ""

    def dump(self) -> str:
        """Return the audience as JSON; the same audience is always the same text."""
        parts = {"community_id": self.community_id, "group": self.group, **asdict(self.condition)}
        return json.dumps(parts, ensure_ascii=False, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> "Audience":
        """Rebuild an audience from its JSON; what an older one does not say does not narrow it."""
        parts: dict[str, Any] = json.loads(text)
        community_id, group = parts.pop("community_id"), parts.pop("group")
        for name in ("buildings", "rooms"):
            parts[name] = tuple(parts.get(name, ()))
        role = parts.pop("role", None)
        condition = Condition(**parts, role=OccupancyRole(role) if role else None)
        return cls(community_id, condition, group)


def resolve(tx: Connection, said: Condition, community_id: int, *, words: str) -> Audience:
    """Find what a condition's places name in a community. Raises UnknownAudience (words)."""
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
    codes = tx.execute(
        select(units.c.code).where(
            units.c.community_id == community_id, units.c.code.in_(said.rooms)
        )
    ).scalars()
    is_whole = bool(said.entrance) == bool(entrance) and set(said.rooms) == set(codes)
    if "" in labels or not is_whole:
        raise UnknownAudience(words)
    return Audience(community_id, replace(said, buildings=tuple(labels), entrance=entrance))


def _label(number: str, tails: tuple[str, ...], known: Any) -> str:  # noqa: ANN401 - a container
    return next((number + tail for tail in tails if number + tail in known), "")


def households(tx: Connection, audience: Audience, today: date) -> Select[Any]:
    """Select the units of an audience as of a Shanghai day, of those that may be spoken to."""
    condition = audience.condition
    found = select(units.c.id).where(
        units.c.community_id == audience.community_id,
        spoken_to(tx, audience.community_id),
        *_of_people(condition, today),
    )
    if condition.rooms:
        found = found.where(units.c.code.in_(condition.rooms))
    elif condition.buildings:
        found = found.join(buildings, buildings.c.id == units.c.building_id).where(
            buildings.c.label.in_(condition.buildings)
        )
    if condition.entrance and not condition.rooms:
        found = found.join(entrances, entrances.c.id == units.c.entrance_id).where(
            entrances.c.label == condition.entrance
        )
    if condition.only_arrears:
        found = found.where(units.c.id.in_(_in_arrears(audience, today)))
    return found


def _of_people(condition: Condition, today: date) -> list[ColumnElement[bool]]:
    """Say which households have the people that a condition names."""
    bound = exists().where(
        bindings.c.unit_id == units.c.id, bindings.c.state == BindingState.ACTIVE
    )
    narrowed: list[ColumnElement[bool]] = []
    if condition.role is not None:
        lives_there = exists().where(
            occupancies.c.unit_id == units.c.id,
            occupancies.c.role == condition.role,
            occupancies.c.from_on <= today,
            or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > today),
        )
        narrowed.append(or_(lives_there, bound.where(bindings.c.role == condition.role)))
    if condition.is_bound is not None:
        narrowed.append(bound if condition.is_bound else ~bound)
    if condition.is_plain:
        plain = select(identities.c.id).where(identities.c.is_plain)
        narrowed.append(bound.where(bindings.c.identity_id.in_(plain)))
    return narrowed


def is_overdue(condition: Condition, today: date) -> ColumnElement[bool]:
    """Say which bills are debts and late: deposits and renewals are none."""
    latest = today - timedelta(days=max(condition.min_days, 1))
    no_debt = select(fee_items.c.id).where(
        fee_items.c.fee_class.in_([FeeClass.DEPOSIT, FeeClass.RENEWAL])
    )
    return and_(
        bills.c.voided_at.is_(None),
        bills.c.paid_fen < bills.c.amount_fen,
        bills.c.due_on <= latest,
        bills.c.fee_item_id.not_in(no_debt),
    )


def _in_arrears(audience: Audience, today: date) -> Select[Any]:
    owed = func.sum(bills.c.amount_fen - bills.c.paid_fen)
    return (
        select(bills.c.unit_id)
        .where(bills.c.community_id == audience.community_id, is_overdue(audience.condition, today))
        .group_by(bills.c.unit_id)
        .having(owed >= max(audience.condition.min_fen, 1))
    )


def hearing(tx: Connection, audience: Audience, category: str, today: date) -> Select[Any]:
    """Select each (unit, identity) of an audience, and `why` she hears nothing ("" where she does).

    Of arrears hears only who may know of them.
    """
    condition = audience.condition
    found = (
        select(
            bindings.c.unit_id,
            identities.c.id,
            identities.c.account,
            identities.c.openid,
            identities.c.window_until,
            identities.c.window_left,
            _why(category).label("why"),
        )
        .select_from(bindings.join(identities))
        .where(
            bindings.c.state == BindingState.ACTIVE,
            bindings.c.unit_id.in_(households(tx, audience, today)),
        )
    )
    if condition.role is not None:
        found = found.where(bindings.c.role == condition.role)
    if condition.is_plain:
        found = found.where(identities.c.is_plain)
    return found.where(_may_know(condition, today)) if condition.only_arrears else found


def hers_or_theirs() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Say which bills of her flat a person may know of: her own, and, if no tenant, the owners'."""
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
    return hers, theirs


def _may_know(condition: Condition, today: date) -> ColumnElement[bool]:
    return exists().where(
        bills.c.unit_id == bindings.c.unit_id,
        is_overdue(condition, today),
        or_(*hers_or_theirs()),
    )


def _why(category: str) -> ColumnElement[str]:
    """Say why a person hears nothing of a category; urgent notices (停水停电) cannot be muted."""
    turned_off = literal(" ") + identities.c.muted + " "
    is_muted = or_(false(), *(turned_off.contains(f" {name} ") for name in silenced_by(category)))
    return case((~identities.c.is_following, "not_following"), (is_muted, "muted"), else_=HEARS)


@dataclass(frozen=True, slots=True)
class Preview:
    """How many a broadcast would reach now: households, people by way, households left out."""

    households: int
    recipients: int
    by_window: int
    """People who can be written to at once; the rest by template, or when they next write."""
    no_quota: int
    """People of the rest who wrote lately, but all that we may answer them is used up."""
    skipped: dict[str, int]
    """Households by reason: not_bound, muted, not_following."""

    @property
    def by_template(self) -> int:
        """People who cannot be written to at once."""
        return self.recipients - self.by_window


def preview(tx: Connection, audience: Audience, *, category: str, now: datetime) -> Preview:
    """Count whom a broadcast would reach."""
    if audience.group:
        return Preview(0, 1, 1, 0, {})
    standing = _standing(tx, audience, category, shanghai_day(now))
    by_rank = {
        row[0]: row[1]
        for row in tx.execute(select(standing.c.rank, func.count()).group_by(standing.c.rank))
    }
    heard = hearing(tx, audience, category, shanghai_day(now)).subquery()
    is_open, person = heard.c.window_until > now, heard.c.id
    people, at_once, used_up = tx.execute(
        select(
            func.count(person.distinct()),
            func.count(case((and_(is_open, heard.c.window_left > 0), person)).distinct()),
            func.count(case((and_(is_open, heard.c.window_left <= 0), person)).distinct()),
        ).where(heard.c.why == HEARS)
    ).one()
    skipped = {REASONS[rank]: count for rank, count in by_rank.items() if rank}
    return Preview(sum(by_rank.values()), people, at_once, used_up, skipped)


def left_out(tx: Connection, audience: Audience, *, category: str, now: datetime) -> Select[Any]:
    """Select (unit, why) of the households that nobody of can be told."""
    standing = _standing(tx, audience, category, shanghai_day(now))
    why = case(*((standing.c.rank == rank, why) for rank, why in enumerate(REASONS)))
    return (
        select(standing.c.unit_id, why.label("why"))
        .where(standing.c.rank > 0)
        .order_by(standing.c.unit_id)
    )


def _standing(tx: Connection, audience: Audience, category: str, today: date) -> Subquery:
    """Return (unit, rank) of an audience's households: which of REASONS is theirs, 0 hears."""
    heard = hearing(tx, audience, category, today).subquery()
    rank = case(*((heard.c.why == why, number) for number, why in enumerate(REASONS)))
    nearest = (
        select(heard.c.unit_id, func.min(rank).label("rank")).group_by(heard.c.unit_id).subquery()
    )
    named = households(tx, audience, today).subquery()
    return (
        select(
            named.c.id.label("unit_id"),
            func.coalesce(nearest.c.rank, len(REASONS) - 1).label("rank"),
        )
        .select_from(named.outerjoin(nearest, nearest.c.unit_id == named.c.id))
        .subquery()
    )
