"""Money at the counter: in the books once, where it belongs, and taken back only in time."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage.audit import Actor
from storage.counter_errors import (
    DayRefused,
    ReasonMissing,
    RequestReused,
    RoundingRefused,
    SlipMissing,
    SlipTaken,
    SurplusNotSaid,
    TooLittle,
    UnknownVoucher,
    VoucherFinal,
)
from storage.database import Database
from storage.errors import (
    BillAlreadyPaid,
    CollectionClosed,
    NotAllowed,
    NotAnAmount,
    NothingToPay,
    UnknownBill,
)
from storage.kinds import Account, StaffRole
from storage.models.bills import bills
from storage.models.offline import vouchers
from storage.models.payments import payments, receipts
from storage.models.refund_terms import bill_waivers
from storage.operations.bills import void_bill
from storage.paying_kinds import CashMethod
from storage.periods import shanghai_day
from storage.queries.desk import day_figures
from storage.queries.proofs import prove
from tests.storage.operations.till import Till, tilled

MONTH, BOTH = 25_060, 50_120
ROUNDS = {"rounding_limit_fen": 100}
PARTS = {"takes_parts": 1}


@pytest.fixture
async def till(db: Database) -> Till:
    return await tilled(db)


async def test_cash_pays_the_oldest_first_with_voucher_receipt_and_message(till: Till):
    taken = await till.take(MONTH)

    assert await till.open_fen() == [0, MONTH]
    assert await till.held(Account.CASH) == MONTH
    assert await till.held(Account.CLEARING) == 0
    [voucher] = await till.rows(vouchers)
    assert (voucher.voucher_no, voucher.amount_fen) == (taken.voucher_no, MONTH)
    assert taken.voucher_no == "V26112300001"
    assert taken.receipt_no == "R20260000001"
    assert "PaymentSettled" in await till.told()
    await till.proved()


async def test_the_cashiers_choice_comes_before_the_oldest(till: Till):
    await till.take(MONTH, bill_ids=(till.world.november_id,))

    assert await till.open_fen() == [MONTH, 0]
    await till.proved()


@pytest.mark.parametrize("method", [CashMethod.POS, CashMethod.CHEQUE, CashMethod.STATIC_QR])
async def test_what_is_not_cash_lies_on_its_way_to_the_bank(till: Till, method: CashMethod):
    await till.take(BOTH, method=method, reference="0012345 工行")

    assert await till.open_fen() == [0, 0]
    assert (await till.held(Account.CASH), await till.held(Account.CLEARING)) == (0, BOTH)
    await till.proved()


async def test_b19_the_same_request_is_one_payment_and_other_contents_are_refused(till: Till):
    first = await till.take(MONTH, request_key="page:1")
    again = await till.take(MONTH, request_key="page:1")

    with pytest.raises(RequestReused):
        await till.take(BOTH, request_key="page:1")
    assert (again.voucher_no, again.is_new) == (first.voucher_no, False)
    assert await till.counts() == (1, 1)
    await till.proved()


async def test_b19_a_double_press_in_the_same_moment_is_one_payment(till: Till):
    pressed = [till.take(MONTH, request_key="page:1") for _ in range(4)]

    made = await till.at_once(*pressed)

    assert sorted(one.is_new for one in made) == [False, False, False, True]
    assert await till.counts() == (1, 1)
    await till.proved()


async def test_b20_a_slip_or_cheque_is_taken_once(till: Till):
    await till.take(MONTH, method=CashMethod.POS, reference="000123")

    with pytest.raises(SlipTaken):
        await till.take(MONTH, method=CashMethod.POS, reference="000123", by=till.colleague)
    assert await till.counts() == (1, 1)


async def test_b20_a_slip_whose_voucher_is_void_may_be_written_down_again(till: Till):
    wrong = await till.take(MONTH, method=CashMethod.POS, reference="000123")
    await till.void(wrong.voucher_no)

    await till.take(BOTH, method=CashMethod.POS, reference="000123")

    assert await till.open_fen() == [0, 0]
    await till.proved()


async def test_b20_a_slip_and_a_cheque_need_their_number(till: Till):
    for method in (CashMethod.POS, CashMethod.CHEQUE):
        with pytest.raises(SlipMissing):
            await till.take(MONTH, method=method)


@pytest.mark.parametrize("fen", [0, -1, -MONTH])
async def test_b20_nothing_and_less_than_nothing_is_no_money(till: Till, fen: int):
    with pytest.raises(NotAnAmount):
        await till.take(fen)
    assert await till.counts() == (0, 0)


@pytest.mark.parametrize("days", [1, -367])
async def test_b20_money_of_tomorrow_or_of_long_ago_is_refused(till: Till, days: int):
    with pytest.raises(DayRefused):
        await till.take(MONTH, day_on=shanghai_day(till.now) + timedelta(days=days))
    assert await till.counts() == (0, 0)


async def test_money_written_down_later_counts_from_its_true_day(till: Till):
    day = shanghai_day(till.now) - timedelta(days=3)

    taken = await till.take(MONTH, day_on=day)

    paid = await till.payment(taken.payment_id)
    assert shanghai_day(paid.paid_at) == day
    assert shanghai_day(paid.settled_at) == shanghai_day(till.now)
    await till.proved()


async def test_a_part_of_a_bill_is_taken_only_where_the_community_allows_it(db: Database):
    till = await tilled(db)
    with pytest.raises(TooLittle):
        await till.take(10_000)
    assert await till.open_fen() == [MONTH, MONTH]


async def test_a_part_that_the_community_allows_leaves_the_rest_open(db: Database):
    till = await tilled(db, **PARTS)

    await till.take(30_000)

    assert await till.open_fen() == [0, BOTH - 30_000]
    await till.proved()


async def test_what_is_too_much_is_put_aside_only_if_it_was_said(till: Till):
    with pytest.raises(SurplusNotSaid) as refused:
        await till.take(60_000)
    assert refused.value.surplus_fen == 60_000 - BOTH

    await till.take(60_000, keeps_surplus=True)

    assert await till.prepaid_fen() == 60_000 - BOTH
    await till.proved()


async def test_who_owes_nothing_may_put_money_aside_at_the_counter(till: Till):
    await till.take(BOTH)
    with pytest.raises(NothingToPay):
        await till.take(MONTH)

    await till.take(MONTH, keeps_surplus=True)

    assert await till.prepaid_fen() == MONTH
    await till.proved()


async def test_bills_that_are_paid_or_of_another_flat_are_refused(till: Till):
    await till.take(MONTH, bill_ids=(till.world.october_id,))

    with pytest.raises(BillAlreadyPaid):
        await till.take(MONTH, bill_ids=(till.world.october_id,))
    other: dict[str, Any] = {
        "unit_id": till.world.next_door_id,
        "bill_ids": (till.world.november_id,),
    }
    with pytest.raises(UnknownBill):
        await till.take(MONTH, **other)


async def test_only_cashiers_and_managers_of_the_community_take_money(till: Till):
    steward = await till.employ("孙管家", StaffRole.STEWARD, "oStew")

    with pytest.raises(NotAllowed):
        await till.take(MONTH, by=steward)
    assert await till.counts() == (0, 0)


async def test_a_way_that_the_community_has_closed_takes_nothing(db: Database):
    till = await tilled(db, closed_gateways="pos=机器坏了")

    with pytest.raises(CollectionClosed):
        await till.take(MONTH, method=CashMethod.POS, reference="1")
    await till.take(MONTH)


async def test_undirected_money_never_pays_a_former_owners_debt(till: Till):
    def sold(tx):
        tx.execute(
            update(bills)
            .where(bills.c.id == till.world.october_id)
            .values(liable_id=till.world.wang_id)
        )

    await till.db.write(sold)

    await till.take(MONTH)

    assert await till.open_fen() == [MONTH, 0]


async def test_dropped_fen_are_a_waiver_of_their_own_kind_and_no_money(db: Database):
    till = await tilled(db, **ROUNDS)

    await till.take(50_100, bill_ids=till.both, rounding_fen=20)

    assert await till.open_fen() == [0, 0]
    assert await till.held(Account.CASH) == 50_100
    assert await till.held(Account.WAIVER) == 20
    [waiver] = await till.rows(bill_waivers)
    assert (waiver.kind, waiver.state, waiver.amount_fen) == ("rounding", "approved", 20)
    assert sum(row.amount_fen for row in await till.rows(bills)) == BOTH - 20 + 99_900
    await till.proved()


@pytest.mark.parametrize(("fen", "dropped"), [(50_019, 101), (50_000, 100), (25_050, 10)])
async def test_more_than_the_limit_or_less_than_all_is_not_dropped(db: Database, fen, dropped):
    till = await tilled(db, **ROUNDS)

    with pytest.raises(RoundingRefused):
        await till.take(fen, bill_ids=till.both, rounding_fen=dropped)
    assert await till.rows(bill_waivers) == []
    assert await till.open_fen() == [MONTH, MONTH]


async def test_a_void_reverses_every_fen_and_the_receipt_is_void(db: Database):
    till = await tilled(db, **ROUNDS)
    taken = await till.take(50_100, bill_ids=till.both, rounding_fen=20)

    await till.void(taken.voucher_no)
    await till.void(taken.voucher_no)

    assert await till.open_fen() == [MONTH, MONTH]
    assert await till.held(Account.CASH) == 0
    assert await till.held(Account.WAIVER) == 0
    [receipt] = await till.rows(receipts)
    assert (receipt.voided_at, receipt.void_reason) == (till.now, "输错了")
    assert (await till.told()).count("PaymentVoided") == 1
    assert "RefundSettled" not in await till.told()
    await till.proved()


async def test_a_void_takes_what_was_put_aside_back(till: Till):
    taken = await till.take(60_000, keeps_surplus=True)

    await till.void(taken.voucher_no)

    assert await till.prepaid_fen() == 0
    assert await till.open_fen() == [MONTH, MONTH]
    await till.proved()


async def test_only_who_took_the_money_voids_it_and_says_why(till: Till):
    taken = await till.take(MONTH)

    with pytest.raises(NotAllowed):
        await till.void(taken.voucher_no, by=till.colleague)
    with pytest.raises(NotAllowed):
        await till.void(taken.voucher_no, by=till.manager)
    with pytest.raises(ReasonMissing):
        await till.void(taken.voucher_no, reason=" ")
    with pytest.raises(UnknownVoucher):
        await till.void("V26112399999")
    assert await till.open_fen() == [0, MONTH]


async def test_b20_after_the_close_nothing_is_voided_any_more(till: Till):
    taken = await till.take(MONTH)
    await till.close(MONTH)

    with pytest.raises(VoucherFinal):
        await till.void(taken.voucher_no)
    assert await till.open_fen() == [0, MONTH]
    await till.proved()


async def test_money_of_which_some_goes_back_is_not_voided(till: Till):
    taken = await till.take(MONTH)
    await till.request(taken.payment_id, 1_000)

    with pytest.raises(VoucherFinal):
        await till.void(taken.voucher_no)
    await till.proved()


async def test_what_was_voided_is_in_no_figure_of_the_day(till: Till):
    taken = await till.take(MONTH)
    await till.take(MONTH)
    await till.void(taken.voucher_no)

    found = await till.db.read(
        day_figures, community_ids=(till.world.community_id,), today=shanghai_day(till.now)
    )

    assert [(way, one.count, one.fen) for way, one in found.received.items()] == [
        ("cash", 1, MONTH)
    ]
    assert (found.refunded.count, found.refunded.fen) == (0, 0)


async def test_a_bill_that_was_rounded_and_is_owed_again_can_be_voided(db: Database):
    till = await tilled(db, **ROUNDS)
    taken = await till.take(25_000, bill_ids=(till.world.october_id,), rounding_fen=60)
    asked = await till.request(taken.payment_id, 25_000)
    await till.paid_out(asked.refund_no)

    actor = Actor(till.manager.staff_id)
    facts: dict[str, Any] = {
        "bill_id": till.world.october_id,
        "reason": "重复",
        "actor": actor,
        "now": till.now,
    }
    await till.db.write(void_bill, **facts)

    assert await till.held(Account.WAIVER) == 0
    await till.proved()


async def test_a_wrong_payment_row_is_found_by_the_proof(till: Till):
    """Positive control: a voucher of other fen than its payment is no proof."""
    await till.take(MONTH)
    await till.db.write(lambda tx: tx.execute(update(vouchers).values(amount_fen=MONTH - 1)))

    broken = {one.sentence for one in await till.db.read(prove)}

    assert broken == {
        "the drawer holds what vouchers say",
        "every payment at the counter has its voucher",
    }


async def test_rows_of_payments_name_the_way_they_came(till: Till):
    await till.take(MONTH)
    await till.take(MONTH, method=CashMethod.STATIC_QR)

    assert [row.gateway for row in await till.rows(payments)] == ["cash", "static_qr"]
