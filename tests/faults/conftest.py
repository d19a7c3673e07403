"""A seeded pair of platforms and bot on each engine, made once and copied for every test."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.faults.process import Stage, staged
from tests.postgres import Postgres, PostgresMissing, own_postgres

BEGIN = "2026-11-26T10:00:00+08:00"
NIGHT = "2026-12-01T02:30:00+08:00"
"""December's bills are issued; what tells of them waits until half past eight."""
PAYER, REFUNDER = 1, 0

SQLITE, POSTGRESQL = "sqlite", "postgresql"
ALWAYS = ("d06", "d12", "d17_customer_service")
"""The kill points that every run tries on PostgreSQL too; `make faults` tries all of them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what is long to the long run, where WUYEBOT_TEST_FAULTS is "all"."""
    if os.environ.get("WUYEBOT_TEST_FAULTS") == "all":
        return
    long = [one for one in items if _is_long(one)]
    config.hook.pytest_deselected(items=long)
    items[:] = [one for one in items if one not in long]


def _is_long(item: pytest.Item) -> bool:
    if item.get_closest_marker("long") is not None:
        return True
    names = item.name.rstrip("]").partition("[")[2].split("-")
    is_ours = item.path.is_relative_to(Path(__file__).parent)
    return is_ours and POSTGRESQL in names and not set(ALWAYS) & set(names)


@dataclass(frozen=True)
class Seeded:
    """A stage at rest: its folders, and its database where that is no file in them."""

    folder: Path
    database_url: str = ""


def seed(folder: Path, database_url: str = "") -> Seeded:
    """Make a stage where one resident has paid and the others owe, and bring it to rest."""
    folder.mkdir(exist_ok=True)
    with staged(folder, database_url=database_url) as stage:
        platforms = stage.start_platforms(BEGIN)
        bot = stage.start_bot()
        order_no = stage.order(stage.openid(REFUNDER))
        stage.pay(order_no)
        stage.control("clock", set=NIGHT)
        assert stage.heard(stage.openid(REFUNDER), "已收到")
        assert (bot.stop(), platforms.stop()) == (0, 0)
    return Seeded(folder, database_url)


@pytest.fixture(scope="session")
def seeded_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Give a stage at rest whose books are a file."""
    return seed(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def seeded_on_postgresql(
    postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seeded]:
    """Give a stage at rest whose books are a database of the server's."""
    url = postgres_server.empty()
    yield seed(tmp_path_factory.mktemp("faults"), url)
    postgres_server.drop(url)


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest) -> str:
    """Name the engine that a story is told on."""
    return str(request.param)


@pytest.fixture
def seeded(engine: str, request: pytest.FixtureRequest) -> Seeded:
    """Give the stage at rest on the engine of this story."""
    found: Seeded = request.getfixturevalue(f"seeded_on_{engine}")
    return found


@pytest.fixture
def database_url(engine: str, seeded: Seeded, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database of the test's own with the seeded books in it; "" for a file."""
    if engine == SQLITE:
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.copy(seeded.database_url)
    yield url
    server.drop(url)


@pytest.fixture
def stage(seeded: Seeded, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """Give a copy of the seeded stage with its platforms running and the bot not yet."""
    with staged(tmp_path, seeded.folder, database_url) as copied:
        copied.start_platforms()
        yield copied


@pytest.fixture
def mortal_server(postgres_server: Postgres) -> Iterator[Postgres]:
    """Give a server that a test may stop and start: the run's own, else one more."""
    with ExitStack() as stack:
        server = postgres_server
        if not server.is_ours:
            try:
                server = stack.enter_context(own_postgres())
            except PostgresMissing as missing:
                cannot_run(f"no PostgreSQL: {missing}")
        yield server
