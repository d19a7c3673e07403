"""A person answers: the bot is silent to her meanwhile, and comes back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from storage.models.talks import talks
from storage.models.tickets import tickets
from storage.ports.chat import IncomingKind
from tests.handlers import situations as on


async def kept(db, *columns) -> list[tuple]:
    found: list[tuple] = await db.read(
        lambda tx: [tuple(row) for row in tx.execute(select(*columns))]
    )
    return found


async def test_the_bot_is_silent_until_staff_end_it_and_staff_words_from_a_resident_do_nothing(
    db, talk
):
    li, chen = talk(await db.write(on.owing)), talk("o-chen")
    await li.say("人工")
    await chen.say("回复 1 您好，请说")

    heard = [await li.hear(one) for one in ("缴费", "结束 1", "回复 1 喂", "5")]
    picture = await li.hear("", IncomingKind.IMAGE)
    listed = await chen.say("工单")
    sent = await chen.say("回复 1 您好，我来看看")
    ended = await chen.say("结束 1")

    assert heard == [None] * 4
    assert picture is None
    assert "人工 1 3栋2单元1201" in listed
    assert "已发给住户" in sent
    assert "已结束" in ended
    assert "合计" in await li.say("缴费")


async def test_until_somebody_answers_her_the_bot_answers_what_is_clear_and_passes_on_the_rest(
    db, talk
):
    li, chen = talk(await db.write(on.owing)), talk("o-chen")
    await li.say("人工")

    assert "合计" in await li.say("我欠多少")
    assert "您还没有报修" in await li.say("我的工单")
    assert "说简单点" in await li.say("老年模式")
    assert "告诉管家了" in await li.say("你们太过分了")
    assert "告诉管家了" in await li.say("还是上回和你们讲的那样子")
    assert "告诉管家了" in await li.say("回复 1 喂")
    await chen.say("回复 1 您好，我来看看")
    assert await li.hear("我欠多少") is None


async def test_danger_and_a_button_are_answered_while_a_person_talks(db, talk):
    li = talk(await db.write(on.owing))
    await li.say("人工")

    assert "119" in await li.say("家里着火了")
    assert await li.hear("MENU:unpaid", IncomingKind.CLICK) is not None


async def test_the_bot_comes_back_after_half_an_hour_of_silence_or_at_her_wish(db, talk):
    li, chen = talk(await db.write(on.owing)), talk("o-chen")
    await li.say("人工")
    await chen.say("回复 1 您好")
    assert await li.hear("账单") is None
    li.clock.advance(timedelta(minutes=31))
    assert "待缴账单" in await li.say("账单")
    await li.say("人工", "结束人工")

    assert "待缴账单" in await li.say("账单")


@pytest.mark.parametrize("said", [("人工",), ("你们太过分了，气死了",)])
async def test_out_of_duty_hours_the_question_becomes_a_ticket(db, talk, said):
    li = talk(await db.write(on.owing))
    li.clock.advance(timedelta(hours=10))

    told = await li.say(*said)

    assert "11月24日 08:30" in told
    assert await kept(db, talks.c.id) == []
    assert await kept(db, tickets.c.kind) == [("question",)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("人工",), "wish"),
        (("气死我了，什么破物业",), "anger"),
        (("七上八下", "乱七八糟"), "missed"),
    ],
)
async def test_why_she_was_handed_over_is_kept(db, talk, said, reason):
    li = talk(await db.write(on.owing))

    told = await li.say(*said)

    assert "转给管家" in told
    assert await kept(db, talks.c.reason) == [(reason,)]


async def test_a_staff_member_who_asked_for_a_person_is_not_locked_out_of_her_work(db, talk):
    await db.write(on.owing)
    chen = talk("o-chen")
    await chen.say("人工")

    assert "等着办" in await chen.say("工单")
