"""A yearly bill is not January's income: each month earns its part, once, whatever happens."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, func, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.database import Database, open_database
from storage.kinds import Account, Basis, CycleLength, CycleTiming, FeeClass, UnitKind
from storage.models.bills import bills
from storage.models.deferrals import deferrals
from storage.models.estate import units
from storage.models.ledger import entries, postings
from storage.models.tariffs import period_closes
from storage.operations.bills import NewBill, book_bills, void_bill
from storage.operations.closing import close_period
from storage.operations.corrections import correct_bill
from storage.operations.issuing import issue_bills
from storage.operations.recognition import recognise_income
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.income import income_of
from storage.queries.proofs import prove
from tests.factories import add_community, add_fee_item, add_resident, add_unit, move_in, pay
from tests.postgres import Postgres

SINCE = date(2020, 1, 1)
JANUARY = datetime(2026, 1, 1, 2, tzinfo=UTC)
YEARLY = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 28_000, SINCE, cycle=CycleLength.YEARLY)


def at(month: int, day: int = 1) -> datetime:
    """Return ten in the morning of a day of 2026 in Shanghai."""
    return datetime(2026, month, day, 2, tzinfo=UTC)


class Office:
    """A community of two flats, and what the clock and the staff do."""

    def __init__(self, db: Database, community_id: int, unit_ids: list[int]) -> None:
        self.db, self.community_id, self.unit_ids = db, community_id, unit_ids

    async def price(self, tariff: TariffFact) -> None:
        await self.db.write(
            set_tariff, tariff, community_id=self.community_id, actor=CLOCK, now=JANUARY
        )

    async def issue(self, month: str, now: datetime) -> None:
        period = BillingPeriod.parse(month)
        await self.db.write(issue_bills, community_id=self.community_id, period=period, now=now)

    async def recognise(self, now: datetime, *, limit: int = 1_000) -> int:
        return await self.db.write(
            recognise_income, community_id=self.community_id, now=now, limit=limit
        )

    async def close(self, period: BillingPeriod, now: datetime) -> None:
        await self.db.write(
            close_period, community_id=self.community_id, period=period, actor=CLOCK, now=now
        )

    async def held(self) -> tuple[int, int]:
        """Return what is income and what is set apart, in fen; the books hold."""
        assert await self.db.read(prove) == []
        return (
            -await self.db.read(ledger.balance, Account.INCOME),
            -await self.db.read(ledger.balance, Account.DEFERRED),
        )

    async def earned(self) -> list[int]:
        """Return what each month of 2026 earned."""
        found = [
            await self.db.read(income_of, self.community_id, BillingPeriod(2026, month))
            for month in range(1, 13)
        ]
        return [one.accrued_fen for one in found]

    async def bills(self) -> list:
        return await self.db.read(lambda tx: list(tx.execute(select(bills).order_by(bills.c.id))))

    async def count(self) -> int:
        return await self.db.read(
            lambda tx: tx.execute(select(func.count()).select_from(entries)).scalar_one()
        )


def stand_up(tx: Connection) -> tuple[int, list[int]]:
    community_id = add_community(tx)
    unit_ids = [add_unit(tx, community_id, f"3-2-{room}") for room in (1201, 1202)]
    for number, unit_id in enumerate(unit_ids):
        owner = add_resident(tx, community_id, f"业主{number}", f"1380000000{number}")
        move_in(tx, owner, unit_id)
    tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
    return community_id, unit_ids


@pytest.fixture
async def office(db: Database) -> Office:
    return Office(db, *await db.write(stand_up))


async def test_a_yearly_bill_is_earned_month_by_month(office: Office):
    await office.price(YEARLY)

    await office.issue("2026-01", JANUARY)
    first = await office.held()
    for month in range(2, 13):
        assert await office.recognise(at(month)) == 2
        assert await office.recognise(at(month, 15)) == 0

    assert first == (2 * 25_060, 2 * 11 * 25_060)
    assert await office.held() == (2 * 12 * 25_060, 0)
    assert await office.earned() == [2 * 25_060] * 12
    receivable = await office.db.read(ledger.balance, Account.RECEIVABLE)
    assert receivable == 2 * 12 * 25_060


async def test_odd_fen_go_to_the_earlier_months_and_none_is_lost(office: Office):
    odd = replace(YEARLY, basis=Basis.FIXED, price_e4=10_083, fee_item="门禁费")
    await office.price(odd)
    await office.db.write(
        lambda tx: (
            tx.execute(update(units).where(units.c.id != office.unit_ids[0]).values(kind="shop"))
            and None
        )
    )
    await office.issue("2026-01", at(1, 20))
    [bill] = await office.bills()

    for month in range(1, 13):
        await office.recognise(at(month, 28))

    assert bill.amount_fen == 1_210
    assert await office.earned() == [101] * 10 + [100] * 2


async def test_the_usual_bill_of_the_month_defers_nothing(office: Office):
    await office.price(replace(YEARLY, cycle=CycleLength.MONTHLY))

    await office.issue("2026-01", JANUARY)

    assert await office.held() == (2 * 25_060, 0)
    assert await office.db.read(lambda tx: tx.execute(select(deferrals)).all()) == []


async def test_a_month_that_is_billed_before_it_comes_is_not_earned_yet(office: Office):
    await office.price(replace(YEARLY, cycle=CycleLength.MONTHLY))

    await office.issue("2026-02", at(1, 28))
    before = await office.held()
    await office.recognise(at(2))

    assert (before, await office.held()) == ((0, 2 * 25_060), (2 * 25_060, 0))
    assert (await office.earned())[:3] == [0, 2 * 25_060, 0]


async def test_a_quarter_billed_late_is_still_earned_in_its_own_months(office: Office):
    await office.price(replace(YEARLY, cycle=CycleLength.QUARTERLY))

    await office.issue("2026-01", at(2, 10))

    assert await office.held() == (2 * 2 * 25_060, 2 * 25_060)
    assert (await office.earned())[:3] == [2 * 25_060, 2 * 25_060, 0]


IN_ARREARS = replace(YEARLY, timing=CycleTiming.IN_ARREARS)


async def test_a_month_billed_in_arrears_is_that_months_income(office: Office):
    await office.price(replace(IN_ARREARS, cycle=CycleLength.MONTHLY))

    await office.issue("2026-02", at(2, 1))
    before = await office.count()
    await office.issue("2026-02", at(2, 1))

    assert await office.held() == (2 * 25_060, 0)
    assert (await office.earned())[:3] == [2 * 25_060, 0, 0]
    assert await office.count() == before
    january, february = [
        await office.db.read(income_of, office.community_id, BillingPeriod(2026, month))
        for month in (1, 2)
    ]
    assert (january.unbilled_fen, january.deferred_fen) == (2 * 25_060, 0)
    assert (february.unbilled_fen, february.deferred_fen) == (0, 0)
    owed = (
        select(func.sum(postings.c.amount_fen))
        .join(entries)
        .where(postings.c.account == Account.RECEIVABLE, entries.c.effective_on < date(2026, 2, 1))
    )
    assert await office.db.read(lambda tx: tx.execute(owed).scalar_one()) is None


async def test_a_quarter_billed_in_arrears_is_its_three_months_income(office: Office):
    await office.price(replace(IN_ARREARS, cycle=CycleLength.QUARTERLY))

    await office.issue("2026-04", at(4, 1))

    assert await office.held() == (2 * 3 * 25_060, 0)
    assert (await office.earned())[:5] == [2 * 25_060] * 3 + [0, 0]


async def test_arrears_of_a_month_that_is_closed_are_the_income_of_the_bills_day(office: Office):
    await office.price(replace(IN_ARREARS, cycle=CycleLength.QUARTERLY))
    await office.close(BillingPeriod(2026, 2), at(4, 1))

    await office.issue("2026-04", at(4, 1))

    assert await office.held() == (2 * 3 * 25_060, 0)
    assert (await office.earned())[:5] == [2 * 25_060, 0, 2 * 25_060, 2 * 25_060, 0]


async def test_a_single_bill_of_a_month_that_is_over_is_that_months_income(office: Office):
    def write(tx: Connection) -> None:
        new = NewBill(
            unit_id=office.unit_ids[0],
            fee_item_id=add_fee_item(tx, office.community_id, "电梯公摊", "shared"),
            item_name="电梯公摊",
            period=BillingPeriod(2026, 2),
            amount_fen=12_345,
            due_on=date(2026, 3, 25),
            explanation={},
            begins_on=date(2026, 2, 1),
            last_on=date(2026, 2, 28),
        )
        booked = [
            book_bills(
                tx, [new], community_id=office.community_id, against=Account.INCOME, now=at(3, day)
            )
            for day in (4, 5)
        ]
        assert booked == [[new], []]

    await office.db.write(write)

    assert await office.held() == (12_345, 0)
    assert (await office.earned())[:3] == [0, 12_345, 0]


async def test_correcting_arrears_counts_on_the_day_of_the_correction(office: Office):
    await office.price(replace(IN_ARREARS, cycle=CycleLength.MONTHLY))
    await office.issue("2026-02", at(2, 1))
    area = update(units).values(floor_area_m2=Decimal("80.00"))
    await office.db.write(lambda tx: tx.execute(area) and None)
    first, _ = await office.bills()

    await office.db.write(
        correct_bill, bill_id=first.id, reason="面积有误", actor=CLOCK, now=at(2, 1)
    )

    assert await office.held() == (25_060 + 22_400, 0)
    assert (await office.earned())[:3] == [2 * 25_060, 22_400 - 25_060, 0]


@pytest.mark.parametrize("fee_class", [FeeClass.AGENCY, FeeClass.DEPOSIT])
async def test_what_is_not_ours_is_never_deferred(office: Office, fee_class):
    await office.price(replace(YEARLY, fee_class=fee_class))

    await office.issue("2026-01", JANUARY)

    apart = -await office.db.read(ledger.balance, Account.DEFERRED)
    mine = -await office.db.read(ledger.balance, Account.INCOME)
    assert (apart, mine, len(await office.bills())) == (0, 0, 2)


async def test_what_is_charged_at_once_or_is_over_is_earned_at_once(office: Office):
    await office.price(
        TariffFact("装修垃圾费", UnitKind.HOME, Basis.ONE_OFF, 5_000_000, date(2026, 1, 1))
    )
    await office.price(replace(YEARLY, cycle=CycleLength.QUARTERLY, timing=CycleTiming.IN_ARREARS))

    await office.issue("2026-01", JANUARY)

    _, apart = await office.held()
    assert (len(await office.bills()), apart) == (4, 0)


async def test_months_that_were_missed_are_earned_in_their_own_month(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)

    assert await office.recognise(at(4, 3)) == 6

    assert (await office.earned())[:5] == [2 * 25_060] * 4 + [0]


async def test_closing_a_month_first_books_what_it_has_earned(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)

    await office.close(BillingPeriod(2026, 2), at(3))

    assert (await office.earned())[:4] == [50_120] * 3 + [0]
    assert await office.recognise(at(3, 2)) == 0
    assert await office.held() == (3 * 50_120, 9 * 50_120)


async def test_what_still_waits_for_a_closed_month_is_earned_today(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)
    row = {"community_id": office.community_id, "period": "2026-02", "closed_at": at(3)}
    await office.db.write(lambda tx: tx.execute(period_closes.insert().values(row)) and None)

    await office.recognise(at(3, 2))

    assert (await office.earned())[:4] == [50_120, 0, 100_240, 0]
    assert await office.held() == (3 * 50_120, 9 * 50_120)


async def test_voiding_takes_back_what_was_earned_and_what_was_not(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)
    await office.recognise(at(3))
    first, _ = await office.bills()

    await office.db.write(void_bill, bill_id=first.id, reason="重复", actor=CLOCK, now=at(4, 5))
    await office.db.write(void_bill, bill_id=first.id, reason="重复", actor=CLOCK, now=at(4, 6))
    after = await office.held()
    again = await office.recognise(at(5))

    assert after == (3 * 25_060, 9 * 25_060)
    assert again == 2, "April and May of the other bill"
    assert (await office.earned())[:5] == [50_120, 50_120, 50_120, 25_060 - 75_180, 25_060]


async def test_a_correction_defers_anew_from_the_day_it_is_made(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)
    for month in (2, 3, 4):
        await office.recognise(at(month))
    await office.db.write(
        lambda tx: tx.execute(update(units).values(floor_area_m2=Decimal("80.00"))) and None
    )
    first, _ = await office.bills()

    made = await office.db.write(
        correct_bill, bill_id=first.id, reason="面积有误", actor=CLOCK, now=at(4, 10)
    )

    assert made.new_amount_fen == 12 * 22_400
    assert await office.held() == (4 * (25_060 + 22_400), 8 * (25_060 + 22_400))
    for month in range(5, 13):
        await office.recognise(at(month))
    assert await office.held() == (12 * (25_060 + 22_400), 0)


async def test_run_in_parts_and_by_two_at_once_each_month_is_earned_once(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)
    before = await office.count()

    made = await asyncio.gather(*(office.recognise(at(6), limit=3) for _ in range(6)))

    assert sum(made) == 10
    assert await office.count() == before + 10
    assert await office.held() == (2 * 6 * 25_060, 2 * 6 * 25_060)


@pytest.mark.postgresql
async def test_two_replicas_earn_each_month_once(migrated_postgres: Postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as first, open_database(url) as second:
        office = Office(first, *await first.write(stand_up))
        twin = Office(second, office.community_id, office.unit_ids)
        await office.price(YEARLY)
        await office.issue("2026-01", JANUARY)

        made = await asyncio.gather(*(one.recognise(at(12)) for one in (office, twin)))

        assert sorted(made) == [0, 22]
        assert await office.held() == (2 * 12 * 25_060, 0)
    migrated_postgres.drop(url)


async def test_paying_a_year_changes_nothing_of_what_is_earned(office: Office):
    await office.price(YEARLY)
    await office.issue("2026-01", JANUARY)
    first, _ = await office.bills()

    await office.db.write(pay, office.unit_ids[0], (first.id,), paid_at=at(1, 5))

    january = await office.db.read(income_of, office.community_id, BillingPeriod(2026, 1))
    february = await office.db.read(income_of, office.community_id, BillingPeriod(2026, 2))
    assert (january.accrued_fen, january.received_fen) == (50_120, 300_720)
    assert (january.deferred_fen, february.received_fen) == (2 * 11 * 25_060, 0)
    legs = await office.db.read(
        lambda tx: tx.execute(
            select(postings.c.account, postings.c.amount_fen)
            .join(entries, entries.c.id == postings.c.entry_id)
            .where(entries.c.entry_key == f"bill:{first.bill_no}")
            .order_by(postings.c.id)
        ).all()
    )
    assert sorted(tuple(one) for one in legs) == [
        ("deferred", -275_660),
        ("income", -25_060),
        ("receivable", 300_720),
    ]
