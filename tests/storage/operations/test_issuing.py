"""Which days are billed, by which price, to whom; and what is left out, with its reason."""

import asyncio
import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, insert, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.charge_errors import InputMissing
from storage.database import Database, open_database
from storage.kinds import (
    Account,
    Basis,
    CycleLength,
    CycleTiming,
    DiscountReason,
    FeeClass,
    OccupancyRole,
    Payer,
    ReadingKind,
    ReadingState,
    UnitKind,
)
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.estate import units
from storage.models.meters import meters, readings
from storage.models.people import occupancies
from storage.models.tariffs import discounts
from storage.operations.assignments import assign, grant_discount, note_vacancy
from storage.operations.issuing import IssueReport, issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.discounts import DiscountFact
from storage.queries.dues import bills_due
from storage.queries.pricing import SkipReason
from storage.queries.proofs import prove
from storage.queries.tariffs import TariffTerms
from storage.rules.billing import Assignment
from storage.rules.explanations import recompute
from storage.rules.tiers import Tier
from tests.factories import NOW, add_community, add_resident, add_unit, move_in
from tests.postgres import Postgres

SINCE = date(2020, 1, 1)
HOME = UnitKind.HOME
BY_AREA = TariffFact("物业费", HOME, Basis.BY_AREA, 28_000, SINCE)


class Office:
    """A community with two flats of 89.50 ㎡, and what its staff do."""

    def __init__(self, db: Database, community_id: int, unit_ids: list[int]) -> None:
        self.db, self.community_id, self.unit_ids = db, community_id, unit_ids
        self.first, self.second = unit_ids

    async def price(self, tariff: TariffFact) -> int:
        await self.db.write(
            set_tariff, tariff, community_id=self.community_id, actor=CLOCK, now=NOW
        )
        return await self.item(tariff.fee_item)

    async def item(self, name: str) -> int:
        return await self.db.read(
            lambda tx: tx.execute(
                select(fee_items.c.id).where(fee_items.c.name == name)
            ).scalar_one()
        )

    async def assign(self, assigned: Assignment, item_id: int, *, unit_id: int = 0) -> bool:
        return await self.db.write(
            assign,
            assigned,
            unit_id=unit_id or self.first,
            fee_item_id=item_id,
            actor=CLOCK,
            now=NOW,
        )

    async def issue(self, month: str, *, now: datetime = NOW, **options) -> IssueReport:
        return await self.db.write(
            issue_bills,
            community_id=self.community_id,
            period=BillingPeriod.parse(month),
            now=now,
            **options,
        )

    async def bills(self, unit_id: int = 0) -> list:
        chosen = select(bills).where(bills.c.unit_id == (unit_id or self.first))
        return await self.db.read(
            lambda tx: list(tx.execute(chosen.order_by(bills.c.period, bills.c.revision)))
        )

    async def sums(self, unit_id: int = 0) -> list[str]:
        return [json.loads(one.explanation)["sum"] for one in await self.bills(unit_id)]

    async def move(self, **changes) -> None:
        """Change when the first flat's owner came or went."""
        await self.db.write(
            lambda tx: (
                tx.execute(
                    update(occupancies).where(occupancies.c.unit_id == self.first).values(**changes)
                )
                and None
            )
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


async def test_a_price_that_rises_in_mid_month_is_charged_by_days(office: Office):
    await office.price(BY_AREA)
    await office.price(TariffFact("物业费", HOME, Basis.BY_AREA, 30_000, date(2026, 11, 16)))

    await office.issue("2026-11")

    [bill, *_] = await office.bills()
    lines = await office.db.read(
        lambda tx: (
            tx.execute(select(bill_lines.c.amount_fen).where(bill_lines.c.bill_id == bill.id))
            .scalars()
            .all()
        )
    )
    assert await office.sums() == [
        "89.50㎡ × 2.80元 × 15/30个月 + 89.50㎡ × 3.00元 × 15/30个月 = 259.55元"
    ]
    assert (bill.amount_fen, sum(lines), len(lines)) == (25_955, 25_955, 2)
    assert (bill.begins_on, bill.last_on) == (date(2026, 11, 1), date(2026, 11, 30))
    assert recompute(json.loads(bill.explanation)) == 25_955


async def test_a_quarter_and_a_year_are_billed_once_in_the_month_they_begin(office: Office):
    quarterly = TariffFact(
        "物业费", HOME, Basis.BY_AREA, 28_000, SINCE, cycle=CycleLength.QUARTERLY
    )
    yearly = TariffFact("车位管理费", HOME, Basis.FIXED, 600_000, SINCE, cycle=CycleLength.YEARLY)
    await office.price(quarterly)
    await office.price(yearly)

    for month in range(1, 13):
        await office.issue(f"2026-{month:02d}", now=datetime.fromisoformat("2026-01-01T00:00Z"))

    found = [(one.period, one.amount_fen) for one in await office.bills()]
    assert found == [
        ("2026-01", 75_180),
        ("2026-01", 72_000),
        ("2026-04", 75_180),
        ("2026-07", 75_180),
        ("2026-10", 75_180),
    ]


async def test_a_year_from_the_day_of_handing_over_is_an_anniversary(office: Office):
    yearly = TariffFact("物业费", HOME, Basis.FIXED, 1_000_000, SINCE, cycle=CycleLength.YEARLY)
    item_id = await office.price(yearly)
    await office.assign(
        Assignment(anchored_on=date(2024, 2, 29), from_on=date(2024, 2, 29)), item_id
    )

    for month in ("2026-01", "2026-02", "2026-03"):
        await office.issue(month)

    [bill] = [one for one in await office.bills() if one.period == "2026-02"]
    assert (bill.begins_on, bill.last_on) == (date(2026, 2, 28), date(2027, 2, 27))
    assert bill.amount_fen == 120_000


async def test_in_arrears_the_month_before_is_billed_once_it_is_over(office: Office):
    late = TariffFact("保洁费", HOME, Basis.FIXED, 100_000, SINCE, timing=CycleTiming.IN_ARREARS)
    await office.price(late)

    early = await office.issue("2026-12")
    over = await office.issue("2026-11")

    [bill] = await office.bills()
    assert {reason for _, reason in early.skipped} == {SkipReason.NOT_OVER}
    assert (over.issued, bill.period, bill.due_on) == (2, "2026-10", date(2026, 11, 25))


async def test_who_gets_the_keys_in_mid_month_pays_from_that_day(office: Office):
    await office.price(BY_AREA)
    await office.move(from_on=date(2026, 11, 16))

    await office.issue("2026-11")

    [bill] = await office.bills()
    assert (bill.amount_fen, bill.begins_on) == (12_530, date(2026, 11, 16))
    assert await office.sums() == ["89.50㎡ × 2.80元 × 15/30个月 = 125.30元"]


async def test_who_moves_out_and_nobody_follows_pays_until_that_day(office: Office):
    await office.price(BY_AREA)
    await office.move(until_on=date(2026, 11, 11))

    await office.issue("2026-11")

    [bill] = await office.bills()
    assert (bill.amount_fen, bill.last_on) == (8_353, date(2026, 11, 10))


async def test_a_payer_is_chosen_and_stays_on_the_bill(office: Office):
    item_id = await office.price(BY_AREA)

    def let(tx: Connection) -> int:
        tenant = add_resident(tx, office.community_id, "租客", "13900000001")
        move_in(tx, tenant, office.first, OccupancyRole.TENANT, from_on=date(2026, 1, 1))
        return tenant

    tenant_id = await office.db.write(let)
    await office.assign(Assignment(payer=Payer.TENANT, from_on=SINCE), item_id)
    firm = Assignment(payer=Payer.DEVELOPER, from_on=SINCE)
    await office.assign(firm, item_id, unit_id=office.second)

    await office.issue("2026-11")

    [let_bill], [firm_bill] = await office.bills(), await office.bills(office.second)
    assert (let_bill.liable_id, firm_bill.liable_id) == (tenant_id, None)
    assert json.loads(let_bill.explanation)["payer"] == "tenant"
    assert json.loads(firm_bill.explanation)["payer"] == "developer"
    assert let_bill.amount_fen == firm_bill.amount_fen == 25_060


async def test_a_flat_that_stands_empty_pays_less_on_those_days(office: Office):
    await office.price(BY_AREA)
    await office.db.write(
        note_vacancy,
        unit_id=office.first,
        percent=Decimal(30),
        from_on=date(2026, 11, 16),
        until_on=None,
        reason="空置减免",
        actor=CLOCK,
        now=NOW,
    )

    await office.issue("2026-11")

    [bill] = await office.bills()
    assert bill.amount_fen == 25_060 - 3_759
    assert recompute(json.loads(bill.explanation)) == bill.amount_fen
    assert (await office.bills(office.second))[0].amount_fen == 25_060


async def test_each_discount_has_a_line_of_its_own_and_a_coupon_is_used_up(office: Office):
    await office.price(BY_AREA)
    facts = [
        DiscountFact(
            DiscountReason.PERSON_GROUP, "低保", SINCE, percent=Decimal(10), unit_id=office.first
        ),
        DiscountFact(DiscountReason.COUPON, "体验券", SINCE, amount_fen=1_000, uses_left=1),
    ]
    for fact in facts:
        await office.db.write(
            grant_discount, fact, community_id=office.community_id, actor=CLOCK, now=NOW
        )

    await office.issue("2026-11")
    await office.issue("2026-12")

    first = [one.amount_fen for one in await office.bills()]
    second = [one.amount_fen for one in await office.bills(office.second)]
    assert (first, second) == ([25_060 - 2_506 - 1_000, 25_060 - 2_506], [25_060, 25_060])
    labels = await office.db.read(
        lambda tx: tx.execute(
            select(bill_lines.c.label, bill_lines.c.kind, bill_lines.c.amount_fen)
            .where(bill_lines.c.bill_id == 1)
            .order_by(bill_lines.c.id)
        ).all()
    )
    assert [tuple(one) for one in labels] == [
        ("物业费", "piece", 25_060),
        ("低保", "discount", -2_506),
        ("体验券", "discount", -1_000),
    ]
    left = await office.db.read(
        lambda tx: (
            tx.execute(select(discounts.c.uses_left).order_by(discounts.c.id)).scalars().all()
        )
    )
    assert left == [None, 0]


async def read_meter(office: Office, item_id: int, *values: tuple[date, int]) -> None:
    def write(tx: Connection) -> None:
        known = tx.execute(
            select(meters.c.id).where(meters.c.unit_id == office.first)
        ).scalar_one_or_none()
        if known is None:
            known = tx.execute(
                insert(meters)
                .values(
                    community_id=office.community_id,
                    unit_id=office.first,
                    fee_item_id=item_id,
                    meter_no="W1",
                    installed_on=SINCE,
                )
                .returning(meters.c.id)
            ).scalar_one()
        for day, value in values:
            tx.execute(
                insert(readings).values(
                    meter_id=known,
                    read_on=day,
                    value_e3=value * 1_000,
                    kind=ReadingKind.READ,
                    state=ReadingState.ACCEPTED,
                    noted_at=NOW,
                )
            )

    await office.db.write(write)


async def test_a_reading_that_is_missing_is_named_and_its_bill_follows(office: Office):
    water = TariffFact(
        "水费",
        HOME,
        Basis.BY_METER,
        31_000,
        SINCE,
        timing=CycleTiming.IN_ARREARS,
        terms=TariffTerms(use_unit="吨"),
        fee_class=FeeClass.AGENCY,
    )
    item_id = await office.price(water)
    await read_meter(office, item_id, (date(2026, 10, 1), 100))

    before = await office.issue("2026-11")
    await read_meter(office, item_id, (date(2026, 11, 1), 112))
    after = await office.issue("2026-11")

    assert {(one.unit_label, one.reason) for one in before.missing} == {
        ("3栋2单元1201", SkipReason.READING_MISSING),
        ("3栋2单元1202", SkipReason.READING_MISSING),
    }
    assert (before.issued, after.issued) == (0, 1)
    assert (await office.sums())[0].endswith("12吨 × 3.10元 = 37.20元")
    assert await office.db.read(ledger.balance, Account.AGENCY) == -3_720
    assert await office.db.read(ledger.balance, Account.INCOME) == 0


async def test_steps_of_a_year_go_on_where_the_bills_before_ended(office: Office):
    steps = TariffTerms(
        use_unit="度",
        tiers=(Tier(5_000, Decimal(100)), Tier(10_000)),
        tier_span="year",  # type: ignore[arg-type]
    )
    power = TariffFact(
        "电费", HOME, Basis.TIERED, 0, SINCE, timing=CycleTiming.IN_ARREARS, terms=steps
    )
    item_id = await office.price(power)
    days = ((date(2026, 1, 1), 0), (date(2026, 2, 1), 80), (date(2026, 3, 1), 160))
    await read_meter(office, item_id, *days)

    await office.issue("2026-02")
    await office.issue("2026-03")

    assert [one.amount_fen for one in await office.bills()] == [4_000, 1_000 + 6_000]


async def test_a_formula_is_tried_on_what_each_flat_has(office: Office):
    lift = TariffFact(
        "电梯费",
        HOME,
        Basis.FORMULA,
        0,
        SINCE,
        terms=TariffTerms(formula="max(面积 × 0.5, 30) × 月数"),
    )
    await office.price(lift)
    await office.db.write(
        lambda tx: (
            tx.execute(update(units).where(units.c.id == office.second).values(floor_area_m2=None))
            and None
        )
    )

    report = await office.issue("2026-11")

    assert [one.amount_fen for one in await office.bills()] == [4_475]
    assert [one.reason for one in report.missing] == [SkipReason.AREA_MISSING]


async def test_a_deposit_is_owed_once_and_is_no_income(office: Office):
    deposit = TariffFact(
        "装修押金",
        HOME,
        Basis.DEPOSIT,
        20_000_000,
        SINCE,
        scheme="装修",
        fee_class=FeeClass.DEPOSIT,
    )
    item_id = await office.price(deposit)
    await office.assign(Assignment("装修", from_on=date(2026, 11, 5)), item_id)

    for month in ("2026-11", "2026-12"):
        await office.issue(month)

    assert [(one.period, one.amount_fen) for one in await office.bills()] == [("2026-11", 200_000)]
    assert await office.bills(office.second) == []
    assert await office.db.read(ledger.balance, Account.DEPOSIT) == -200_000


async def test_a_flat_has_another_price_none_or_several(office: Office):
    item_id = await office.price(
        TariffFact("车位费", HOME, Basis.PARKING, 1_500_000, SINCE, scheme="租用")
    )
    await office.assign(Assignment("租用", count=2, from_on=date(2026, 11, 1)), item_id)
    cleaning = await office.price(TariffFact("保洁费", HOME, Basis.FIXED, 100_000, SINCE))
    await office.assign(Assignment(is_charged=False, from_on=SINCE), cleaning)

    await office.issue("2026-11")

    assert await office.sums() == ["2个 × 150.00元 × 1个月 = 300.00元"]
    assert await office.sums(office.second) == ["10.00元 × 1个月 = 10.00元"]


async def test_the_least_and_the_most_of_a_charge_hold(office: Office):
    terms = TariffTerms(minimum_fen=30_000, maximum_fen=40_000)
    await office.price(TariffFact("物业费", HOME, Basis.BY_AREA, 28_000, SINCE, terms=terms))
    await office.db.write(
        lambda tx: (
            tx.execute(
                update(units).where(units.c.id == office.second).values(floor_area_m2=Decimal(200))
            )
            and None
        )
    )

    await office.issue("2026-11")

    assert [one.amount_fen for one in await office.bills()] == [30_000]
    assert [one.amount_fen for one in await office.bills(office.second)] == [40_000]
    assert await office.db.read(prove) == []


async def test_a_preview_is_what_is_issued_and_changes_nothing(office: Office):
    await office.price(BY_AREA)
    november = BillingPeriod(2026, 11)

    due = await office.db.read(
        bills_due, community_id=office.community_id, period=november, today=date(2026, 11, 23)
    )
    none_yet = await office.bills()
    report = await office.issue("2026-11")

    assert none_yet == []
    assert sum(one.priced.amount_fen for one in due.new) == sum(report.totals.values()) == 50_120


async def test_run_twice_at_once_in_halves_or_after_a_failure_the_set_is_the_same(office: Office):
    await office.price(BY_AREA)
    await office.price(TariffFact("保洁费", HOME, Basis.FIXED, 100_000, SINCE))

    with pytest.raises(ZeroDivisionError):
        await office.db.write(fail_after_issuing, office)
    await asyncio.gather(
        office.issue("2026-11", unit_ids=[office.second]),
        *(office.issue("2026-11") for _ in range(3)),
        office.issue("2026-11", unit_ids=[office.first]),
    )

    numbers = await office.db.read(
        lambda tx: tx.execute(select(bills.c.bill_no).order_by(bills.c.bill_no)).scalars().all()
    )
    assert numbers == [f"B2026-11-{number:06d}" for number in range(1, 5)]
    assert await office.db.read(ledger.balance, Account.RECEIVABLE) == 52_120
    assert await office.db.read(prove) == []


def fail_after_issuing(tx: Connection, office: Office) -> None:
    """Issue, then break off as a crash would."""
    november = BillingPeriod(2026, 11)
    issue_bills(tx, community_id=office.community_id, period=november, now=NOW)
    raise ZeroDivisionError


async def test_a_bill_issued_after_its_day_is_due_next_month(office: Office):
    await office.price(BY_AREA)

    await office.issue("2026-11", now=datetime.fromisoformat("2026-11-28T02:00Z"))

    assert [one.due_on for one in await office.bills()] == [date(2026, 12, 25)]


async def test_two_cycles_under_one_month_are_left_out_and_named(office: Office):
    item_id = await office.price(BY_AREA)
    await office.issue("2026-11")
    await office.assign(
        Assignment(anchored_on=date(2020, 1, 16), from_on=date(2026, 11, 16)), item_id
    )
    await office.db.write(
        lambda tx: tx.execute(update(bills).values(last_on=date(2026, 11, 15))) and None
    )

    report = await office.issue("2026-11")

    assert [(one.unit_id, one.reason) for one in report.missing] == [
        (office.first, SkipReason.PERIOD_TAKEN)
    ]


async def test_what_is_missing_names_its_cause(office: Office):
    await office.price(BY_AREA)
    await office.db.write(
        lambda tx: (
            tx.execute(update(units).where(units.c.id == office.first).values(floor_area_m2=None))
            and None
        )
    )

    [missing] = (await office.issue("2026-11")).missing

    assert isinstance(missing.refusal, InputMissing)
    assert (missing.item_name, missing.period, missing.detail) == ("物业费", "2026-11", "area")


@pytest.mark.postgresql
async def test_two_replicas_at_once_make_each_bill_once(migrated_postgres: Postgres):
    url = migrated_postgres.copy()
    async with open_database(url) as first, open_database(url) as second:
        office = Office(first, *await first.write(stand_up))
        other = Office(second, office.community_id, office.unit_ids)
        await office.price(BY_AREA)
        fact = DiscountFact(DiscountReason.COUPON, "体验券", SINCE, amount_fen=100, uses_left=3)
        community_id = office.community_id
        await first.write(grant_discount, fact, community_id=community_id, actor=CLOCK, now=NOW)

        months = ("2026-11", "2026-11", "2026-12", "2026-12", "2026-11", "2026-12")
        made = await asyncio.gather(
            *(replica.issue(month) for month in months for replica in (office, other))
        )

        assert sum(one.issued for one in made) == 4
        owed = 4 * 25_060 - 3 * 100
        assert await first.read(ledger.balance, Account.RECEIVABLE) == owed
        assert await first.read(prove) == []
    migrated_postgres.drop(url)
