"""Who owes for a unit on a day (责任人), and which days are whose."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from storage.kinds import OccupancyRole, Payer
from storage.many import Keyed
from storage.models.people import occupancies
from storage.periods import DaySpan

_ROLES: Final = (OccupancyRole.OWNER, OccupancyRole.TENANT)
_FIRMS: Final = (Payer.DEVELOPER, Payer.COMPANY)


class Stay(NamedTuple):
    """A resident's days in a unit; `until_on` is the first day that she is no longer there."""

    resident_id: int
    role: str
    from_on: date
    until_on: date


class Party(NamedTuple):
    """Who owes for some days: a resident, or a firm that `payer` names, or nobody known."""

    days: DaySpan
    liable_id: int | None
    payer: Payer
    """Who is to pay, as it was said of the fee on the first of the days."""
    whose: Payer
    """Who pays: the owner where a tenant is to pay and there is none."""

    @property
    def is_nobody(self) -> bool:
        """Whether a resident is to pay and nobody is known."""
        return self.liable_id is None and self.payer not in _FIRMS


_STAYS: Final = Keyed(
    lambda among: (
        select(
            occupancies.c.unit_id,
            occupancies.c.resident_id,
            occupancies.c.role,
            occupancies.c.from_on,
            occupancies.c.until_on,
        )
        .where(among(occupancies.c.unit_id), occupancies.c.role.in_(_ROLES))
        .order_by(occupancies.c.unit_id, occupancies.c.from_on, occupancies.c.resident_id)
    )
)


def stays_in(tx: Connection, unit_ids: Collection[int]) -> dict[int, list[Stay]]:
    """Return unit → its owners and tenants of all times, who came first first."""
    found: dict[int, list[Stay]] = {}
    rows: Iterable[Any] = _STAYS.run(tx, unit_ids)
    for unit_id, resident_id, role, from_on, until_on in rows:
        stay = Stay(resident_id, role, from_on, until_on or date.max)
        found.setdefault(unit_id, []).append(stay)
    return found


def liable_on(stays: Sequence[Stay], payer: Payer, day: date) -> int | None:
    """Return the resident who owes from a day on: the tenant where she pays, else the owner.

    Of several the one who came first. None where nobody lives there, or a firm pays.
    """
    found = _there_on(stays, payer, day)
    return None if found is None else found.resident_id


def _there_on(stays: Sequence[Stay], payer: Payer, day: date) -> Stay | None:
    if payer in _FIRMS:
        return None
    roles = _ROLES[::-1] if payer == Payer.TENANT else _ROLES[:1]
    for role in roles:
        for one in stays:
            if one.role == role and one.from_on <= day < one.until_on:
                return one
    return None


def only_owner(stays: Sequence[Stay], payer: Payer, days: DaySpan) -> int | None:
    """Return the owner who pays and was there on all of some days with nobody else, or None."""
    if len(stays) != 1 or payer != Payer.OWNER:
        return None
    [one] = stays
    if one.role != OccupancyRole.OWNER or one.from_on > days.begins_on:
        return None
    return one.resident_id if one.until_on >= days.ends_on else None


def parties_in(
    stays: Sequence[Stay], payers: Sequence[tuple[date, Payer]], days: DaySpan
) -> tuple[Party, ...]:
    """Return whose some days are, in order; a day is of one party, or of none.

    `payers` says who is to pay from which day on, the first from the first day on. Hand-over and
    moving in bound the days, so does moving out where nobody follows; days between two parties
    are the earlier one's. Where no resident is known on any day, days of a resident are nobody's.
    """
    edges = [day for day, _ in payers]
    edges += [day for one in stays for day in (one.from_on, one.until_on)]
    found = [_party(stays, payers, piece) for piece in days.cut(edges)]
    if any(one.liable_id is not None for one in found):
        known = [at for at, one in enumerate(found) if not one.is_nobody]
        found = _filled(found[known[0] : known[-1] + 1])
    return _joined(found)


def _party(stays: Sequence[Stay], payers: Sequence[tuple[date, Payer]], days: DaySpan) -> Party:
    payer = [one for since, one in payers if since <= days.begins_on][-1]
    there = _there_on(stays, payer, days.begins_on)
    if there is None:
        return Party(days, None, payer, payer)
    return Party(days, there.resident_id, payer, Payer(there.role))


def _filled(found: Sequence[Party]) -> list[Party]:
    """Give days on which nobody is known to who was there before."""
    filled: list[Party] = []
    for one in found:
        filled.append(filled[-1]._replace(days=one.days) if one.is_nobody else one)
    return filled


def _joined(found: Sequence[Party]) -> tuple[Party, ...]:
    """Make one of those that follow each other and are the same."""
    joined: list[Party] = []
    for one in found:
        if joined and _is_same(joined[-1], one):
            before = joined[-1]
            days = DaySpan(before.days.begins_on, one.days.ends_on)
            joined[-1] = before._replace(days=days)
        else:
            joined.append(one)
    return tuple(joined)


def _is_same(one: Party, two: Party) -> bool:
    if one.liable_id is not None or two.liable_id is not None:
        return one.liable_id == two.liable_id
    return one.payer == two.payer or (one.is_nobody and two.is_nobody)
