"""What is tried of a discount or an empty flat is what the next bills come to, to the fen."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select, update

from storage.audit import CLOCK
from storage.charge_errors import InputRefused, TariffOverlaps
from storage.database import Database
from storage.kinds import Basis, CycleLength, DiscountReason, UnitKind
from storage.models.bills import bills, fee_items
from storage.models.estate import units
from storage.models.tariffs import discounts, vacancies
from storage.operations.assignments import end_discount, grant_discount, note_vacancy
from storage.operations.issuing import issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod, DaySpan
from storage.queries.discount_trials import BillTrial, try_discount, try_end, try_vacancy
from storage.queries.discounts import DiscountFact, granted_discounts
from storage.queries.tariffs import Vacancy
from tests.factories import NOW, add_community, add_unit

SINCE = date(2020, 1, 1)
TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)
BY_AREA = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 28_000, SINCE)
YEARLY = TariffFact(
    "车位管理费", UnitKind.HOME, Basis.FIXED, 600_000, SINCE, cycle=CycleLength.YEARLY
)
OLD_AGE = DiscountFact(DiscountReason.PERSON_GROUP, "八十岁以上老人", DECEMBER, Decimal(10))


class Office:
    """A community with five flats of 60 to 100 ㎡, and what its staff try and do."""

    def __init__(self, db: Database, community_id: int, unit_ids: list[int]) -> None:
        self.db, self.community_id, self.unit_ids = db, community_id, unit_ids
        self.middle = unit_ids[2]

    async def price(self, tariff: TariffFact) -> int:
        await self.db.write(
            set_tariff, tariff, community_id=self.community_id, actor=CLOCK, now=NOW
        )
        return await self.db.read(
            lambda tx: tx.execute(
                select(fee_items.c.id).where(fee_items.c.name == tariff.fee_item)
            ).scalar_one()
        )

    async def attempt(self, fact: DiscountFact) -> tuple[BillTrial, ...]:
        return await self.db.read(try_discount, fact, community_id=self.community_id, today=TODAY)

    async def grant(self, fact: DiscountFact) -> int:
        return await self.db.write(
            grant_discount, fact, community_id=self.community_id, actor=CLOCK, now=NOW
        )

    async def empty(
        self, from_on: date, until_on: date | None = None, *, percent: str = "30"
    ) -> tuple[BillTrial, ...] | None:
        asked = Vacancy(DaySpan(from_on, until_on or date.max), Decimal(percent), "空置")
        return await self.db.read(
            try_vacancy,
            asked,
            community_id=self.community_id,
            unit_id=self.middle,
            today=TODAY,
        )

    async def note(
        self, from_on: date, until_on: date | None = None, *, percent: str = "30", reason: str = ""
    ) -> bool:
        return await self.db.write(
            note_vacancy,
            unit_id=self.middle,
            percent=Decimal(percent),
            from_on=from_on,
            until_on=until_on,
            actor=CLOCK,
            now=NOW,
            reason=reason,
        )

    async def billed(self, month: str, unit_id: int = 0) -> dict[str, int]:
        """Issue a month; return label → fen of the bills of one flat or of all."""
        period = BillingPeriod.parse(month)
        await self.db.write(issue_bills, community_id=self.community_id, period=period, now=NOW)
        wanted = (
            select(units.c.label, bills.c.amount_fen)
            .join(units, units.c.id == bills.c.unit_id)
            .where(bills.c.period == month, bills.c.unit_id == (unit_id or bills.c.unit_id))
        )
        return await self.db.read(
            lambda tx: {row.label: row.amount_fen for row in tx.execute(wanted)}
        )


@pytest.fixture
async def office(db: Database) -> Office:
    def stand_up(tx: Connection) -> tuple[int, list[int]]:
        community_id = add_community(tx)
        unit_ids = [add_unit(tx, community_id, f"3-1-{room}") for room in range(101, 106)]
        for unit_id, area in zip(unit_ids, (60, 70, 80, 90, 100), strict=True):
            tx.execute(
                update(units).where(units.c.id == unit_id).values(floor_area_m2=Decimal(area))
            )
        return community_id, unit_ids

    return Office(db, *await db.write(stand_up))


async def test_a_discount_for_all_is_tried_on_three_flats_and_comes_true(office: Office):
    await office.price(BY_AREA)

    tried = await office.attempt(OLD_AGE)
    nothing_yet = await office.db.read(granted_discounts, office.community_id)
    await office.grant(OLD_AGE)
    billed = await office.billed("2026-12")

    assert [(one.unit_label, one.before_fen, one.after_fen) for one in tried] == [
        ("3栋1单元101", 16_800, 15_120),
        ("3栋1单元103", 22_400, 20_160),
        ("3栋1单元105", 28_000, 25_200),
    ]
    assert tried[0].sum == "60.00㎡ × 2.80元 × 1个月 = 168.00元 − 16.80元 = 151.20元"
    assert (nothing_yet, {one.period for one in tried}) == ([], {"2026-12"})
    assert {one.unit_label: one.after_fen for one in tried}.items() <= billed.items()


async def test_a_discount_of_one_flat_and_one_fee_touches_nothing_else(office: Office):
    await office.price(BY_AREA)
    item_id = await office.price(YEARLY)
    fact = DiscountFact(
        DiscountReason.COUPON,
        "新户券",
        DECEMBER,
        amount_fen=10_000,
        unit_id=office.middle,
        fee_item_id=item_id,
        uses_left=1,
    )

    [tried] = await office.attempt(fact)

    what = (tried.unit_label, tried.item_name, tried.period, tried.before_fen, tried.after_fen)
    assert what == ("3栋1单元103", "车位管理费", "2027-01", 72_000, 62_000)


async def test_what_is_taken_off_once_is_not_taken_off_twice(office: Office):
    await office.price(BY_AREA)
    await office.grant(OLD_AGE)

    for work in (office.attempt, office.grant):
        with pytest.raises(TariffOverlaps):
            await work(OLD_AGE)

    rows = await office.db.read(lambda tx: tx.execute(select(discounts)).all())
    assert len(rows) == 1


async def test_a_discount_that_meets_no_bill_changes_none(office: Office):
    await office.price(BY_AREA)
    over = DiscountFact(
        DiscountReason.PERSON_GROUP, "过去的", SINCE, Decimal(10), until_on=date(2021, 1, 1)
    )

    assert await office.attempt(over) == ()


@pytest.mark.parametrize("percent", ["100.01", "-1", "10.005", "NaN"])
async def test_a_percentage_that_cannot_be_is_refused_before_it_is_tried(office: Office, percent):
    with pytest.raises(InputRefused):
        await office.attempt(
            DiscountFact(DiscountReason.PERSON_GROUP, "优惠", DECEMBER, Decimal(percent))
        )


async def test_ending_a_discount_is_tried_and_comes_true(office: Office):
    await office.price(BY_AREA)
    number = await office.grant(OLD_AGE)
    january = date(2027, 1, 1)

    tried = await office.db.read(
        try_end, number, community_id=office.community_id, until_on=january, today=TODAY
    )
    await office.db.write(end_discount, discount_id=number, until_on=january, actor=CLOCK, now=NOW)
    again = await office.db.read(
        try_end, number, community_id=office.community_id, until_on=january, today=TODAY
    )

    assert [(one.period, one.before_fen, one.after_fen) for one in tried] == [
        ("2027-01", 15_120, 16_800),
        ("2027-01", 20_160, 22_400),
        ("2027-01", 25_200, 28_000),
    ]
    assert again == ()
    assert (await office.billed("2026-12"))["3栋1单元101"] == 15_120
    assert (await office.billed("2027-01"))["3栋1单元101"] == 16_800


async def test_an_empty_flat_is_tried_and_comes_true(office: Office):
    await office.price(BY_AREA)

    tried = await office.empty(date(2026, 12, 17))
    assert tried is not None
    await office.note(date(2026, 12, 17), reason="空置")
    billed = await office.billed("2026-12", office.middle)

    [one] = tried
    assert (one.period, one.before_fen, one.after_fen) == ("2026-12", 22_400, 22_400 - 3_252)
    assert billed == {"3栋1单元103": one.after_fen}
    assert await office.empty(date(2026, 12, 17)) is None


async def test_an_empty_flat_gets_its_end_and_keeps_its_reason(office: Office):
    await office.price(BY_AREA)
    await office.note(DECEMBER, reason="交房未住")

    tried = await office.empty(DECEMBER, date(2027, 2, 1))
    await office.note(DECEMBER, date(2027, 2, 1))

    assert tried is not None
    assert [(one.period, one.before_fen, one.after_fen) for one in tried] == [
        ("2027-02", 15_680, 22_400)
    ]
    [row] = await office.db.read(lambda tx: tx.execute(select(vacancies)).all())
    assert (row.until_on, row.reason) == (date(2027, 2, 1), "交房未住")


async def test_days_that_are_noted_are_not_noted_in_another_way(office: Office):
    await office.price(BY_AREA)
    await office.note(DECEMBER, date(2027, 2, 1))

    for from_on, until_on, percent in (
        (date(2027, 1, 1), None, "30"),
        (DECEMBER, date(2027, 2, 1), "40"),
        (SINCE, None, "30"),
    ):
        with pytest.raises(TariffOverlaps):
            await office.empty(from_on, until_on, percent=percent)
        with pytest.raises(TariffOverlaps):
            await office.note(from_on, until_on, percent=percent)
    assert await office.note(date(2027, 2, 1)) is True
