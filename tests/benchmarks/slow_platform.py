"""A platform's API that answers every call after 20 ms: it limits nobody but by its latency."""

import asyncio
import re
from collections import Counter
from zlib import crc32

LATENCY_SECONDS = 0.02
_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]+)", re.IGNORECASE)
_TO = re.compile(rb'"touser": *"([^"]+)"')
_TOKEN = b'{"access_token":"benchtoken","expires_in":7200}'
_OK = b'{"errcode":0,"errmsg":"ok"}'


class _Heard:
    """Who was written to how often, and a sum over all that was posted, in whatever order."""

    def __init__(self) -> None:
        self.people: Counter[bytes] = Counter()
        self.checksum = 0

    def as_json(self) -> str:
        most = max(self.people.values(), default=0)
        return f'{{"people": {len(self.people)}, "most": {most}, "checksum": {self.checksum}}}'


class _Caller(asyncio.Protocol):
    """One caller's connection; calls on it come one after the other."""

    def __init__(self, heard: _Heard) -> None:
        self._heard = heard
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not gap or len(rest) < (int(length.group(1)) if length else 0):
            return
        self._buffer = b""
        if b"/heard" in head[:40]:
            self._answer(self._heard.as_json().encode())
            return
        answer = _TOKEN if b"/stable_token" in head[:60] else _OK
        person = _TO.search(rest)
        if person:
            self._heard.people[person.group(1)] += 1
            self._heard.checksum += crc32(rest) + crc32(head[: head.index(b"\r\n")])
        asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._answer, answer)

    def _answer(self, body: bytes) -> None:
        assert self._transport is not None
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


def main(words: list[str]) -> None:
    """Serve on PORT until ended."""
    asyncio.run(_serve(int(words[0])))


async def _serve(port: int) -> None:
    heard = _Heard()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Caller(heard), "127.0.0.1", port, backlog=1024)
    await asyncio.Event().wait()
