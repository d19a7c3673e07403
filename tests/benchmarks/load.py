"""The load generator, a process of its own: keep-alive connections that never wait for each other.

Started as `tests.benchmarks.child load REQUESTS RESULT PORT PID CONNECTIONS WARM_UP`.
"""

import asyncio
import pickle
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.machine import LOAD_CORE, cpu_seconds, run

CONNECTIONS = 32
_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """What the load generator saw: of the timed part, and of each request its reply."""

    seconds: float
    server_cpu_seconds: float
    own_cpu_seconds: float
    latencies: list[float]
    replies: list[bytes]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's core for each answer."""
        return self.server_cpu_seconds / len(self.latencies) * 1e6

    @property
    def p99_ms(self) -> float:
        """Milliseconds that 99 of 100 answers did not exceed."""
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)] * 1e3


def drive(requests: list[bytes], port: int, pid: int, *, warm_up: int, folder: Path) -> Outcome:
    """Send all requests from the other core; the first `warm_up` are not timed."""
    sent, seen = folder / "requests.pickle", folder / "replies.pickle"
    sent.write_bytes(pickle.dumps(requests))
    where = (str(sent), str(seen), str(port), str(pid), str(CONNECTIONS), str(warm_up))
    run(LOAD_CORE, "-m", "tests.benchmarks.child", "load", *where)
    outcome: Outcome = pickle.loads(seen.read_bytes())
    return outcome


@dataclass
class _Run:
    """One pass over some requests, shared by all connections."""

    requests: list[bytes]
    turns: Iterator[int]
    left: int
    done: asyncio.Future[None]
    latencies: list[float] = field(default_factory=list)
    replies: dict[int, bytes] = field(default_factory=dict)

    def finish(self, turn: int, reply: bytes, took: float) -> None:
        self.latencies.append(took)
        self.replies[turn] = reply
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class _Line(asyncio.Protocol):
    """One keep-alive connection: a request, its reply, the next request."""

    def __init__(self) -> None:
        self._buffer = b""
        self._began = 0.0
        self._turn = 0
        self._run: _Run | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run is not None and not self._run.done.done():
            self._run.done.set_exception(exc or ConnectionError("the server hung up"))

    def work(self, run: _Run) -> None:
        self._run = run
        self._next()

    def _next(self) -> None:
        assert self._run is not None
        assert self._transport is not None
        turn = next(self._run.turns, None)
        if turn is None:
            return
        self._turn, self._began = turn, time.perf_counter()
        self._transport.write(self._run.requests[turn])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = _LENGTH.search(head)
        assert length is not None, head
        if len(rest) < int(length.group(1)):
            return
        took, self._buffer = time.perf_counter() - self._began, b""
        assert self._run is not None
        if not head.startswith(b"HTTP/1.1 200"):
            self._run.done.set_exception(AssertionError(head.splitlines()[0]))
            return
        self._run.finish(self._turn, rest, took)
        self._next()


async def _pass(lines: list[_Line], requests: list[bytes]) -> _Run:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    run = _Run(requests, iter(range(len(requests))), len(requests), done)
    for line in lines:
        line.work(run)
    await done
    return run


async def _main(requests: list[bytes], port: int, pid: int, sizes: tuple[int, int]) -> Outcome:
    connections, warm_up = sizes
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(_Line, "127.0.0.1", port))[1] for _ in range(connections)
    ]
    warmed = await _pass(lines, requests[:warm_up]) if warm_up else None
    cpu, own, began = cpu_seconds(pid), time.process_time(), time.perf_counter()
    timed = await _pass(lines, requests[warm_up:])
    seconds = time.perf_counter() - began
    cpu, own = cpu_seconds(pid) - cpu, time.process_time() - own
    early = [warmed.replies[n] for n in range(warm_up)] if warmed else []
    replies = early + [timed.replies[n] for n in range(len(requests) - warm_up)]
    return Outcome(seconds, cpu, own, timed.latencies, replies)


def main(words: list[str]) -> None:
    """Send what one file holds, and write what came back into another."""
    given, result, *numbers = words
    port, pid, connections, warm_up = map(int, numbers)
    requests = pickle.loads(Path(given).read_bytes())
    outcome = asyncio.run(_main(requests, port, pid, (connections, warm_up)))
    Path(result).write_bytes(pickle.dumps(outcome))
