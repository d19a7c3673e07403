"""A community's own words reach its residents, and never stand in the way of money."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from handlers import faq, own_words
from handlers.faq import LINE, NEVER, best_match, line_for
from storage.kinds import OwnText, StaffRole
from storage.models.owners_words import faqs
from storage.operations.own_words import FaqDraft, write_faq, write_text
from storage.periods import shanghai_day
from storage.queries.faqs import faqs_of
from storage.queries.residents import Contact, Staff
from storage.rules.duty import Duty
from tests import factories
from tests.factories import NOW
from tests.handlers import situations as on

TODAY = shanghai_day(NOW)
OFFICE = Contact("翡翠湾", "安心物业", "0571-88886666", "1栋一楼大厅", Duty())
HOSTS = frozenset({"wuye.example", "hangzhou.gov.cn"})
ENTRIES = {
    "泳池每天开放。": ("游泳池几点开放", "泳池开到几点"),
    "门禁卡到{地址}补办，{上班时间}，电话 {电话}。": ("门禁卡丢了怎么补", "门禁卡怎么办"),
    "装修先办手续。": ("装修要办什么手续", "周末能装修吗"),
    "快递柜在北门。": ("快递柜在哪里", "快递放哪儿了"),
}


def knowing(recogniser, situation=on.owing, entries=ENTRIES):
    """Return a situation in which the community has its own answers."""

    def set_up(tx):
        openid = situation(tx)
        by = Staff(7, "周", StaffRole.MANAGER, (1,))
        for answer, phrasings in entries.items():
            said = tuple((one, recogniser.understand(one, today=TODAY).normal) for one in phrasings)
            write_faq(tx, FaqDraft(said, answer, TODAY), community_id=1, by=by, now=NOW)
        return openid

    return set_up


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("游泳池几点开放？", "泳池每天开放。"),
        ("请问泳池几点开放", "泳池每天开放。"),
        ("门禁卡丢了咋补", "门禁卡到1栋一楼大厅补办，每天8:30到17:30，电话 0571-88886666。"),
        ("装修需要什么手续", "装修先办手续。"),
        ("快递柜在哪", "快递柜在北门。"),
    ],
)
async def test_a_question_of_the_community_is_answered_in_its_words(
    db, talk, recogniser, said, answer
):
    li = talk(await db.write(knowing(recogniser)))

    assert await li.say(said) == answer


@pytest.mark.parametrize("said", ["羽毛球场几点开放", "电梯卡丢了怎么补", "几点开放", "在哪里"])
async def test_what_is_only_asked_alike_is_not_answered(db, talk, recogniser, said):
    li = talk(await db.write(knowing(recogniser)))

    assert await li.say(said) not in {*ENTRIES}


async def test_an_own_answer_never_stands_in_the_way_of_money(db, talk, recogniser):
    money = {"不要交钱。": ("我要缴费", "缴费", "我要退款", "还欠多少钱", "我要交物业费")}
    li = talk(await db.write(knowing(recogniser, entries=money)))

    for said in next(iter(money.values())):
        assert await li.say(said) != "不要交钱。"
        await li.say("算了")


async def test_an_own_answer_ends_no_talk_that_is_under_way(db, talk, recogniser):
    li = talk(await db.write(knowing(recogniser)))
    await li.say("绑定")

    assert "泳池" not in await li.say("3-2-1202")


async def test_other_days_and_what_is_switched_off_are_silent(db, talk, recogniser):
    li = talk(await db.write(knowing(recogniser)))
    await db.write(lambda tx: tx.execute(update(faqs).values(is_enabled=0)))

    assert await li.say("快递柜在哪里") != "快递柜在北门。"


async def test_who_has_no_flat_yet_hears_the_only_community_but_not_one_of_two(
    db, talk, recogniser
):
    li = talk(await db.write(knowing(recogniser, situation=on.stranger)))
    assert await li.say("快递柜在哪里") == "快递柜在北门。"
    await db.write(factories.add_community, "海棠苑")

    assert await li.say("快递柜在哪里") != "快递柜在北门。"


async def test_an_answer_counts_as_understood(db, talk, recogniser):
    li = talk(await db.write(knowing(recogniser)))
    await li.say("七上八下", "快递柜在哪里")

    assert "转给管家" not in await li.say("乱七八糟")


async def test_no_sentence_of_ours_is_taken_for_a_question_of_the_community(db, recogniser):
    await db.write(knowing(recogniser))
    entries = await db.read(faqs_of, 1)
    sure = ("缴费", "我要退款", "账单", "上个月水费多少", "收据", "绑定房屋", "家里水管爆了")

    for said in sure:
        understood = recogniser.understand(said, today=TODAY)
        match = best_match(entries, understood.normal)
        assert match is not None
        assert match.likeness < min(line_for(understood), LINE)


def test_a_clear_wish_about_money_is_never_answered_by_an_entry(recogniser):
    for said in ("缴费", "我要退款", "还欠多少钱", "我要预存物业费"):
        assert line_for(recogniser.understand(said, today=TODAY)) == NEVER


async def test_what_residents_ask_is_not_kept_only_what_the_office_wrote(db, recogniser):
    await db.write(knowing(recogniser))
    entries = await db.read(faqs_of, 1)
    best_match(entries, "快递")
    kept = faq._known_looks.cache_info().currsize

    for nth in range(5):
        assert best_match(entries, f"快递柜在哪里呀第{nth}次问") is not None

    assert faq._known_looks.cache_info().currsize == kept > 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("电话 {手机}", "不认识“{手机}”"),
        ("电话 {电话", "花括号要成对"),
        ("", "没有写内容"),
        ("点 https://evil.example/x", "不在允许的网站里"),
        ("点 https://wuye.example@evil.example/", "不在允许的网站里"),
        ("点 https://wuye.example.evil.example", "不在允许的网站里"),
        ("点 https://wuye.example\\@evil.example/", "不在允许的网站里"),
        ("点 https://evil.example\\@wuye.example/", "不在允许的网站里"),
        ("点 HTTPS://EVIL.EXAMPLE", "不在允许的网站里"),
        ("点 ｈｔｔｐｓ：／／ｅｖｉｌ．ｅｘａｍｐｌｅ", "不在允许的网站里"),
        ("看 evil.com/x", "网址 evil.com"),
        ("看 https://wuye.example。evil.com", "网址 evil.com"),
        ("看 evil。com", "网址 evil.com"),
        ("看 weixin://dl/business", "不能写 weixin://"),
        ("<a href='https://wuye.example'>点</a>", "不能写网页代码"),
        ("泳池\u200b开了", "看不见的字符"),
        ("答" * 601, "太长"),
        ("{地址}" * 120, "太长"),
    ],
)
def test_what_residents_must_not_read_is_objected_to(text, why):
    assert any(why in one for one in own_words.objections(text, OFFICE, HOSTS))


@pytest.mark.parametrize(
    "text",
    [
        "泳池每天8.30到17.30开放。\n电话 {电话}",
        "看 https://wuye.example/pool 和 hangzhou.gov.cn",
        "费用见 https://hangzhou.gov.cn。",
    ],
)
def test_what_residents_may_read_is_not(text):
    assert own_words.objections(text, OFFICE, HOSTS) == []


def test_what_was_filled_in_is_not_filled_again():
    odd = Contact("{电话}", "", "1", "", Duty())

    assert own_words.fill("{小区} {电话} {别的}", odd) == "{电话} 1 {别的}"


async def test_a_greeting_more_phones_and_words_after_hours_are_the_communitys_own(db, talk):
    def set_up(tx):
        openid = on.owing(tx)
        by = Staff(7, "周", StaffRole.MANAGER, (1,))
        for kind, words in (
            (OwnText.GREETING, "{公司}为您服务。"),
            (OwnText.PHONES, "门岗=0571-1; 工程报修=0571-2"),
            (OwnText.OFF_DUTY, "夜里漏水请打门岗 0571-1。"),
        ):
            write_text(tx, kind, words, community_id=1, by=by, now=NOW)
        return openid

    li = talk(await db.write(set_up))
    greeted, told = await li.say("你好"), await li.say("物业电话")
    li.clock.advance(timedelta(hours=10))
    late = await li.say("人工")

    assert greeted.splitlines()[:2] == ["3栋2单元1201，您好！安心物业为您服务。", "可以回复序号："]
    assert "电话 0571-88886666\n门岗 0571-1\n工程报修 0571-2\n上班时间" in told
    assert "夜里漏水请打门岗 0571-1。" in late
