"""Who speaks, what is meant, what is remembered, and what never happens by mistake."""

import asyncio
import json
import logging
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from handlers import memory, pace
from handlers.router import Router
from handlers.turn import Intent, Memory, Turn
from handlers.understanding import examples
from handlers.understanding.recogniser import INTENT_NAMES
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.kinds import StaffRole
from storage.models.messages import conversations, outbox
from storage.models.payments import refunds
from storage.models.people import bindings, identities
from storage.ports.chat import IncomingKind, OutgoingMessage
from storage.queries.residents import find_person
from tests import factories
from tests.handlers import situations as on


def count(table):
    return lambda tx: tx.execute(select(func.count()).select_from(table)).scalar_one()


class CountingDoors(Database):
    """A database that writes down which door was used."""

    def __init__(self, inner: Database) -> None:
        self.inner, self.url = inner, inner.url
        self.used: list[tuple[str, str]] = []

    async def write(self, operation, *args, **kwargs):
        self.used.append(("write", operation.__name__))
        return await self.inner.write(operation, *args, **kwargs)

    async def jot(self, operation, *args, **kwargs):
        self.used.append(("jot", operation.__name__))
        return await self.inner.jot(operation, *args, **kwargs)

    def note(self, operation, *args, **kwargs):
        self.used.append(("note", operation.__name__))
        return self.inner.note(operation, *args, **kwargs)

    async def read(self, query, *args, **kwargs):
        self.used.append(("read", query.__name__))
        return await self.inner.read(query, *args, **kwargs)


def with_doors(talk, db):
    doors = CountingDoors(db)
    talk.deps = replace(talk.deps, db=doors)
    talk.router = Router(talk.deps, [*talk.router._intents.values()], ())
    return doors


async def test_asking_for_the_bill_again_goes_to_the_books_once_and_changes_nothing(db, talk):
    li = talk(await db.write(on.owing))
    await li.say("账单")
    doors = with_doors(li, db)

    await li.say("账单")

    assert doors.used == [("write", "accept")]


async def test_asking_for_the_bill_first_notes_the_topic_and_waits_for_nothing_more(db, talk):
    li = talk(await db.write(on.owing))
    doors = with_doors(li, db)

    await li.say("账单")

    assert doors.used == [("write", "accept"), ("note", "remember")]


async def test_what_was_foreseen_for_another_flat_is_not_shown_for_this_one(db, talk):
    li = talk(await db.write(on.two_flats))
    await li.say("账单", "1")
    doors = with_doors(li, db)

    first, other = await li.say("账单"), await li.say("3-2-1202账单")

    assert first.splitlines()[0] != other.splitlines()[0]
    assert "1202" in other.splitlines()[0]
    assert ("read", "open_bills") in doors.used


async def test_staff_words_from_a_resident_are_words_like_any_others(db, talk):
    async def approve(turn: Turn, deps):
        return OutgoingMessage("approve", "同意了")

    staff_intent = Intent("approve", approve, said_as=("批准",))
    li = talk(await db.write(on.owing))
    li.router = Router(li.deps, [*li.router._intents.values()], (staff_intent,))
    chen = talk("o-chen")
    chen.router = li.router

    assert "帮不上忙" in await li.say("批准 T261123000001")
    assert await chen.say("批准 T261123000001") == "同意了"


async def test_what_staff_was_asked_a_resident_cannot_answer(db, talk):
    async def never(turn: Turn, deps):
        raise AssertionError("a resident reached a staff intent")

    li = talk(await db.write(on.owing))
    staff_intent = Intent("broadcast", never, never, said_as=("群发",))
    li.router = Router(li.deps, [*li.router._intents.values()], (staff_intent,))
    person = await db.read(find_person, factories.ACCOUNT, "o-li", now=factories.NOW)
    kept = json.dumps({"expecting": "broadcast"})
    await db.write(
        lambda tx: tx.execute(
            conversations.insert().values(
                identity_id=person.identity_id, memory=kept, updated_at=factories.NOW
            )
        )
    )

    assert "待缴账单" in await li.say("账单")


async def test_a_flood_is_dropped_in_silence_and_others_are_answered(db, talk):
    li, wang = talk(await db.write(on.owing)), talk("o-wang")
    wang.router = li.router

    replies = [await li.hear("你好") for _ in range(pace.MESSAGES + 3)]

    assert replies[-4] is not None
    assert replies[-3:] == [None, None, None]
    assert await wang.hear("你好") is not None
    li.clock.advance(timedelta(minutes=1))
    assert await li.hear("你好") is not None


async def test_a_fault_of_ours_is_an_apology_with_a_number_that_the_log_knows(db, talk, caplog):
    async def broken(turn: Turn, deps):
        turn.memory.ask("unpaid", half="done")
        raise ZeroDivisionError

    li = talk(await db.write(on.owing))
    li.router = Router(li.deps, [*li.router._intents.values(), Intent("unpaid", broken)], ())

    with caplog.at_level(logging.ERROR):
        said = await li.say("账单")

    (entry,) = [one for one in caplog.records if one.message == "turn.failed"]
    assert entry.trace in said
    assert len(entry.trace) == 8
    assert "ZeroDivision" not in said
    assert "李" not in caplog.text
    assert await db.read(count(conversations)) == 0


async def test_a_memory_that_cannot_be_kept_takes_no_answer_away(db, talk, caplog):
    li = talk(await db.write(on.owing))
    doors = with_doors(li, db)

    def full(tx):
        raise StorageUnavailable("full")

    doors.note = lambda operation, *args, **kwargs: doors.inner.note(full)

    assert "待缴账单" in await li.say("账单")
    await db.jot(lambda tx: None)
    heard = [one.message for one in caplog.records if one.name == "handlers.router"]
    assert heard == ["turn.not_remembered"]


async def test_a_clear_new_wish_breaks_off_what_is_under_way(db, talk):
    li = talk(await db.write(on.paid))
    await li.say("我要退款", "1")

    told = await li.say("物业电话", "确认")

    assert "没有等您确认的事" in told
    assert await db.read(count(refunds)) == 0


@pytest.mark.parametrize("words", ["算了", "取消", "不退了", "不用了"])
async def test_a_no_ends_what_is_under_way_and_changes_nothing(db, talk, words):
    li = talk(await db.write(on.paid))
    await li.say("我要退款", "1")

    told = await li.say(words)

    assert "已取消" in told
    assert "没有等您确认的事" in await li.say("确认")
    assert await db.read(count(refunds)) == 0


@pytest.mark.parametrize(
    "words", ["确认吗？", "什么意思", "好像不对", "嗯？", "6666", "不确认", "先不", "😀", "‮确认‮x"]
)
async def test_only_a_plain_yes_asks_money_back(db, talk, words):
    li = talk(await db.write(on.paid))
    await li.say("我要退款", "1")

    await li.say(words)

    assert await db.read(count(refunds)) == 0


async def test_a_yes_heard_twice_at_once_is_one_refund(db, talk):
    li = talk(await db.write(on.paid))
    await li.say("我要退款", "1")
    person = await db.read(find_person, factories.ACCOUNT, "o-li", now=factories.NOW)
    message = li.said[-1]
    assert message[1] is not None

    said = [incoming(f"m{number}", "确认") for number in range(2)]
    await asyncio.gather(*(li.router.answer(person, one, now=factories.NOW) for one in said))

    assert await db.read(count(refunds)) == 1


def incoming(key, text, kind=IncomingKind.TEXT):
    return factories.incoming("o-li", text, key=key, kind=kind)


async def test_what_the_talk_was_about_is_forgotten_after_half_an_hour(db, talk):
    li = talk(await db.write(on.paid))
    await li.say("我要退款", "1")

    li.clock.advance(timedelta(minutes=31))
    told = await li.say("确认")

    assert "没有等您确认的事" in told
    assert await db.read(count(refunds)) == 0


async def test_two_misses_where_nobody_is_there_offer_a_human_and_an_understood_word_begins_anew(
    db, talk
):
    li = talk(await db.write(on.paid))

    assert "人工" in (await li.say("七上八下", "乱七八糟")).splitlines()[0]
    await li.say("账单")
    assert "人工" not in (await li.say("七上八下")).splitlines()[0]


@pytest.mark.parametrize("before", ["账单", "一起交了", "什么时候到期", "10月明细", "缴费"])
@pytest.mark.parametrize(
    ("said", "month"), [("第二笔", "11月"), ("第一笔", "10月"), ("第二笔怎么算的", "11月")]
)
async def test_the_nth_bill_is_that_bill_and_not_the_menus_nth_entry(db, talk, before, said, month):
    li = talk(await db.write(on.owing))

    told = await li.say("账单", before, said)

    assert told.splitlines()[:2] == [
        "3栋2单元1201 账单明细",
        f"2026年{month} 物业费 250.60元（待缴，应缴日{month}25日）",
    ]


async def test_a_step_of_a_price_is_no_bill_of_the_list(db, talk):
    li = talk(await db.write(on.owing))

    told = await li.say("账单", "11月明细", "第一阶梯为什么这么多")

    assert "2026年10月" not in told


async def test_a_bare_number_picks_from_the_menu_after_bills_too(db, talk):
    li = talk(await db.write(on.owing))

    assert "合计 501.20元，" in await li.say("账单", "一起交了", "1")


@pytest.mark.parametrize(
    "kind",
    [IncomingKind.UNFOLLOW, IncomingKind.VIEW, IncomingKind.DELIVERY, IncomingKind.CREDIT],
)
async def test_what_asks_nothing_is_not_answered(db, talk, kind):
    li = talk(await db.write(on.owing))

    assert await li.hear("x", kind) is None


async def test_a_human_hears_of_a_handover_once_and_of_what_is_said_then(db, talk):
    li = talk(await db.write(on.owing))

    await li.say("人工")
    assert "已转告管家" in await li.say("人工")

    rows = await db.read(lambda tx: tx.execute(select(outbox)).all())
    assert [(row.event, row.recipient) for row in rows] == [("StaffTask", "o-chen")] * 2
    assert ["handover_said" in row.facts for row in rows] == [False, True]
    assert "3栋2单元1201" in rows[0].facts


async def test_a_staff_member_who_left_hears_nothing(db, talk):
    def nobody(tx):
        world = factories.build(tx)
        factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
        factories.add_staff(tx, world.community_id, "财", StaffRole.CASHIER, "o-cash")
        return "o-li"

    li = talk(await db.write(nobody))

    assert "没有转过去" in await li.say("人工")
    assert await db.read(count(outbox)) == 0


async def test_a_chosen_flat_is_remembered(db, talk):
    li = talk(await db.write(on.two_flats))

    await li.say("我的房屋", "2")
    li.clock.advance(timedelta(days=1))

    assert "3栋2单元1202 待缴账单" in await li.say("账单")


async def test_muting_is_kept_and_undone(db, talk):
    li = talk(await db.write(on.owing))
    await li.say("关闭缴费提醒")
    muted = lambda tx: tx.execute(  # noqa: E731
        select(identities.c.muted).where(identities.c.openid == "o-li")
    ).scalar_one()
    assert await db.read(muted) == "reminders"

    await li.say("打开提醒")

    assert await db.read(muted) == ""


async def test_unbinding_needs_a_yes(db, talk):
    li = talk(await db.write(on.owing))

    await li.say("解绑", "嗯？", "解绑吗？")
    states = lambda tx: list(tx.execute(select(bindings.c.state)).scalars())  # noqa: E731
    assert await db.read(states) == ["active"]

    await li.say("结束人工", "解绑", "确认")
    assert await db.read(states) == ["removed"]
    assert "还没有绑定" in await li.say("账单")


def test_a_memory_is_the_same_after_it_was_kept():
    kept = Memory("bind", "unpaid", {"unit": "3-2-1201", "choices": ["申请"]}, 1)

    assert memory.recall(memory.text_of(kept)) == kept
    assert memory.text_of(Memory()) == "{}"
    assert memory.recall("{}") == Memory()


@pytest.mark.parametrize(
    "situation", [on.stranger, on.owing, on.two_flats, on.paid_twice, on.tenant, on.needs_code]
)
async def test_no_talk_ends_in_a_fault(scene, situation, caplog):
    sayings = [text for _, text in examples.load(INTENT_NAMES)]
    chance = random.Random(20261123)
    odd = ["", " ", "0", "第99个", "999999999元", "😀", "{x}", "%s", "a" * 500, "\x00", "1", "2"]

    async with scene(situation) as talk:
        for text in chance.sample(sayings, 150) + odd * 3:
            if "确认" in text:
                continue
            reply = await talk.hear(text)
            talk.clock.advance(timedelta(seconds=3))
            if reply is None:
                assert "又由我来回答" in await talk.say("结束人工")
                continue
            assert reply.text
            assert reply.kind != "fault", (text, caplog.text[-800:])
            assert len((reply.text + reply.url).encode()) < 2048, text
