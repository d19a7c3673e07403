"""A wrong bill is answered by a new one; a closed month stays as it is, whatever is corrected."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from storage import ledger
from storage.audit import CLOCK
from storage.charge_errors import CannotReissue, InputMissing, PeriodNotOver
from storage.database import Database
from storage.errors import BillAlreadyPaid, UnknownBill
from storage.kinds import Account, Basis, UnitKind
from storage.models.bills import bill_lines, bills
from storage.models.estate import units
from storage.models.ledger import entries, postings
from storage.models.operating import audit_records
from storage.models.tariffs import period_closes
from storage.operations.bills import void_bill
from storage.operations.closing import close_period, reopen_period
from storage.operations.corrections import Correction, correct_bill
from storage.operations.issuing import IssueReport, issue_bills
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import BillingPeriod
from storage.queries.corrections import revisions_of
from storage.queries.income import ItemSum, income_of
from storage.queries.pricing import SkipReason
from storage.queries.proofs import prove
from tests.factories import NOW, add_community, add_resident, add_unit, move_in, pay

OCTOBER, NOVEMBER = BillingPeriod(2026, 10), BillingPeriod(2026, 11)
IN_OCTOBER = datetime(2026, 10, 1, 2, tzinfo=UTC)
BY_AREA = TariffFact("物业费", UnitKind.HOME, Basis.BY_AREA, 28_000, date(2020, 1, 1))


@pytest.fixture
async def community_id(db: Database) -> int:
    """Give a community with one flat of 89.50 ㎡ and its bill of October."""

    def set_up(tx) -> int:
        found = add_community(tx)
        unit_id = add_unit(tx, found, "3-2-1201")
        move_in(tx, add_resident(tx, found, "李女士", "13800001201"), unit_id)
        tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
        set_tariff(tx, BY_AREA, community_id=found, actor=CLOCK, now=NOW)
        issue_bills(tx, community_id=found, period=OCTOBER, now=NOW)
        return found

    return await db.write(set_up)


async def area(db: Database, area_m2: Decimal | None) -> None:
    await db.write(lambda tx: tx.execute(update(units).values(floor_area_m2=area_m2)) and None)


async def correct(db: Database, bill_id: int = 1) -> Correction:
    return await db.write(correct_bill, bill_id=bill_id, reason="面积有误", actor=CLOCK, now=NOW)


async def all_bills(db: Database) -> list:
    return await db.read(lambda tx: list(tx.execute(select(bills).order_by(bills.c.id))))


async def issue(db: Database, community_id: int, period: BillingPeriod) -> IssueReport:
    return await db.write(issue_bills, community_id=community_id, period=period, now=NOW)


async def test_a_correction_keeps_both_bills_and_links_them(db: Database, community_id: int):
    await area(db, Decimal("80.00"))

    made = await correct(db)

    old, new = await all_bills(db)
    assert (old.void_reason, old.voided_at is not None) == ("面积有误", True)
    assert (new.revision, new.corrects_id, new.voided_at) == (1, old.id, None)
    assert (made.amount_fen, made.new_amount_fen) == (old.amount_fen, new.amount_fen)
    assert (old.amount_fen, new.amount_fen) == (25_060, 22_400)
    assert json.loads(new.explanation)["sum"] == "80.00㎡ × 2.80元 × 1个月 = 224.00元"
    found = await db.read(revisions_of, new.id)
    assert [(one.bill_no, one.corrects_id) for one in found] == [
        (old.bill_no, None),
        (new.bill_no, old.id),
    ]
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 22_400
    assert await db.read(prove) == []
    acts = await db.read(
        lambda tx: tx.execute(select(audit_records.c.act, audit_records.c.reference)).all()
    )
    assert ("correct", old.bill_no) in [tuple(one) for one in acts]


async def test_after_a_correction_the_month_is_billed_as_before(db: Database, community_id: int):
    await correct(db)

    assert (await issue(db, community_id, OCTOBER)).issued == 0
    assert len(await all_bills(db)) == 2


async def test_a_bill_that_was_voided_is_only_made_anew(db: Database, community_id: int):
    await db.write(void_bill, bill_id=1, reason="重复", actor=CLOCK, now=NOW)

    await correct(db)

    assert [one.revision for one in await all_bills(db)] == [0, 1]
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 25_060


async def test_only_the_newest_revision_is_corrected(db: Database, community_id: int):
    await correct(db)

    with pytest.raises(CannotReissue):
        await correct(db)
    assert (await correct(db, 2)).new_id == 3


async def test_what_cannot_be_priced_stays_as_it_is(db: Database, community_id: int):
    await area(db, None)

    with pytest.raises(InputMissing):
        await correct(db)

    [bill] = await all_bills(db)
    assert bill.voided_at is None
    with pytest.raises(UnknownBill):
        await correct(db, 99)


async def test_a_bill_that_is_paid_in_part_is_not_corrected(db: Database, community_id: int):
    await db.write(lambda tx: tx.execute(update(bills).values(paid_fen=1)) and None)

    with pytest.raises(BillAlreadyPaid):
        await correct(db)

    lines = select(func.count()).select_from(bill_lines)
    assert await db.read(lambda tx: tx.execute(lines).scalar_one()) == 1


async def close(db: Database, community_id: int, period: BillingPeriod = OCTOBER) -> bool:
    return await db.write(
        close_period, community_id=community_id, period=period, actor=CLOCK, now=NOW
    )


async def test_a_closed_month_takes_no_new_bill(db: Database, community_id: int):
    closed = [await close(db, community_id), await close(db, community_id)]

    await db.write(
        set_tariff,
        TariffFact("保洁费", UnitKind.HOME, Basis.FIXED, 100_000, date(2020, 1, 1)),
        community_id=community_id,
        actor=CLOCK,
        now=NOW,
    )
    late = await issue(db, community_id, OCTOBER)
    assert closed == [True, False]
    assert [reason for _, reason in late.skipped] == [SkipReason.PERIOD_CLOSED]
    assert (await issue(db, community_id, NOVEMBER)).issued == 2


@pytest.fixture
async def closed_id(db: Database) -> int:
    """Give a community whose bill of October was issued in October, and October is closed."""

    def set_up(tx) -> int:
        found = add_community(tx)
        unit_id = add_unit(tx, found, "3-2-1201")
        move_in(tx, add_resident(tx, found, "李女士", "13800001201"), unit_id)
        tx.execute(update(units).values(floor_area_m2=Decimal("89.50")))
        set_tariff(tx, BY_AREA, community_id=found, actor=CLOCK, now=IN_OCTOBER)
        issue_bills(tx, community_id=found, period=OCTOBER, now=IN_OCTOBER)
        close_period(tx, community_id=found, period=OCTOBER, actor=CLOCK, now=NOW)
        return found

    return await db.write(set_up)


async def figures(db: Database, community_id: int, period: BillingPeriod) -> list:
    """Return all that the books say of a month: both views, and each account's movement."""
    moved = (
        select(postings.c.account, func.sum(postings.c.amount_fen))
        .join(entries, entries.c.id == postings.c.entry_id)
        .where(entries.c.effective_on.between(period.first_on, period.last_on))
        .group_by(postings.c.account)
        .order_by(postings.c.account)
    )
    return [
        await db.read(income_of, community_id, period),
        [tuple(row) for row in await db.read(lambda tx: tx.execute(moved).all())],
    ]


async def test_a_correction_after_the_close_counts_in_the_open_month_alone(
    db: Database, closed_id: int
):
    before = await figures(db, closed_id, OCTOBER)
    await area(db, Decimal("80.00"))

    made = await correct(db)

    old, new = await all_bills(db)
    assert made.is_after_close
    assert (new.period, new.begins_on, new.last_on) == (old.period, old.begins_on, old.last_on)
    assert (new.corrects_id, new.amount_fen, old.voided_at is not None) == (old.id, 22_400, True)
    assert await figures(db, closed_id, OCTOBER) == before
    november = await db.read(income_of, closed_id, NOVEMBER)
    assert november.accrued == (ItemSum("物业费", 22_400 - 25_060),)
    assert november.corrected_fen == 22_400 - 25_060
    assert before[0].accrued_fen + november.accrued_fen == 22_400
    assert await db.read(prove) == []
    said = select(audit_records.c.act, audit_records.c.detail).order_by(audit_records.c.id)
    told = dict(await db.read(lambda tx: [tuple(row) for row in tx.execute(said)]))
    for act in ("void", "correct"):
        assert "2026-10 is closed, booked in 2026-11" in told[act], act


async def test_a_bill_that_is_voided_after_the_close_is_taken_back_in_the_open_month(
    db: Database, closed_id: int
):
    before = await figures(db, closed_id, OCTOBER)

    await db.write(void_bill, bill_id=1, reason="重复", actor=CLOCK, now=NOW)

    assert await figures(db, closed_id, OCTOBER) == before
    november = await db.read(income_of, closed_id, NOVEMBER)
    assert (november.accrued_fen, november.corrected_fen) == (-25_060, -25_060)
    assert await db.read(ledger.balance, Account.RECEIVABLE) == 0
    assert (await issue(db, closed_id, OCTOBER)).issued == 0


async def test_what_is_paid_on_the_corrected_bill_came_in_in_the_open_month(
    db: Database, closed_id: int
):
    await area(db, Decimal("80.00"))
    made = await correct(db)
    unit_id = (await all_bills(db))[0].unit_id

    await db.write(pay, unit_id, (made.new_id,), paid_at=NOW)

    october, november = [
        await db.read(income_of, closed_id, month) for month in (OCTOBER, NOVEMBER)
    ]
    assert (october.received_fen, november.received_fen) == (0, 22_400)


async def test_a_correction_in_an_open_month_is_said_to_be_one_of_no_closed_month(
    db: Database, community_id: int
):
    assert not (await correct(db)).is_after_close


async def test_a_month_is_opened_again_with_a_reason_that_is_kept(db: Database, community_id: int):
    await close(db, community_id)

    opened = [
        await db.write(
            reopen_period,
            community_id=community_id,
            period=OCTOBER,
            reason="补录面积",
            actor=CLOCK,
            now=NOW,
        )
        for _ in range(2)
    ]
    await correct(db)
    await close(db, community_id)

    rows = await db.read(
        lambda tx: tx.execute(select(period_closes).order_by(period_closes.c.id)).all()
    )
    assert opened == [True, False]
    assert [(one.reason, one.reopened_at is None) for one in rows] == [
        ("补录面积", False),
        ("", True),
    ]


async def test_a_month_that_is_not_over_is_not_closed(db: Database, community_id: int):
    with pytest.raises(PeriodNotOver):
        await close(db, community_id, NOVEMBER)
