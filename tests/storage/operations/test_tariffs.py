"""Prices are set from a day on; what does not fit is refused by name, and tried on real flats."""

import json
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.charge_errors import (
    CycleBroken,
    FormulaDividesByZero,
    FormulaUnknownName,
    InputRefused,
    TariffGap,
    TariffOverlaps,
)
from storage.database import Database
from storage.kinds import Basis, CycleLength, RoundingMode, RoundingUnit, TierSpan, UnitKind
from storage.models.bills import tariffs
from storage.models.estate import units
from storage.models.operating import audit_records
from storage.models.tariffs import unit_tariffs
from storage.operations.assignments import assign, note_vacancy
from storage.operations.tariffs import TariffFact, check_tariff, plan_tariffs, set_tariff
from storage.queries.tariffs import TariffTerms, schemes_of
from storage.rules.billing import Assignment
from storage.rules.rounding import Rounding
from storage.rules.tiers import Tier
from tests.factories import NOW, add_community, add_unit

SINCE = date(2020, 1, 1)
HOME = UnitKind.HOME
BY_AREA = TariffFact("物业费", HOME, Basis.BY_AREA, 28_000, SINCE)
ALL_TERMS = TariffTerms(
    use_unit="度",
    tiers=(Tier(5_283, Decimal("170.5"), Decimal(30)), Tier(8_783)),
    tier_span=TierSpan.YEAR,
    tier_year_starts=7,
    included_heads=4,
    minimum_fen=100,
    maximum_fen=999_900,
    rounding=Rounding(RoundingUnit.JIAO, RoundingMode.DOWN),
)


@pytest.fixture
async def community_id(db: Database) -> int:
    """Give a community with three flats of 60, 90 and 120 ㎡."""

    def set_up(tx: Connection) -> int:
        found = add_community(tx)
        for room, area in ((101, 60), (102, 90), (103, 120)):
            unit_id = add_unit(tx, found, f"1-1-{room}")
            tx.execute(
                update(units).where(units.c.id == unit_id).values(floor_area_m2=Decimal(area))
            )
        return found

    return await db.write(set_up)


async def put(db: Database, community_id: int, tariff: TariffFact) -> bool:
    return await db.write(set_tariff, tariff, community_id=community_id, actor=CLOCK, now=NOW)


async def test_what_a_price_says_is_kept_and_read_back(db: Database, community_id: int):
    power = TariffFact("电费", HOME, Basis.TIERED, 0, SINCE, terms=ALL_TERMS)

    first, again = await put(db, community_id, power), await put(db, community_id, power)

    [of_kind] = (await db.read(schemes_of, community_id)).values()
    [version] = of_kind[""].versions
    kept = ALL_TERMS.tariff(Basis.TIERED, 0, SINCE, None, version.tariff.name)
    assert (first, again, version.tariff) == (True, False, kept)


def test_terms_that_nobody_knows_are_not_passed_over():
    with pytest.raises(ValueError, match="minimun"):
        TariffTerms.of(json.dumps({"minimun": 100}))


async def test_a_price_that_leaves_days_without_one_is_refused(db: Database, community_id: int):
    ends = TariffFact("物业费", HOME, Basis.BY_AREA, 28_000, SINCE, date(2026, 7, 1))
    await put(db, community_id, ends)

    later = TariffFact("物业费", HOME, Basis.BY_AREA, 30_000, date(2026, 8, 1))
    with pytest.raises(TariffGap) as gap:
        await put(db, community_id, later)

    assert (gap.value.missing_on, gap.value.row) == (date(2026, 7, 1), "物业费")


async def test_another_cycle_begins_only_where_one_ends(db: Database, community_id: int):
    await put(db, community_id, BY_AREA)

    def quarterly(day: date) -> TariffFact:
        return TariffFact("物业费", HOME, Basis.BY_AREA, 1, day, cycle=CycleLength.QUARTERLY)

    with pytest.raises(CycleBroken):
        await put(db, community_id, quarterly(date(2027, 2, 1)))
    assert await put(db, community_id, quarterly(date(2027, 4, 1)))


async def test_another_scheme_of_the_same_fee_does_not_overlap(db: Database, community_id: int):
    await put(db, community_id, BY_AREA)

    other = TariffFact("物业费", HOME, Basis.BY_AREA, 35_000, SINCE, scheme="装修期")

    assert await put(db, community_id, other)
    details = await db.read(lambda tx: tx.execute(select(audit_records.c.detail)).scalars().all())
    assert any("装修期" in one and "35000" in one for one in details)


async def test_a_price_is_tried_on_the_smallest_a_middle_and_the_largest_flat(
    db: Database, community_id: int
):
    trials = await db.read(
        check_tariff, BY_AREA, community_id=community_id, today=date(2026, 11, 23)
    )

    assert [(one.unit_label, one.amount_fen, one.sum) for one in trials] == [
        ("1栋1单元101", 16_800, "60.00㎡ × 2.80元 × 1个月 = 168.00元"),
        ("1栋1单元102", 25_200, "90.00㎡ × 2.80元 × 1个月 = 252.00元"),
        ("1栋1单元103", 33_600, "120.00㎡ × 2.80元 × 1个月 = 336.00元"),
    ]


@pytest.mark.parametrize(
    ("formula", "trouble", "row"),
    [
        ("面积 × 层数", FormulaUnknownName, "电梯费"),
        ("1 / ((面积 − 90) × (面积 − 90))", FormulaDividesByZero, "1栋1单元102"),
        ("面积 − 100", InputRefused, "1栋1单元101"),
    ],
)
async def test_a_formula_that_fails_is_not_saved(
    db: Database, community_id: int, formula: str, trouble: type, row: str
):
    lift = TariffFact("电梯费", HOME, Basis.FORMULA, 0, SINCE, terms=TariffTerms(formula=formula))

    with pytest.raises(trouble) as refused:
        await put(db, community_id, lift)

    assert vars(refused.value)["row"] == row
    assert await db.read(lambda tx: tx.execute(select(tariffs)).all()) == []


async def test_a_sheet_of_prices_names_every_row_that_does_not_fit(db: Database, community_id: int):
    rows = [
        ("翡翠湾", BY_AREA),
        ("翡翠湾", TariffFact("物业费", HOME, Basis.FIXED, 1, SINCE)),
        ("翡翠湾", TariffFact("电费", HOME, Basis.TIERED, 0, SINCE)),
        ("别处", BY_AREA),
    ]

    plan = await db.read(plan_tariffs, rows)

    assert plan.new == (0,)
    assert sorted((one.index, str(one.reason)) for one in plan.objections) == [
        (1, "overlaps"),
        (2, "refused"),
        (3, "unknown_community"),
    ]


async def assigned(db: Database, assignment: Assignment) -> bool:
    return await db.write(assign, assignment, unit_id=1, fee_item_id=1, actor=CLOCK, now=NOW)


async def test_a_flat_is_given_another_price_from_a_day_on_once(db: Database, community_id: int):
    await put(db, community_id, BY_AREA)
    first = Assignment(count=2, from_on=SINCE)
    second = Assignment(count=3, from_on=date(2026, 6, 1))

    done = [await assigned(db, one) for one in (first, first, second)]

    rows = await db.read(
        lambda tx: tx.execute(select(unit_tariffs).order_by(unit_tariffs.c.from_on)).all()
    )
    assert done == [True, False, True]
    assert [row.until_on for row in rows] == [date(2026, 6, 1), None]


async def test_a_flat_is_given_no_price_that_there_is_not(db: Database, community_id: int):
    await put(db, community_id, BY_AREA)

    with pytest.raises(TariffGap) as gap:
        await assigned(db, Assignment("租用", from_on=SINCE))
    await assigned(db, Assignment(count=2, from_on=date(2026, 6, 1)))
    with pytest.raises(TariffOverlaps):
        await assigned(db, Assignment(count=3, from_on=date(2026, 5, 1)))
    with pytest.raises(InputRefused):
        await assigned(db, Assignment(count=0, from_on=date(2027, 1, 1)))

    assert gap.value.row == "1栋1单元101 物业费 租用"


async def test_a_flat_stands_empty_once_at_a_time(db: Database, community_id: int):
    async def empty(from_on: date, until_on: date | None, percent: int = 30) -> bool:
        return await db.write(
            note_vacancy,
            unit_id=1,
            percent=Decimal(percent),
            from_on=from_on,
            until_on=until_on,
            actor=CLOCK,
            now=NOW,
        )

    june, july = date(2026, 6, 1), date(2026, 7, 1)
    assert [await empty(june, july), await empty(june, july)] == [True, False]
    with pytest.raises(TariffOverlaps):
        await empty(date(2026, 6, 15), None)
    with pytest.raises(InputRefused):
        await empty(july, None, percent=101)
