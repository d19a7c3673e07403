"""What a platform's word becomes: booked once, denied aloud, or asked for again."""

from dataclasses import replace

import pytest

from handlers.checkout import Checkout, Choice, Ticked
from handlers.webhooks.payments import Hearing, hear
from storage.database import Database
from storage.ports.payments import RefundFact, RefundState, TradeKind
from tests.bot.web.town import Town, settle


@pytest.fixture
async def town(db: Database) -> Town:
    return await settle(db)


@pytest.fixture
async def order_no(town: Town) -> str:
    choice = Choice((Ticked(town.second.bill_ids[0], 30000),), "wechat_pay", TradeKind.NATIVE)
    started = await Checkout(town.deps(), ("wechat_pay",)).start(town.token(town.second), choice)
    town.till.pay(started.order_no)
    return started.order_no


async def test_a_payment_is_heard_as_often_as_it_is_told(town: Town, order_no: str):
    heard = [await hear(town.till.fact(order_no), town.deps()) for _ in range(3)]

    assert heard == [Hearing.HEARD] * 3


async def test_a_wrong_amount_need_not_be_told_again(town: Town, order_no: str):
    assert await hear(town.till.fact(order_no, amount_fen=1), town.deps()) is Hearing.HEARD


async def test_an_unknown_order_is_to_be_told_again(town: Town, order_no: str):
    unknown = replace(town.till.fact(order_no), order_no="W261123AAAAAAAAAAAAAAAA")

    assert await hear(unknown, town.deps()) is Hearing.UNKNOWN


async def test_an_unknown_refund_is_to_be_told_again(town: Town, order_no: str):
    fact = RefundFact("wechat_pay", "T1", order_no, RefundState.SUCCESS, 30000)

    assert await hear(fact, town.deps()) is Hearing.UNKNOWN
