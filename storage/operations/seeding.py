"""What a community begins with beside its estate and its books: its office, choices, followers."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, select, update

from storage.frozen import dataclass
from storage.kinds import BindingState, StaffRole
from storage.models.estate import communities, units
from storage.models.people import (
    bindings,
    identities,
    occupancies,
    residents,
)
from storage.models.policies import policies
from storage.operations.staff import add_staff
from storage.sql import insert_once


@dataclass(frozen=True, slots=True)
class Office:
    """How residents reach the office of a community."""

    company_name: str
    address: str
    phone: str
    filing_no: str = ""


def furnish_office(tx: Connection, office: Office, *, community_id: int) -> None:
    """Write down how the office of a community is reached."""
    tx.execute(
        update(communities)
        .where(communities.c.id == community_id)
        .values(
            company_name=office.company_name,
            address=office.address,
            phone=office.phone,
            filing_no=office.filing_no,
        )
    )


@dataclass(frozen=True, slots=True)
class FirstPolicy:
    """A community's first choices that differ from the defaults."""

    effective_on: date
    refund_automatic_fen: int = 0
    refund_any_cause: bool = False
    refund_window_days: int = 30
    bind_needs_code: bool = True
    sharing_basis: str = ""


def choose_policy(tx: Connection, policy: FirstPolicy, *, community_id: int) -> bool:
    """Write a community's first choices; False where it had some from that day on."""
    values = {
        "community_id": community_id,
        "effective_on": policy.effective_on,
        "refund_automatic_fen": policy.refund_automatic_fen,
        "refund_any_cause": int(policy.refund_any_cause),
        "refund_window_days": policy.refund_window_days,
        "bind_needs_code": int(policy.bind_needs_code),
        "sharing_basis": policy.sharing_basis,
    }
    return insert_once(tx, policies, values) is not None


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff and her openid."""

    name: str
    phone: str
    role: StaffRole
    openid: str


def staff_up(
    tx: Connection,
    colleagues: Sequence[Colleague],
    *,
    account: str,
    community_ids: Sequence[int],
    now: datetime,
) -> list[int]:
    """Appoint colleagues for communities and let them act from their chat identities."""
    found = []
    for one in colleagues:
        staff_id = add_staff(
            tx, name=one.name, phone=one.phone, role=one.role, community_ids=community_ids, now=now
        )
        identity_id = _meet(tx, account, one.openid, now)
        tx.execute(
            update(identities).where(identities.c.id == identity_id).values(staff_id=staff_id)
        )
        found.append(staff_id)
    return found


@dataclass(frozen=True, slots=True)
class Follower:
    """A resident who follows the account already, by a flat of hers and her phone."""

    openid: str
    community_id: int
    code: str
    phone: str


def let_in(tx: Connection, followers: Sequence[Follower], *, account: str, now: datetime) -> int:
    """Bind followers to their flats, each once; return how many bindings are new.

    Raises LookupError where nobody of that phone lives there.
    """
    return sum(_let_one_in(tx, one, account, now) for one in followers)


def _meet(tx: Connection, account: str, openid: str, now: datetime) -> int:
    values = {"account": account, "openid": openid, "first_seen_at": now}
    made = insert_once(tx, identities, values)
    if made is not None:
        return made
    found: int = tx.execute(
        select(identities.c.id).where(
            identities.c.account == account, identities.c.openid == openid
        )
    ).scalar_one()
    return found


def _let_one_in(tx: Connection, one: Follower, account: str, now: datetime) -> bool:
    found = tx.execute(
        select(occupancies.c.unit_id, occupancies.c.role, residents)
        .select_from(
            occupancies.join(residents, residents.c.id == occupancies.c.resident_id).join(
                units, units.c.id == occupancies.c.unit_id
            )
        )
        .where(
            units.c.community_id == one.community_id,
            units.c.code == one.code,
            residents.c.phone == one.phone,
            occupancies.c.until_on.is_(None),
        )
        .limit(1)
    ).one_or_none()
    if found is None:
        raise LookupError(one.code)
    values = {
        "identity_id": _meet(tx, account, one.openid, now),
        "unit_id": found.unit_id,
        "resident_id": found.id,
        "role": found.role,
        "state": BindingState.ACTIVE,
        "said_name": found.name,
        "said_phone": found.phone,
        "bound_at": now,
    }
    return insert_once(tx, bindings, values) is not None


def bound_openids(tx: Connection, account: str) -> frozenset[str]:
    """Return who of a chat account has a flat now."""
    return frozenset(
        tx.execute(
            select(identities.c.openid)
            .join(bindings, bindings.c.identity_id == identities.c.id)
            .where(identities.c.account == account, bindings.c.state == BindingState.ACTIVE)
        ).scalars()
    )
