"""A year of any estate, billed month by month, is bill by bill what a day by day model says."""

import asyncio
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.database import Database, open_database
from storage.kinds import Basis, CycleLength, CycleTiming, UnitKind
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.operations.assignments import assign
from storage.operations.issuing import issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.proofs import prove
from storage.rules.billing import Assignment
from storage.rules.explanations import recompute
from tests.factories import add_community, add_resident, add_unit, move_in
from tests.storage.rules import model

YEAR = [BillingPeriod(2026, month) for month in range(1, 13)]
A_DAY = timedelta(days=1)
THEN = datetime.fromisoformat("2025-01-01T00:00Z")
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SINCE = date(2025, 1, 1)
STEP = {CycleLength.MONTHLY: 1, CycleLength.QUARTERLY: 3, CycleLength.YEARLY: 12}
days_of_year = st.dates(FIRST, LAST)


@dataclass(frozen=True)
class Flat:
    """A flat: its size, since when somebody has it, and the day its periods begin on."""

    area_e2: int | None
    owned_from: date
    anchored_on: date | None
    is_charged: bool


@dataclass(frozen=True)
class Fee:
    """A fee and its prices, each from a day on."""

    basis: Basis
    cycle: CycleLength
    timing: CycleTiming
    prices: tuple[tuple[date, int], ...]

    def price_on(self, day: date) -> int:
        return [price_e4 for since, price_e4 in self.prices if since <= day][-1]


flats = st.builds(
    Flat,
    st.none() | st.integers(1_000, 30_000),
    st.just(SINCE) | days_of_year,
    st.none() | st.dates(date(2023, 1, 1), date(2024, 12, 31)),
    st.sampled_from([True, True, True, False]),
)
prices = st.lists(
    st.tuples(days_of_year, st.integers(1, 200_000)),
    max_size=2,
    unique_by=lambda one: one[0],
).map(sorted)
fees = st.builds(
    Fee,
    st.sampled_from([Basis.BY_AREA, Basis.FIXED]),
    st.sampled_from(CycleLength),
    st.sampled_from(CycleTiming),
    st.builds(lambda first, later: ((SINCE, first), *later), st.integers(1, 200_000), prices),
)


def span_begins(day: date, anchor: date, step: int) -> date:
    """Walk back to the day on which the span of a cycle began."""
    while not (
        model.begins_month(day, anchor.day)
        and ((day.year - anchor.year) * 12 + day.month - anchor.month) % step == 0
    ):
        day -= A_DAY
    return day


def expected(flat: Flat, fee: Fee) -> dict[str, int]:
    """Say which bills a year brings: month → fen, counted day by day."""
    anchor = flat.anchored_on or date(2000, 1, 1)
    step = STEP[fee.cycle]
    found: dict[str, list[date]] = {}
    for day in model.days(date(2025, 1, 1), date(2028, 1, 1)):
        if day >= SINCE:
            found.setdefault(span_begins(day, anchor, step).isoformat(), []).append(day)
    made = {}
    for begins, whole in found.items():
        lived = [day for day in whole if day >= flat.owned_from] or whole
        charged_on = lived[-1] + A_DAY if fee.timing == CycleTiming.IN_ARREARS else whole[0]
        if not FIRST <= charged_on <= LAST or not flat.is_charged:
            continue
        if fee.basis == Basis.BY_AREA and flat.area_e2 is None:
            continue
        quantity = Fraction(flat.area_e2 or 0, 100) if fee.basis == Basis.BY_AREA else Fraction(1)
        exact = model.by_month(quantity, fee.price_on, lived[0], lived[-1] + A_DAY, anchor.day)
        fen = model.rounded(exact)
        if fen:
            made[begins[:7]] = fen
    return made


def build(tx: Connection, name: str, estate: list[Flat], charged: list[Fee]) -> int:
    community_id = add_community(tx, name)
    unit_ids = []
    for number, flat in enumerate(estate):
        unit_id = add_unit(tx, community_id, f"1-1-{number}")
        unit_ids.append(unit_id)
        owner = add_resident(tx, community_id, f"业主{number}", f"138{number:08d}")
        move_in(tx, owner, unit_id, from_on=flat.owned_from)
        area = None if flat.area_e2 is None else Decimal(flat.area_e2).scaleb(-2)
        tx.execute(update(units).where(units.c.id == unit_id).values(floor_area_m2=area))
    for number, fee in enumerate(charged):
        for since, price_e4 in fee.prices:
            fact = TariffFact(
                f"费用{number}",
                UnitKind.HOME,
                fee.basis,
                price_e4,
                since,
                cycle=fee.cycle,
                timing=fee.timing,
            )
            set_tariff(tx, fact, community_id=community_id, actor=CLOCK, now=THEN)
    items = tx.execute(select(fee_items.c.id).where(fee_items.c.community_id == community_id))
    for item_id in items.scalars().all():
        for unit_id, flat in zip(unit_ids, estate, strict=True):
            assigned = Assignment(
                is_charged=flat.is_charged, anchored_on=flat.anchored_on, from_on=SINCE
            )
            if assigned != Assignment(from_on=SINCE):
                assign(tx, assigned, unit_id=unit_id, fee_item_id=item_id, actor=CLOCK, now=THEN)
    return community_id


def of_community(tx: Connection, community_id: int) -> dict[tuple[str, str], dict[str, int]]:
    """Return (flat, fee) → month → fen; every explanation comes to the amount of its bill."""
    rows = tx.execute(
        select(bills, units.c.code, fee_items.c.name)
        .join(units, units.c.id == bills.c.unit_id)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(bills.c.community_id == community_id)
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        assert recompute(json.loads(row.explanation)) == row.amount_fen
        found.setdefault((row.code, row.name), {})[row.period] = row.amount_fen
    return found


async def a_year(db: Database, name: str, estate: list[Flat], charged: list[Fee]) -> None:
    community_id = await db.write(build, name, estate, charged)
    for month in YEAR:
        for _ in range(2):
            await db.write(
                issue_bills,
                community_id=community_id,
                period=month,
                now=datetime.fromisoformat("2027-02-01T00:00Z"),
            )

    found = await db.read(of_community, community_id)
    said = {
        (f"1-1-{at}", f"费用{number}"): made
        for at, flat in enumerate(estate)
        for number, fee in enumerate(charged)
        if (made := expected(flat, fee))
    }
    assert found == said


def test_a_year_of_bills_is_what_a_day_by_day_model_says(database_url: str):
    with asyncio.Runner() as runner:
        opened = open_database(database_url)
        db = runner.run(opened.__aenter__())
        names = iter(range(10_000))

        @settings(
            max_examples=25,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.lists(flats, min_size=1, max_size=4), st.lists(fees, min_size=1, max_size=2))
        def holds(estate: list[Flat], charged: list[Fee]) -> None:
            runner.run(a_year(db, f"第{next(names)}小区", estate, charged))

        try:
            holds()
            assert runner.run(db.read(prove)) == []
        finally:
            runner.run(opened.__aexit__(None, None, None))
