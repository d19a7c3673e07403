"""A debt that is written off bears no late fee while it is; what was charged stays charged."""

from datetime import date, datetime

import pytest
from sqlalchemy import Connection

from storage.database import Database
from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.models.operating import discrepancies
from storage.operations.bill_waivers import WaiverAsk, approve_waiver, ask_waiver
from storage.operations.write_offs import (
    WriteOffAsk,
    approve_write_off,
    ask_write_off,
    reverse_write_off,
)
from storage.paying_kinds import WaiverKind
from storage.queries.residents import Staff, staff_member
from tests import factories
from tests.factories import World
from tests.storage.operations.test_late_fees import (
    DECEMBER,
    FIRST_OF_DECEMBER,
    FIVE_DAYS,
    at,
    charge,
    charged,
    correct,
    late_fee_rows,
    owing,
    pay,
)


@pytest.fixture
async def world(db: Database) -> World:
    """Ms Li owes November since the 25th, and five days of it are charged."""
    world = await db.write(owing)
    await charge(db, world)
    return world


def employ(tx: Connection, world: World, role: StaffRole) -> Staff:
    found = staff_member(tx, factories.add_staff(tx, world.community_id, role, role, f"s-{role}"))
    assert found is not None
    return found


async def write_off(db: Database, world: World, bill_id: int, now: datetime) -> tuple[str, Staff]:
    def act(tx: Connection) -> tuple[str, Staff]:
        cashier = employ(tx, world, StaffRole.CASHIER)
        manager = employ(tx, world, StaffRole.MANAGER)
        asked = ask_write_off(tx, WriteOffAsk(bill_id, "失联", "退信"), by=cashier, now=now)
        approve_write_off(tx, asked.write_off_no, by=manager, now=now)
        return asked.write_off_no, cashier

    return await db.write(act)


async def test_it_bears_no_more_and_what_was_charged_stays(db: Database, world: World):
    await write_off(db, world, world.november_id, FIRST_OF_DECEMBER)

    assert await correct(db, world) == 0
    assert (await charge(db, world, DECEMBER)).issued == 0
    assert await charged(db) == [("2026-11", FIVE_DAYS)]


async def test_what_came_back_bears_none_for_the_days_between(db: Database, world: World):
    """Five days of November, the day of writing off, and the twenty after the eleventh."""
    number, cashier = await write_off(db, world, world.november_id, FIRST_OF_DECEMBER)
    back = at(date(2026, 12, 11))
    await db.write(reverse_write_off, number, reason="找到了", by=cashier, now=back)

    await charge(db, world, DECEMBER)

    assert await charged(db) == [("2026-11", FIVE_DAYS), ("2026-12", 326 - FIVE_DAYS)]


async def test_a_late_fee_that_was_written_off_is_not_made_anew(db: Database, world: World):
    (fee,) = await db.read(late_fee_rows)
    await write_off(db, world, fee.id, at(date(2026, 12, 28)))

    paid_at = at(date(2026, 11, 27))
    await pay(db, world.november_id, paid_at=paid_at, heard_at=at(date(2026, 12, 29)))

    assert await correct(db, world) == 0
    assert await charged(db) == [("2026-11", 0)]
    assert await db.read(balance, Account.BAD_DEBT) == FIVE_DAYS
    assert await db.read(lambda tx: tx.execute(discrepancies.select()).all()) == []


async def test_a_late_fee_that_was_waived_whole_is_not_made_anew(db: Database, world: World):
    (fee,) = await db.read(late_fee_rows)

    def waive(tx: Connection) -> None:
        cashier = employ(tx, world, StaffRole.CASHIER)
        manager = employ(tx, world, StaffRole.MANAGER)
        wanted = WaiverAsk(fee.id, WaiverKind.HARDSHIP, FIVE_DAYS, "住院", "证明.jpg", b"paper")
        asked = ask_waiver(tx, wanted, by=cashier, now=FIRST_OF_DECEMBER)
        approve_waiver(tx, asked.waiver_no, by=manager, now=FIRST_OF_DECEMBER)

    await db.write(waive)
    paid_at = at(date(2026, 11, 27))
    await pay(db, world.november_id, paid_at=paid_at, heard_at=at(date(2026, 12, 29)))

    assert await correct(db, world) == 0
    assert await charged(db) == [("2026-11", 0)]
    assert await db.read(balance, Account.WAIVER) == FIVE_DAYS
