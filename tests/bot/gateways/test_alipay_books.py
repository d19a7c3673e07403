"""Alipay's word before the books: the four fields are compared, and money is booked once."""

import pytest
from sqlalchemy import Connection, func, select

from bot.gateways.alipay import Alipay
from handlers.deps import HandlerDeps
from handlers.understanding.recogniser import Recogniser
from handlers.webhooks.payments import Hearing, hear
from storage.audit import Actor
from storage.database import Database
from storage.kinds import OrderState, RefundStep
from storage.links import Links
from storage.models.operating import discrepancies
from storage.models.payments import payment_events, payment_orders, payments, refunds
from storage.operations.orders import (
    OpenOrder,
    OrderAsk,
    close_order,
    note_prepay,
    open_order,
)
from storage.operations.payments import note_last_answer
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.ports.payments import Collection, RefundFact, RefundState, TradeKind
from storage.queries.proofs import prove
from tests.bot.gateways.alipay_platform import APP_ID, SELLER_ID, notice
from tests.bot.gateways.conftest import StandingClock
from tests.factories import NOW, build


class Books:
    """Ours, with one order at Alipay in them, and the door that notices come through."""

    def __init__(self, db: Database, alipay: Alipay, opened: OpenOrder) -> None:
        self.db, self.alipay, self.opened = db, alipay, opened
        links = Links(b"a secret of the tests, 32 bytes+", "http://pay.test")
        self.clock = clock = StandingClock(NOW)
        self.deps = HandlerDeps(db, clock, links, {"alipay": alipay}, Recogniser())

    async def told(self, **changes: str) -> Hearing:
        yuan = f"{self.opened.amount_fen // 100}.{self.opened.amount_fen % 100:02d}"
        fields = {"total_amount": yuan, "gmt_payment": "2026-11-23 09:30:00", **changes}
        order_no = fields.pop("out_trade_no", self.opened.order_no)
        fact = self.alipay.read_webhook(notice(order_no, **fields), now=NOW)
        return await hear(fact, self.deps)

    async def counts(self) -> tuple[int, int]:
        """Payments, and differences for an operator."""

        def count(tx: Connection) -> tuple[int, int]:
            found = [
                tx.execute(select(func.count(table.c.id))).scalar_one()
                for table in (payments, discrepancies)
            ]
            return found[0], found[1]

        assert await self.db.read(prove) == []
        return await self.db.read(count)

    async def state(self) -> str:
        asked = select(payment_orders.c.state).where(
            payment_orders.c.order_no == self.opened.order_no
        )
        return await self.db.read(lambda tx: tx.execute(asked).scalar_one())


@pytest.fixture
async def books(db: Database, alipay: Alipay) -> Books:
    def opened(tx: Connection) -> OpenOrder:
        world = build(tx)
        ask = OrderAsk(
            unit_id=world.unit_id,
            bill_ids=(world.october_id,),
            gateway="alipay",
            kind=TradeKind.H5,
            merchant_id=SELLER_ID,
            app_id=APP_ID,
        )
        return open_order(tx, ask, now=NOW)

    return Books(db, alipay, await db.write(opened))


async def test_a01_a_notice_ten_times_is_one_payment(books: Books):
    for _ in range(10):
        assert await books.told() is Hearing.HEARD

    assert await books.counts() == (1, 0)


async def test_a04_money_for_a_closed_order_is_taken(books: Books):
    """A trade that had not begun cannot be closed there: its address lived on."""
    await books.db.write(close_order, books.opened.order_no)

    assert await books.told() is Hearing.HEARD

    assert await books.counts() == (1, 0)
    assert await books.state() == OrderState.PAID


async def test_a06_an_order_that_we_do_not_know_is_kept_and_asked_for_again(books: Books):
    assert await books.told(out_trade_no="P404") is Hearing.UNKNOWN

    assert await books.counts() == (0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"total_amount": "0.01"}, id="a07"),
        pytest.param({"trans_currency": "USD"}, id="a08"),
        pytest.param({"app_id": "2021003100000099"}, id="a10-app"),
        pytest.param({"seller_id": "2088000000000000"}, id="a10-seller"),
    ],
)
async def test_what_the_books_deny_is_booked_nowhere_and_shown_to_an_operator(
    books: Books, changes: dict[str, str]
):
    assert await books.told(**changes) is Hearing.HEARD

    assert await books.counts() == (0, 1)
    assert await books.state() == OrderState.OPEN


async def test_a15_a_notice_of_last_year_is_no_second_payment(books: Books):
    await books.told()
    books.clock.at = NOW.replace(year=NOW.year + 1)

    await books.told()

    assert await books.counts() == (1, 0)


async def test_a21_finished_after_success_and_closed_after_a_refund_book_nothing(books: Books):
    await books.told()

    assert await books.told(trade_status="TRADE_FINISHED", notify_id="2") is Hearing.HEARD
    refund = {"out_biz_no": "R404", "refund_fee": "1.00", "gmt_refund": "2026-11-23 09:50:00"}
    again = await books.told(trade_status="TRADE_SUCCESS", notify_id="3", **refund)
    closed = await books.told(trade_status="TRADE_CLOSED", notify_id="4", **refund)

    assert again is closed is Hearing.UNKNOWN
    assert (await books.counts())[0] == 1
    told = select(func.count(payment_events.c.id)).where(payment_events.c.outcome == "settled")
    assert await books.db.read(lambda tx: tx.execute(told).scalar_one()) == 1


async def test_a21_finished_may_be_the_first_that_we_hear(books: Books):
    assert await books.told(trade_status="TRADE_FINISHED") is Hearing.HEARD

    assert await books.counts() == (1, 0)


async def test_a03_a_notice_of_a_refund_has_it_asked_about_at_the_next_minute(books: Books):
    """Its sum is not told; the job that asks finds it due at once."""
    await books.told()

    def approved(tx: Connection) -> str:
        payment_id = tx.execute(select(payments.c.id)).scalar_one()
        asked = RefundAskedFor(payment_id, 100, "paid_too_much", "多缴", "k1")
        refund_no = request_refund(tx, asked, actor=Actor(), now=NOW).refund_no
        fact = RefundFact("alipay", refund_no, "", RefundState.PROCESSING, 100)
        note_refund(tx, fact, heard_at=NOW)
        return refund_no

    refund_no = await books.db.write(approved)
    refund = {"out_biz_no": refund_no, "refund_fee": "1.00", "gmt_refund": "2026-11-23 09:50:00"}

    assert await books.told(notify_id="9", **refund) is Hearing.HEARD

    row = await books.db.read(lambda tx: tx.execute(select(refunds)).one())
    assert (row.state, row.next_step_at) == (RefundStep.SUBMITTED, NOW)
    assert (await books.counts()) == (1, 0)


async def test_b16_an_order_whose_address_is_in_hand_ends_with_its_time_and_not_before(
    books: Books,
):
    """Nothing was begun that could be closed, and its payer may still open the cashier."""
    order_no = books.opened.order_no
    await books.db.write(note_prepay, order_no, Collection(pay_url="https://a.test/"), now=NOW)
    never_seen = await books.alipay.query(order_no, NOW)

    await books.db.write(note_last_answer, never_seen, heard_at=NOW)
    before = await books.state()
    await books.db.write(note_last_answer, never_seen, heard_at=books.opened.expires_at)

    assert (before, await books.state()) == (OrderState.OPEN, OrderState.CLOSED)
