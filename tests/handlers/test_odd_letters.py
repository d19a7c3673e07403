"""Letters that look like others, that nobody sees, or that no database keeps, said in chat."""

import pytest
from sqlalchemy import select

from storage.models.messages import inbox
from storage.models.people import bindings
from storage.models.tickets import tickets
from tests.handlers import situations as on

ZERO_WIDTH, RTL, BOM, SOFT = "\u200b", "\u202e", "\ufeff", "\u00ad"


def bound(tx):
    return tx.execute(select(bindings.c.id)).all()


@pytest.mark.parametrize(
    "room", ["３－２－１２０１", "3栋2单元1201室", "三号楼二单元1201", "3–2—1201", "3 - 2 - 1201"]
)
async def test_m01_a_room_in_any_digits_is_the_same_room(db, talk, room):
    li = talk(await db.write(on.stranger))

    await li.say(f"绑定 {room} 李秀英 13800001234")

    assert len(await db.read(bound)) == 1


@pytest.mark.parametrize("hidden", [ZERO_WIDTH, BOM, SOFT, "\u2060"])
async def test_m02_what_nobody_sees_changes_no_command(db, talk, hidden):
    li = talk(await db.write(on.owing))

    assert await li.say(hidden.join("账单")) == await li.say("账单")


@pytest.mark.parametrize(
    "text",
    [
        "\x01\x02\x1b[31m",
        "\u2028账单\u2029",
        "\ufffe\uffff",
        "👨‍👩‍👧‍👦" * 200,
        "Z" + "\u0301" * 2000,
        "𠮷野家",
        RTL + "单账",
    ],
)
async def test_m05_letters_that_no_database_keeps_are_heard_without_a_fault(db, talk, text):
    li = talk(await db.write(on.owing))

    answer = await li.hear(text)
    after = await li.say("账单")

    assert answer is None or "编号" not in answer.text or "出错" not in answer.text
    assert "1201" in after
    assert len(await db.read(lambda tx: tx.execute(select(inbox.c.id)).all())) == 2


@pytest.mark.parametrize("odd", ["100%", "a_b", "back\\slash", 'it\'s "quoted"', "two\nlines"])
async def test_m06_signs_that_mean_something_elsewhere_are_kept_as_they_are(db, talk, odd):
    li = talk(await db.write(on.owing))

    await li.say(f"报修 3栋电梯 {odd} 坏了")
    await li.say("确认")
    kept = await db.read(lambda tx: tx.execute(select(tickets.c.said)).scalars().all())

    assert [one for one in kept if odd in one or odd.replace("\n", " ") in one]


@pytest.mark.parametrize("text", ["", "   ", "\u3000", "长" * 10_000])
async def test_m07_nothing_and_far_too_much_are_answered_or_left_in_peace(db, talk, text):
    li = talk(await db.write(on.owing))

    answer = await li.hear(text)

    assert answer is None or 0 < len(answer.text.encode()) <= 2048
    assert "1201" in await li.say("账单")
