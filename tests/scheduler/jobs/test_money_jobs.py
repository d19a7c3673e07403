"""What time does about money: ask, send again, follow, until both books say the same."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import update

from scheduler.jobs import query_payments, query_refunds, submit_refunds
from storage.errors import GatewayUnavailable
from storage.models.payments import payment_orders, refunds
from storage.operations.orders import open_order
from storage.ports.payments import RefundState
from storage.queries.agenda import next_event_at
from tests.scheduler.conftest import Hall


async def ask(hall: Hall) -> dict[str, int]:
    done = await query_payments.run(hall.deps, hall.now)
    return {name: count for name, count in done.items() if count}


async def submit(hall: Hall) -> dict[str, int]:
    done = await submit_refunds.run(hall.deps, hall.now)
    return {name: count for name, count in done.items() if count}


async def follow(hall: Hall) -> dict[str, int]:
    done = await query_refunds.run(hall.deps, hall.now)
    return {name: count for name, count in done.items() if count}


async def refund_states(hall: Hall) -> list[str]:
    return [row.state for row in await hall.stage.rows(refunds)]


async def test_a_payment_whose_notice_was_lost_is_found_by_asking(hall: Hall):
    order = await hall.stage.order(hall.stage.both)
    hall.stage.gateway.pay(order.order_no)
    assert await ask(hall) == {}, "the notice has half a minute"

    hall.later(seconds=30)
    assert await ask(hall) == {"settled": 1}

    assert await hall.stage.open_fen() == [0, 0]
    assert await ask(hall) == {}
    await hall.stage.books_hold()


async def test_an_unpaid_order_is_asked_about_until_it_is_over_and_then_closed(hall: Hall):
    order = await hall.stage.order(hall.stage.both)

    asked = 0
    for _ in range(400):
        hall.later(seconds=30)
        asked += sum((await ask(hall)).values())

    assert await hall.stage.order_states() == ["closed"]
    assert hall.stage.gateway.trades[order.order_no].state == "closed"
    assert asked < 20
    assert await ask(hall) == {}


async def test_b16_an_order_paid_in_the_last_second_is_settled_and_not_closed(hall: Hall):
    order = await hall.stage.order(hall.stage.both)
    close = hall.stage.gateway.close

    async def pay_first(order_no: str, asked_at: datetime) -> None:
        hall.stage.gateway.pay(order_no)
        await close(order_no, asked_at)

    hall.stage.gateway.close = pay_first  # type: ignore[method-assign]
    hall.later(hours=3)

    assert await ask(hall) == {"settled": 1}
    assert (await hall.stage.rows(payment_orders))[0].order_no == order.order_no
    await hall.stage.books_hold()


async def test_an_order_that_the_platform_never_saw_is_closed(hall: Hall):
    await hall.db.write(open_order, hall.stage.ask(hall.stage.both), now=hall.now)
    hall.later(hours=3)

    assert await ask(hall) == {"closed": 1}


async def test_an_order_the_platform_still_calls_open_is_never_forgotten(hall: Hall):
    """A close that did nothing: the payer may still pay, so we go on asking."""
    order = await hall.stage.order(hall.stage.both)

    async def shrug(order_no: str, asked_at: datetime) -> None:
        return

    hall.stage.gateway.close = shrug  # type: ignore[method-assign]
    hall.later(hours=3)
    assert await ask(hall) == {"open": 1}
    hall.stage.gateway.pay(order.order_no)
    hall.later(hours=1)

    assert await ask(hall) == {"settled": 1}
    await hall.stage.books_hold()


async def test_a_platform_that_does_not_answer_is_asked_again_later(hall: Hall):
    order = await hall.stage.order(hall.stage.both)
    hall.stage.gateway.pay(order.order_no)
    hall.stage.gateway.lost_answers = 3
    hall.later(seconds=30)

    assert await ask(hall) == {"unavailable": 1}
    assert await ask(hall) == {}, "not again at the same instant"
    for _ in range(10):
        hall.later(minutes=5)
        await ask(hall)

    assert await hall.stage.open_fen() == [0, 0]
    await hall.stage.books_hold()


async def test_what_contradicts_our_books_is_told_and_not_asked_without_end(hall: Hall):
    order = await hall.stage.order(hall.stage.both)
    trade = hall.stage.gateway.trades[order.order_no]
    trade.ask = replace(trade.ask, amount_fen=1)
    hall.stage.gateway.pay(order.order_no)
    hall.later(seconds=30)

    assert await ask(hall) == {"contradicted": 1}
    assert await ask(hall) == {}

    assert await hall.stage.trouble() == ["AmountMismatch"]
    assert await hall.stage.counts() == (0, 0)


async def test_r7_one_order_that_breaks_does_not_stop_the_rest(hall: Hall, caplog):
    await hall.stage.order([hall.stage.world.october_id])

    def strand(tx):
        tx.execute(update(payment_orders).values(gateway="gone"))

    await hall.db.write(strand)
    good = await hall.stage.order([hall.stage.world.november_id])
    hall.stage.gateway.pay(good.order_no)
    hall.later(seconds=30)

    assert await ask(hall) == {"failed": 1, "settled": 1}
    assert await ask(hall) == {}
    assert await hall.db.read(next_event_at) is not None


async def test_a_refund_goes_out_and_is_followed_until_the_money_is_back(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 50_120)

    assert await submit(hall) == {"submitted": 1}
    assert await submit(hall) == {}
    assert await follow(hall) == {}
    hall.stage.gateway.end_refund(view.refund_no)
    hall.later(minutes=1)
    assert await follow(hall) == {"heard": 1}

    assert await refund_states(hall) == ["success"]
    assert await hall.stage.open_fen() == [25_060, 25_060]
    assert await follow(hall) == {}
    await hall.stage.books_hold()


async def test_b10_a_refund_whose_answer_was_lost_is_one_refund(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 50_120)
    hall.stage.gateway.lost_answers = 1

    assert await submit(hall) == {"unavailable": 1}
    assert await refund_states(hall) == ["unknown"]
    assert await submit(hall) == {}
    hall.later(minutes=1)
    assert await submit(hall) == {"submitted": 1}
    hall.stage.gateway.end_refund(view.refund_no)
    hall.later(minutes=5)
    await follow(hall)

    sent = [call for call in hall.stage.gateway.calls if call.startswith("refund ")]
    assert len(sent) == 1, "where the answer was lost, we ask before we send again"
    await hall.stage.books_hold()


async def test_b10_a_refund_that_never_arrived_is_sent_again_under_its_number(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 50_120)
    refund = hall.stage.gateway.refund

    async def unreachable(_):
        raise GatewayUnavailable("wechat_pay", "refused")

    hall.stage.gateway.refund = unreachable  # type: ignore[method-assign]
    assert await submit(hall) == {"unavailable": 1}
    hall.stage.gateway.refund = refund  # type: ignore[method-assign]
    hall.later(minutes=1)

    assert await submit(hall) == {"submitted": 1}

    assert list(hall.stage.gateway.returns) == [view.refund_no]
    hall.stage.gateway.end_refund(view.refund_no)
    hall.later(minutes=5)
    await follow(hall)
    await hall.stage.books_hold()


async def test_b14_a_merchant_without_money_is_tried_again_for_hours(hall: Hall):
    view = await hall.stage.request(await hall.stage.paid(hall.stage.both), 50_120)
    hall.stage.gateway.refund_answer = RefundState.UNFUNDED
    for _ in range(12):
        await submit(hall)
        hall.later(hours=1)
    assert await refund_states(hall) == ["unfunded"]
    assert (await hall.stage.told()).count("RefundFailed") == 1

    hall.stage.gateway.refund_answer = RefundState.SUCCESS
    hall.later(hours=6)
    await submit(hall)

    assert await refund_states(hall) == ["success"]
    assert list(hall.stage.gateway.returns) == [view.refund_no]
    await hall.stage.books_hold()


async def test_b17_a_refund_that_never_moves_is_asked_about_for_ever_but_seldom(hall: Hall):
    await hall.stage.request(await hall.stage.paid(hall.stage.both), 50_120)
    await submit(hall)

    asked = 0
    for _ in range(24 * 4):
        hall.later(minutes=15)
        asked += sum((await follow(hall)).values())

    assert await refund_states(hall) == ["submitted"]
    assert 24 <= asked <= 60


async def test_r7_one_refund_that_breaks_does_not_stop_the_rest(hall: Hall, caplog):
    payment_id = await hall.stage.paid(hall.stage.both)
    await hall.stage.request(payment_id, 100, key="a")
    await hall.stage.request(payment_id, 200, key="b")

    def strand(tx):
        tx.execute(update(refunds).where(refunds.c.amount_fen == 100).values(gateway="gone"))

    await hall.db.write(strand)

    assert await submit(hall) == {"failed": 1, "submitted": 1}
    assert await submit(hall) == {}
    hall.later(days=1)
    assert await submit(hall) == {"failed": 1}
