"""PostgreSQL is taken from under a bot that books a payment: the platform's book is the oracle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.altered import GO_ON, REACHED
from tests.faults.books import read_books
from tests.faults.conftest import PAYER, Seeded, seed
from tests.faults.process import Stage, eventually, staged
from tests.postgres import Postgres

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(300)]

HELD = 90
RECEIPT = "已收到"


@pytest.fixture
def mortal_stage(
    mortal_server: Postgres,
    postgres_server: Postgres,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Stage]:
    """Give a stage on a server that may be stopped, its platforms running and the bot not yet."""
    seeded: Seeded = (
        request.getfixturevalue("seeded_on_postgresql")
        if mortal_server is postgres_server
        else seed(tmp_path / "seed", mortal_server.empty())
    )
    url = mortal_server.copy(seeded.database_url)
    folder = tmp_path / "stage"
    folder.mkdir()
    with staged(folder, seeded.folder, url) as one:
        one.start_platforms()
        yield one
    mortal_server.drop(url)


@contextmanager
def booking(stage: Stage, order_no: str) -> Iterator[None]:
    """Hold the bot in the middle of booking a payment for the time of the block."""
    with stage.meanwhile(lambda: stage.pay(order_no)):
        eventually((stage.bot_folder / REACHED).exists, within=HELD, what="the settlement")
        yield
        (stage.bot_folder / GO_ON).touch()


def lose_the_backends(server: Postgres, stage: Stage) -> None:
    server.disconnect(stage.database_url)


def lose_the_server(server: Postgres, stage: Stage) -> None:
    server.crash()


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        pytest.param(lose_the_backends, ([200], [204]), id="backends", marks=pytest.mark.long),
        pytest.param(lose_the_server, ([503],), id="server"),
    ],
)
def test_d36_a_payment_cut_off_by_its_database_is_booked_once_by_the_same_process(
    mortal_stage: Stage,
    mortal_server: Postgres,
    lose: Callable[[Postgres, Stage], None],
    told: tuple[list[int], ...],
):
    stage = mortal_stage
    bot = stage.start_bot(altered="waits_before_it_commits")
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)

    with booking(stage, order_no):
        lose(mortal_server, stage)
    at_first = stage.notices(order_no)
    if lose is lose_the_server:
        mortal_server.recover()
    stage.until_heard(order_no)
    eventually(lambda: stage.heard(payer, RECEIPT), within=HELD, what="the receipt")

    books = read_books(stage)
    assert at_first in told
    assert books.payments_of(order_no) == 1
    assert books.differences == []
    assert books.broken == []
    assert len(stage.heard(payer, RECEIPT)) == 1
    assert bot.is_running


@pytest.mark.long
def test_e12_while_the_server_is_down_nobody_gets_nonsense_and_afterwards_all_goes_on(
    mortal_stage: Stage, mortal_server: Postgres
):
    stage = mortal_stage
    bot = stage.start_bot()
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)

    mortal_server.crash()
    stage.pay(order_no)
    told = stage.notices(order_no)
    said = stage.say(payer, "账单")
    mortal_server.recover()
    stage.until_heard(order_no)
    eventually(lambda: stage.heard(payer, RECEIPT), within=HELD, what="the receipt")

    books = read_books(stage)
    assert told == [503]
    assert "Traceback" not in said
    assert books.payments_of(order_no) == 1
    assert books.differences == []
    assert "账单" in stage.say(payer, "账单")
    assert bot.is_running
