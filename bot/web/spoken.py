"""An answer to a chat platform: its head is always the same, so it is not made anew each time."""

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

XML: Final = "application/xml"
PLAIN: Final = "text/plain"


def answer(request: web.BaseRequest, body: bytes, kind: str) -> web.StreamResponse:
    """Return a 200 of a content type; over a line that goes on, the quick one."""
    if request.version == HttpVersion11 and request.keep_alive:
        return _Spoken(body, kind)
    return web.Response(body=body, headers=headers(kind))


def headers(kind: str) -> dict[str, str]:
    """Return the headers of every answer of this door."""
    return {"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Server": "wuyebot"}


class _Spoken(web.StreamResponse):
    """A head that was written beforehand, and the body, in one piece."""

    def __init__(self, body: bytes, kind: str) -> None:
        super().__init__()
        head = _head(kind, int(time.time()))
        self._bytes = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
        self._asked: web.BaseRequest | None = None

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self._asked = request
        return request.writer

    async def write_eof(self, more: bytes = b"") -> None:
        request = self._asked
        if request is None or request.transport is None:
            raise ConnectionResetError
        request.transport.write(self._bytes + more)
        await request.writer.drain()


@lru_cache(maxsize=4)
def _head(kind: str, second: int) -> bytes:
    """Return all but the length of the head of an answer in this second of the real time."""
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {said}" for name, said in headers(kind).items())]
    return "\r\n".join([*lines, f"Date: {formatdate(second, usegmt=True)}", ""]).encode()
