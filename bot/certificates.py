"""The machine's certificates: read before the first call goes out, not before the street is open.

aiohttp reads them when it is imported: a tenth of our start, for calls that nobody makes yet.
Until they are read nothing is trusted, so what would connect too early is refused, never fooled.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_waiting: Final[list[ssl.SSLContext]] = []
_reading: Final = threading.Lock()


@contextmanager
def postponed() -> Iterator[None]:
    """Let contexts that are made in the block wait for their certificates until `read`."""
    usual = ssl.SSLContext.load_default_certs
    ssl.SSLContext.load_default_certs = _wait  # type: ignore[method-assign]
    try:
        yield
    finally:
        ssl.SSLContext.load_default_certs = usual  # type: ignore[method-assign]


def _wait(self: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
    if purpose is ssl.Purpose.SERVER_AUTH:
        _waiting.append(self)


def are_waiting() -> bool:
    """Tell whether there is something to read."""
    return bool(_waiting)


def read() -> None:
    """Read them for all contexts that wait; blocks for some hundredths of a second."""
    with _reading:
        for context in tuple(_waiting):
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            _waiting.remove(context)
