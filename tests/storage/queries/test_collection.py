"""The collection rate tells of buildings and of no household."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.database import Database
from storage.kinds import FeeClass, StaffRole
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, units
from storage.models.payments import allocations
from storage.models.tariffs import unit_tariffs
from storage.operations.bill_waivers import WaiverAsk, approve_waiver, ask_waiver
from storage.operations.write_offs import WriteOffAsk, approve_write_off, ask_write_off
from storage.paying_kinds import WaiverKind
from storage.periods import BillingPeriod
from storage.queries import collection
from storage.queries.collection import LEAST_UNITS as LEAST
from storage.queries.collection import (
    CollectedBill,
    CollectionRate,
    Question,
    Whose,
    collected,
    collected_bills,
    collected_by_building,
    collection_rates,
    question_of_year,
)
from storage.queries.debt_moves import Scope
from storage.queries.residents import staff_member
from storage.rules.collecting import Rate
from tests.factories import (
    Owed,
    add_bill,
    add_community,
    add_fee_item,
    add_staff,
    add_unit,
    pay,
)

TODAY = date(2026, 11, 30)
OUTSIDE = {"building_id": None}
IN_NONE = units.c.code.startswith("-1-")


class Place:
    """A community with buildings of so many flats, each billed 100 yuan for October."""

    def __init__(self, db: Database, community_id: int, item_id: int) -> None:
        self.db, self.community_id, self.item_id = db, community_id, item_id

    async def build(self, label: str, count: int, *, paid: int) -> None:
        def write(tx: Connection) -> None:
            building_id = tx.execute(
                insert(buildings)
                .values(community_id=self.community_id, label=f"{label}栋")
                .returning(buildings.c.id)
            ).scalar_one()
            for number in range(count):
                unit_id = add_unit(tx, self.community_id, f"{label}-1-{number + 1}")
                tx.execute(
                    update(units).where(units.c.id == unit_id).values(building_id=building_id)
                )
                bill_id = add_bill(tx, Owed(unit_id, self.item_id, "2026-10", 10_000))
                if number < paid:
                    pay(tx, unit_id, (bill_id,))

        await self.db.write(write)

    async def rates(self, today: date = TODAY) -> tuple[CollectionRate, ...]:
        return await self.db.read(collection_rates, self.community_id, today)


@pytest.fixture(autouse=True)
def ten_are_enough(monkeypatch: pytest.MonkeyPatch):
    """Hide fewer households than are published: the law is the same, and a town smaller."""
    monkeypatch.setattr(collection, "LEAST_UNITS", 10)


def test_no_rate_of_fewer_than_twenty_households_is_published():
    assert LEAST == 20


@pytest.fixture
async def place(db: Database) -> Place:
    def write(tx: Connection) -> tuple[int, int]:
        community_id = add_community(tx)
        return community_id, add_fee_item(tx, community_id)

    return Place(db, *await db.write(write))


async def test_each_building_has_its_rate_in_the_order_of_buildings(place: Place):
    await place.build("10", 10, paid=10)
    await place.build("2", 12, paid=9)

    assert await place.rates() == (
        CollectionRate(("2栋",), 12, 75),
        CollectionRate(("10栋",), 10, 100),
    )


async def test_what_stands_in_no_building_is_told_last(place: Place):
    await place.build("2", 10, paid=5)
    await place.build("", 10, paid=10)
    await place.db.write(lambda tx: tx.execute(update(units).values(**OUTSIDE).where(IN_NONE)))

    assert await place.rates() == (
        CollectionRate(("2栋",), 10, 50),
        CollectionRate(("",), 10, 100),
    )


async def test_few_households_are_never_told_alone(place: Place):
    await place.build("1", 1, paid=0)
    await place.build("2", 11, paid=11)
    assert await place.rates() == (CollectionRate(("1栋", "2栋"), 12, 91),)

    await place.build("3", 40, paid=20)
    assert await place.rates() == (
        CollectionRate(("1栋", "2栋"), 12, 91),
        CollectionRate(("3栋",), 40, 50),
    )


async def test_what_is_left_over_joins_the_others(place: Place):
    for label in ("1", "2", "3"):
        await place.build(label, 6, paid=3)

    assert await place.rates() == (CollectionRate(("1栋", "2栋", "3栋"), 18, 50),)


async def test_too_few_in_all_have_no_rate(place: Place):
    await place.build("1", 9, paid=0)

    assert await place.rates() == ()


async def test_what_was_written_off_was_not_collected_and_what_was_waived_was_not_asked(
    place: Place,
):
    await place.build("1", 10, paid=5)
    await place.build("2", 10, paid=5)
    now = datetime(2026, 11, 28, 2, tzinfo=UTC)

    def give_up(tx: Connection) -> None:
        cashier, manager = (
            staff_member(tx, add_staff(tx, place.community_id, role, role, role))
            for role in (StaffRole.CASHIER, StaffRole.MANAGER)
        )
        assert cashier is not None
        assert manager is not None
        wanted = select(bills.c.id, units.c.code).join(units, units.c.id == bills.c.unit_id)
        for bill_id, code in tx.execute(wanted.where(bills.c.paid_fen == 0)).all():
            if code.startswith("1-"):
                lost = WriteOffAsk(bill_id, "人已搬走", "派出所证明")
                asked = ask_write_off(tx, lost, by=cashier, now=now)
                approve_write_off(tx, asked.write_off_no, by=manager, now=now)
            else:
                paper = ("住院", "证明.jpg", b"paper")
                gift = WaiverAsk(bill_id, WaiverKind.HARDSHIP, 10_000, *paper)
                waiver = ask_waiver(tx, gift, by=cashier, now=now)
                approve_waiver(tx, waiver.waiver_no, by=manager, now=now)

    await place.db.write(give_up)

    assert await place.rates() == (CollectionRate(("1栋", "2栋"), 15, 66),)


async def test_only_our_own_fees_that_fell_due_within_a_year_count(place: Place):
    await place.build("1", 10, paid=5)
    [before] = await place.rates()

    def more(tx: Connection) -> None:
        unit_id = tx.execute(select(units.c.id).limit(1)).scalar_one()
        item_id = add_fee_item(tx, place.community_id, "代收水费", "water")
        tx.execute(
            update(fee_items).where(fee_items.c.id == item_id).values(fee_class=FeeClass.AGENCY)
        )
        add_bill(tx, Owed(unit_id, item_id, "2026-10", 99_900))
        late_fee_id = add_fee_item(tx, place.community_id, "违约金", "late_fee")
        add_bill(tx, Owed(unit_id, late_fee_id, "2026-10", 99_900))
        add_bill(tx, Owed(unit_id, place.item_id, "2026-12", 99_900))
        old = add_bill(tx, Owed(unit_id, place.item_id, "2025-10", 99_900))
        void = add_bill(tx, Owed(unit_id, place.item_id, "2026-09", 99_900))
        tx.execute(update(bills).where(bills.c.id == void).values(voided_at=bills.c.issued_at))
        assert old

    await place.db.write(more)

    assert await place.rates() == (before,)
    assert before.percent == 50
    assert await place.rates(date(2026, 10, 24)) == ()


OCTOBER, NOVEMBER = BillingPeriod(2026, 10), BillingPeriod(2026, 11)


async def rate(place: Place, question: Question) -> Rate:
    """Return a rate, which the buildings' and the rows behind it sum to."""
    found = await place.db.read(collected, question)
    by_building = [one.rate for one in await place.db.read(collected_by_building, question)]
    assert tuple(map(sum, zip(*by_building, strict=True))) == (found if by_building else ())
    rows: list[CollectedBill] = []
    after_id = 0
    while page := await place.db.read(collected_bills, question, after_id=after_id, limit=3):
        rows += page
        after_id = page[-1].bill_id
    assert sum(one.asked_fen for one in rows) == found.asked_fen
    assert sum(one.paid_fen for one in rows) == found.paid_fen
    return found


async def test_a_rate_tells_both_its_sides_by_amount_and_by_household(place: Place):
    await place.build("1", 4, paid=3)
    await place.build("2", 3, paid=0)

    found = await rate(place, Question(Scope(place.community_id), OCTOBER, OCTOBER, TODAY))

    assert found == Rate(30_000, 70_000, 3, 7)
    assert (found.percent_e2, found.household_percent_e2) == (4285, 4285)


async def test_what_comes_after_the_cut_off_is_not_in_the_rate(place: Place):
    await place.build("1", 4, paid=3)
    earlier = datetime(2026, 10, 1, tzinfo=UTC)
    paid_at = datetime(2026, 10, 31, 16, tzinfo=UTC)

    def at_last(tx: Connection) -> None:
        tx.execute(update(bills).values(issued_at=earlier))
        tx.execute(update(allocations).values(booked_at=paid_at))

    await place.db.write(at_last)

    in_time = Question.of_month(Scope(place.community_id), OCTOBER, TODAY)
    assert await rate(place, in_time) == Rate(0, 40_000, 0, 4)
    assert await rate(
        place, Question(Scope(place.community_id), OCTOBER, OCTOBER, date(2026, 11, 1))
    ) == Rate(30_000, 40_000, 3, 4)
    old = Question.of_old_debts(Scope(place.community_id), NOVEMBER, TODAY)
    assert await rate(place, old) == Rate(30_000, 40_000, 3, 4)
    december = Question.of_old_debts(Scope(place.community_id), NOVEMBER.plus(1), TODAY)
    assert await rate(place, december) == Rate(0, 10_000, 0, 1)


async def test_what_the_developer_pays_is_told_apart(place: Place):
    await place.build("1", 4, paid=3)

    def hand_over(tx: Connection) -> None:
        unit_id = tx.execute(select(units.c.id).order_by(units.c.id.desc()).limit(1)).scalar_one()
        tx.execute(
            insert(unit_tariffs).values(
                unit_id=unit_id,
                fee_item_id=place.item_id,
                payer="developer",
                from_on=date(2020, 1, 1),
            )
        )

    await place.db.write(hand_over)

    asked = Question(Scope(place.community_id), OCTOBER, OCTOBER, TODAY)
    assert await rate(place, asked) == Rate(30_000, 30_000, 3, 3)
    assert await rate(place, replace(asked, whose=Whose.DEVELOPERS)) == Rate(0, 10_000, 0, 1)
    assert await rate(place, replace(asked, whose=Whose.EVERYBODY)) == Rate(30_000, 40_000, 3, 4)


async def test_what_is_published_is_the_same_figure(place: Place):
    await place.build("1", 12, paid=9)

    [published] = await place.rates()
    found = await rate(place, question_of_year(place.community_id, TODAY))

    assert published.percent * 100 == found.percent_e2
    assert published.unit_count == found.households
