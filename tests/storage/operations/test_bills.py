"""Issuing, voiding and announcing bills."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.charge_errors import TariffOverlaps
from storage.database import Database
from storage.errors import BillAlreadyPaid, UnknownBill
from storage.kinds import Account, Basis, OccupancyRole, UnitKind
from storage.models.bills import bill_lines, bills
from storage.models.estate import communities, units
from storage.models.ledger import postings, unit_balances
from storage.models.messages import outbox
from storage.operations.bills import announce, void_bill
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.issuing import IssueReport, issue_bills
from storage.operations.seeding import Follower, let_in
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.pricing import SkipReason
from tests.factories import ACCOUNT, NOW, add_community

NOVEMBER = BillingPeriod(2026, 11)
SINCE = date(2020, 1, 1)


def flat(room: int, **facts) -> EstateRow:
    known: dict[str, Any] = {
        "community": "翡翠湾",
        "code": f"3-2-{room}",
        "label": f"3栋2单元{room}",
        "kind": UnitKind.HOME,
        "building": "3栋",
        "entrance": "2单元",
        "floor_area_m2": Decimal("89.50"),
        "name": f"住户{room}",
        "phone": f"1380000{room:04d}",
    }
    return EstateRow(**(known | facts))


BY_AREA = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 28_000, SINCE)


@pytest.fixture
async def community_id(db: Database) -> int:
    """Give an open community with three flats, one of them of unknown size, and its price."""
    known = await db.write(lambda tx: add_community(tx))
    rows = [flat(1201), flat(1202), flat(1301, floor_area_m2=None)]
    await db.write(import_estate, rows, actor=CLOCK, now=NOW)
    await db.write(set_tariff, BY_AREA, community_id=known, actor=CLOCK, now=NOW)
    return known


async def issue(db: Database, community_id: int, **options) -> IssueReport:
    return await db.write(
        issue_bills, community_id=community_id, period=NOVEMBER, now=NOW, **options
    )


def all_bills(tx: Connection) -> list[Any]:
    return list(tx.execute(select(bills).order_by(bills.c.id)))


async def test_bills_come_from_the_price_in_force_and_explain_themselves(
    db: Database, community_id: int
):
    report = await issue(db, community_id)

    first, second = await db.read(all_bills)
    assert (report.issued, report.repeated) == (2, 0)
    assert (first.bill_no, second.bill_no) == ("B2026-11-000001", "B2026-11-000002")
    assert (first.amount_fen, first.paid_fen, first.due_on) == (25_060, 0, date(2026, 11, 25))
    assert json.loads(first.explanation)["sum"] == "89.50㎡ × 2.80元 × 1个月 = 250.60元"
    line = await db.read(lambda tx: tx.execute(select(bill_lines).limit(1)).one())
    assert (line.quantity, line.unit_price, line.amount_fen) == ("89.50㎡", "2.80元", 25_060)
    owed = await db.read(ledger.unit_balance, Account.RECEIVABLE, first.unit_id)
    assert owed == await db.read(ledger.balance, Account.RECEIVABLE, first.unit_id) == 25_060
    assert await db.read(ledger.balance, Account.INCOME) == -50_120


async def test_a_unit_of_unknown_size_is_left_out_and_named(db: Database, community_id: int):
    report = await issue(db, community_id)

    assert [reason for _, reason in report.skipped] == [SkipReason.AREA_MISSING]
    assert sum(report.totals.values()) == 50_120


async def test_issuing_twice_makes_each_bill_once(db: Database, community_id: int):
    await issue(db, community_id)
    again = await issue(db, community_id)

    assert (again.issued, again.repeated, again.totals) == (0, 2, {})
    assert len(await db.read(all_bills)) == 2


async def test_issuing_in_parts_and_at_once_makes_the_same_set(db: Database, community_id: int):
    ids = await db.read(lambda tx: tx.execute(select(units.c.id)).scalars().all())

    await issue(db, community_id, unit_ids=ids[:1])
    await asyncio.gather(*(issue(db, community_id) for _ in range(4)))

    assert [bill.bill_no for bill in await db.read(all_bills)] == [
        "B2026-11-000001",
        "B2026-11-000002",
    ]
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 50_120


async def test_who_owned_a_flat_on_a_day_is_liable_for_it_and_stays_so(
    db: Database, community_id: int
):
    sold = flat(1201, name="新业主", phone="13900000009", from_on=date(2026, 11, 2))
    await db.write(import_estate, [sold], actor=CLOCK, now=NOW)
    await issue(db, community_id)
    await db.write(issue_bills, community_id=community_id, period=BillingPeriod(2026, 12), now=NOW)

    theirs = [bill for bill in await db.read(all_bills) if bill.unit_id == 1]
    assert [(one.period, one.part) for one in theirs] == [
        ("2026-11", 0),
        ("2026-11", 1),
        ("2026-12", 0),
    ]
    before, after, december = [one.liable_id for one in theirs]
    assert before != after
    assert after == december


async def test_a_price_of_zero_makes_no_bill(db: Database, community_id: int):
    free = TariffFact("卫生费", UnitKind.HOME, Basis.FIXED, 0, SINCE)
    await db.write(set_tariff, free, community_id=community_id, actor=CLOCK, now=NOW)

    report = await issue(db, community_id)

    assert [why for _, why in report.skipped].count(SkipReason.AMOUNT_ZERO) == 3


async def test_a_voided_bill_is_reversed_and_not_made_again(db: Database, community_id: int):
    await issue(db, community_id)

    first = await db.write(void_bill, bill_id=1, reason="面积有误", actor=CLOCK, now=NOW)
    second = await db.write(void_bill, bill_id=1, reason="面积有误", actor=CLOCK, now=NOW)
    again = await issue(db, community_id)

    assert (first, second, again.issued) == (True, False, 0)
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 25_060
    assert await db.read(ledger.unit_balance, Account.RECEIVABLE, 1) == 0


async def test_b21_a_bill_that_is_paid_in_part_cannot_be_voided(db: Database, community_id: int):
    await issue(db, community_id)
    await db.write(
        lambda tx: tx.execute(update(bills).where(bills.c.id == 1).values(paid_fen=1)) and None
    )

    with pytest.raises(BillAlreadyPaid):
        await db.write(void_bill, bill_id=1, reason="x", actor=CLOCK, now=NOW)
    with pytest.raises(UnknownBill):
        await db.write(void_bill, bill_id=99, reason="x", actor=CLOCK, now=NOW)


async def follow(db: Database, community_id: int, room: int, phone: str) -> None:
    one = Follower(f"o{phone}", community_id, f"3-2-{room}", phone)
    await db.write(let_in, [one], account=ACCOUNT, now=NOW)


async def test_a_household_hears_of_its_new_bills_in_one_message_once(
    db: Database, community_id: int
):
    parking = TariffFact("车位费", UnitKind.HOME, Basis.FIXED, 1_500_000, SINCE)
    await db.write(set_tariff, parking, community_id=community_id, actor=CLOCK, now=NOW)
    await follow(db, community_id, 1201, "13800001201")
    await issue(db, community_id)

    told = [
        await db.write(announce, community_id=community_id, period=NOVEMBER, now=NOW)
        for _ in range(2)
    ]

    message = await db.read(lambda tx: tx.execute(select(outbox)).one())
    facts = json.loads(message.facts)
    assert told == [1, 0]
    assert message.message_key.startswith("bills:2026-11:")
    assert facts["lines"] == [["物业费", 25_060], ["车位费", 15_000]]
    assert (facts["total_fen"], facts["due_on"]) == (40_060, "2026-11-25")


async def test_a_tenant_does_not_hear_of_the_owners_bills(db: Database, community_id: int):
    tenant = flat(1201, name="租客", phone="13900000001", role=OccupancyRole.TENANT)
    await db.write(import_estate, [tenant], actor=CLOCK, now=NOW)
    await follow(db, community_id, 1201, "13900000001")
    await issue(db, community_id)

    assert await db.write(announce, community_id=community_id, period=NOVEMBER, now=NOW) == 0


async def test_a_silent_community_announces_nothing(db: Database, community_id: int):
    await follow(db, community_id, 1201, "13800001201")
    await issue(db, community_id)
    await db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)) and None)

    assert await db.write(announce, community_id=community_id, period=NOVEMBER, now=NOW) == 0


async def test_a_price_that_overlaps_is_refused_and_changes_nothing(
    db: Database, community_id: int
):
    other = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 30_000, SINCE)

    with pytest.raises(TariffOverlaps):
        await db.write(set_tariff, other, community_id=community_id, actor=CLOCK, now=NOW)

    assert (await issue(db, community_id)).issued == 2


async def test_a_price_from_a_later_day_bills_only_later_months(db: Database, community_id: int):
    dearer = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 30_000, date(2026, 12, 1))
    await db.write(set_tariff, dearer, community_id=community_id, actor=CLOCK, now=NOW)

    await issue(db, community_id)
    await db.write(issue_bills, community_id=community_id, period=BillingPeriod(2026, 12), now=NOW)

    assert [bill.amount_fen for bill in await db.read(all_bills)] == [25_060] * 2 + [26_850] * 2


async def test_summaries_of_units_equal_their_postings(db: Database, community_id: int):
    await issue(db, community_id)

    summaries = await db.read(
        lambda tx: tx.execute(select(func.sum(unit_balances.c.balance_fen))).scalar_one()
    )
    assert summaries == 50_120
    assert (
        await db.read(lambda tx: tx.execute(select(func.sum(postings.c.amount_fen))).scalar_one())
        == 0
    )


async def test_a_pilot_household_hears_first_and_the_others_when_it_is_widened(
    db: Database, community_id: int
):
    await follow(db, community_id, 1201, "13800001201")
    await issue(db, community_id)
    silent = update(communities).values(widened_at=None)
    await db.write(lambda tx: tx.execute(silent) and None)
    told = [await db.write(announce, community_id=community_id, period=NOVEMBER, now=NOW)]

    await db.write(lambda tx: tx.execute(update(communities).values(widened_at=NOW)) and None)
    told.append(await db.write(announce, community_id=community_id, period=NOVEMBER, now=NOW))

    assert told == [0, 1]
