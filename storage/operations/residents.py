"""Binding a flat to a chat identity: count the try, prove the claim, bind or apply.

Whoever binds proves unit, name and phone against the register; nobody learns which part was
wrong. What becomes of a binding afterwards is in `bindings.py`.
"""

import hmac
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, case, func, or_, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import AlreadyBound, BindingMismatch, NotBound, TooManyTries
from storage.events import BindingTried, StaffTask
from storage.frozen import dataclass
from storage.kinds import BindingState, OccupancyRole, StaffRole, Urgency
from storage.models.estate import communities, units
from storage.models.people import binding_tries, bindings, identities, occupancies, residents
from storage.operations.bindings import tell_owners
from storage.operations.hearers import tell_staff
from storage.operations.paper_codes import hashed
from storage.operations.tickets import NewTicket, open_ticket
from storage.outbox import Addressee, enqueue
from storage.periods import shanghai_day
from storage.queries.households import UnitFound, units_named
from storage.queries.policies import policy_on
from storage.queries.residents import listeners
from storage.sql import insert_once
from storage.ticket_kinds import TicketKind

TRIES: Final = 5
TRIES_WITHIN: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class BindingClaim:
    """What somebody says to be let in. `said`: her words, where a community may be named."""

    unit_text: str
    name: str
    phone: str
    said: str = ""
    paper_code: str = ""


@dataclass(frozen=True, slots=True)
class BindingOutcome:
    """The flat that was bound, or (label "") the communities of which she must name one."""

    unit_label: str
    community_names: tuple[str, ...] = ()
    other_labels: tuple[str, ...] = ()
    """Flats where the same name and phone are registered, not bound yet."""


def note_try(tx: Connection, *, identity_id: int, unit_text: str, now: datetime) -> None:
    """Count one attempt of a person at a unit. Raises TooManyTries, and counts nothing then.

    With the last attempt that a flat allows its owners in chat are told, once a day at most.
    """
    flats = _flats_tried(tx, unit_text)
    _lock_identity(tx, identity_id)
    subjects = {f"person:{identity_id}": None} | {f"flat:{one.id}": one for one in flats}
    if not flats:
        subjects[f"unit:{unit_text}"[:80]] = None
    reached: list[Row[Any]] = []
    for subject, flat in subjects.items():
        tried = tx.execute(
            select(func.count(), func.min(binding_tries.c.tried_at)).where(
                binding_tries.c.subject == subject,
                binding_tries.c.tried_at > now - TRIES_WITHIN,
            )
        ).one()
        if tried[0] >= TRIES:
            raise TooManyTries(tried[1] + TRIES_WITHIN)
        if flat is not None and tried[0] == TRIES - 1:
            reached.append(flat)
    tx.execute(binding_tries.insert(), [{"subject": one, "tried_at": now} for one in subjects])
    for flat in reached:
        _warn_owners(tx, flat, identity_id, now)


def _flats_tried(tx: Connection, unit_text: str) -> list[Any]:
    """Return and lock the flats that a text names, however it is spelled: tries at each add up."""
    wanted = (
        select(units.c.id, units.c.label, units.c.community_id)
        .where(or_(units.c.code == unit_text, units.c.label == unit_text))
        .order_by(units.c.id)
        .with_for_update(key_share=True)
    )
    return list(tx.execute(wanted))


def _warn_owners(tx: Connection, flat: Row[Any], identity_id: int, now: datetime) -> None:
    """Tell a flat's other owners in chat that somebody keeps trying to bind it."""
    day = shanghai_day(now)
    audit.note(tx, Actor(identity_id=identity_id), "try_often", "unit", str(flat.id), at=now)
    for listener in listeners(tx, flat.id):
        if listener.role is OccupancyRole.OWNER and listener.identity_id != identity_id:
            enqueue(
                tx,
                BindingTried(flat.label, TRIES, int(TRIES_WITHIN.total_seconds()) // 60),
                Addressee(listener.account, listener.openid, listener.identity_id),
                key=f"tries:{flat.id}:{day}:{listener.identity_id}",
                urgency=Urgency.RECEIPT,
                now=now,
                community_id=flat.community_id,
            )


def _lock_identity(tx: Connection, identity_id: int) -> Row[Any]:
    return tx.execute(
        select(identities).where(identities.c.id == identity_id).with_for_update()
    ).one()


@dataclass(frozen=True, slots=True)
class _Match:
    """A flat where the claim agrees with the register."""

    unit: UnitFound
    resident_id: int
    role: OccupancyRole


def bind(tx: Connection, claim: BindingClaim, *, identity_id: int, now: datetime) -> BindingOutcome:
    """Bind a flat to a chat identity. Count the attempt with `note_try` in a write before it.

    Raises BindingMismatch for any disagreement, AlreadyBound.
    """
    _lock_identity(tx, identity_id)
    found = units_named(tx, claim.unit_text, said=claim.said)
    matches = [
        match
        for unit in found
        if (match := _match(tx, unit, claim, shanghai_day(now))) and _code_fits(tx, unit, claim)
    ]
    if not matches:
        raise BindingMismatch
    if len(matches) > 1:
        return BindingOutcome("", tuple(one.unit.community_name for one in matches))
    _bind_one(tx, matches[0], claim, identity_id, now)
    others = _other_flats(tx, matches[0], claim, identity_id, shanghai_day(now))
    return BindingOutcome(matches[0].unit.label, (), tuple(one.unit.label for one in others))


def bind_others(
    tx: Connection, claim: BindingClaim, *, identity_id: int, now: datetime
) -> tuple[str, ...]:
    """Bind the other flats of a claim that has just bound one; return their labels.

    Raises NotBound where that one is not bound (any more).
    """
    _lock_identity(tx, identity_id)
    today = shanghai_day(now)
    bound = [
        match
        for unit in units_named(tx, claim.unit_text, said=claim.said)
        if (match := _match(tx, unit, claim, today)) and _live(tx, identity_id, unit.unit_id)
    ]
    if not bound:
        raise NotBound
    others = _other_flats(tx, bound[0], claim, identity_id, today)
    for match in others:
        _bind_one(tx, match, claim, identity_id, now)
    return tuple(one.unit.label for one in others)


def _match(tx: Connection, unit: UnitFound, claim: BindingClaim, today: date) -> _Match | None:
    rows = tx.execute(
        select(residents.c.id, residents.c.name, residents.c.phone, occupancies.c.role)
        .select_from(occupancies.join(residents))
        .where(occupancies.c.unit_id == unit.unit_id, _is_current(today))
        .order_by(_OWNERS_FIRST, occupancies.c.id)
    ).all()
    for row in rows:
        same_name = _plain(row.name) == _plain(claim.name)
        if same_name and _plain(row.phone) == _plain(claim.phone):
            return _Match(unit, row.id, OccupancyRole(row.role))
    return None


_OWNERS_FIRST = case((occupancies.c.role == OccupancyRole.OWNER, 0), else_=1)


def _is_current(today: date) -> Any:  # noqa: ANN401 - a SQL condition
    """Say that an occupancy has begun and not ended on a Shanghai day."""
    lasts = or_(occupancies.c.until_on.is_(None), occupancies.c.until_on > today)
    return (occupancies.c.from_on <= today) & lasts


def _plain(text: str) -> str:
    """Return a name or phone without blanks, dashes and dots, full width made half."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _code_fits(tx: Connection, unit: UnitFound, claim: BindingClaim) -> bool:
    if not policy_on(tx, unit.community_id).bind_needs_code:
        return True
    typed = hashed("".join(unicodedata.normalize("NFKC", claim.paper_code).split()))
    return bool(unit.paper_code) and hmac.compare_digest(typed, unit.paper_code)


def _live(tx: Connection, identity_id: int, unit_id: int) -> Row[Any] | None:
    return tx.execute(
        select(bindings).where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id == unit_id,
            bindings.c.state == BindingState.ACTIVE,
        )
    ).one_or_none()


def _other_flats(
    tx: Connection, match: _Match, claim: BindingClaim, identity_id: int, today: date
) -> list[_Match]:
    """Return the other flats that the same resident lives in now and has not bound."""
    rows = tx.execute(
        select(units, communities.c.name.label("community_name"))
        .select_from(
            occupancies.join(units, units.c.id == occupancies.c.unit_id).join(
                communities, communities.c.id == units.c.community_id
            )
        )
        .where(
            occupancies.c.resident_id == match.resident_id,
            occupancies.c.unit_id != match.unit.unit_id,
            _is_current(today),
        )
        .order_by(units.c.id)
        .distinct()
    ).all()
    others = [
        UnitFound(row.id, row.community_id, row.community_name, row.code, row.label, row.paper_code)
        for row in rows
    ]
    found = [_match(tx, unit, claim, today) for unit in others]
    return [one for one in found if one and not _live(tx, identity_id, one.unit.unit_id)]


def _bind_one(
    tx: Connection, match: _Match, claim: BindingClaim, identity_id: int, now: datetime
) -> None:
    if _live(tx, identity_id, match.unit.unit_id):
        raise AlreadyBound(match.unit.label)
    tx.execute(
        update(bindings)
        .where(
            bindings.c.identity_id == identity_id,
            bindings.c.unit_id == match.unit.unit_id,
            bindings.c.state == BindingState.APPLIED,
        )
        .values(state=BindingState.REMOVED, ended_at=now)
    )
    binding_id = insert_once(
        tx,
        bindings,
        {
            "identity_id": identity_id,
            "unit_id": match.unit.unit_id,
            "resident_id": match.resident_id,
            "role": match.role,
            "state": BindingState.ACTIVE,
            "said_name": claim.name[:40],
            "said_phone": claim.phone[:20],
            "bound_at": now,
        },
    )
    if binding_id is None:
        raise AlreadyBound(match.unit.label)
    choose_unit(tx, identity_id, match.unit.unit_id)
    audit.note(
        tx,
        Actor(identity_id=identity_id),
        "bind",
        "binding",
        str(binding_id),
        at=now,
        detail=match.role,
    )
    tell_owners(tx, binding_id, "bound", now=now)


def choose_unit(tx: Connection, identity_id: int, unit_id: int | None) -> None:
    """Write down which flat the talk is about from now on."""
    tx.execute(
        update(identities).where(identities.c.id == identity_id).values(chosen_unit_id=unit_id)
    )


def apply_for_binding(
    tx: Connection, claim: BindingClaim, *, identity_id: int, now: datetime
) -> None:
    """Ask the stewards to check a claim that does not agree with the register.

    Asking again changes nothing. The answer is the same whether the flat exists or not; where it
    is not clear which flat is meant, each community in question has a ticket to answer her by.
    """
    _lock_identity(tx, identity_id)
    found = units_named(tx, claim.unit_text, said=claim.said)
    note = f"{claim.unit_text} {claim.name} {claim.phone}"[:200]
    if len(found) != 1:
        _ask_offices(tx, identity_id, [one.community_id for one in found], note, now)
        return
    if _live(tx, identity_id, found[0].unit_id):
        raise AlreadyBound(found[0].label)
    likely = _by_name(tx, found[0].unit_id, claim.name, shanghai_day(now))
    binding_id = insert_once(
        tx,
        bindings,
        {
            "identity_id": identity_id,
            "unit_id": found[0].unit_id,
            "resident_id": likely.resident_id if likely else None,
            "role": likely.role if likely else OccupancyRole.TENANT,
            "state": BindingState.APPLIED,
            "said_name": claim.name[:40],
            "said_phone": claim.phone[:20],
            "bound_at": now,
        },
    )
    if binding_id is None:
        return
    audit.note(tx, Actor(identity_id=identity_id), "apply", "binding", str(binding_id), at=now)
    task = StaffTask("binding_application", str(binding_id), found[0].label, 0, note)
    _tell_stewards(tx, task, found[0].community_id, now)


def _ask_offices(
    tx: Connection, identity_id: int, community_ids: Sequence[int], note: str, now: datetime
) -> None:
    """Open a ticket in each community, or in all where none is in question."""
    asked = select(communities.c.id, communities.c.name).order_by(communities.c.id)
    if community_ids:
        asked = asked.where(communities.c.id.in_(community_ids))
    for community_id, name in tx.execute(asked).all():
        new = NewTicket(
            TicketKind.QUESTION,
            community_id,
            identity_id,
            f"申请绑定，没有找到这一户，{name}：{note}",
            f"apply:{identity_id}:{community_id}:{now.isoformat()}",
        )
        open_ticket(tx, new, now=now)


def _by_name(tx: Connection, unit_id: int, name: str, today: date) -> Any:  # noqa: ANN401 - a row or None
    rows = tx.execute(
        select(occupancies.c.resident_id, occupancies.c.role, residents.c.name)
        .select_from(occupancies.join(residents))
        .where(occupancies.c.unit_id == unit_id, _is_current(today))
        .order_by(_OWNERS_FIRST, occupancies.c.id)
    ).all()
    return next((row for row in rows if _plain(row.name) == _plain(name)), None)


def _tell_stewards(tx: Connection, task: StaffTask, community_id: int, now: datetime) -> None:
    for role in (StaffRole.STEWARD, StaffRole.MANAGER):
        key = f"{task.topic}:{task.reference}:{task.note}"[:120]
        if tell_staff(tx, task, community_id=community_id, roles=(role,), key=key, now=now):
            break
