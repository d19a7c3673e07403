"""The clock lets money put aside pay the bills that are there, once, household by household."""

from decimal import Decimal

from sqlalchemy import select, update

from scheduler.jobs import apply_prepayments as job
from scheduler.jobs import issue_bills
from storage.models.bills import bills
from storage.models.estate import units
from storage.operations import prepayments
from storage.operations.prepay_orders import Aside
from storage.queries.proofs import prove
from tests import factories
from tests.scheduler.conftest import Hall


async def both_save(hall: Hall) -> None:
    """Put 300 aside for Ms Li's flat and 2,000 for the Wangs'."""
    world = hall.stage.world
    for unit_id, fen in ((world.unit_id, 30_000), (world.next_door_id, 200_000)):
        await hall.db.write(factories.put_aside, unit_id, Aside(fen))


async def open_fen(hall: Hall) -> dict[int, int]:
    rows = await hall.db.read(lambda tx: tx.execute(select(bills)).all())
    found: dict[int, int] = {}
    for row in rows:
        found[row.unit_id] = found.get(row.unit_id, 0) + row.amount_fen - row.paid_fen
    return found


async def test_every_households_bills_are_paid_from_its_own_money_once(hall: Hall):
    await both_save(hall)
    world = hall.stage.world

    first = await job.run(hall.deps, hall.now)
    again = await job.run(hall.deps, hall.later(hours=1))

    assert first == {"units": 2, "bills": 3, "drawn_fen": 30_000 + 99_900}
    assert again == {"units": 0, "bills": 0, "drawn_fen": 0}
    assert await open_fen(hall) == {world.unit_id: 2 * 25_060 - 30_000, world.next_door_id: 0}
    assert (await hall.stage.told()).count("PrepaymentApplied") == 1
    assert await hall.db.read(prove) == []


async def test_all_households_are_reached_however_many_are_read_at_a_time(hall: Hall, monkeypatch):
    await both_save(hall)
    monkeypatch.setattr(job, "PART", 1)

    assert (await job.run(hall.deps, hall.now))["units"] == 2


async def test_one_household_that_fails_keeps_no_other_from_its_turn(hall: Hall, monkeypatch):
    await both_save(hall)
    real, broken = prepayments.apply_prepayments, hall.stage.world.unit_id

    def apply(tx, unit_id, *, now):
        if unit_id == broken:
            raise ZeroDivisionError
        return real(tx, unit_id, now=now)

    monkeypatch.setattr(job, "apply_prepayments", apply)

    assert (await job.run(hall.deps, hall.now))["units"] == 1


async def test_without_a_bill_to_pay_nobody_is_asked(hall: Hall):
    await both_save(hall)
    await hall.db.write(
        lambda tx: tx.execute(update(bills).values(paid_fen=bills.c.amount_fen)) and None
    )

    assert (await job.run(hall.deps, hall.now))["units"] == 0


async def test_a_new_bill_that_is_paid_from_it_is_not_told_as_owed(hall: Hall):
    world = hall.stage.world
    await hall.db.write(
        lambda tx: tx.execute(update(units).values(floor_area_m2=Decimal("89.50"))) and None
    )
    await hall.db.write(factories.put_aside, world.unit_id, Aside(200_000))
    hall.later(days=8, hours=16)

    await issue_bills.run(hall.deps, hall.now)

    assert await open_fen(hall) == {world.unit_id: 0, world.next_door_id: 99_900 + 25_060}
    told = await hall.stage.told()
    assert told.count("PrepaymentApplied") == 1
    assert "BillsIssued" not in told
