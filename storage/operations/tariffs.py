"""What a community charges (收费标准): a price is set from a day on, never changed in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.errors import TariffOverlaps
from storage.kinds import Basis, UnitKind
from storage.models.bills import fee_items, tariffs
from storage.queries.estate import all_communities
from storage.rules.tariffs import MAX_PRICE_E4, Span, succeed
from storage.sql import insert


@dataclass(frozen=True, slots=True)
class TariffFact:
    """A price in ten-thousandths of a yuan a month, from a Shanghai day on.

    `ends_on` is the first day on which it is no longer in force, None for no end.
    """

    fee_item: str
    unit_kind: UnitKind
    basis: Basis
    price_e4: int
    effective_on: date
    ends_on: date | None = None
    due_day: int = 25
    fee_code: str = ""

    def __post_init__(self) -> None:
        """Refuse prices and days that no tariff can have."""
        if not 0 <= self.price_e4 <= MAX_PRICE_E4 or not 1 <= self.due_day <= 31:
            raise ValueError(f"no such tariff: {self}")
        if self.ends_on is not None and self.ends_on <= self.effective_on:
            raise ValueError(f"a tariff ends after it begins: {self}")

    @property
    def span(self) -> Span:
        """The price and its days."""
        return Span(self.basis, self.price_e4, self.due_day, self.effective_on, self.ends_on)


def fee_item_ids(tx: Connection, community_id: int, wanted: dict[str, str], /) -> dict[str, int]:
    """Return name → key of a community's fee items; those wanted (name → code) are made."""
    if wanted:
        tx.execute(
            insert(tx, fee_items).on_conflict_do_nothing(),
            [
                {"community_id": community_id, "name": name, "code": code}
                for name, code in sorted(wanted.items())
            ],
        )
    rows = tx.execute(
        select(fee_items.c.name, fee_items.c.id).where(fee_items.c.community_id == community_id)
    )
    return {row.name: row.id for row in rows}


def set_tariff(
    tx: Connection, tariff: TariffFact, *, community_id: int, actor: Actor, now: datetime
) -> bool:
    """Set a price from a day on; the one before it, where it has no end, ends on that day.

    Returns False where exactly this price was set before. Raises TariffOverlaps where another
    price of the same fee and kind of unit is in force on one of its days.
    """
    item_id = fee_item_ids(tx, community_id, {tariff.fee_item: tariff.fee_code})[tariff.fee_item]
    tx.execute(select(fee_items.c.id).where(fee_items.c.id == item_id).with_for_update())
    known = _spans(tx, item_id, tariff.unit_kind)
    after = succeed(known, tariff.span)
    if after is None:
        raise TariffOverlaps(tariff.fee_item, tariff.effective_on)
    if after == known:
        return False
    of_kind = (tariffs.c.fee_item_id == item_id, tariffs.c.unit_kind == tariff.unit_kind)
    tx.execute(
        update(tariffs)
        .where(*of_kind, tariffs.c.ends_on.is_(None), tariffs.c.effective_on < tariff.effective_on)
        .values(ends_on=tariff.effective_on)
    )
    tx.execute(
        tariffs.insert().values(
            community_id=community_id,
            fee_item_id=item_id,
            unit_kind=tariff.unit_kind,
            basis=tariff.basis,
            price_e4=tariff.price_e4,
            effective_on=tariff.effective_on,
            ends_on=tariff.ends_on,
            due_day=tariff.due_day,
        )
    )
    detail = f"{tariff.unit_kind} {tariff.basis} {tariff.price_e4} from {tariff.effective_on}"
    audit.note(tx, actor, "set", "tariff", str(item_id), at=now, detail=detail)
    return True


def _spans(tx: Connection, item_id: int, unit_kind: str) -> list[Span]:
    rows = tx.execute(
        select(tariffs)
        .where(tariffs.c.fee_item_id == item_id, tariffs.c.unit_kind == unit_kind)
        .order_by(tariffs.c.effective_on)
    )
    return [
        Span(row.basis, row.price_e4, row.due_day, row.effective_on, row.ends_on) for row in rows
    ]


class Reason(StrEnum):
    """Why a row of a sheet of prices cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    OVERLAPS = "overlaps"


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index."""

    index: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class TariffPlan:
    """What rows of prices would do: indexes of new ones in the order of their days, objections."""

    new: tuple[int, ...]
    objections: tuple[Objection, ...]


def plan_tariffs(tx: Connection, rows: Sequence[tuple[str, TariffFact]]) -> TariffPlan:
    """Return what importing (community, price) rows would do; changes nothing."""
    ids = {one.name: one.community_id for one in all_communities(tx)}
    known: dict[tuple[str, str, str], list[Span]] = {}
    new: list[int] = []
    objections: list[Objection] = []
    for index in sorted(range(len(rows)), key=lambda one: (rows[one][1].effective_on, one)):
        community, tariff = rows[index]
        if community not in ids:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY))
            continue
        place = (community, tariff.fee_item, str(tariff.unit_kind))
        if place not in known:
            item_id = fee_item_ids(tx, ids[community], {}).get(tariff.fee_item, 0)
            known[place] = _spans(tx, item_id, tariff.unit_kind)
        after = succeed(known[place], tariff.span)
        if after is None:
            objections.append(Objection(index, Reason.OVERLAPS))
        elif after != known[place]:
            new.append(index)
            known[place] = after
    return TariffPlan(tuple(new), tuple(objections))


def import_tariffs(
    tx: Connection, rows: Sequence[tuple[str, TariffFact]], *, actor: Actor, now: datetime
) -> TariffPlan:
    """Set the prices, all or (where one is objected to) none; the same rows again do nothing."""
    plan = plan_tariffs(tx, rows)
    if plan.objections:
        return plan
    ids = {one.name: one.community_id for one in all_communities(tx)}
    for index in plan.new:
        community, tariff = rows[index]
        set_tariff(tx, tariff, community_id=ids[community], actor=actor, now=now)
    return plan
