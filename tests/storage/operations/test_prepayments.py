"""Money put aside pays bills once, in its order, and what is left of it can go back (L, M)."""

import json
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import insert, select, update

from storage import ledger
from storage.charge_errors import PrepayNotOffered, PrepayOutOfRange
from storage.errors import CollectionClosed, RefundTooMuch
from storage.kinds import (
    Account,
    DiscountReason,
    FeeClass,
    HoldKind,
    LineKind,
    OccupancyRole,
    StaffRole,
)
from storage.models.bills import bill_lines, bills
from storage.models.estate import units
from storage.models.late_fees import holds
from storage.models.payments import allocations, payments
from storage.models.people import bindings, occupancies
from storage.models.policies import policies
from storage.models.prepayments import prepay_orders, prepayment_moves
from storage.models.tariffs import discounts
from storage.operations.asked_less import change_asked
from storage.operations.issuing import issue_bills
from storage.operations.prepay_orders import Aside, check_aside
from storage.operations.prepayments import put_back
from storage.operations.refunds import decline_refund
from storage.periods import BillingPeriod, shanghai_instant
from storage.queries.months_ahead import months_ahead
from storage.queries.prepayments import items_to_prepay, moves_between, units_to_draw_for
from storage.queries.receipts import receipt_of
from tests import factories
from tests.storage.operations.purse import (
    add_item,
    bill,
    drawn,
    events,
    left,
    order_aside,
    put_aside,
)
from tests.storage.operations.stage import Stage, staged

BILL = 25_060
LARGE = {"refund_automatic_fen": 10_000_000, "refund_any_cause": 1}


@pytest.fixture
async def clear(db) -> Stage:
    """Give a stage on which all bills were paid before."""
    stage = await staged(db, **LARGE)
    await stage.paid(stage.both)
    return stage


async def test_money_without_a_bill_is_put_aside_and_has_a_receipt(clear: Stage):
    payment_id = await put_aside(clear, 100_000)

    assert await left(clear) == {"": 100_000}
    row = (await clear.rows(payments))[-1]
    assert (row.allocated_fen, row.surplus_fen, row.returned_fen) == (0, 100_000, 0)
    receipt = await clear.db.read(receipt_of, payment_id)
    assert receipt is not None
    assert (receipt.surplus_fen, receipt.lines) == (100_000, ())
    told = json.loads((await events(clear, "PaymentSettled"))[-1])
    assert (told["surplus_fen"], told["bills"], told["kept_for"]) == (100_000, [], "")
    await clear.books_hold()


async def test_heard_of_twice_it_is_put_aside_once(clear: Stage):
    order = await order_aside(clear, Aside(50_000))
    fact = clear.gateway.pay(order.order_no)

    first, again = await clear.settle(fact), await clear.settle(fact)

    assert (first.outcome, again.outcome) == ("settled", "repeated")
    assert await left(clear) == {"": 50_000}
    await clear.books_hold()


async def test_the_same_ask_while_it_lives_is_the_same_order(clear: Stage):
    first = await order_aside(clear, Aside(50_000))

    assert (await order_aside(clear, Aside(50_000))).order_no == first.order_no
    other = await order_aside(clear, Aside(50_000, clear.world.fee_item_id))
    assert other.order_no != first.order_no
    assert len(await clear.db.read(lambda tx: tx.execute(select(prepay_orders)).all())) == 2


@pytest.mark.parametrize("fen", [0, 99, -100, 10_000_001])
async def test_too_little_or_too_much_is_not_put_aside(clear: Stage, fen):
    with pytest.raises(PrepayOutOfRange):
        await order_aside(clear, Aside(fen))


async def test_nothing_is_put_aside_for_a_deposit_or_for_another_communitys_fee(clear: Stage):
    deposit = await add_item(clear, "装修押金", FeeClass.DEPOSIT)
    other = await clear.db.write(factories.add_community, "海棠苑")
    foreign = await clear.db.write(factories.add_fee_item, other)

    for item_id in (deposit, foreign, 999):
        with pytest.raises(PrepayNotOffered):
            await order_aside(clear, Aside(50_000, item_id))
    with pytest.raises(PrepayNotOffered):
        await order_aside(clear, Aside(50_000, None, 12))


async def test_a_community_that_takes_no_money_takes_none_ahead(clear: Stage):
    closing = update(policies).values(collection_closed="系统升级")
    await clear.db.write(lambda tx: tx.execute(closing) and None)

    with pytest.raises(CollectionClosed):
        await order_aside(clear, Aside(50_000))


async def test_a_new_bill_is_paid_from_it_and_the_household_reads_what_is_left(clear: Stage):
    await put_aside(clear, 100_000)
    key = await bill(clear, "2026-12", BILL)

    applied = await drawn(clear)

    assert (applied.drawn_fen, applied.bill_count, applied.left_fen) == (BILL, 1, 100_000 - BILL)
    assert await clear.open_fen() == [0, 0, 0]
    assert await left(clear) == {"": 100_000 - BILL}
    told = [json.loads(one) for one in await events(clear, "PrepaymentApplied")]
    assert told == [
        {
            "unit_label": "3栋2单元1201",
            "bills": [["物业费", "2026-12", BILL]],
            "drawn_fen": BILL,
            "open_fen": 0,
            "left_fen": 100_000 - BILL,
        }
    ]
    posted = await clear.db.read(ledger.balance, Account.PREPAYMENT, clear.world.unit_id)
    assert posted == BILL - 100_000
    assert [row.bill_id for row in await clear.rows(allocations)][-1] == key
    await clear.books_hold()


async def test_twice_is_once(clear: Stage):
    await put_aside(clear, 100_000)
    await bill(clear, "2026-12", BILL)

    await drawn(clear)
    again = await drawn(clear)

    assert (again.drawn_fen, again.bill_count) == (0, 0)
    assert len(await events(clear, "PrepaymentApplied")) == 1
    await clear.books_hold()


async def test_many_at_once_draw_it_once(clear: Stage):
    await put_aside(clear, 30_000)
    await bill(clear, "2026-12", BILL)
    await bill(clear, "2027-01", BILL)

    done = await clear.at_once(*(drawn(clear) for _ in range(8)))

    assert sum(one.drawn_fen for one in done) == 30_000
    assert await left(clear) == {}
    await clear.books_hold()


async def test_an_items_own_money_goes_first_then_general_and_the_oldest_bill_first(clear: Stage):
    water = await add_item(clear, "水费")
    await put_aside(clear, 10_000, clear.world.fee_item_id)
    await put_aside(clear, 20_000)
    await bill(clear, "2027-01", 8_000, water)
    await bill(clear, "2026-12", BILL)

    await drawn(clear)

    # December's fee: 100.00 of its own and 150.60 of the general; water gets the 49.40 left.
    assert await left(clear) == {}
    rows = await clear.db.read(
        lambda tx: tx.execute(
            select(bills.c.period, bills.c.paid_fen).order_by(bills.c.id.desc()).limit(2)
        ).all()
    )
    assert {row.period: row.paid_fen for row in rows} == {"2026-12": BILL, "2027-01": 4_940}
    await clear.books_hold()


async def test_money_for_one_item_pays_no_other(clear: Stage):
    water = await add_item(clear, "水费")
    await put_aside(clear, 50_000, water)
    await bill(clear, "2026-12", BILL)

    assert (await drawn(clear)).drawn_fen == 0
    assert await left(clear) == {"水费": 50_000}


async def test_a_renewal_is_paid_only_by_money_for_it(clear: Stage):
    parking = await add_item(clear, "车位月租", FeeClass.RENEWAL)
    await put_aside(clear, 50_000)
    await bill(clear, "2026-12", 30_000, parking)
    assert (await drawn(clear)).drawn_fen == 0

    await put_aside(clear, 20_000, parking)

    assert (await drawn(clear)).drawn_fen == 20_000
    assert await left(clear) == {"": 50_000}
    await clear.books_hold()


async def test_a_deposit_is_never_set_off_against_money_put_aside(clear: Stage):
    deposit = await add_item(clear, "装修押金", FeeClass.DEPOSIT)
    await put_aside(clear, 50_000)
    await bill(clear, "2026-12", 30_000, deposit)

    assert (await drawn(clear)).drawn_fen == 0


async def test_what_others_owe_on_the_flat_is_not_paid_from_it(clear: Stage):
    await put_aside(clear, 50_000)
    await bill(clear, "2026-12", BILL, liable=clear.world.wang_id)

    assert (await drawn(clear)).drawn_fen == 0
    assert await clear.db.read(units_to_draw_for, at=clear.now, limit=9) == []


async def test_a_former_owners_debt_is_not_paid_by_who_came_after(clear: Stage):
    await put_aside(clear, 50_000)
    await bill(clear, "2026-12", BILL)
    sold = update(occupancies).where(occupancies.c.resident_id == clear.world.li_id)
    await clear.db.write(lambda tx: tx.execute(sold.values(until_on=date(2026, 11, 1))) and None)

    assert (await drawn(clear)).drawn_fen == 0


@pytest.mark.parametrize("whole_unit", [True, False])
async def test_a_disputed_bill_is_not_paid_until_the_dispute_ends(clear: Stage, whole_unit):
    await put_aside(clear, 50_000)
    key = await bill(clear, "2026-12", BILL)
    hold = {
        "unit_id": clear.world.unit_id,
        "bill_id": None if whole_unit else key,
        "kind": HoldKind.DISPUTE,
        "from_on": date(2026, 11, 1),
        "made_at": clear.now,
    }
    await clear.db.write(lambda tx: tx.execute(insert(holds).values(hold)) and None)
    assert (await drawn(clear)).drawn_fen == 0

    ended = update(holds).values(ended_at=clear.now)
    await clear.db.write(lambda tx: tx.execute(ended) and None)

    assert (await drawn(clear)).drawn_fen == BILL


async def test_a_tenant_is_not_told_of_the_owners_money(clear: Stage):
    await put_aside(clear, 50_000)
    await bill(clear, "2026-12", BILL)
    tenants = update(bindings).values(role=OccupancyRole.TENANT)
    await clear.db.write(lambda tx: tx.execute(tenants) and None)

    assert (await drawn(clear)).drawn_fen == BILL
    assert await events(clear, "PrepaymentApplied") == []


async def test_what_was_paid_too_much_is_put_aside_with_its_move(db):
    stage = await staged(db, **LARGE)
    both = await stage.order(stage.both)
    await stage.paid(stage.both[:1])
    await stage.settle(stage.gateway.pay(both.order_no))

    assert await left(stage) == {"": BILL}
    assert [row.memo for row in await stage.rows(prepayment_moves)] == ["多缴"]
    await stage.books_hold()


async def test_what_is_left_goes_back_and_no_more(clear: Stage):
    payment_id = await put_aside(clear, 100_000)
    await bill(clear, "2026-12", BILL)
    await drawn(clear)

    view = await clear.request(payment_id, 100_000 - BILL)

    assert await left(clear) == {}
    await bill(clear, "2027-01", BILL)
    assert (await drawn(clear)).drawn_fen == 0, "what goes back pays nothing any more"
    await clear.given_back(view.refund_no)
    assert await clear.open_fen() == [0, 0, 0, BILL]
    assert [row.memo for row in await clear.rows(prepayment_moves)] == ["预存", "抵扣账单", "退款"]
    await clear.books_hold()


async def test_beyond_what_is_left_the_bill_that_it_paid_is_owed_again(clear: Stage):
    payment_id = await put_aside(clear, 100_000)
    await bill(clear, "2026-12", BILL)
    await drawn(clear)

    view = await clear.request(payment_id, 100_000)
    await clear.given_back(view.refund_no)

    assert await clear.open_fen() == [0, 0, BILL]
    with pytest.raises(RefundTooMuch):
        await clear.request(payment_id, 1, key="more")
    await clear.books_hold()


async def test_declined_it_is_hers_again_for_the_same_item_once(db):
    stage = await staged(db, refund_automatic_fen=0)
    await stage.paid(stage.both)
    boss = await stage.db.write(
        factories.add_staff, stage.world.community_id, "周经理", StaffRole.MANAGER, "oBoss"
    )
    payment_id = await put_aside(stage, 100_000, stage.world.fee_item_id)
    view = await stage.request(payment_id, 100_000)
    assert await left(stage) == {}

    await stage.db.write(
        decline_refund, view.refund_no, staff_id=boss, reason="先抵扣", now=stage.now
    )

    assert await left(stage) == {"物业费": 100_000}
    await stage.books_hold()


async def test_two_who_ask_back_and_draw_at_once_never_get_more_than_there_is(clear: Stage):
    payment_id = await put_aside(clear, 30_000)
    await bill(clear, "2026-12", BILL)

    await clear.at_once(clear.request(payment_id, 30_000), drawn(clear), drawn(clear), drawn(clear))

    assert await left(clear) in ({}, {"": 30_000 - BILL})
    await clear.books_hold()


async def test_the_statement_says_each_move_and_what_is_left_after_it(clear: Stage):
    payment_id = await put_aside(clear, 100_000)
    await bill(clear, "2026-12", BILL)
    clear.clock.advance(days=20)
    await drawn(clear)
    clear.clock.advance(days=1)
    await clear.request(payment_id, 50_000)

    def asked(since: date, until: date):
        return lambda tx: moves_between(
            tx,
            clear.world.unit_id,
            since=shanghai_instant(since),
            until=shanghai_instant(until),
        )

    rows = await clear.db.read(asked(date(2026, 12, 1), date(2027, 1, 1)))
    assert [(row.memo, row.bill_item, row.amount_fen, row.left_fen) for row in rows] == [
        ("抵扣账单", "物业费", -BILL, 74_940),
        ("退款", "", -50_000, 24_940),
    ]
    before = await clear.db.read(asked(date(2026, 1, 1), date(2026, 12, 1)))
    assert [row.left_fen for row in before] == [100_000]


async def test_a_receipt_says_what_the_money_was_put_aside_and_not_what_it_paid_later(
    clear: Stage,
):
    payment_id = await put_aside(clear, 100_000)
    before = await clear.db.read(receipt_of, payment_id)
    await bill(clear, "2026-12", BILL)
    await drawn(clear)

    assert await clear.db.read(receipt_of, payment_id) == before


async def offered(stage: Stage, percent_e2: int = 833) -> None:
    """Let the community give the thirteenth month for a year ahead."""
    offer = {
        "community_id": stage.world.community_id,
        "reason": DiscountReason.YEAR_AHEAD,
        "name": "交一年送一个月",
        "percent_e2": percent_e2,
        "from_on": date(2026, 1, 1),
    }
    await stage.db.write(lambda tx: tx.execute(insert(discounts).values(offer)) and None)


async def gift(stage: Stage):
    """Return the household's own discount."""
    rows = await stage.rows(discounts)
    return next((row for row in rows if row.unit_id is not None), None)


async def test_a_year_ahead_without_an_offer_is_twelve_times_the_newest_bill(clear: Stage):
    item = (await clear.db.read(items_to_prepay, clear.world.community_id))[0]
    unit_id = clear.world.unit_id

    found = await clear.db.read(months_ahead, unit_id=unit_id, item=item, months=12, at=clear.now)

    assert found is not None
    assert (found.amount_fen, str(found.first), found.offer) == (12 * BILL, "2026-12", None)
    await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)
    assert await gift(clear) is None
    with pytest.raises(PrepayNotOffered):
        await order_aside(clear, Aside(12 * BILL - 1, clear.world.fee_item_id, 12))


@pytest.mark.parametrize("kind", [LineKind.WAIVER, LineKind.WRITE_OFF])
async def test_a_month_of_which_nothing_is_asked_makes_a_year_ahead_no_cheaper(
    clear: Stage, kind: LineKind
):
    bill_id = await bill(clear, "2026-12", BILL, clear.world.fee_item_id)
    await clear.db.write(change_asked, bill_id, -BILL, kind=kind, label="不再要")
    item = (await clear.db.read(items_to_prepay, clear.world.community_id))[0]
    unit_id = clear.world.unit_id

    found = await clear.db.read(months_ahead, unit_id=unit_id, item=item, months=12, at=clear.now)

    assert found is not None
    assert (found.amount_fen, str(found.first)) == (12 * BILL, "2027-01")


async def test_with_an_offer_the_thirteenth_month_is_a_gift_once_the_money_is_there(clear: Stage):
    await offered(clear)
    aside = Aside(12 * BILL, clear.world.fee_item_id, 12)
    view = await clear.db.read(
        lambda tx: check_aside(tx, clear.world.unit_id, aside, now=clear.now)
    )
    assert view.gift_name == "交一年送一个月"

    order = await order_aside(clear, aside)
    assert (await gift(clear)).uses_left == 0
    await clear.settle(clear.gateway.pay(order.order_no))

    row = await gift(clear)
    assert (row.uses_left, row.percent_e2) == (1, 10_000)
    assert (row.from_on, row.until_on) == (date(2027, 12, 1), date(2028, 1, 1))
    assert (row.unit_id, row.fee_item_id) == (clear.world.unit_id, clear.world.fee_item_id)


@pytest.mark.parametrize(
    ("percent_e2", "of_month_e2"), [(833, 10_000), (2_000, 10_000), (400, 4_800)]
)
async def test_the_gift_is_the_offers_part_of_a_year_and_a_month_at_most(
    clear: Stage, percent_e2, of_month_e2
):
    await offered(clear, percent_e2)

    await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)

    assert (await gift(clear)).percent_e2 == of_month_e2


async def test_the_month_after_the_year_is_billed_with_the_gift_taken_off(clear: Stage):
    await offered(clear)
    area = update(units).values(floor_area_m2=Decimal("89.50"))
    await clear.db.write(lambda tx: tx.execute(area) and None)
    await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)
    months = [BillingPeriod(2026, 12).plus(one) for one in range(14)]

    for month in months:
        await clear.db.write(
            issue_bills, community_id=clear.world.community_id, period=month, now=clear.now
        )
        await drawn(clear)

    rows = await clear.rows(bills)
    made = {row.period: (row.amount_fen, row.paid_fen) for row in rows if row.unit_id == 1}
    # The thirteenth month has no bill; the fourteenth is owed again.
    assert "2027-12" not in made
    assert made["2027-11"] == (BILL, BILL)
    assert made["2028-01"] == (BILL, 0)
    assert await left(clear) == {}
    await clear.books_hold()


async def test_half_a_year_ahead_earns_no_gift(clear: Stage):
    await offered(clear)

    await put_aside(clear, 6 * BILL, clear.world.fee_item_id, 6)

    assert await gift(clear) is None


async def test_who_breaks_the_year_off_gets_what_is_left_and_the_gift_is_gone(clear: Stage):
    await offered(clear)
    payment_id = await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)
    await bill(clear, "2026-12", BILL)
    await drawn(clear)

    view = await clear.request(payment_id, 11 * BILL)

    assert (await gift(clear)).uses_left == 0
    await clear.given_back(view.refund_no)
    await clear.books_hold()


async def test_a_gift_that_was_had_counts_at_its_full_price(clear: Stage):
    """She took the thirteenth month for nothing, and then asks back what a cheap month left."""
    await offered(clear)
    payment_id = await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)
    await bill(clear, "2026-12", 10 * BILL)
    key = await bill(clear, "2027-12", 100)
    await drawn(clear)
    line = {"bill_id": key, "label": "交一年送一个月", "kind": "discount", "amount_fen": -BILL}
    full = {"bill_id": key, "label": "物业费", "kind": "piece", "amount_fen": BILL}
    await clear.db.write(lambda tx: tx.execute(insert(bill_lines), [line, full]) and None)
    rest = 2 * BILL - 100
    assert await left(clear) == {"物业费": rest}

    with pytest.raises(RefundTooMuch):
        await clear.request(payment_id, 12 * BILL, key="all")
    # What may go back beside the bills: what is left less the month that was a gift.
    view = await clear.request(payment_id, rest - BILL)
    await clear.given_back(view.refund_no)

    assert await left(clear) == {"物业费": BILL}
    await clear.books_hold()


async def test_a_month_that_was_free_counts_as_one_that_was_paid(clear: Stage):
    await offered(clear)
    payment_id = await put_aside(clear, 12 * BILL, clear.world.fee_item_id, 12)
    await bill(clear, "2026-12", 9 * BILL)
    await drawn(clear)
    await bill(clear, "2028-01", BILL)
    await drawn(clear)
    assert await left(clear) == {"物业费": 2 * BILL}

    await clear.request(payment_id, BILL, key="one month, for the other was a gift")

    assert await left(clear) == {"物业费": BILL}
    with pytest.raises(RefundTooMuch) as refused:
        await clear.request(payment_id, 12 * BILL, key="more")
    assert refused.value.left_fen == 10 * BILL, "what is on bills, and nothing of what is left"


async def test_putting_back_what_was_never_set_apart_does_nothing(clear: Stage):
    payment_id = await clear.paid([await bill(clear, "2026-12", BILL)])
    view = await clear.request(payment_id, BILL)

    def again(tx):
        row = tx.exec_driver_sql("SELECT * FROM refunds ORDER BY id DESC").first()
        put_back(tx, row, now=clear.now)

    await clear.db.write(again)

    assert view.amount_fen == BILL
    await clear.books_hold()
