"""The same demo on PostgreSQL: bind, pay, and the money back; killed in between."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.scenarios.acting import START, Demo, running

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def demo(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give a demo on a database of its own; its books are proved when the story is over."""
    url = postgres_server.empty()
    folder: Path = tmp_path_factory.mktemp("postgresql") / "demo"
    with running(folder, "--now", START, "--database", url) as one:
        yield one
        one.prove()
    postgres_server.drop(url)


def test_the_demo_does_the_same_on_postgresql(demo: Demo):
    resident, _ = demo.newcomer()
    assert demo.facts["database_url"].startswith("postgresql+asyncpg://")
    demo.pay(resident)
    mark = demo.mark(resident)

    accepted = demo.ask_refund(resident)
    demo.end(signal.SIGKILL)
    demo.start()
    demo.advance(minutes=10)

    assert "已受理" in accepted
    demo.heard(resident, mark, "已到账")
    assert list(demo.refund_states().values()) == ["success"]
