"""Fixtures that every room's tests share: a database of each kind, and a browser."""

import importlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, Playwright, async_playwright

from storage.database import Database, open_database
from tests.postgres import Postgres, PostgresMissing, running_postgres

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# How long an example takes says what else the machine does: no test of ours is about that.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


def cannot_run(reason: str) -> NoReturn:
    """Skip what this machine cannot run, and say why; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def chromium_path(playwright: Playwright) -> str:
    """Find the system's Chromium, or the one that playwright installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), playwright.chromium.executable_path)
    if not Path(found).exists():
        cannot_run("no Chromium: as root, apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def migrate() -> Callable[[str], None]:
    """Bring the database of a URL to the newest schema, in a thread without an event loop."""
    upgrade = importlib.import_module("storage.migrate").upgrade

    def run(url: str) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(upgrade, url).result()

    return run


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Give one PostgreSQL server to the whole run: `empty()` creates a database without tables."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except PostgresMissing as missing:
            cannot_run(f"no PostgreSQL: {missing}")
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres, migrate: Callable[[str], None]) -> Postgres:
    """Give the server once its template has the newest schema."""
    postgres_server.prepare(migrate)
    return postgres_server


@pytest.fixture(scope="session")
def migrated_sqlite(
    tmp_path_factory: pytest.TempPathFactory, migrate: Callable[[str], None]
) -> Path:
    """Give a folder that holds one SQLite database with the newest schema, for copying."""
    folder = tmp_path_factory.mktemp("template")
    migrate(f"sqlite+aiosqlite:///{folder}/wuyebot.db")
    return folder


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """Give the URL of a fresh migrated SQLite database, for what only that engine does."""
    for part in migrated_sqlite.glob("wuyebot.db*"):
        shutil.copy(part, tmp_path)
    return f"sqlite+aiosqlite:///{tmp_path}/wuyebot.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a fresh migrated database, once on each engine."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server = request.getfixturevalue("migrated_postgres")
    url = server.copy()
    yield url
    server.drop(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """Open the fresh database of `database_url` through its two doors."""
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Start a real Chromium; its contexts are the test's own."""
    async with async_playwright() as playwright:
        path = chromium_path(playwright)
        chromium = await playwright.chromium.launch(executable_path=path, args=[*BROWSER_ARGS])
        yield chromium
        await chromium.close()
