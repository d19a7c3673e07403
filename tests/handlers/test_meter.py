"""Readings in chat: what is written in the books, the pictures, and that no money moves."""

import pytest
from sqlalchemy import select

from handlers.readings import number_said
from storage.database import Database
from storage.models.ledger import postings
from storage.models.meters import readings
from storage.ports.chat import IncomingKind
from tests.handlers import situations as on

UNREADABLE = "图片收到了，不过我看不懂图片"


@pytest.fixture
async def li(db: Database, talk):
    """Give Ms Li's talk; her flat has a water meter that showed 1120 a month ago."""
    return talk(await db.write(on.metered))


async def newest(db: Database):
    """Return the reading that was written last."""
    rows = await db.read(lambda tx: tx.execute(select(readings).order_by(readings.c.id)).all())
    return rows[-1]


async def test_a_reading_in_one_message_is_in_the_books_and_no_money_has_moved(db, li):
    before = await db.read(lambda tx: tx.execute(select(postings)).all())

    await li.say("水表 1134.5")

    row = await newest(db)
    assert (row.value_e3, row.state, f"{row.read_on}") == (1_134_500, "accepted", "2026-11-23")
    assert row.identity_id is not None
    assert await db.read(lambda tx: tx.execute(select(postings)).all()) == before


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("水表 -5", "-5"),
        ("水表 负5", "-5"),
        ("水表读数１０００００００００００００", "10000000000000"),
        ("水表读数是NaN", "NaN"),
        ("水表 1134.5678", "1134.5678"),
        ("水表 123456", "123456"),
    ],
)
async def test_what_no_dial_shows_is_refused_by_its_name_and_asked_again(db, li, said, named):
    known = (await newest(db)).id

    assert f"“{named}”" in await li.say(said)
    assert (await newest(db)).id == known
    assert "已登记" in await li.say("1134")


async def test_a_picture_before_the_number_is_kept_beside_it(db, li):
    await li.say("报水表读数")
    photo = await li.hear("", IncomingKind.IMAGE)
    await li.say("1134")

    assert photo.text.startswith("照片收到了，会和读数放在一起")
    assert (await newest(db)).photo == "media-1"


async def test_a_picture_after_the_number_is_kept_beside_it(db, li):
    await li.say("水表 1134")
    photo = await li.hear("", IncomingKind.IMAGE)

    assert photo.text.startswith("照片收到了，和刚才的读数放在一起")
    assert (await newest(db)).photo == "media-1"


async def test_a_picture_while_an_odd_reading_waits_is_kept_and_the_question_stays(db, li):
    await li.say("水表 1220")
    photo = await li.hear("", IncomingKind.IMAGE)
    told = await li.say("确认")

    row = await newest(db)
    assert "请回复一下" in photo.text
    assert "已登记" in told
    assert (row.photo, row.state) == ("media-1", "accepted")


async def test_a_picture_of_an_odd_reading_goes_with_the_number_that_takes_its_place(db, li):
    await li.say("水表 1220")
    await li.hear("", IncomingKind.IMAGE)
    await li.say("1134")

    row = await newest(db)
    assert (row.value_e3, row.photo) == (1_134_000, "media-1")


async def test_other_pictures_keep_their_answer(db, li):
    assert UNREADABLE in (await li.hear("", IncomingKind.IMAGE)).text
    await li.say("水表 1134", "账单")

    assert UNREADABLE in (await li.hear("", IncomingKind.IMAGE)).text
    assert (await newest(db)).photo == ""


async def test_an_odd_reading_counts_for_nothing_until_she_answers(db, li):
    await li.say("水表 1220")
    assert (await newest(db)).state == "asked"

    await li.say("算了")

    assert (await newest(db)).state == "asked"
    assert "已登记" in await li.say("水表 1134")
    rows = await db.read(lambda tx: tx.execute(select(readings.c.state)).scalars().all())
    assert list(rows).count("asked") == 0, "the same day's other number is forgotten"


async def test_a_question_about_meters_is_no_reading(db, li):
    known = (await newest(db)).id

    told = await li.say("水表一个月抄2次吗")

    assert "请发现在表上的数字" in told
    assert (await newest(db)).id == known


async def test_without_digits_a_turn_is_left_to_staff(db, talk):
    li = talk(await db.write(on.metered_near_the_end))
    await db.write(lambda tx: tx.exec_driver_sql("UPDATE meters SET digits = NULL"))

    told = await li.say("水表 3", "转了一圈")

    assert "没有登记有几位数" in told
    assert (await newest(db)).state == "asked"


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("水表 1134.5", "1134.5"),
        ("水表读数是 1,134", "1134"),
        ("水表走到1134吨了", "1134"),
        ("3栋2单元1201 水表 1134", "1134"),
        ("11月水表 1134", "1134"),
        ("水表一千一百三十四", "1134"),
        ("-5", "-5"),
        ("1e12", "1E+12"),
        ("水表 nan", "NaN"),
        ("水表怎么报", None),
        ("水表3天没走了", None),
        ("15号抄表吗", None),
    ],
)
def test_the_number_that_is_meant_is_found(said: str, number: str | None):
    found = number_said(said)

    assert (None if found is None else str(found)) == number


async def test_naming_another_meter_in_between_turns_to_it(db, talk):
    li = talk(await db.write(on.metered_twice))

    told = await li.say("水表", "电表 510")

    assert "电表11月23日读数 510 已登记" in told


async def test_who_gave_the_flat_up_in_between_notes_nothing(db, li):
    known = (await newest(db)).id
    await li.say("报水表读数")
    await db.write(lambda tx: tx.exec_driver_sql("UPDATE bindings SET state = 'removed'"))

    assert "还没有绑定房屋" in await li.say("1134")
    assert (await newest(db)).id == known
