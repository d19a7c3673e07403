"""A cashier's close of day: what is due, what came, who took it over, and what is final."""

from typing import Any

import pytest

from storage.counter_errors import DayClosed, NothingToHandIn, UnknownSheet
from storage.database import Database
from storage.errors import NotAllowed, NotAnAmount, SelfApproval
from storage.kinds import Account, StaffRole
from storage.models.offline import vouchers
from storage.operations.cashier_days import HandIn, close_day, receive_sheet
from storage.paying_kinds import CashMethod
from storage.periods import shanghai_day
from storage.queries.differences import open_differences
from storage.queries.hand_ins import Sheet, sheet_to_be, sheets_between
from storage.queries.residents import Staff
from tests import factories
from tests.storage.operations.till import Till, tilled

MONTH, BOTH = 25_060, 50_120


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db)


async def receive(till: Till, sheet_no: str, *, by: Staff, slip: str = "") -> Sheet:
    said: dict[str, Any] = {"by": by, "now": till.now, "deposit_slip_no": slip}
    return await till.db.write(receive_sheet, sheet_no, **said)


async def differences(till: Till) -> list[tuple[str, str]]:
    served = (till.world.community_id,)
    found = await till.db.read(open_differences, community_ids=served, limit=9)
    return [(one.kind, one.reference) for one in found]


async def test_a_sheet_adds_up_each_way_and_names_its_receipts(till: Till):
    first = await till.take(MONTH)
    last = await till.take(MONTH, method=CashMethod.POS, reference="17")

    sheet = await till.close(MONTH)

    assert (sheet.sums.cash_due_fen, sheet.sums.pos_fen, sheet.sums.other_fen) == (
        MONTH,
        MONTH,
        MONTH,
    )
    assert (sheet.first_receipt_no, sheet.last_receipt_no) == (first.receipt_no, last.receipt_no)
    assert (sheet.over_fen, sheet.counted, sheet.staff_name) == (0, 2, "周出纳")
    assert await differences(till) == []
    await till.proved()


async def test_the_sheet_is_shown_before_the_day_is_closed(till: Till):
    await till.take(MONTH)

    sheet = await till.db.read(
        sheet_to_be,
        by=till.cashier,
        community_id=till.world.community_id,
        today=shanghai_day(till.now),
    )

    assert (sheet.sums.cash_due_fen, sheet.counted, sheet.closed_at) == (MONTH, 1, None)


async def test_what_was_voided_is_on_the_sheet_and_in_no_sum(till: Till):
    wrong = await till.take(MONTH)
    await till.void(wrong.voucher_no)
    await till.take(BOTH)

    sheet = await till.close(BOTH)

    assert (sheet.sums.cash_due_fen, sheet.counted, len(sheet.vouchers)) == (BOTH, 1, 2)
    await till.proved()


@pytest.mark.parametrize(("handed_in", "over"), [(MONTH - 50, -50), (MONTH + 7, 7), (0, -MONTH)])
async def test_cash_that_is_missing_or_too_much_is_a_difference(till: Till, handed_in, over):
    await till.take(MONTH)

    sheet = await till.close(handed_in)

    assert sheet.over_fen == over
    assert await differences(till) == [("cash_difference", sheet.sheet_no)]
    assert (await till.told()).count("StaffTask") == 3
    assert await till.held(Account.CASH) == MONTH
    await till.proved()


async def test_a_difference_is_no_news_to_another_communitys_office(till: Till):
    other = await till.db.write(factories.add_community, "望江府")
    await till.db.write(factories.add_staff, other, "别人", StaffRole.MANAGER, "oElse")
    await till.take(MONTH)

    await till.close(0)

    found = await till.db.read(open_differences, community_ids=(other,), limit=9)
    assert found == []
    assert (await till.told()).count("StaffTask") == 3


async def test_a_day_is_closed_once_and_what_comes_later_waits_for_the_next(till: Till):
    await till.take(MONTH)
    await till.close(MONTH)
    await till.take(MONTH)

    with pytest.raises(DayClosed):
        await till.close(MONTH)
    till.clock.advance(days=1)
    sheet = await till.close(MONTH)

    assert (sheet.sums.cash_due_fen, sheet.counted) == (MONTH, 1)
    await till.proved()


async def test_a_close_takes_no_colleagues_vouchers(till: Till):
    await till.take(MONTH)
    await till.take(MONTH, by=till.colleague)

    sheet = await till.close(MONTH)

    assert sheet.counted == 1
    assert [row.cashier_day_id is None for row in await till.rows(vouchers)] == [False, True]


async def test_money_taken_while_the_day_is_closed_is_on_one_sheet_or_waits(till: Till):
    await till.take(MONTH)

    await till.at_once(till.take(MONTH), till.close(MONTH))

    await till.proved()


async def test_an_empty_drawer_is_not_handed_in(till: Till):
    with pytest.raises(NothingToHandIn):
        await till.close(0)


async def test_only_who_may_take_money_closes_and_never_less_than_nothing(till: Till):
    await till.take(MONTH)
    steward = await till.employ("孙管家", StaffRole.STEWARD, "oStew")

    with pytest.raises(NotAllowed):
        await till.close(MONTH, by=steward)
    with pytest.raises(NotAnAmount):
        await till.close(-1)
    other = HandIn(till.world.community_id + 99, 0)
    with pytest.raises(NotAllowed):
        await till.db.write(close_day, other, by=till.cashier, now=till.now)


async def test_cash_that_was_paid_in_at_the_bank_leaves_the_drawer_once(till: Till):
    await till.take(MONTH)
    sheet = await till.close(MONTH, slip="ICBC0099")

    await receive(till, sheet.sheet_no, by=till.manager, slip="ICBC0100")

    assert (await till.held(Account.CASH), await till.held(Account.BANK)) == (0, MONTH)
    await till.proved()


async def test_another_person_takes_the_money_over_and_may_bring_the_slip(till: Till):
    await till.take(MONTH)
    sheet = await till.close(MONTH)

    received = await receive(till, sheet.sheet_no, by=till.colleague, slip="ICBC0099")
    again = await receive(till, sheet.sheet_no, by=till.manager)

    assert (received.received_by, received.received_at) == ("吴出纳", till.now)
    assert (again.received_by, again.deposit_slip_no) == ("吴出纳", "ICBC0099")
    assert (await till.held(Account.CASH), await till.held(Account.BANK)) == (0, MONTH)


async def test_nobody_receives_her_own_money_or_an_unknown_sheet(till: Till):
    await till.take(MONTH)
    sheet = await till.close(MONTH)

    with pytest.raises(SelfApproval):
        await receive(till, sheet.sheet_no, by=till.cashier)
    with pytest.raises(UnknownSheet):
        await receive(till, "J2611239999", by=till.manager)


async def test_sheets_are_found_by_their_days(till: Till):
    await till.take(MONTH)
    sheet = await till.close(MONTH)
    day = shanghai_day(till.now)

    served = {"community_ids": (till.world.community_id,)}
    found = await till.db.read(sheets_between, **served, first_on=day, last_on=day)

    assert [one.sheet_no for one in found] == [sheet.sheet_no]
