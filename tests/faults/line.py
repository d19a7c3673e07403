"""A line to a PostgreSQL server that falls silent or breaks at the moment a test names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

from sqlalchemy import URL, make_url

HOST = "127.0.0.1"
COMMIT = b"COMMIT"


class Break(StrEnum):
    """What the line does with the next COMMIT that passes."""

    NEVER = "never"
    BEFORE = "before"
    """Both ends are cut, and the server never hears of it."""
    AFTER = "after"
    """The server commits; its answer never arrives."""
    WITHHELD = "withheld"
    """The client is cut; the server still waits for a word."""
    SILENT = "silent"
    """Nothing is cut and nothing passes any more."""


class Line:
    """Carries bytes both ways, for any number of connections."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url)
        self._gate: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.at_commit = Break.NEVER
        self.broken = 0
        """How often it broke."""
        self.is_shut = False
        """Whether newcomers are turned away."""

    @property
    def url(self) -> str:
        """Where a client finds the server behind the line."""
        assert self._gate is not None
        port = self._gate.sockets[0].getsockname()[1]
        url: URL = self._server.set(host=HOST, port=port, query={"ssl": "disable"})
        return url.render_as_string(hide_password=False)

    async def open(self) -> None:
        """Begin to listen."""
        self._gate = await asyncio.start_server(self._serve, HOST, 0)

    async def close(self) -> None:
        """Cut all that is left."""
        assert self._gate is not None
        self._gate.close()
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._gate.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_shut:
            writer.close()
            return
        server_reader, server_writer = await self._reach()
        self._writers |= {writer, server_writer}
        is_cut = asyncio.Event()
        down = asyncio.create_task(self._down(server_reader, writer, is_cut))
        self._tasks.add(down)
        with contextlib.suppress(OSError):
            await self._up(reader, writer, server_writer, is_cut)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder, port = self._server.query.get("host"), self._server.port or 5432
        if isinstance(folder, str):
            return await asyncio.open_unix_connection(Path(folder) / f".s.PGSQL.{port}")
        return await asyncio.open_connection(self._server.host, port)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
        is_cut: asyncio.Event,
    ) -> None:
        while words := await reader.read(65536):
            if self.at_commit is Break.NEVER or COMMIT not in words:
                server.write(words)
                continue
            how, self.at_commit = self.at_commit, Break.NEVER
            self.broken += 1
            is_cut.set()
            if how is Break.AFTER:
                server.write(words)
                await server.drain()
            elif how is Break.BEFORE:
                server.close()
                writer.close()
            elif how is Break.WITHHELD:
                writer.close()
            if how is not Break.AFTER:
                return
        if not is_cut.is_set():
            server.close()

    async def _down(
        self, server: asyncio.StreamReader, writer: asyncio.StreamWriter, is_cut: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while words := await server.read(65536):
                if is_cut.is_set():  # the answer to COMMIT: it is done, and nobody is told
                    break
                writer.write(words)
            writer.close()


@contextlib.asynccontextmanager
async def opened(server_url: str) -> AsyncIterator[Line]:
    """Give a line to a server's database."""
    line = Line(server_url)
    await line.open()
    try:
        yield line
    finally:
        await line.close()
