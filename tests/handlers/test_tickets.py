"""Talks about tickets: what is said becomes true in the books, once, and only for her own."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from handlers.intents.repair import is_danger
from handlers.intents.tickets import speaks_of_them
from handlers.tickets import masked, stars_in, ticket_no
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.ratings import ratings
from storage.models.tickets import ticket_steps, tickets
from storage.ports.chat import IncomingKind
from tests import factories
from tests.factories import World

NUMBER = "G26110001"


@pytest.fixture
async def world(db: Database) -> World:
    def set_up(tx: Connection) -> World:
        found = factories.build(tx)
        factories.add_binding(tx, "o-li", found.unit_id, found.li_id)
        factories.add_binding(tx, "o-wang", found.next_door_id, found.wang_id)
        factories.add_staff(tx, found.community_id, "小陈", StaffRole.STEWARD, "o-chen")
        return found

    return await db.write(set_up)


async def kept(db: Database, *columns) -> list[tuple]:
    return await db.read(lambda tx: [tuple(row) for row in tx.execute(select(*columns))])


async def test_a_repair_said_in_two_messages_with_pictures_is_one_ticket_of_her_flat(
    db, world, talk
):
    li = talk("o-li")
    await li.say("报修")
    await li.hear("", IncomingKind.IMAGE)
    await li.say("厨房水管漏水")
    await li.hear("", IncomingKind.IMAGE)

    found = await kept(db, tickets.c.kind, tickets.c.unit_id, tickets.c.said, tickets.c.priority)
    assert found == [("repair", world.unit_id, "厨房水管漏水", "normal")]
    assert await kept(db, ticket_steps.c.act, ticket_steps.c.media_id) == [
        ("opened", "media-1"),
        ("pictured", "media-1"),
    ]


async def test_a_vague_word_and_a_given_up_question_open_nothing(db, world, talk):
    await talk("o-li").say("报修", "算了")
    await talk("o-wang").say("我要投诉", "取消")

    assert await kept(db, tickets.c.id) == []


async def test_danger_breaks_into_whatever_is_under_way_and_is_urgent(db, world, talk):
    li = talk("o-li")
    await li.say("账单不对")

    said = await li.say("家里燃气漏了")

    assert said.splitlines()[0].endswith("119。")
    assert await kept(db, tickets.c.kind, tickets.c.priority) == [("repair", "urgent")]


async def test_a_notice_that_speaks_of_danger_is_a_notice(db, world, talk):
    chen = talk("o-chen")
    said = await chen.say("群发", "昨天3栋楼道冒烟，请勿在楼道给电动车充电")

    assert "119" not in said
    assert await kept(db, tickets.c.id) == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("投诉保安", "complaint"),
        ("建议多装几个充电桩", "suggestion"),
        ("保安态度太差", "complaint"),
    ],
)
async def test_feedback_is_a_complaint_or_a_suggestion(db, world, talk, said, kind):
    await talk("o-li").say(said)

    assert await kept(db, tickets.c.kind, tickets.c.said) == [(kind, said)]


async def test_from_resident_to_steward_and_back_to_five_stars(db, world, talk):
    li, chen = talk("o-li"), talk("o-chen")
    await li.say("厨房水管漏水")
    await chen.say(f"接单 {NUMBER}", f"回复 {NUMBER} 师傅三点到", f"结单 {NUMBER} 水管已换好")

    await li.say("5")
    await li.say("5")

    assert await kept(db, tickets.c.state, tickets.c.outcome) == [("closed", "水管已换好")]
    assert await kept(db, ratings.c.stars, ratings.c.reference) == [(5, NUMBER)]


async def test_a_neighbour_neither_sees_nor_rates_it(db, world, talk):
    await talk("o-li").say("厨房水管漏水")
    wang = talk("o-wang")

    seen = await wang.say(f"工单 {NUMBER}")
    urged = await wang.say(f"催一下 {NUMBER}")
    await talk("o-chen").say(f"结单 {NUMBER} 好了")
    await wang.say("1分", f"没解决 {NUMBER}")

    assert "没有找到这件工单" in seen
    assert "没有找到这件工单" in urged
    assert await kept(db, ratings.c.stars) == [(None,)]
    assert await kept(db, tickets.c.state) == [("closed",)]


async def test_a_number_is_a_choice_again_once_she_saw_the_menu_or_was_asked_something(
    db, world, talk
):
    li = talk("o-li")
    await li.say("厨房水管漏水")
    await talk("o-chen").say(f"结单 {NUMBER} 好了")

    chosen = await li.say("帮助", "1")
    asked = await li.say("账单不对", "2")

    assert "待缴账单" in chosen
    assert "11月" in asked
    assert await kept(db, ratings.c.stars) == [(None,)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("MENU:help", IncomingKind.CLICK), ("", IncomingKind.FOLLOW)],
)
async def test_a_menu_by_a_button_or_a_welcome_makes_a_number_a_choice_too(
    db, world, talk, text, kind
):
    li = talk("o-li")
    await li.say("厨房水管漏水")
    await talk("o-chen").say(f"结单 {NUMBER} 好了")

    shown = await li.hear(text, kind)
    chosen = await li.say("1")

    assert shown is not None
    assert "1 " in shown.text
    assert "待缴账单" in chosen
    assert await kept(db, ratings.c.stars) == [(None,)]


async def test_a_menu_after_two_answers_that_were_not_understood_makes_a_number_a_choice(
    db, world, talk
):
    li = talk("o-li")
    await li.say("厨房水管漏水")
    await talk("o-chen").say(f"结单 {NUMBER} 好了")
    li.clock.advance(timedelta(hours=10))

    missed = await li.say("绑定 9-9-901", "?", "??", "???")
    chosen = await li.say("1")

    assert "回复序号" in missed
    assert "待缴账单" in chosen
    assert await kept(db, ratings.c.stars) == [(None,)]


async def test_a_disputes_ticket_closed_in_chat_lets_its_bill_be_asked_for_again(db, world, talk):
    li = talk("o-li")
    await li.say("10月物业费算错了", "确认")

    mine = await li.say("我的工单")
    said = await talk("o-chen").say(f"结单 {NUMBER} 面积没有错")

    assert "账单核对" in mine
    assert "恢复提醒" in said


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("5", (5, "")),
        ("５分", (5, "")),
        ("4 师傅很快", (4, "师傅很快")),
        ("3星，一般", (3, "一般")),
        ("0", None),
        ("6", None),
        ("51", None),
        ("3-2-1201", None),
        ("3栋", None),
        ("2个问题", None),
        ("1 2", None),
    ],
)
def test_only_one_to_five_alone_or_with_a_word_are_stars(said, read):
    assert stars_in(said) == read


@pytest.mark.parametrize(
    "said", ["着火了", "家里煤气味很大", "电梯困人了", "我被困在电梯里", "楼道冒烟", "漏煤气了"]
)
def test_danger_is_heard(said):
    assert is_danger(said)


@pytest.mark.parametrize(
    "said",
    [
        "燃气费多少",
        "电梯费怎么这么贵",
        "没有着火",
        "消防演习",
        "火灾怎么预防",
        "电梯坏了",
        "有燃气味吗",
    ],
)
def test_what_is_no_danger_rings_no_bell(said):
    assert not is_danger(said)


@pytest.mark.parametrize(
    "said",
    [
        *("我的工单", "工单", "报修到哪了", "我的报修怎么样了", "投诉有结果了吗", "修好了吗"),
        *("催一下", "帮我催一下师傅", "催一下 G26110001", "撤销工单", "不用修了"),
        *("没解决", "没解决，还在漏", "没修好 还是滴水", "重新处理"),
    ],
)
def test_words_about_ones_tickets_are_known(said):
    assert speaks_of_them(said)


@pytest.mark.parametrize(
    "said", ["报修", "投诉", "建议", "催缴", "催我缴费", "我要报修", "没解决的话我就不交物业费吗"]
)
def test_other_words_are_the_recognisers(said):
    assert not speaks_of_them(said)


def test_numbers_are_read_in_any_width_and_phones_are_hidden():
    assert ticket_no("接单 ｇ26110001") == NUMBER
    assert ticket_no("G1") == ""
    assert masked("打13800001234，房号3-2-1201") == "打138****1234，房号3-2-1201"
