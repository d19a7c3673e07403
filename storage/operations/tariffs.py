"""What a community charges (收费标准): a price is set from a day on, never changed in place."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import CycleBroken, InputMissing, TariffGap, TariffOverlaps
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import Basis, FeeClass
from storage.models.bills import fee_items, tariffs
from storage.operations.tariff_terms import PricedSpan, TariffFact, fitted
from storage.periods import shanghai_day
from storage.queries.estate import all_communities
from storage.queries.quantities import INPUTS
from storage.queries.tariff_trials import TariffTrial, try_on_units
from storage.queries.tariffs import TariffTerms, mark_of, schemes_of
from storage.rules.billing import Version
from storage.rules.formulas import parse_formula
from storage.sql import insert

__all__ = [
    "Objection",
    "Reason",
    "TariffFact",
    "TariffPlan",
    "check_tariff",
    "fee_item_ids",
    "import_tariffs",
    "plan_tariffs",
    "set_seen_tariff",
    "set_tariff",
]


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

    Returns False where exactly this price was set before. Raises TariffOverlaps and TariffGap
    where its days do not fit those of the fee's other prices, CycleBroken where another cycle
    would begin within a span, InputRefused, and what a formula raises on real units.
    """
    check_tariff(tx, tariff, community_id=community_id, today=shanghai_day(now))
    item_id = fee_item_ids(tx, community_id, {tariff.fee_item: tariff.fee_code})[tariff.fee_item]
    tx.execute(select(fee_items.c.id).where(fee_items.c.id == item_id).with_for_update())
    known = _spans(tx, item_id, tariff)
    after = fitted(known, tariff)
    if after == known:
        return False
    of_kind = (
        tariffs.c.fee_item_id == item_id,
        tariffs.c.unit_kind == tariff.unit_kind,
        tariffs.c.scheme == tariff.scheme,
    )
    tx.execute(
        update(tariffs)
        .where(*of_kind, tariffs.c.ends_on.is_(None), tariffs.c.effective_on < tariff.effective_on)
        .values(ends_on=tariff.effective_on)
    )
    tx.execute(tariffs.insert().values(_row(tariff, community_id, item_id)))
    if tariff.fee_class != FeeClass.OWN:
        tx.execute(
            update(fee_items).where(fee_items.c.id == item_id).values(fee_class=tariff.fee_class)
        )
    what = " ".join(filter(None, (tariff.unit_kind, tariff.scheme, tariff.basis)))
    detail = f"{what} {tariff.price_e4} from {tariff.effective_on} {tariff.terms.text}"
    audit.note(tx, actor, "set", "tariff", str(item_id), at=now, detail=detail)
    return True


def set_seen_tariff(
    tx: Connection,
    tariff: TariffFact,
    *,
    seen: str,
    community_id: int,
    actor: Actor,
    now: datetime,
) -> bool:
    """Set a further price of a scheme as `set_tariff` does, where its prices are as they were seen.

    `seen` is the scheme's `mark_of`. False, and nothing changed, where somebody has changed them
    since; the very same price again is True. Raises what `set_tariff` raises.
    """
    item_id = fee_item_ids(tx, community_id, {}).get(tariff.fee_item, 0)
    tx.execute(select(fee_items.c.id).where(fee_items.c.id == item_id).with_for_update())
    named = schemes_of(tx, community_id).get((tariff.unit_kind, item_id), {})
    scheme = named.get(tariff.scheme)
    if scheme is None or mark_of(scheme) != seen:
        return tariff.span in _spans(tx, item_id, tariff)
    set_tariff(tx, tariff, community_id=community_id, actor=actor, now=now)
    return True


def _row(tariff: TariffFact, community_id: int, item_id: int) -> dict[str, Any]:
    return {
        "community_id": community_id,
        "fee_item_id": item_id,
        "unit_kind": tariff.unit_kind,
        "scheme": tariff.scheme,
        "name": tariff.name,
        "basis": tariff.basis,
        "price_e4": tariff.price_e4,
        "effective_on": tariff.effective_on,
        "ends_on": tariff.ends_on,
        "due_day": tariff.due_day,
        "cycle": tariff.cycle,
        "timing": tariff.timing,
        "terms": tariff.terms.text,
    }


def check_tariff(
    tx: Connection, tariff: TariffFact, *, community_id: int, today: date
) -> tuple[TariffTrial, ...]:
    """Return what a price would come to for three real units, the day before it is saved.

    What is wrong with the price itself is raised: InputRefused, and what formulas raise (naming
    the fee, or the unit for which a formula fails); what a unit lacks stands in its trial.
    """
    asked = Version(0, tariff.cycle, tariff.timing, tariff.due_day, tariff.tariff)
    if tariff.basis == Basis.FORMULA:
        parse_formula(tariff.terms.formula, INPUTS, row=tariff.fee_item)
    trials = try_on_units(
        tx, community_id, tariff.unit_kind, asked, item_name=tariff.fee_item, today=today
    )
    for one in trials:
        if isinstance(one.refusal, Refusal) and not isinstance(one.refusal, InputMissing):
            raise one.refusal
    return trials


def _spans(tx: Connection, item_id: int, tariff: TariffFact) -> list[PricedSpan]:
    rows = tx.execute(
        select(tariffs)
        .where(
            tariffs.c.fee_item_id == item_id,
            tariffs.c.unit_kind == tariff.unit_kind,
            tariffs.c.scheme == tariff.scheme,
        )
        .order_by(tariffs.c.effective_on)
    )
    return [
        PricedSpan(
            row.basis,
            row.price_e4,
            row.due_day,
            row.effective_on,
            row.ends_on,
            row.cycle,
            row.timing,
            TariffTerms.of(row.terms).text,
        )
        for row in rows
    ]


class Reason(StrEnum):
    """Why a row of a sheet of prices cannot be taken."""

    UNKNOWN_COMMUNITY = "unknown_community"
    OVERLAPS = "overlaps"
    GAP = "gap"
    """There would be days without a price between this one and another."""
    CYCLE = "cycle"
    """Another cycle would begin within a span of the one before."""
    REFUSED = "refused"
    """The price, its terms or its formula can not be right."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with the row of an index."""

    index: int
    reason: Reason
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class TariffPlan:
    """What rows of prices would do: indexes of new ones in the order of their days, objections."""

    new: tuple[int, ...]
    objections: tuple[Objection, ...]


def plan_tariffs(
    tx: Connection, rows: Sequence[tuple[str, TariffFact]], *, today: date = date.max
) -> TariffPlan:
    """Return what importing (community, price) rows would do; changes nothing."""
    ids = {one.name: one.community_id for one in all_communities(tx)}
    known: dict[tuple[str, ...], list[PricedSpan]] = {}
    new: list[int] = []
    objections: list[Objection] = []
    for index in sorted(range(len(rows)), key=lambda one: (rows[one][1].effective_on, one)):
        community, tariff = rows[index]
        if community not in ids:
            objections.append(Objection(index, Reason.UNKNOWN_COMMUNITY))
            continue
        place = (community, tariff.fee_item, str(tariff.unit_kind), tariff.scheme)
        if place not in known:
            item_id = fee_item_ids(tx, ids[community], {}).get(tariff.fee_item, 0)
            known[place] = _spans(tx, item_id, tariff)
        try:
            check_tariff(tx, tariff, community_id=ids[community], today=today)
            after = fitted(known[place], tariff)
        except Refusal as refusal:
            objections.append(Objection(index, _reason(refusal), refusal))
            continue
        if after != known[place]:
            new.append(index)
            known[place] = after
    return TariffPlan(tuple(new), tuple(objections))


def _reason(refusal: Refusal) -> Reason:
    reasons = {
        TariffOverlaps: Reason.OVERLAPS,
        TariffGap: Reason.GAP,
        CycleBroken: Reason.CYCLE,
    }
    return reasons.get(type(refusal), Reason.REFUSED)


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
