"""Stopped, killed while it is being set up, or started twice: what an operator then finds."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.altered import GO_ON, REACHED
from tests.faults.books import read_books
from tests.faults.conftest import BEGIN, PAYER, POSTGRESQL, SQLITE, Seeded
from tests.faults.process import START_SECONDS, eventually, free_port, staged
from tests.postgres import Postgres

pytestmark = pytest.mark.timeout(300)


def test_d35_a_notice_that_is_being_booked_at_sigterm_is_committed_and_answered(stage):
    bot = stage.start_bot(altered="waits_before_it_commits")
    order_no = stage.order(stage.openid(PAYER))

    with stage.meanwhile(lambda: stage.pay(order_no)):
        eventually((stage.bot_folder / REACHED).exists, within=30, what="the settlement")
        bot.ask_to_stop()
        (stage.bot_folder / GO_ON).touch()
        ended = bot.exit_code()

    books = read_books(stage)
    assert ended == 0
    assert stage.notices(order_no) in ([200], [204])
    assert books.payments_of(order_no) == 1
    assert books.differences == []


@pytest.fixture
def blank_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database without tables; "" for a file that is not there yet."""
    if engine == SQLITE:
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.empty()
    yield url
    server.drop(url)


@pytest.mark.parametrize(
    ("engine", "sight"),
    [
        (SQLITE, "wuyebot.db"),
        pytest.param(SQLITE, "spreadsheets", marks=pytest.mark.long),
        (SQLITE, "spreadsheets/*.xlsx"),
        pytest.param(POSTGRESQL, "spreadsheets", marks=pytest.mark.postgresql),
        pytest.param(POSTGRESQL, "spreadsheets/*.xlsx", marks=pytest.mark.postgresql),
    ],
    indirect=["engine"],
)
def test_a_demo_that_is_killed_while_it_seeds_starts_again_on_the_same_folder(
    seeded: Seeded, blank_url: str, tmp_path: Path, sight: str
):
    with staged(tmp_path, database_url=blank_url) as stage:
        stage.start_platforms(BEGIN)
        first = stage.begin_bot().program
        eventually(
            lambda: any(stage.bot_folder.glob(sight)), within=START_SECONDS, what="the seeding"
        )
        first.kill()
        stage.start_bot()
        facts, books = stage.facts, read_books(stage)

    with staged(seeded.folder) as untouched:
        expected = untouched.facts
    assert first.exit_code() == -signal.SIGKILL
    assert facts["residents"] == expected["residents"]
    assert facts["staff"] == expected["staff"]
    assert books.broken == []


@pytest.mark.parametrize("engine", [SQLITE], indirect=True)
def test_a_second_bot_on_the_same_books_refuses_and_says_why_while_the_first_goes_on(stage):
    stage.start_bot()
    facts = stage.facts

    second = stage.begin_bot(port=free_port()).program
    ended = second.exit_code(within=START_SECONDS)
    order_no = stage.order(stage.openid(PAYER))
    stage.pay(order_no)

    assert ended == 1
    assert "wuyebot.db" in second.said
    assert "Traceback" not in second.said
    assert stage.facts == facts
    assert read_books(stage).payments_of(order_no) == 1
