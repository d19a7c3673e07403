"""The collection rate tells of buildings and of no household."""

from datetime import date

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.database import Database
from storage.kinds import FeeClass
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, units
from storage.queries.collection import CollectionRate, collection_rates
from tests.factories import Owed, add_bill, add_community, add_fee_item, add_unit, pay

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
    unpaid = bills.c.paid_fen == 0
    of_first = bills.c.unit_id.in_(select(units.c.id).where(units.c.code.startswith("1-")))
    no_more = (("written_off_fen", of_first), ("waived_fen", ~of_first))

    def give_up(tx: Connection) -> None:
        for name, whose in no_more:
            tx.execute(update(bills).where(unpaid, whose).values({name: 10_000, "amount_fen": 0}))

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
        add_bill(tx, Owed(unit_id, place.item_id, "2026-12", 99_900))
        old = add_bill(tx, Owed(unit_id, place.item_id, "2025-10", 99_900))
        void = add_bill(tx, Owed(unit_id, place.item_id, "2026-09", 99_900))
        tx.execute(update(bills).where(bills.c.id == void).values(voided_at=bills.c.issued_at))
        assert old

    await place.db.write(more)

    assert await place.rates() == (before,)
    assert before.percent == 50
    assert await place.rates(date(2026, 10, 24)) == ()
