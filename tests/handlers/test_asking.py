"""Whoever asks where her money is has the platform asked at once, and reads what it says."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from handlers import registry
from handlers.router import Router
from storage.database import Database
from storage.models.bills import bills
from storage.models.payments import payment_orders, refunds
from storage.ports.payments import PaymentAsk, RefundAsk
from storage.queries.proofs import prove
from tests import factories
from tests.fakes import APP, MERCHANT, FakeGateway, FixedClock
from tests.handlers import situations
from tests.handlers.conftest import Talk

assert (MERCHANT, APP) == ("1900000001", "wx1"), "the factories' orders are of this merchant"


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(FixedClock(factories.NOW))


@pytest.fixture
def li(db: Database, talk, gateway: FakeGateway) -> Talk:
    """Give Ms Li's talk with a platform behind it."""
    one: Talk = talk("o-li")
    one.deps = replace(one.deps, gateways={"wechat_pay": gateway})
    one.router = Router(one.deps, registry.INTENTS, registry.STAFF_INTENTS)
    return one


async def begun(db: Database, gateway: FakeGateway) -> str:
    """Let Ms Li press pay; return the order's number, which the platform knows too."""
    await db.write(situations.paying)
    row = await db.read(lambda tx: tx.execute(select(payment_orders)).one())
    gateway.take_order(
        PaymentAsk(row.order_no, row.created_at, row.amount_fen, "", row.expires_at, row.kind)
    )
    order_no: str = row.order_no
    return order_no


async def open_fen(db: Database) -> list[int]:
    def read(tx: Connection) -> list[int]:
        return list(
            tx.execute(select(bills.c.amount_fen - bills.c.paid_fen).order_by(bills.c.id)).scalars()
        )

    return await db.read(read)


@pytest.mark.parametrize("said", ["我付了怎么还没显示", "钱付了没到账", "我交过了", "缴费成功了吗"])
async def test_a_payment_whose_notice_was_lost_is_settled_before_the_answer(
    db: Database, li: Talk, gateway: FakeGateway, said: str
):
    gateway.pay(await begun(db, gateway))

    answer = await li.say(said)

    assert "最近到账的缴费" in answer
    assert "250.60元 微信支付（10月物业费）" in answer
    assert "请不要重复付款" not in answer
    assert (await open_fen(db))[0] == 0
    assert await db.read(prove) == []


async def test_what_is_not_paid_is_said_as_the_platform_says_it(
    db: Database, li: Talk, gateway: FakeGateway
):
    await begun(db, gateway)

    answer = await li.say("缴费成功了吗")

    assert "刚问过微信支付，还没有付款" in answer
    assert (await open_fen(db))[0] == 25_060


async def test_a_platform_that_is_away_is_not_spoken_for(
    db: Database, li: Talk, gateway: FakeGateway
):
    gateway.pay(await begun(db, gateway))
    gateway.lost_answers = 1

    answer = await li.say("缴费成功了吗")

    assert "还没有收到微信支付的到账结果" in answer
    assert "请不要重复付款" in answer


async def test_what_somebody_paid_from_the_paper_bill_is_asked_about_too(
    db: Database, li: Talk, gateway: FakeGateway
):
    def paper(tx: Connection) -> None:
        tx.execute(payment_orders.update().values(identity_id=None))

    gateway.pay(await begun(db, gateway))
    await db.write(paper)

    assert "最近到账的缴费" in await li.say("我老公说他交了，你查查")


async def test_orders_of_others_are_not_asked_about(db: Database, li: Talk, gateway: FakeGateway):
    def of_next_door(tx: Connection) -> None:
        changes = {"unit_id": 2, "identity_id": factories.meet(tx, "o-wang")}
        tx.execute(payment_orders.update().values(changes))

    await begun(db, gateway)
    await db.write(of_next_door)

    await li.say("缴费成功了吗")

    assert gateway.calls == []


async def test_a_refund_that_has_arrived_is_said_to_have_arrived(
    db: Database, li: Talk, gateway: FakeGateway
):
    await db.write(situations.refunding("submitted"))
    row = await db.read(lambda tx: tx.execute(select(refunds)).one())
    order = await db.read(lambda tx: tx.execute(select(payment_orders)).one())
    gateway.take_order(
        PaymentAsk(
            order.order_no, order.created_at, order.amount_fen, "", order.expires_at, order.kind
        )
    )
    gateway.pay(order.order_no)
    gateway.take_refund(
        RefundAsk(row.refund_no, row.order_no, row.requested_at, row.amount_fen, 50_120, "")
    )

    before = await li.say("退款还没到账")
    gateway.end_refund(row.refund_no)
    after = await li.say("退款还没到账")

    assert "还没有到账" in before
    assert "钱已退回原来的付款账户" in after
    assert sum(await open_fen(db)) == 25_060 + 99_900
    assert await db.read(prove) == []


async def test_a_refund_that_nobody_has_sent_yet_is_not_asked_about(
    db: Database, li: Talk, gateway: FakeGateway
):
    await db.write(situations.refunding("approved"))

    await li.say("退款进度")

    assert gateway.calls == []
