"""Killed anywhere while the schema is brought up, it stands at a step and goes on from there."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from storage.database import open_reader
from storage.models.all import metadata
from storage.steps import is_newest, step_of
from tests.postgres import Postgres

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]

POINTS = 14
Empty = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Empty]:
    """Make databases without tables."""
    urls: list[str] = []

    def on_sqlite() -> str:
        urls.append(f"sqlite+aiosqlite:///{tmp_path}/{len(urls)}.db")
        return urls[-1]

    def on_postgresql() -> str:
        urls.append(server.empty())
        return urls[-1]

    if request.param == "sqlite":
        yield on_sqlite
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    yield on_postgresql
    for url in urls:
        server.drop(url)


def bring_up(url: str, fatal: int = 0) -> subprocess.CompletedProcess[str]:
    """Bring a schema up in a process of its own, to be killed before this statement."""
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.upgrader", url, str(fatal)],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_d32_an_upgrade_cut_off_at_any_statement_is_taken_up_again(empty: Empty):
    whole = bring_up(empty())
    assert whole.returncode == 0, whole.stderr
    all_of_them = int(whole.stdout)
    reached = set()

    for point in range(POINTS):
        url = empty()
        killed = bring_up(url, 1 + point * (all_of_them - 1) // (POINTS - 1))
        async with open_reader(url) as db:
            reached.add(await db.read(step_of))
        again = bring_up(url)

        assert (killed.returncode, again.returncode) == (-signal.SIGKILL, 0), again.stderr
        assert await is_newest(url)
        async with open_reader(url) as db:
            found = await db.read(lambda tx: set(inspect(tx).get_table_names()))
        assert found >= set(metadata.tables)

    assert len(reached) > 3
