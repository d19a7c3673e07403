"""Waived principal lowers what is owed, never counts as received, and needs others' word."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from storage.audit import Actor
from storage.counter_errors import AttachmentMissing, NotWaivable, ReasonMissing, UnknownWaiver
from storage.database import Database
from storage.errors import NotAllowed, SelfApproval, UnknownBill
from storage.kinds import Account, FeeClass, StaffRole
from storage.models.bills import bill_lines, bills
from storage.models.estate import units
from storage.models.payments import payments
from storage.operations.bill_waivers import (
    WaiverAsk,
    approve_waiver,
    ask_waiver,
    decline_waiver,
)
from storage.operations.bills import NewBill, book_bills, void_bill
from storage.operations.closing import close_period
from storage.operations.corrections import correct_bill
from storage.operations.recognition import recognise_income
from storage.paying_kinds import WaiverKind, WaiverState
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.desk import day_figures
from storage.queries.income import income_of
from storage.queries.residents import Staff
from storage.queries.statements import statement_of_unit
from storage.queries.waivers import (
    WaiverView,
    attachment_of,
    waived_fen,
    waivers_between,
    waivers_waiting,
)
from tests.storage.operations.purse import add_item, bill
from tests.storage.operations.till import Till, tilled

MONTH = 25_060


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db)


async def ask(till: Till, fen: int, *, by: Staff | None = None, **said) -> WaiverView:
    said.setdefault("bill_id", till.world.october_id)
    said.setdefault("kind", WaiverKind.HARDSHIP)
    said.setdefault("reason", "家里有人住院")
    said.setdefault("attachment_name", "证明.jpg")
    said.setdefault("attachment", b"\xff\xd8 paper")
    wanted = WaiverAsk(amount_fen=fen, **said)
    return await till.db.write(ask_waiver, wanted, by=by or till.cashier, now=till.now)


async def agree(till: Till, waiver_no: str, *, by: Staff | None = None) -> WaiverView:
    by = by or till.manager
    return await till.db.write(approve_waiver, waiver_no, by=by, now=till.now)


async def test_what_is_waived_is_owed_no_more_and_was_never_received(till: Till):
    asked = await ask(till, 5_000)
    assert await till.open_fen() == [MONTH, MONTH]

    done = await agree(till, asked.waiver_no)

    assert done.state is WaiverState.APPROVED
    assert await till.open_fen() == [MONTH - 5_000, MONTH]
    assert await till.held(Account.WAIVER) == 5_000
    assert await till.rows(payments) == []
    assert (await till.rows(bill_lines))[-1].label == "困难减免"
    assert "BillWaived" in await till.told()
    figures = await till.db.read(
        day_figures, community_ids=(till.world.community_id,), today=shanghai_day(till.now)
    )
    assert figures.received == {}
    await till.proved()


async def test_a_bill_that_is_waived_whole_stays_earned_and_asks_for_nothing(till: Till):
    earned = await till.held(Account.INCOME)
    asked = await ask(till, MONTH)

    await agree(till, asked.waiver_no)

    [october, *_] = await till.rows(bills)
    assert (october.voided_at, october.amount_fen, october.waived_fen) == (None, 0, MONTH)
    assert await till.open_fen() == [0, MONTH]
    assert await till.held(Account.INCOME) == earned
    assert await till.held(Account.WAIVER) == MONTH
    await till.proved()


async def test_a_bill_that_was_waived_whole_is_taken_back_as_wrong_with_its_income(till: Till):
    earned = await till.held(Account.INCOME)
    asked = await ask(till, MONTH)
    await agree(till, asked.waiver_no)

    actor = Actor(till.manager.staff_id)
    facts: dict[str, Any] = {"reason": "面积有误", "actor": actor, "now": till.now}
    await till.db.write(void_bill, bill_id=till.world.october_id, **facts)

    assert await till.held(Account.WAIVER) == 0
    assert await till.held(Account.INCOME) == earned + MONTH
    await till.proved()


async def test_a_bill_that_was_waived_whole_is_told_as_waived_and_not_as_void(till: Till):
    asked = await ask(till, MONTH)
    await agree(till, asked.waiver_no)
    day = shanghai_day(till.now)

    told = await till.db.read(
        statement_of_unit, till.world.unit_id, first_on=day.replace(day=1), last_on=day
    )

    october = [(one.kind, one.owed_fen) for one in told.rows if one.number == asked.waiver_no]
    assert october == [("waiver", -MONTH)]
    assert "void" not in {one.kind for one in told.rows}
    assert (told.open_fen, told.billed_fen) == (MONTH, MONTH)


async def test_a_whole_waiver_counts_in_its_own_month_and_no_closed_month_moves(till: Till):
    community_id, october = till.world.community_id, BillingPeriod(2026, 10)
    facts: dict[str, Any] = {"actor": Actor(till.manager.staff_id), "now": till.now}
    await till.db.write(close_period, community_id=community_id, period=october, **facts)
    before = [await till.db.read(income_of, community_id, october.plus(at)) for at in (0, 1)]

    await agree(till, (await ask(till, MONTH)).waiver_no)

    after = [await till.db.read(income_of, community_id, october.plus(at)) for at in (0, 1)]
    assert after == [before[0], replace(before[1], waived_fen=MONTH)]


async def test_months_to_come_of_a_bill_that_was_waived_whole_are_earned_all_the_same(till: Till):
    quarter = NewBill(
        unit_id=till.world.unit_id,
        fee_item_id=till.world.fee_item_id,
        item_name="物业费",
        period=BillingPeriod(2027, 1),
        amount_fen=90_000,
        due_on=date(2026, 11, 25),
        explanation={},
        begins_on=date(2026, 11, 1),
        last_on=date(2027, 1, 31),
    )
    community: dict[str, Any] = {"community_id": till.world.community_id}
    facts = {"against": Account.INCOME, "now": till.now, **community}
    await till.db.write(book_bills, [quarter], **facts)
    wanted = select(bills.c.id).where(bills.c.amount_fen == 90_000)
    bill_id = await till.db.read(lambda tx: tx.execute(wanted).scalar_one())
    earned = await till.held(Account.INCOME)

    await agree(till, (await ask(till, 90_000, bill_id=bill_id)).waiver_no)
    till.clock.advance(days=70)
    await till.db.write(recognise_income, now=till.now, limit=100, **community)

    assert await till.held(Account.DEFERRED) == 0
    assert await till.held(Account.INCOME) < earned
    assert await till.held(Account.WAIVER) == 90_000
    await till.proved()


async def test_a_bill_that_was_waived_whole_and_was_wrong_is_made_anew(till: Till):
    area = update(units).values(floor_area_m2=Decimal("89.50"))
    await till.db.write(lambda tx: tx.execute(area).rowcount)
    await agree(till, (await ask(till, MONTH)).waiver_no)
    facts: dict[str, Any] = {"actor": Actor(till.manager.staff_id), "now": till.now}

    done = await till.db.write(
        correct_bill, bill_id=till.world.october_id, reason="单价有误", **facts
    )

    assert (done.amount_fen, done.new_amount_fen) == (0, MONTH)
    assert await till.held(Account.WAIVER) == 0
    assert sum(await till.open_fen()) == 2 * MONTH
    await till.proved()


async def test_the_rest_of_a_bill_that_was_paid_in_part_can_be_waived(db: Database):
    till = await tilled(db, takes_parts=1)
    await till.take(10_000)
    asked = await ask(till, MONTH - 10_000)

    await agree(till, asked.waiver_no)

    assert await till.open_fen() == [0, MONTH]
    await till.proved()


async def test_over_the_limit_a_second_manager_has_to_agree(db: Database):
    till = await tilled(db, waiver_second_over_fen=20_000)
    other = await till.employ("林经理", StaffRole.MANAGER, "oBoss2")
    asked = await ask(till, 20_001)

    first = await agree(till, asked.waiver_no)
    assert (first.state, first.approvals, first.approvals_needed) == (WaiverState.ASKED, 1, 2)
    assert await till.open_fen() == [MONTH, MONTH]
    with pytest.raises(SelfApproval):
        await agree(till, asked.waiver_no)

    await agree(till, asked.waiver_no, by=other)

    assert await till.open_fen() == [MONTH - 20_001, MONTH]
    await till.proved()


async def test_i10_nobody_agrees_to_her_own_and_only_managers_agree(till: Till):
    own = await ask(till, 5_000, by=till.manager)
    with pytest.raises(SelfApproval):
        await agree(till, own.waiver_no)
    with pytest.raises(NotAllowed):
        await agree(till, own.waiver_no, by=till.colleague)
    assert await till.open_fen() == [MONTH, MONTH]


async def test_a_waiver_needs_its_reason_and_its_paper(till: Till):
    with pytest.raises(ReasonMissing):
        await ask(till, 5_000, reason=" ")
    for missing in ({"attachment": b""}, {"attachment_name": " "}):
        with pytest.raises(AttachmentMissing):
            await ask(till, 5_000, **missing)


@pytest.mark.parametrize("fen", [0, -1, MONTH + 1])
async def test_no_more_than_is_open_is_waived(till: Till, fen: int):
    with pytest.raises(NotWaivable):
        await ask(till, fen)


async def test_a_deposit_and_a_counters_rounding_are_not_asked_for(till: Till):
    item_id = await add_item(till, "装修押金", FeeClass.DEPOSIT)
    bill_id = await bill(till, "2026-11", 200_000, item_id)

    with pytest.raises(NotWaivable):
        await ask(till, 100, bill_id=bill_id)
    with pytest.raises(NotWaivable):
        await ask(till, 100, kind=WaiverKind.ROUNDING)


async def test_what_was_paid_meanwhile_is_not_waived(till: Till):
    asked = await ask(till, 5_000)
    await till.take(MONTH)

    with pytest.raises(NotWaivable):
        await agree(till, asked.waiver_no)
    await till.proved()


async def test_a_waiver_is_decided_once(till: Till):
    asked = await ask(till, 5_000)
    await agree(till, asked.waiver_no)

    with pytest.raises(UnknownWaiver):
        await agree(till, asked.waiver_no)
    assert await till.open_fen() == [MONTH - 5_000, MONTH]


async def test_a_declined_waiver_changes_nothing_and_keeps_its_reason(till: Till):
    asked = await ask(till, 5_000)
    said: dict[str, Any] = {"by": till.manager, "now": till.now}

    done = await till.db.write(decline_waiver, asked.waiver_no, reason="证明过期", **said)

    assert (done.state, done.decline_reason) == (WaiverState.DECLINED, "证明过期")
    assert await till.open_fen() == [MONTH, MONTH]
    assert await till.db.read(waivers_waiting, community_ids=(till.world.community_id,)) == []
    await till.proved()


async def test_another_communitys_bill_is_unknown(till: Till):
    stranger = Staff(till.cashier.staff_id, "外人", StaffRole.CASHIER, (99,))
    with pytest.raises(UnknownBill):
        await ask(till, 5_000, by=stranger)


async def test_a_waived_bill_that_is_voided_leaves_nothing_waived(till: Till):
    asked = await ask(till, 5_000)
    await agree(till, asked.waiver_no)

    actor = Actor(till.manager.staff_id)
    facts: dict[str, Any] = {
        "bill_id": till.world.october_id,
        "reason": "重开",
        "actor": actor,
        "now": till.now,
    }
    await till.db.write(void_bill, **facts)

    assert await till.held(Account.WAIVER) == 0
    assert await till.held(Account.RECEIVABLE) == MONTH + 99_900
    await till.proved()


async def test_a_waived_bill_is_voided_also_where_the_flat_owes_nothing_else(till: Till):
    actor = Actor(till.manager.staff_id)
    facts: dict[str, Any] = {"reason": "重开", "actor": actor, "now": till.now}
    others = [
        one.id
        for one in await till.rows(bills)
        if one.unit_id == till.world.unit_id and one.id != till.world.october_id
    ]
    for bill_id in others:
        await till.db.write(void_bill, bill_id=bill_id, **facts)
    asked = await ask(till, 5_000)
    await agree(till, asked.waiver_no)

    assert await till.db.write(void_bill, bill_id=till.world.october_id, **facts)

    assert await till.held(Account.RECEIVABLE) == 99_900
    await till.proved()


async def test_waivers_are_reported_with_dropped_fen_beside_them(db: Database):
    till = await tilled(db, rounding_limit_fen=100)
    asked = await ask(till, 5_000)
    await agree(till, asked.waiver_no)
    await till.take(25_000, bill_ids=(till.world.november_id,), rounding_fen=60)
    day, served = shanghai_day(till.now), (till.world.community_id,)

    found = await till.db.read(waivers_between, community_ids=served, first_on=day, last_on=day)
    by_kind = await till.db.read(
        waived_fen, community_id=till.world.community_id, period=BillingPeriod(2026, 11)
    )

    assert [(one.kind, one.amount_fen) for one in found] == [
        (WaiverKind.HARDSHIP, 5_000),
        (WaiverKind.ROUNDING, 60),
    ]
    assert by_kind == {"rounding": 60}


async def test_a_statement_tells_a_waiver_and_a_void_by_their_own_names(till: Till):
    asked = await ask(till, 5_000)
    await agree(till, asked.waiver_no)
    wrong = await till.take(MONTH, bill_ids=(till.world.november_id,))
    await till.void(wrong.voucher_no)
    day = shanghai_day(till.now)

    told = await till.db.read(
        statement_of_unit, till.world.unit_id, first_on=day.replace(day=1), last_on=day
    )

    kinds = {(one.kind, one.owed_fen) for one in told.rows}
    assert {("waiver", -5_000), ("payment", -MONTH), ("reversal", MONTH)} <= kinds
    assert ("bill", MONTH) in kinds
    assert told.open_fen == sum(await till.open_fen()) == 2 * MONTH - 5_000
    assert (told.refunded_fen, told.paid_fen) == (0, 0)


async def test_the_paper_behind_a_waiver_is_kept(till: Till):
    asked = await ask(till, 5_000)

    served = (till.world.community_id,)
    found = await till.db.read(attachment_of, asked.waiver_no, community_ids=served)

    assert found == ("证明.jpg", b"\xff\xd8 paper")
