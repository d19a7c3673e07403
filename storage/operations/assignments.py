"""Which unit is charged by which price, when it stands empty, and what is taken off (优惠)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, or_, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import InputRefused, TariffGap
from storage.kinds import ChargeInput
from storage.many import Keyed
from storage.models.bills import fee_items, tariffs
from storage.models.estate import communities, units
from storage.models.tariffs import discounts, unit_tariffs, vacancies
from storage.queries.discounts import (
    DiscountFact,
    check_discount,
    check_vacancy,
    percent_e2,
    refuse_overlap,
)
from storage.rules.billing import Assignment
from storage.rules.charging import MAX_COUNT

MAX_HEADS: Final = 100


def assign(
    tx: Connection,
    assigned: Assignment,
    *,
    unit_id: int,
    fee_item_id: int,
    actor: Actor,
    now: datetime,
    plate: str = "",
) -> bool:
    """Say what of a unit's fee differs from its kind from a day on; what was open before ends.

    Returns False where exactly this was said before. Raises TariffOverlaps where something later
    is said already, TariffGap where the scheme has no price on the first day, and InputRefused.
    """
    check(assigned)
    unit = tx.execute(select(units).where(units.c.id == unit_id).with_for_update()).one()
    item_name: str = tx.execute(
        select(fee_items.c.name).where(fee_items.c.id == fee_item_id)
    ).scalar_one()
    new = Entered(unit_id, fee_item_id, assigned, plate)
    values = new.terms | {"from_on": assigned.from_on, "until_on": assigned.until_on}
    of_fee = (unit_tariffs.c.unit_id == unit_id, unit_tariffs.c.fee_item_id == fee_item_id)
    known = tx.execute(select(unit_tariffs).where(*of_fee)).all()
    if any(_is_same(row, values) for row in known):
        return False
    if not _is_priced(tx, unit.kind, fee_item_id, assigned):
        raise TariffGap(assigned.from_on, f"{unit.label} {item_name} {assigned.scheme}".strip())
    refuse_overlap(known, assigned.from_on, assigned.until_on, f"{unit.label} {item_name}")
    enter(tx, [new])
    detail = " ".join(f"{name}={value}" for name, value in values.items() if name != "plate")
    reference = f"{unit_id}/{fee_item_id}"
    audit.note(tx, actor, "assign", "tariff", reference, at=now, detail=detail)
    return True


class Entered(NamedTuple):
    """What of a unit's fee differs from its kind, to be written down."""

    unit_id: int
    fee_item_id: int
    assigned: Assignment
    plate: str = ""

    @property
    def terms(self) -> dict[str, Any]:
        """All that it says besides its days, as it is kept."""
        return {
            "scheme": self.assigned.scheme,
            "is_charged": int(self.assigned.is_charged),
            "count": self.assigned.count,
            "heads": self.assigned.heads,
            "payer": self.assigned.payer,
            "anchored_on": self.assigned.anchored_on,
            "plate": self.plate,
        }


def enter(tx: Connection, new: Sequence[Entered]) -> None:
    """Write down what was found to fit: the one door to what a unit is charged by.

    What is open ends on the day on which the next of the same fee begins, whether that was known
    or comes now. Raises InputRefused, and ValueError for one that ends before it begins.
    """
    for one in new:
        check(one.assigned)
    if not new:
        return
    begins = _begins(tx, {one.unit_id for one in new})
    for one in new:
        begins.setdefault((one.unit_id, one.fee_item_id), set()).add(one.assigned.from_on)
    rows = []
    for one in new:
        from_on, until_on = one.assigned.from_on, one.assigned.until_on
        days = begins[one.unit_id, one.fee_item_id]
        if until_on is None:
            until_on = min((day for day in days if day > from_on), default=None)
        if any(day < from_on for day in days):
            of_fee = (unit_tariffs.c.unit_id == one.unit_id,
                      unit_tariffs.c.fee_item_id == one.fee_item_id)  # fmt: skip
            _end_open(tx, unit_tariffs, of_fee, from_on)
        place = {"unit_id": one.unit_id, "fee_item_id": one.fee_item_id}
        rows.append(place | one.terms | {"from_on": from_on, "until_on": until_on})
    tx.execute(unit_tariffs.insert(), rows)


def _begins(tx: Connection, unit_ids: Collection[int]) -> dict[tuple[int, int], set[date]]:
    """Return (unit, fee) → the days on which something begins."""
    found: dict[tuple[int, int], set[date]] = {}
    rows: Iterable[Any] = _BEGINS.run(tx, unit_ids)
    for unit_id, item_id, from_on in rows:
        found.setdefault((unit_id, item_id), set()).add(from_on)
    return found


_BEGINS: Final = Keyed(
    lambda among: select(
        unit_tariffs.c.unit_id, unit_tariffs.c.fee_item_id, unit_tariffs.c.from_on
    ).where(among(unit_tariffs.c.unit_id))
)


def end_assignment(
    tx: Connection, *, unit_id: int, fee_item_id: int, from_on: date, until_on: date
) -> None:
    """End what began on a day; `until_on` is the first day without it."""
    tx.execute(
        update(unit_tariffs)
        .where(
            unit_tariffs.c.unit_id == unit_id,
            unit_tariffs.c.fee_item_id == fee_item_id,
            unit_tariffs.c.from_on == from_on,
        )
        .values(until_on=until_on)
    )


def check(assigned: Assignment) -> None:
    """Refuse what no price can be reckoned with. Raises InputRefused and ValueError."""
    if not 1 <= assigned.count <= MAX_COUNT:
        raise InputRefused(ChargeInput.COUNT, str(assigned.count))
    if assigned.heads is not None and not 0 <= assigned.heads <= MAX_HEADS:
        raise InputRefused(ChargeInput.HEADS, str(assigned.heads))
    if assigned.until_on is not None and assigned.until_on <= assigned.from_on:
        raise ValueError(f"an assignment ends after it begins: {assigned}")


def _is_same(row: Any, values: dict[str, Any]) -> bool:  # noqa: ANN401 - a row
    known = row._mapping
    ends_alike = values["until_on"] in (None, known["until_on"])
    rest = {name: value for name, value in values.items() if name != "until_on"}
    return ends_alike and all(known[name] == value for name, value in rest.items())


def _is_priced(tx: Connection, kind: str, fee_item_id: int, assigned: Assignment) -> bool:
    """Say whether the scheme has a price on the first day; what is not charged needs none."""
    if not assigned.is_charged:
        return True
    found = tx.execute(
        select(tariffs.c.id)
        .where(
            tariffs.c.fee_item_id == fee_item_id,
            tariffs.c.unit_kind == kind,
            tariffs.c.scheme == assigned.scheme,
            tariffs.c.effective_on <= assigned.from_on,
            or_(tariffs.c.ends_on.is_(None), tariffs.c.ends_on > assigned.from_on),
        )
        .limit(1)
    ).one_or_none()
    return found is not None


def _end_open(tx: Connection, table: Table, of_one: Sequence[Any], day: date) -> None:
    tx.execute(
        update(table)
        .where(*of_one, table.c.until_on.is_(None), table.c.from_on < day)
        .values(until_on=day)
    )


def note_vacancy(
    tx: Connection,
    *,
    unit_id: int,
    percent: Decimal,
    from_on: date,
    until_on: date | None,
    actor: Actor,
    now: datetime,
    reason: str = "",
) -> bool:
    """Write down that a unit stands empty; so many percent are taken off on these days.

    One that is open ends where it is said again with an end, or where a later one begins.
    Returns False where that was noted. Raises TariffOverlaps where days are noted already, and
    InputRefused for a percentage outside 0 to 100 or with more than two decimals.
    """
    tx.execute(select(units.c.id).where(units.c.id == unit_id).with_for_update()).one()
    new = check_vacancy(tx, unit_id=unit_id, percent=percent, from_on=from_on, until_on=until_on)
    if not new:
        return False
    of_unit = (vacancies.c.unit_id == unit_id,)
    _end_open(tx, vacancies, of_unit, from_on)
    again = vacancies.delete().where(*of_unit, vacancies.c.from_on == from_on)
    before: str = tx.execute(again.returning(vacancies.c.reason)).scalar_one_or_none() or ""
    tx.execute(
        vacancies.insert().values(
            unit_id=unit_id,
            percent_e2=percent_e2(percent),
            from_on=from_on,
            until_on=until_on,
            reason=reason.strip()[:80] or before,
        )
    )
    detail = f"{percent}% from {from_on} until {until_on}"
    audit.note(tx, actor, "note", "vacancy", str(unit_id), at=now, detail=detail)
    return True


def grant_discount(
    tx: Connection, fact: DiscountFact, *, community_id: int, actor: Actor, now: datetime
) -> int:
    """Take something off bills from a day on; return its key.

    Raises InputRefused, and TariffOverlaps where the same is taken off on one of the days.
    """
    tx.execute(select(communities.c.id).where(communities.c.id == community_id).with_for_update())
    check_discount(tx, fact, community_id=community_id)
    off_e2 = None if fact.percent is None else percent_e2(fact.percent)
    discount_id: int = tx.execute(
        discounts.insert()
        .values(
            community_id=community_id,
            unit_id=fact.unit_id,
            fee_item_id=fact.fee_item_id,
            reason=fact.reason,
            name=fact.short_name,
            percent_e2=off_e2,
            amount_fen=fact.amount_fen,
            from_on=fact.from_on,
            until_on=fact.until_on,
            uses_left=fact.uses_left,
        )
        .returning(discounts.c.id)
    ).scalar_one()
    detail = f"{fact.reason} {off_e2} {fact.amount_fen} from {fact.from_on}"
    audit.note(tx, actor, "grant", "discount", str(discount_id), at=now, detail=detail)
    return discount_id


def end_discount(
    tx: Connection, *, discount_id: int, until_on: date, actor: Actor, now: datetime
) -> bool:
    """End what is taken off: `until_on` is the first day without it. False where it had ended."""
    ended: int = tx.execute(
        update(discounts)
        .where(
            discounts.c.id == discount_id,
            or_(discounts.c.until_on.is_(None), discounts.c.until_on > until_on),
        )
        .values(until_on=until_on)
    ).rowcount
    if ended:
        audit.note(tx, actor, "end", "discount", str(discount_id), at=now, detail=str(until_on))
    return bool(ended)
