"""Ratings of a month on the command line."""

import pytest

from bot.cli.main import main
from storage.database import open_database
from storage.operations.ratings import RatingAsk, expect_rating, rate
from storage.ticket_kinds import RatingTopic
from tests import factories
from tests.factories import NOW


@pytest.fixture
async def config(sqlite_url, tmp_path):
    """Books in which Ms Li gave two stars for a payment."""

    def set_up(tx) -> None:
        world = factories.build(tx)
        li = factories.meet(tx, "o-li")
        ask = RatingAsk(li, world.community_id, world.unit_id, RatingTopic.PAYMENT, "R1")
        rating_id = expect_rating(tx, ask, now=NOW)
        assert rating_id is not None
        rate(tx, rating_id, identity_id=li, stars=2, now=NOW)

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(f'{{"database_url": "{sqlite_url}"}}', encoding="utf-8")
    return place


def typed(config, capsys, *words: str) -> str:
    with pytest.raises(SystemExit):
        main(["contentment", "翡翠湾", "2026-11", *words, "--data", str(config)])
    said: str = capsys.readouterr().out
    return said


def test_a_month_is_printed_by_topic_and_a_building_with_one_answer_is_not(config, capsys):
    assert typed(config, capsys) == "缴费 2.0分，请了1人，1人打分，1人只给1到2分\n"
    assert typed(config, capsys, "--building", "3") == "没有可以显示的打分。\n"
