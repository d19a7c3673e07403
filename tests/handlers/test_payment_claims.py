"""Who says that she has paid is believed enough to look: once, with her picture, to its end."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select

from handlers.intents.payment_status import says_paid
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.tickets import ticket_steps, tickets
from storage.ports.chat import IncomingKind
from storage.queries.holds import dunned_bills_of_unit
from tests import factories
from tests.factories import NOW, World

NUMBER = "G26110001"
TODAY = date(2026, 11, 23)


@pytest.fixture
async def world(db: Database) -> World:
    def set_up(tx: Connection) -> World:
        found = factories.build(tx)
        factories.add_binding(tx, "o-li", found.unit_id, found.li_id)
        factories.add_staff(tx, found.community_id, "小钱", StaffRole.CASHIER, "o-cash")
        return found

    return await db.write(set_up)


async def kept(db: Database, *columns) -> list[tuple]:
    asked = select(*columns).order_by(columns[0].table.c.id)
    return await db.read(lambda tx: [tuple(row) for row in tx.execute(asked)])


async def asked_for(db: Database, world: World, day: date = TODAY) -> int:
    return len(await db.read(dunned_bills_of_unit, world.unit_id, day))


async def test_a_claim_with_a_picture_after_it_is_one_task_that_the_cashier_ends_with_words(
    db, world, talk
):
    li, cashier = talk("o-li"), talk("o-cash")

    said = await li.say("我上周转账了")
    again = await li.say("我真的已经交了")
    picture = await li.hear("", IncomingKind.IMAGE)
    rests = await asked_for(db, world)
    story = await cashier.say(f"工单 {NUMBER}")
    await cashier.say(f"结单 {NUMBER} 银行没有这笔钱，请看看转到了哪里")

    assert NUMBER in said
    assert NUMBER in again
    assert NUMBER in picture.text
    assert "照片 1 张" in story
    assert await kept(db, tickets.c.kind, tickets.c.state) == [("payment", "closed")]
    assert await kept(db, ticket_steps.c.media_id) == [("",), ("media-1",), ("",)]
    assert (rests, await asked_for(db, world)) == (0, 2)


async def test_a_picture_after_the_question_whether_it_came_is_a_claim(db, world, talk):
    li = talk("o-li")

    await li.say("缴费成功了吗")
    before = await kept(db, tickets.c.kind)
    await li.hear("", IncomingKind.IMAGE)

    assert before == []
    assert await kept(db, tickets.c.kind) == [("payment",)]
    assert await kept(db, ticket_steps.c.media_id) == [("media-1",)]


async def test_a_picture_sent_some_minutes_before_the_word_goes_with_it_once(db, world, talk):
    li = talk("o-li")

    await li.hear("", IncomingKind.IMAGE)
    li.clock.advance(timedelta(minutes=5))
    said = await li.say("你好", "我转账了")
    await li.say("我真的已经交了")

    assert "截图收到了" in said
    assert await kept(db, tickets.c.kind) == [("payment",)]
    assert await kept(db, ticket_steps.c.media_id) == [("media-1",)]


@pytest.mark.parametrize(("minutes", "between"), [(5, "厨房水管漏水"), (16, "你好")])
async def test_a_picture_of_something_else_or_of_long_ago_is_no_payment(
    db, world, talk, minutes, between
):
    li = talk("o-li")

    await li.hear("", IncomingKind.IMAGE)
    li.clock.advance(timedelta(minutes=minutes))
    await li.say(between, "我转账了")

    claim = select(ticket_steps.c.media_id).join(tickets).where(tickets.c.kind == "payment")
    assert await db.read(lambda tx: list(tx.execute(claim).scalars())) == [""]


async def test_a_picture_half_an_hour_later_belongs_to_nothing(db, world, talk):
    li = talk("o-li")

    await li.say("我已经交了")
    li.clock.advance(timedelta(minutes=31))
    await li.hear("", IncomingKind.IMAGE)

    assert await kept(db, ticket_steps.c.media_id) == [("",)]


async def test_what_the_books_know_is_said_and_opens_nothing(db, world, talk):
    await db.write(lambda tx: factories.pay(tx, world.unit_id, (world.october_id,)))

    said = await talk("o-li").say("我已经交了")

    assert "最近到账的缴费" in said
    assert await kept(db, tickets.c.kind) == []
    assert await asked_for(db, world) == 1


async def test_who_paid_long_ago_and_says_she_paid_again_is_believed(db, world, talk):
    paid_at = NOW - timedelta(days=4)
    await db.write(
        lambda tx: factories.pay(tx, world.unit_id, (world.october_id,), paid_at=paid_at)
    )

    await talk("o-li").say("我已经交了")

    assert await kept(db, tickets.c.kind) == [("payment",)]


async def test_who_owes_nothing_is_told_what_came(db, world, talk):
    paid_at = NOW - timedelta(days=9)
    both = (world.october_id, world.november_id)
    await db.write(lambda tx: factories.pay(tx, world.unit_id, both, paid_at=paid_at))

    await talk("o-li").say("我已经交了")

    assert await kept(db, tickets.c.kind) == []


async def test_an_order_of_a_moment_ago_is_waited_for_before_anybody_looks(db, world, talk):
    li = talk("o-li")

    def begin(tx: Connection) -> None:
        identity_id = factories.meet(tx, "o-li")
        factories.begin_to_pay(
            tx, world.unit_id, (world.october_id,), identity_id=identity_id, at=NOW
        )

    await db.write(begin)
    await li.say("我已经交了")
    before = await kept(db, tickets.c.kind)
    li.clock.advance(timedelta(minutes=11))
    await li.say("我已经交了")

    assert before == []
    assert await kept(db, tickets.c.kind) == [("payment",)]


@pytest.mark.parametrize(
    "said",
    [
        *("我已经交了", "我转账了", "已付款", "我交过了", "钱打过去了", "我都交了怎么还催"),
        *("付款截图发你了", "昨天转账给你们了", "已缴费", "我已经付款", "微信转了500", "交完了"),
        *("早就付清了", "刚付过", "昨天在柜台缴的，已经交了", "I have paid"),
    ],
)
def test_these_say_that_she_has_paid(said):
    assert says_paid(said)


@pytest.mark.parametrize(
    "said",
    [
        *("缴费成功了吗", "我交了吗", "付款成功没有", "我还没交", "没付过", "怎么付", "钱到了没"),
        *("到账了吗", "是不是交过了", "我付了没有", "转账收到了没", "查一下我的付款状态"),
    ],
)
def test_these_only_ask(said):
    assert not says_paid(said)
