"""Who owes for a unit on a day (责任人), and on which days anybody does."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from storage.kinds import OccupancyRole, Payer
from storage.many import Keyed
from storage.models.people import occupancies
from storage.periods import DaySpan

_ROLES: Final = (OccupancyRole.OWNER, OccupancyRole.TENANT)


class Stay(NamedTuple):
    """A resident's days in a unit; `until_on` is the first day that she is no longer there."""

    resident_id: int
    role: str
    from_on: date
    until_on: date

    def meets(self, days: DaySpan) -> bool:
        """Say whether she is there on one of some days."""
        return self.from_on < days.ends_on and self.until_on > days.begins_on


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
    if payer in (Payer.DEVELOPER, Payer.COMPANY):
        return None
    roles = _ROLES[::-1] if payer == Payer.TENANT else _ROLES[:1]
    for role in roles:
        for one in stays:
            if one.role == role and one.from_on <= day < one.until_on:
                return one.resident_id
    return None


def only_owner(stays: Sequence[Stay], payer: Payer, days: DaySpan) -> int | None:
    """Return the owner who pays and was there on all of some days with nobody else, or None."""
    if len(stays) != 1 or payer != Payer.OWNER:
        return None
    [one] = stays
    if one.role != OccupancyRole.OWNER or one.from_on > days.begins_on:
        return None
    return one.resident_id if one.until_on >= days.ends_on else None


def days_of_parties(
    stays: Sequence[Stay], payer: Payer, days: DaySpan
) -> tuple[date | None, date | None]:
    """Return from which and until which day somebody owes; None for no bound.

    Hand-over and moving in bound a span, so does moving out where nobody follows; one who follows
    another owes together with her. Where nobody is there on any day, all days are charged.
    """
    if payer in (Payer.DEVELOPER, Payer.COMPANY):
        return None, None
    roles = _ROLES if payer == Payer.TENANT else _ROLES[:1]
    there = [one for one in stays if one.role in roles and one.meets(days)]
    if not there:
        return None, None
    from_on = min(one.from_on for one in there)
    until_on = max(one.until_on for one in there)
    return (
        from_on if from_on > days.begins_on else None,
        until_on if until_on < days.ends_on else None,
    )
