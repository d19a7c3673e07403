"""What every payment gateway must do, whichever platform stands behind it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.gateways.registry import GATEWAYS
from storage.errors import GatewayUnavailable
from storage.lazy import load
from storage.ports.bank import BankFeed
from storage.ports.payments import (
    OrderRefused,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundState,
    TradeKind,
    WebhookRejected,
    WebhookRequest,
)
from storage.rules import remark_codes
from tests.contracts.conftest import HEARS, STANDS, Stand, Way, hearing

ORDER_NO = "P202603020001"


def ask(stand: Stand, amount_fen: int = 58000) -> PaymentAsk:
    return PaymentAsk(
        order_no=ORDER_NO,
        asked_at=stand.now,
        amount_fen=amount_fen,
        description="3栋2单元501 物业费",
        expires_at=stand.now + timedelta(minutes=30),
        kind=TradeKind.NATIVE,
        payer_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        payer_ip="203.0.113.7",
    )


def refund_ask(stand: Stand, amount_fen: int, refund_no: str = "R202603020001") -> RefundAsk:
    return RefundAsk(refund_no, ORDER_NO, stand.now, amount_fen, 58000, "重复缴费")


def feed(stand: Stand) -> BankFeed:
    assert isinstance(stand.gateway, BankFeed)
    return stand.gateway


async def pay(stand: Stand) -> None:
    await stand.gateway.create(ask(stand))
    stand.pay(ORDER_NO)


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_every_gateway_has_its_module_and_its_stand(name: str):
    module = load(GATEWAYS[name])

    assert module.Gateway.name == name
    assert module.Config
    assert name in STANDS
    assert name in HEARS


class TestContract:
    """Of every gateway, however it is heard of."""

    async def test_a_refund_asked_twice_is_one_refund(self, stand: Stand):
        await pay(stand)

        for _ in range(2):
            fact = await stand.gateway.refund(refund_ask(stand, 20000))
            assert fact.state in (RefundState.PROCESSING, RefundState.SUCCESS)
            assert fact.amount_fen == 20000

        assert stand.given_back() == {"R202603020001": 20000}

    async def test_a_refund_is_told_when_asked_for(self, stand: Stand):
        await pay(stand)
        asked = await stand.gateway.refund(refund_ask(stand, 20000))

        told = await stand.gateway.query_refund("R202603020001", ORDER_NO, stand.now)

        assert (told.state, told.amount_fen) == (asked.state, 20000)
        assert (told.refund_no, told.order_no) == ("R202603020001", ORDER_NO)

    async def test_a_refund_of_an_order_never_paid_is_rejected(self, stand: Stand):
        await stand.gateway.create(ask(stand))

        assert (await stand.gateway.refund(refund_ask(stand, 100))).state is RefundState.REJECTED

    async def test_a_refund_that_never_arrived_is_not_found(self, stand: Stand):
        await pay(stand)

        told = await stand.gateway.query_refund("R202603020001", ORDER_NO, stand.now)

        assert told.state is RefundState.NOT_FOUND

    async def test_a_refund_without_money_is_unfunded_and_books_nothing(self, stand: Stand):
        await pay(stand)
        stand.empty_account()

        fact = await stand.gateway.refund(refund_ask(stand, 20000))

        assert fact.state is RefundState.UNFUNDED
        assert stand.given_back() == {}

    async def test_work_whose_answer_is_lost_is_unknown_and_done_once(self, stand: Stand):
        await pay(stand)
        stand.lose_answers(True)
        with pytest.raises(GatewayUnavailable):
            await stand.gateway.refund(refund_ask(stand, 20000))

        stand.lose_answers(False)
        await stand.gateway.refund(refund_ask(stand, 20000))

        assert stand.given_back() == {"R202603020001": 20000}

    async def test_a_platform_that_is_away_leaves_a_refunds_outcome_unknown(self, stand: Stand):
        async with stand.go_away():
            for call in (
                stand.gateway.refund(refund_ask(stand, 20000)),
                stand.gateway.query_refund("R202603020001", ORDER_NO, stand.now),
            ):
                with pytest.raises(GatewayUnavailable):
                    await call

    def test_heard_and_not_now_are_different_words(self, stand: Stand):
        assert stand.gateway.acknowledge() != stand.gateway.ask_again()


@pytest.mark.parametrize("stand", hearing(Way.ASKED), indirect=True)
class TestAskedForOrders:
    """Of a platform that knows our orders and notifies."""

    async def test_an_order_asked_twice_is_one_order(self, stand: Stand):
        await stand.gateway.create(ask(stand))
        await stand.gateway.create(ask(stand))

        assert stand.collected() == {ORDER_NO: 58000}

    async def test_an_order_never_seen_there_is_pending_with_nothing(self, stand: Stand):
        fact = await stand.gateway.query(ORDER_NO, stand.now)

        assert (fact.state, fact.amount_fen) == (PaymentState.PENDING, 0)

    async def test_an_order_not_paid_yet_is_pending(self, stand: Stand):
        await stand.gateway.create(ask(stand))

        assert (await stand.gateway.query(ORDER_NO, stand.now)).state is PaymentState.PENDING

    async def test_a_paid_order_is_told_with_all_that_the_books_compare(self, stand: Stand):
        await pay(stand)

        fact = await stand.gateway.query(ORDER_NO, stand.now)

        assert (fact.state, fact.amount_fen, fact.currency) == (PaymentState.PAID, 58000, "CNY")
        assert (fact.gateway, fact.order_no) == (stand.gateway.name, ORDER_NO)
        assert fact.merchant_id == stand.gateway.merchant_id
        assert fact.app_id == stand.gateway.app_id
        assert fact.transaction_id
        assert fact.paid_at is not None
        assert fact.paid_at.utcoffset() == timedelta(0)

    async def test_a_paid_order_is_not_collected_again(self, stand: Stand):
        await pay(stand)

        with pytest.raises(OrderRefused) as refused:
            await stand.gateway.create(ask(stand))

        assert refused.value.is_paid

    async def test_an_order_with_another_sum_is_refused(self, stand: Stand):
        await stand.gateway.create(ask(stand))

        with pytest.raises(OrderRefused) as refused:
            await stand.gateway.create(ask(stand, amount_fen=1))

        assert not refused.value.is_paid
        assert stand.collected() == {ORDER_NO: 58000}

    async def test_a_closed_order_says_so_and_closing_twice_is_closing_once(self, stand: Stand):
        await stand.gateway.create(ask(stand))

        await stand.gateway.close(ORDER_NO, stand.now)
        await stand.gateway.close(ORDER_NO, stand.now)

        assert (await stand.gateway.query(ORDER_NO, stand.now)).state is PaymentState.CLOSED

    async def test_closing_a_paid_order_leaves_it_paid(self, stand: Stand):
        await pay(stand)

        await stand.gateway.close(ORDER_NO, stand.now)

        assert (await stand.gateway.query(ORDER_NO, stand.now)).state is PaymentState.PAID

    async def test_a_notice_tells_what_the_query_tells(self, stand: Stand):
        await pay(stand)

        heard = stand.gateway.read_webhook(stand.notice_of(ORDER_NO), now=stand.now)

        assert isinstance(heard, PaymentFact)
        asked = await stand.gateway.query(ORDER_NO, stand.now)
        assert (heard.state, heard.order_no) == (asked.state, asked.order_no)
        assert (heard.amount_fen, heard.currency) == (asked.amount_fen, asked.currency)
        assert (heard.transaction_id, heard.paid_at) == (asked.transaction_id, asked.paid_at)
        assert (heard.merchant_id, heard.app_id) == (asked.merchant_id, asked.app_id)
        assert heard.event_id
        assert not asked.event_id

    async def test_a_changed_or_empty_notice_is_refused(self, stand: Stand):
        await pay(stand)
        genuine = stand.notice_of(ORDER_NO)

        for forged in (stand.change(genuine), WebhookRequest({}, b""), WebhookRequest({}, b"{}")):
            with pytest.raises(WebhookRejected) as rejected:
                stand.gateway.read_webhook(forged, now=stand.now)
            assert 400 <= rejected.value.reply.status < 500

    async def test_a_refund_over_what_is_left_is_rejected_and_books_nothing(self, stand: Stand):
        await pay(stand)
        await stand.gateway.refund(refund_ask(stand, 40000, "R202603020001"))

        fact = await stand.gateway.refund(refund_ask(stand, 40000, "R202603020002"))

        assert fact.state is RefundState.REJECTED
        assert stand.given_back() == {"R202603020001": 40000}

    async def test_a_platform_that_is_away_leaves_an_orders_outcome_unknown(self, stand: Stand):
        async with stand.go_away():
            for call in (
                stand.gateway.create(ask(stand)),
                stand.gateway.query(ORDER_NO, stand.now),
                stand.gateway.close(ORDER_NO, stand.now),
            ):
                with pytest.raises(GatewayUnavailable):
                    await call


@pytest.mark.parametrize("stand", hearing(Way.ROWS), indirect=True)
class TestHeardOfByRows:
    """A bank knows accounts, not orders: it can neither be asked for one nor close it."""

    async def test_the_same_order_has_the_same_code_and_another_has_another(self, stand: Stand):
        first = await stand.gateway.create(ask(stand))
        again = await stand.gateway.create(ask(stand))
        other = await stand.gateway.create(replace(ask(stand), order_no="P202603020002"))

        assert remark_codes.is_code(first.prepay_id)
        assert first == again
        assert first.prepay_id != other.prepay_id
        assert (first.pay_url, first.code_url, first.form) == ("", "", "")
        assert stand.gateway.bridge_fields(first) == {}

    async def test_a_row_with_the_code_tells_the_payment(self, stand: Stand):
        code = (await stand.gateway.create(ask(stand))).prepay_id
        stand.pay(ORDER_NO)

        (line,) = (await feed(stand).rows_after("")).lines

        assert remark_codes.find(line.memo) == (code,)
        assert (line.amount_fen, line.booked_at) == (58000, stand.now)
        assert line.booked_at.tzinfo is not None
        assert line.row_key
        assert line.serial

    async def test_a_row_is_told_once_after_its_cursor_and_alike_before_it(self, stand: Stand):
        await pay(stand)
        first = await feed(stand).rows_after("")
        again = await feed(stand).rows_after("")

        after = await feed(stand).rows_after(first.cursor)

        assert first == again
        assert (after.lines, after.cursor, after.has_more) == ([], first.cursor, False)

    async def test_no_answer_calls_an_order_paid_or_over_whatever_came(self, stand: Stand):
        await pay(stand)
        await stand.gateway.close(ORDER_NO, stand.now)

        fact = await stand.gateway.query(ORDER_NO, stand.now)

        assert (fact.state, fact.amount_fen) == (PaymentState.PENDING, 0)

    async def test_rows_of_a_bank_that_is_away_or_silent_are_unknown(self, stand: Stand):
        await pay(stand)
        stand.lose_answers(True)
        with pytest.raises(GatewayUnavailable):
            await feed(stand).rows_after("")
        stand.lose_answers(False)
        async with stand.go_away():
            with pytest.raises(GatewayUnavailable):
                await feed(stand).rows_after("")

    def test_whatever_calls_itself_a_notice_is_refused(self, stand: Stand):
        with pytest.raises(WebhookRejected) as rejected:
            stand.gateway.read_webhook(WebhookRequest({}, b"{}"), now=stand.now)

        assert rejected.value.reply.status == 404

    async def test_a_number_used_for_another_payout_is_told_as_what_it_is(self, stand: Stand):
        await pay(stand)
        await stand.gateway.refund(refund_ask(stand, 20000))

        told = await stand.gateway.refund(refund_ask(stand, 30000))

        assert (told.state, told.amount_fen) == (RefundState.PROCESSING, 20000)
        assert stand.given_back() == {"R202603020001": 20000}
