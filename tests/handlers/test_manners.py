"""In which language and manner a person is answered, and for how long."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers import english
from handlers.english import LINE, MENU, is_english, language_after
from handlers.intents.plain_speech import speaks_of_it
from handlers.words import MENU as CHINESE_MENU
from storage.models.people import identities
from storage.ports.chat import IncomingKind
from tests import factories
from tests.handlers import situations as on
from tests.handlers.conftest import begin

ENGLISH_BILL = "2 unpaid bills, 501.20 yuan"


@pytest.mark.parametrize(
    "said",
    [
        *("How much do I owe?", "bill", "PAY", "human", "balance", "due date", "I'd like to pay"),
        *("hello", "refund 100", "Wo yao pay my bill", "receipt pls", "3-2-1201 my bill"),
    ],
)
def test_latin_words_are_english(said):
    assert is_english(said)


@pytest.mark.parametrize(
    "said",
    [
        *("zhangdan", "wo yao jiaofei", "WUYEFEI duoshao", "nihao", "tuikuan jindu", "rengong"),
        *("wyf duoshao", "shouju", "xian zai qian duo shao qian", "lv"),
        *("OK", "yes", "1", "3-2-1201", "G26110001", "😀", "", "{x}", "a" * 3000, "pay一下"),
    ],
)
def test_pinyin_numbers_and_what_everybody_says_is_not(said):
    assert not is_english(said)


def test_numbers_and_pictures_leave_the_language_as_it_was():
    said = {"1": "en", "我欠多少": "", "zhangdan": "en"}
    for text, after in said.items():
        assert language_after(factories.incoming("o", text, key="m"), "en") == after
    picture = factories.incoming("o", "", key="m", kind=IncomingKind.IMAGE)
    assert language_after(picture, "en") == "en"


def test_both_menus_have_as_many_entries():
    assert len(MENU) == len(CHINESE_MENU)


async def test_english_is_kept_until_she_writes_chinese(db, talk):
    li = talk(await db.write(on.owing))

    assert ENGLISH_BILL in await li.say("my bill")
    assert ENGLISH_BILL in await li.say("1")
    assert "待缴账单" in await li.say("账单")
    assert "待缴账单" in await li.say("1")


async def test_english_ends_with_the_talk(db, talk):
    li = talk(await db.write(on.owing))
    await li.say("my bill")

    li.clock.advance(timedelta(minutes=31))

    assert "待缴账单" in await li.say("1")


async def test_who_asks_in_english_is_told_things_in_english_until_she_writes_chinese(db, talk):
    li, chen = talk(await db.write(on.owing)), talk("o-chen")
    asked = select(identities.c.language).where(identities.c.openid.in_(("o-li", "o-chen")))
    told = []

    for said in ("hello", "my bill", "1", "账单", "thank you"):
        await li.say(said)
        await chen.say("my bill")
        li.clock.advance(timedelta(days=1))
        told.append(await db.read(lambda tx: "".join(tx.execute(asked).scalars())))

    assert told == ["", "en", "en", "", ""]


async def test_what_is_only_told_in_chinese_has_a_line_of_english(db, talk):
    li = talk(await db.write(on.owing))

    assert (await li.say("what are the rates per square meter")).endswith(LINE)
    assert LINE not in await li.say("收费标准")


async def test_pinyin_is_answered_in_chinese(db, talk):
    li = talk(await db.write(on.owing))

    assert "待缴账单" in await li.say("zhangdan")


async def test_staff_at_work_are_answered_in_chinese(db, talk):
    await db.write(on.owing)

    said = await talk("o-chen").say("help")

    assert "查账单" in said
    assert "My bills" not in said


async def plain(db, openid) -> bool:
    asked = select(identities.c.is_plain).where(identities.c.openid == openid)
    found: bool = await db.read(lambda tx: tx.execute(asked).scalar_one())
    return found


async def test_plain_speech_is_hers_alone_and_outlasts_talk_and_restart(db, talk, recogniser):
    li, chen = talk(await db.write(on.owing)), talk("o-chen")
    await li.say("老年模式", "老年模式")
    await chen.say("你好")

    assert (await plain(db, "o-li"), await plain(db, "o-chen")) == (True, False)
    li.clock.advance(timedelta(days=40, seconds=1))
    again = begin(db, recogniser, li.clock, "o-li")
    assert (await again.say("账单")).splitlines()[:2] == ["3栋2单元1201 要缴：", "501.20元"]

    await again.say("普通模式")

    assert not await plain(db, "o-li")
    assert "待缴账单" in await again.say("账单")


async def test_in_plain_speech_no_message_is_long_and_each_link_says_what_to_tap(db, talk):
    li = talk(await db.write(on.owing))
    await li.say("老年模式")

    for said in ("账单", "缴费", "什么时候到期"):
        reply = await li.hear(said)
        assert len(reply.text.splitlines()) <= 4
        assert all(len(line) <= 20 for line in reply.text.splitlines())
        assert "点下面蓝色的字" in reply.text
        assert reply.url


@pytest.mark.parametrize(
    "said",
    [
        *("老年模式", "打开老年模式", "字大一点", "把字调大一点", "字能不能大点", "说简单点"),
        *(
            "说得简单一点",
            "请说简单点。",
            "字太小了，看不清",
            "長輩模式",
            "普通模式",
            "退出老年模式",
        ),
    ],
)
def test_wishes_for_plain_or_usual_words_are_known(said):
    assert speaks_of_it(said)


@pytest.mark.parametrize(
    "said", ["账单", "老年活动室几点开", "字据", "简单说一下账单", "看不清账单"]
)
def test_other_wishes_are_not(said):
    assert not speaks_of_it(said)


def test_a_word_that_can_be_parted_in_a_thousand_ways_is_looked_through_once(monkeypatch):
    looked: list[str] = []

    class Counting:
        def fullmatch(self, word: str, at: int, stop: int) -> object:
            looked.append(word[at:stop])
            return syllable.fullmatch(word, at, stop)

    syllable = english._SYLLABLE
    monkeypatch.setattr(english, "_SYLLABLE", Counting())

    assert is_english("uai" * 7 + "uaq")
    assert not is_english("uai" * 8)
    assert 0 < len(looked) <= 2 * english.WORD_CHARS * english.SYLLABLE_CHARS
