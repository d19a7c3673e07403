"""Who it is that speaks, and which flats are hers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, or_, select, text

from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole, OwnText, StaffRole
from storage.models.estate import communities, units
from storage.models.messages import conversations
from storage.models.people import (
    bindings,
    identities,
    occupancies,
    residents,
    staff,
    staff_communities,
)
from storage.prepared import Prepared
from storage.queries.faqs import own_texts_of
from storage.queries.policies import policy_on
from storage.queries.work_chats import HEARS_HERE
from storage.rules.duty import Duty


@dataclass(frozen=True, slots=True)
class Home:
    """One flat that a chat identity has bound, and what she is there."""

    binding_id: int
    unit_id: int
    community_id: int
    code: str
    label: str
    link_epoch: int
    role: OccupancyRole
    resident_id: int | None


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff and the communities she serves."""

    staff_id: int
    name: str
    role: StaffRole
    community_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A chat identity with its flats, and its office if it has one."""

    identity_id: int
    account: str
    openid: str
    homes: tuple[Home, ...]
    chosen_unit_id: int | None
    muted: tuple[str, ...]
    staff: Staff | None
    memory: str = "{}"
    """What the talk is about, as JSON; "{}" where it is new or half an hour old."""
    rating_id: int | None = None
    """What a bare number of hers rates now, None for nothing."""
    talk_id: int | None = None
    """Her talk with a person that goes on, None where the bot answers her."""
    is_plain: bool = False
    """Whether she asked to be answered in few and simple words."""
    language: str = ""
    """"en" where she is told things in English, also unasked."""

    @property
    def home(self) -> Home | None:
        """The flat the talk is about: the only one, or the one she chose; None where unclear."""
        if len(self.homes) == 1:
            return self.homes[0]
        return next((one for one in self.homes if one.unit_id == self.chosen_unit_id), None)


MEMORY_LASTS: Final = timedelta(minutes=30)

IS_LIVE = text("bindings.state IN ('active', 'applied')")
"""Said as the index of live bindings says it, or the engines read all bindings instead."""

_HOMES = Prepared(
    lambda _: (
        select(
            identities.c.account,
            identities.c.openid,
            identities.c.chosen_unit_id,
            identities.c.muted,
            identities.c.is_plain,
            identities.c.language,
            identities.c.staff_id,
            conversations.c.memory,
            conversations.c.updated_at,
            conversations.c.rating_id,
            conversations.c.rating_until,
            conversations.c.talk_id,
            conversations.c.talk_until,
            bindings.c.id,
            bindings.c.unit_id,
            units.c.community_id,
            units.c.code,
            units.c.label,
            units.c.link_epoch,
            bindings.c.role,
            bindings.c.resident_id,
        )
        .select_from(
            identities.outerjoin(conversations)
            .outerjoin(
                bindings,
                and_(
                    bindings.c.identity_id == identities.c.id,
                    bindings.c.state == BindingState.ACTIVE,
                    IS_LIVE,
                ),
            )
            .outerjoin(units, units.c.id == bindings.c.unit_id)
        )
        .where(identities.c.id == bindparam("identity_id"))
        .order_by(bindings.c.id)
    )
)


def person_of(tx: Connection, identity_id: int, *, now: datetime) -> Person:
    """Return the person behind a chat identity. Raises LookupError for an unknown key."""
    rows = _HOMES.rows(tx, identity_id=identity_id)
    if not rows:
        raise LookupError(identity_id)
    account, openid, chosen_unit_id, muted, is_plain, language, staff_id, *talk = rows[0][:13]
    memory, updated_at, rating_id, rating_until, talk_id, talk_until = talk
    homes = tuple(_home(*row[13:]) for row in rows if row[14] is not None)
    is_fresh = updated_at is not None and updated_at > now - MEMORY_LASTS
    return Person(
        identity_id=identity_id,
        account=account,
        openid=openid,
        homes=homes,
        chosen_unit_id=chosen_unit_id,
        muted=tuple(muted.split()),
        staff=None if staff_id is None else staff_member(tx, staff_id),
        memory=memory if is_fresh else "{}",
        rating_id=rating_id if rating_until is not None and rating_until > now else None,
        talk_id=talk_id if talk_until is not None and talk_until > now else None,
        is_plain=bool(is_plain),
        language=language,
    )


def _home(binding_id: int, unit_id: int, *rest: Any) -> Home:  # noqa: ANN401 - a row's end
    community_id, code, label, link_epoch, role, resident_id = rest
    role = OccupancyRole(role)
    return Home(binding_id, unit_id, community_id, code, label, link_epoch, role, resident_id)


def find_person(tx: Connection, account: str, openid: str, *, now: datetime) -> Person | None:
    """Return the person of a chat account's openid, or None where we never met."""
    found = tx.execute(
        select(identities.c.id).where(
            identities.c.account == account, identities.c.openid == openid
        )
    ).scalar_one_or_none()
    return None if found is None else person_of(tx, found, now=now)


def staff_member(tx: Connection, staff_id: int) -> Staff | None:
    """Return a member of staff who still works here, or None."""
    rows = tx.execute(
        select(staff.c.id, staff.c.name, staff.c.role, staff_communities.c.community_id)
        .select_from(staff.outerjoin(staff_communities))
        .where(staff.c.id == staff_id, staff.c.is_active)
        .order_by(staff_communities.c.community_id)
    ).all()
    if not rows:
        return None
    served = tuple(row.community_id for row in rows if row.community_id is not None)
    return Staff(rows[0].id, rows[0].name, StaffRole(rows[0].role), served)


def staff_identities(
    tx: Connection, community_id: int, roles: tuple[StaffRole, ...]
) -> list[tuple[int, int, str, str]]:
    """Return (staff, identity, account, openid) of a community's staff with one of the roles.

    Of her identities those where she hears of tasks: in the work chat, where she has bound it.
    """
    rows = tx.execute(
        select(staff.c.id, identities.c.id, identities.c.account, identities.c.openid)
        .select_from(
            staff.join(staff_communities).join(identities, identities.c.staff_id == staff.c.id)
        )
        .where(
            staff_communities.c.community_id == community_id,
            staff.c.role.in_(roles),
            staff.c.is_active,
            HEARS_HERE,
        )
        .order_by(staff.c.id, identities.c.id)
    ).all()
    return [tuple(row) for row in rows]


def sees_household(role: OccupancyRole) -> bool:
    """Tell whether a role sees what the owners of the unit owe; a tenant never does."""
    return role is not OccupancyRole.TENANT


def owners_on(tx: Connection, unit_id: int, day: date) -> list[int]:
    """Return the residents who own a unit on a Shanghai day."""
    return list(
        tx.execute(
            select(occupancies.c.resident_id)
            .where(
                occupancies.c.unit_id == unit_id,
                occupancies.c.role == OccupancyRole.OWNER,
                occupancies.c.from_on <= day,
                or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > day),
            )
            .order_by(occupancies.c.from_on, occupancies.c.resident_id)
        ).scalars()
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """A chat identity that hears of a unit's affairs."""

    identity_id: int
    account: str
    openid: str
    resident_id: int | None
    role: OccupancyRole
    binding_id: int
    link_epoch: int
    is_following: bool
    muted: tuple[str, ...]


def listeners(tx: Connection, unit_id: int) -> list[Listener]:
    """Return all who have bound a unit, the first bound first."""
    return listeners_of_units(tx, [unit_id])[unit_id]


def listeners_of_units(tx: Connection, unit_ids: Sequence[int]) -> dict[int, list[Listener]]:
    """Return unit → all who have bound it, of some hundred units in one query."""
    found: dict[int, list[Listener]] = {unit_id: [] for unit_id in unit_ids}
    rows = tx.execute(
        select(bindings, identities, units.c.link_epoch)
        .select_from(bindings.join(identities).join(units, units.c.id == bindings.c.unit_id))
        .where(bindings.c.unit_id.in_(unit_ids), bindings.c.state == BindingState.ACTIVE)
        .order_by(bindings.c.id)
    )
    for row in rows:
        found[row.unit_id].append(
            Listener(
                row.identity_id,
                row.account,
                row.openid,
                row.resident_id,
                OccupancyRole(row.role),
                row[0],
                row.link_epoch,
                row.is_following,
                tuple(row.muted.split()),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Contact:
    """How residents reach the office of a community."""

    community_name: str
    company_name: str
    phone: str
    address: str
    duty: Duty
    """When somebody is there, on the day asked about."""
    phones: str = ""
    """More numbers in its own words: "工程报修=0571-1234; 门岗=0571-5678"."""


def contact(tx: Connection, community_id: int, *, on: date = date.max) -> Contact:
    """Return the office of a community as of a Shanghai day (default: its newest choices)."""
    row = tx.execute(select(communities).where(communities.c.id == community_id)).one()
    duty = policy_on(tx, community_id, on).duty
    phones = own_texts_of(tx, community_id).get(OwnText.PHONES, "")
    return Contact(row.name, row.company_name, row.phone, row.address, duty, phones)


def resident_name(tx: Connection, resident_id: int) -> str:
    """Return a resident's name as registered."""
    name: str = tx.execute(
        select(residents.c.name).where(residents.c.id == resident_id)
    ).scalar_one()
    return name
