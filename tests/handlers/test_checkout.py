"""Checkout: the platform is asked seldom, troubles keep their order, strangers get nothing."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from handlers import asking
from handlers.checkout import ASK_EVERY, Checkout, Choice, Step, Ticked, Watch
from storage.database import Database
from storage.errors import (
    BillAlreadyPaid,
    CollectionClosed,
    LinkExpired,
    UnknownBill,
    UnknownOrder,
)
from storage.kinds import OrderState
from storage.models.payments import payment_orders
from storage.models.policies import policies
from storage.ports.payments import Collection, OrderRefused, PaymentAsk, TradeKind
from tests.bot.web.town import NOW, TODAY, Town, settle


@pytest.fixture
async def town(db: Database) -> Town:
    return await settle(db)


@pytest.fixture
def checkout(town: Town) -> Checkout:
    return Checkout(town.deps(), ("wechat_pay",))


def all_of(town: Town, kind: TradeKind = TradeKind.NATIVE, **more: str) -> Choice:
    """Tick everything that the first flat owes."""
    shown = zip(town.first.bill_ids, town.first.open_fen, strict=True)
    ticked = tuple(Ticked(bill_id, open_fen) for bill_id, open_fen in shown)
    return Choice(ticked, "wechat_pay", kind, **more)


async def test_an_order_is_in_our_books_before_the_platform_is_asked(
    town: Town, checkout: Checkout
):
    town.till.is_away = True
    token = town.token(town.first)

    started = await checkout.start(token, all_of(town))

    assert started.step is Step.UNAVAILABLE
    _, order = await checkout.look(token, started.order_no)
    assert (order.state, order.amount_fen) == (OrderState.OPEN, 54441)


async def test_after_an_answer_was_lost_the_same_order_goes_on(town: Town, checkout: Checkout):
    token = town.token(town.first)
    town.till.loses_answers = True
    first = await checkout.start(token, all_of(town))
    town.till.loses_answers = False

    second = await checkout.start(token, all_of(town))

    assert second.step is Step.PAYING
    assert second.order_no == first.order_no


async def test_a_prepaid_order_is_not_asked_for_again(town: Town, checkout: Checkout):
    token = town.token(town.first)
    for _ in range(3):
        await checkout.start(token, all_of(town))

    assert town.till.creates == 1


async def test_a_mobile_browser_gets_a_fresh_address_each_time(town: Town, checkout: Checkout):
    token = town.token(town.first)
    for _ in range(2):
        await checkout.start(token, all_of(town, TradeKind.H5, address="203.0.113.9"))
    await checkout.start(token, all_of(town, TradeKind.H5, address="203.0.113.10"))

    assert town.till.creates == 3
    assert len(town.till.asks) == 2


def of_somebody_else(town: Town, *, address: str = "203.0.113.9") -> Choice:
    """Tick the same bills on another device."""
    return all_of(town, TradeKind.H5, address=address)


async def order_states(town: Town) -> dict[str, str]:
    rows = select(payment_orders.c.order_no, payment_orders.c.state)
    return {
        row.order_no: row.state for row in await town.db.read(lambda tx: tx.execute(rows).all())
    }


async def test_b02_opened_on_another_device_the_older_order_is_closed_at_the_platform(
    town: Town, checkout: Checkout
):
    token = town.token(town.first)
    older = await checkout.start(token, all_of(town))

    newer = await checkout.start(town.paper_token(town.first), of_somebody_else(town))

    assert newer.step is Step.PAYING
    assert town.till.closed == {older.order_no}
    assert await order_states(town) == {older.order_no: "closed", newer.order_no: "open"}


async def test_b02_a_choice_that_shares_one_bill_closes_the_other(town: Town, checkout: Checkout):
    token = town.token(town.first)
    everything = await checkout.start(token, all_of(town))
    one_bill = Ticked(town.first.bill_ids[0], town.first.open_fen[0])
    other_flat = Ticked(town.second.bill_ids[0], town.second.open_fen[0])
    next_door = Choice((other_flat,), "wechat_pay", TradeKind.NATIVE)
    neighbour = await checkout.start(town.token(town.second), next_door)

    await checkout.start(token, Choice((one_bill,), "wechat_pay", TradeKind.NATIVE))

    assert town.till.closed == {everything.order_no}
    assert (await order_states(town))[neighbour.order_no] == "open"


async def test_b02_where_the_older_one_was_paid_it_is_settled_and_the_new_one_refused(
    town: Town, checkout: Checkout
):
    older = await checkout.start(town.token(town.first), all_of(town))
    town.till.pay(older.order_no)

    with pytest.raises(BillAlreadyPaid):
        await checkout.start(town.paper_token(town.first), of_somebody_else(town))

    assert await order_states(town) == {older.order_no: "paid"}
    assert list(town.till.asks) == [older.order_no]
    assert (await checkout.open_page(town.token(town.first))).bills == ()


@pytest.mark.parametrize("trouble", ["is_away", "loses_closes", "shrugs"])
async def test_b02_a_platform_that_does_not_end_the_older_one_keeps_nobody_from_paying(
    town: Town, checkout: Checkout, trouble: str
):
    older = await checkout.start(town.token(town.first), all_of(town))
    setattr(town.till, trouble, True)

    newer = await checkout.start(town.paper_token(town.first), of_somebody_else(town))

    assert newer.step is (Step.UNAVAILABLE if trouble == "is_away" else Step.PAYING)
    assert await order_states(town) == {older.order_no: "open", newer.order_no: "open"}


async def test_b02_a_platform_that_hangs_is_not_waited_for_without_end(
    town: Town, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
):
    await checkout.start(town.token(town.first), all_of(town))
    monkeypatch.setattr(asking, "END_SECONDS", 0.01)

    async def hang(order_no: str, asked_at: datetime) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(town.till, "close", hang)

    newer = await checkout.start(town.paper_token(town.first), of_somebody_else(town))

    assert newer.step is Step.PAYING
    assert sorted((await order_states(town)).values()) == ["open", "open"]


async def test_b02_an_order_overtaken_while_the_platform_was_asked_is_taken_back(
    town: Town, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
):
    """The books are open to others while a platform is asked: no transaction is held."""
    create, others = town.till.create, []

    async def be_slow(ask: PaymentAsk) -> Collection:
        monkeypatch.setattr(town.till, "create", create)
        choice = of_somebody_else(town)
        others.append(await checkout.start(town.paper_token(town.first), choice))
        return await create(ask)

    monkeypatch.setattr(town.till, "create", be_slow)

    slow = await checkout.start(town.token(town.first), all_of(town))

    assert slow.step is Step.REFUSED
    assert town.till.closed == {slow.order_no}
    assert await order_states(town) == {slow.order_no: "closed", others[0].order_no: "open"}


async def test_a_refusal_for_good_ends_the_order(town: Town, checkout: Checkout):
    token = town.token(town.first)
    town.till.refusal = OrderRefused("APPID_MCHID_NOT_MATCH")

    started = await checkout.start(token, all_of(town))

    assert started.step is Step.REFUSED
    _, order = await checkout.look(token, started.order_no)
    assert order.state is OrderState.FAILED


async def test_a_lost_notice_is_made_up_for_by_asking(town: Town, checkout: Checkout):
    token = town.token(town.first)
    started = await checkout.start(token, all_of(town))
    town.till.pay(started.order_no)

    _, young = await checkout.look(token, started.order_no)
    town.clock.advance(seconds=3)
    _, older = await checkout.look(token, started.order_no)

    assert (young.state, older.state) == (OrderState.OPEN, OrderState.PAID)
    assert older.payment_id is not None


async def test_a_platform_that_is_away_while_we_look_changes_nothing(
    town: Town, checkout: Checkout
):
    token = town.token(town.first)
    started = await checkout.start(token, all_of(town))
    town.till.is_away = True
    town.clock.advance(minutes=1)

    _, order = await checkout.look(token, started.order_no)

    assert order.state is OrderState.OPEN


async def test_bills_of_others_and_orders_of_others_are_unknown(town: Town, checkout: Checkout):
    foreign = Choice((Ticked(town.second.bill_ids[0], 30000),), "wechat_pay", TradeKind.NATIVE)
    with pytest.raises(UnknownBill):
        await checkout.start(town.token(town.first), foreign)

    started = await checkout.start(town.token(town.first), all_of(town))
    with pytest.raises(UnknownOrder):
        await checkout.look(town.token(town.second), started.order_no)


async def test_a_closed_collection_is_shown_and_takes_nothing(town: Town, checkout: Checkout):
    closed = {
        "community_id": town.community_id,
        "effective_on": TODAY,
        "collection_closed": "年底对账",
    }
    await town.change(policies.insert().values(closed))
    token = town.token(town.first)

    view = await checkout.open_page(token)
    with pytest.raises(CollectionClosed):
        await checkout.start(token, all_of(town))

    assert view.closed_reason == "年底对账"
    assert town.till.asks == {}


async def test_a_link_opens_until_its_last_day(town: Town, checkout: Checkout):
    token = town.token(town.first, days=1)
    town.clock.advance(days=1)
    assert (await checkout.open_page(token)).total_fen == 54441

    town.clock.advance(days=1)
    with pytest.raises(LinkExpired):
        await checkout.open_page(token)


def test_the_watch_lets_each_order_be_asked_about_in_its_turn():
    watch = Watch()

    assert watch.may_ask("A", NOW)
    assert not watch.may_ask("A", NOW + ASK_EVERY - timedelta(seconds=1))
    assert watch.may_ask("B", NOW)
    assert watch.may_ask("A", NOW + ASK_EVERY)


def test_the_watch_forgets_the_oldest():
    watch = Watch()
    for number in range(10_001):
        watch.may_ask(str(number), NOW)

    assert watch.may_ask("0", NOW)
    assert not watch.may_ask("10000", NOW)
