"""Bills are issued once a month when the community's day has come, whatever was missed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from scheduler.jobs import issue_bills
from storage import crashpoints
from storage.audit import CLOCK
from storage.kinds import Basis, CycleTiming, FeeClass, UnitKind
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.messages import outbox
from storage.operations.assignments import assign
from storage.operations.tariffs import TariffFact, set_tariff
from storage.operations.unit_tariffs import Choice, import_choices
from storage.periods import SHANGHAI, BillingPeriod
from storage.queries.billing_runs import runs_done
from storage.rules.billing import Assignment
from tests import town
from tests.desk import job_deps
from tests.factories import add_tariff

DECEMBER = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
"""The second of December, two in the morning in Shanghai."""


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


def priced(tx, **choices):
    """Build the town with areas and a price for its homes."""
    place = town.build(tx, **choices)
    tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
    add_tariff(tx, place.community_id, place.fee_item_id, 28_000)
    return place


async def issued(db):
    rows = await db.read(lambda tx: tx.execute(select(bills.c.period, bills.c.unit_id)).all())
    assert len(rows) == len(set(rows))
    return {period: sum(row.period == period for row in rows) for period in {r[0] for r in rows}}


async def told(db):
    return await db.read(
        lambda tx: list(
            tx.execute(select(outbox.c.recipient).where(outbox.c.event == "BillsIssued")).scalars()
        )
    )


async def test_the_bills_of_a_month_are_made_once_and_told_once(db):
    await db.write(priced)
    deps = job_deps(db)

    first = await issue_bills.run(deps, DECEMBER)
    again = await issue_bills.run(deps, DECEMBER + timedelta(days=1))

    assert (first["issued"], first["told"]) == (13, 12)
    assert again == {"issued": 0, "skipped": 0, "told": 0}
    assert (await issued(db))["2026-12"] == 13
    assert len(await told(db)) == 12


async def test_before_the_communitys_day_nothing_is_issued(db):
    await db.write(priced, issue_day=5)

    report = await issue_bills.run(job_deps(db), DECEMBER)

    assert report["issued"] == 0


async def test_a_community_that_is_not_signed_gets_no_bills(db):
    await db.write(priced)
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)

    report = await issue_bills.run(job_deps(db), DECEMBER)

    assert report["issued"] == 0


async def test_a_month_missed_by_an_outage_is_billed_and_only_the_newest_is_told(db):
    await db.write(priced)
    deps = job_deps(db)
    await issue_bills.run(deps, DECEMBER)

    report = await issue_bills.run(deps, DECEMBER + timedelta(days=62))

    assert report["issued"] == 26
    found = await issued(db)
    assert [found[period] for period in ("2026-12", "2027-01", "2027-02")] == [13, 13, 13]
    assert len(await told(db)) == 24


@pytest.mark.parametrize("kill_after", [1, 2, 3])
async def test_broken_off_between_parts_the_run_ends_with_the_same_bills(
    db, monkeypatch, kill_after
):
    await db.write(priced)
    deps = job_deps(db)
    monkeypatch.setattr(issue_bills, "PART", 5)
    passes = iter(range(1, 100))

    def kill(name):
        if name == "bills.after_chunk" and next(passes) == kill_after:
            raise Killed

    monkeypatch.setattr(crashpoints, "reach", kill)
    with pytest.raises(Killed):
        await issue_bills.run(deps, DECEMBER)

    await issue_bills.run(deps, DECEMBER)

    assert (await issued(db))["2026-12"] == 13
    assert len(await told(db)) == 12


async def areas(db, area_m2):
    await db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=area_m2)) and None)


async def test_what_a_run_left_out_is_listed_and_billed_once_it_is_known(db):
    place = await db.write(priced)
    await areas(db, None)
    deps = job_deps(db)

    first = await issue_bills.run(deps, DECEMBER)
    [listed] = await db.read(runs_done, place.community_id, since=BillingPeriod(2026, 12))
    await areas(db, Decimal("89.50"))
    second = await issue_bills.run(deps, DECEMBER + timedelta(days=1))
    third = await issue_bills.run(deps, DECEMBER + timedelta(days=2))

    assert (first["issued"], first["skipped"], first["told"]) == (0, 13, 0)
    assert {(one.item_name, one.period, one.reason) for one in listed.left_out} == {
        ("物业费", "2026-12", "area_missing")
    }
    assert (second["issued"], second["told"], third["issued"]) == (13, 12, 0)
    [after] = await db.read(runs_done, place.community_id, since=BillingPeriod(2026, 12))
    assert (after.left_out, after.counts["issued"]) == ((), 13)
    assert len(await told(db)) == 12


async def test_a_bill_that_comes_later_is_told_with_what_is_still_open(db):
    await db.write(priced)
    [first, *_] = await db.read(lambda tx: tx.execute(select(units.c.id)).scalars().all())
    lacks = update(units).where(units.c.id == first)
    await db.write(lambda tx: tx.execute(lacks.values(floor_area_m2=None)) and None)
    deps = job_deps(db)
    await issue_bills.run(deps, DECEMBER)
    before = len(await told(db))

    await areas(db, Decimal("89.50"))
    report = await issue_bills.run(deps, DECEMBER + timedelta(days=40))

    assert report["issued"] == 13 + 1
    assert len(await told(db)) > before


SINCE = date(2020, 1, 1)
DEPOSIT = TariffFact(
    "装修押金",
    UnitKind.HOME,
    Basis.DEPOSIT,
    20_000_000,
    SINCE,
    scheme="装修",
    due_day=3,
    fee_class=FeeClass.DEPOSIT,
)
ONE_OFF = TariffFact(
    "垃圾清运费", UnitKind.HOME, Basis.ONE_OFF, 5_000_000, SINCE, scheme="装修", due_day=3
)
PARKING = TariffFact("车位费", UnitKind.HOME, Basis.PARKING, 1_500_000, SINCE, scheme="租用")
IN_ARREARS = TariffFact(
    "车位费",
    UnitKind.HOME,
    Basis.PARKING,
    3_100_000,
    SINCE,
    scheme="租用",
    timing=CycleTiming.IN_ARREARS,
)


async def run_on(db, month, day):
    """Run the job at two in the morning of a Shanghai day."""
    night = datetime(2026, month, day, 2, tzinfo=SHANGHAI).astimezone(UTC)
    return await issue_bills.run(job_deps(db), night)


async def assigned(db, place, fact, said):
    """Price a fee that nobody is charged for, and charge one flat for it."""

    def say(tx):
        set_tariff(tx, fact, community_id=place.community_id, actor=CLOCK, now=DECEMBER)
        item = select(fee_items.c.id).where(fee_items.c.name == fact.fee_item)
        return assign(
            tx,
            said,
            unit_id=place.unit_ids["3-1-101"],
            fee_item_id=tx.execute(item).scalar_one(),
            actor=CLOCK,
            now=DECEMBER,
        )

    assert await db.write(say)


async def of_fee(db, fact):
    """Return flat, month, sum and due day of each bill of a fee."""
    wanted = (
        select(bills.c.unit_id, bills.c.period, bills.c.amount_fen, bills.c.due_on)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(fee_items.c.name == fact.fee_item)
        .order_by(bills.c.period)
    )
    return await db.read(lambda tx: [tuple(row) for row in tx.execute(wanted)])


@pytest.mark.parametrize(("fact", "fen"), [(DEPOSIT, 200_000), (ONE_OFF, 50_000)])
async def test_what_is_assigned_after_the_months_run_is_billed_the_next_night_once(db, fact, fen):
    place = await db.write(priced)
    await run_on(db, 12, 1)
    before = len(await told(db))
    await assigned(db, place, fact, Assignment("装修", from_on=date(2026, 12, 5)))

    next_night = await run_on(db, 12, 6)
    again = [await run_on(db, 12, day) for day in (6, 7)]

    assert (next_night["issued"], [one["issued"] for one in again]) == (1, [0, 0])
    flat = place.unit_ids["3-1-101"]
    assert await of_fee(db, fact) == [(flat, "2026-12", fen, date(2027, 1, 3))]
    assert next_night["told"] == len(await told(db)) - before == 1
    [run] = await db.read(runs_done, place.community_id, since=BillingPeriod(2026, 12))
    assert (run.counts["issued"], run.left_out) == (13 + 1, ())


async def test_what_is_assigned_before_the_months_run_is_billed_by_it_and_not_again(db):
    place = await db.write(priced)
    await assigned(db, place, DEPOSIT, Assignment("装修", from_on=date(2026, 12, 5)))

    counts = [(await run_on(db, 12, day))["issued"] for day in (1, 2, 6)]

    assert counts == [13 + 1, 0, 0]
    flat = place.unit_ids["3-1-101"]
    assert await of_fee(db, DEPOSIT) == [(flat, "2026-12", 200_000, date(2027, 1, 3))]


async def test_what_is_assigned_for_a_month_before_this_one_is_billed_for_each_month_since(db):
    place = await db.write(priced)
    await run_on(db, 11, 1)
    await run_on(db, 12, 1)
    await assigned(db, place, PARKING, Assignment("租用", from_on=date(2026, 11, 1)))

    counts = [(await run_on(db, 12, day))["issued"] for day in (6, 7)]

    assert counts == [2, 0]
    found = [(month, fen) for _, month, fen, _ in await of_fee(db, PARKING)]
    assert found == [("2026-11", 15_000), ("2026-12", 15_000)]
    assert min(due_on for *_, due_on in await of_fee(db, PARKING)) >= date(2026, 12, 6)


async def test_what_ends_after_the_months_run_is_billed_up_to_its_end(db):
    place = await db.write(priced)
    began_on = date(2026, 1, 1)
    await assigned(db, place, IN_ARREARS, Assignment("租用", from_on=began_on))
    await run_on(db, 12, 1)
    ended = Choice("翡翠湾", "3-1-101", "车位费", began_on, "租用", until_on=date(2026, 12, 5))
    plan = await db.write(import_choices, [ended], actor=CLOCK, now=DECEMBER)
    assert plan.ended == (0,)

    counts = [(await run_on(db, 12, day))["issued"] for day in (6, 7)]

    assert counts == [1, 0]
    found = [(month, fen) for _, month, fen, _ in await of_fee(db, IN_ARREARS)]
    assert found == [("2026-11", 31_000), ("2026-12", 4_000)]
