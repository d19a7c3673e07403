"""From the start of the process to the first right answer, against WeRoBot on tornado."""

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import estate, machine
from tests.benchmarks.messages import Verifier, callbacks
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import OURS, PATH, free_port, launch

PEER = "tornado"
_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 30


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate the two; a migrated database is there, as at every start but the first."""
    template = folder / "estate.db"
    estate.seed(template)
    _leave_as_a_run_does(template)
    verifier = Verifier(estate.owed(template))
    checks = {OURS: verifier.check_bills, PEER: verifier.check_echo}
    for name in (OURS, PEER):  # once untimed: modules are compiled at the very first start
        _one(name, estate.copy(template, folder / "run.db"), 0, checks[name])
    pairs: list[tuple[float, float]] = []
    for number in range(scale.rounds):
        took = {}
        for name in (OURS, PEER) if number % 2 else (PEER, OURS):
            database = estate.copy(template, folder / "run.db")
            os.sync()  # or the copy is still being written while the first of the two starts
            took[name] = _one(name, database, number, checks[name])
        say(f"  round {number + 1} ours {took[OURS]:.0f} ms  WeRoBot {took[PEER]:.0f} ms")
        pairs.append((took[OURS], took[PEER]))
    reference = "WeRoBot on tornado"
    return [Row("start_to_first_reply", pairs, reference, "ms", "lower", goal=3.0)]


def _leave_as_a_run_does(database: Path) -> None:
    """Leave the journal mode that any earlier start of ours has set: it stays in the file."""
    link = sqlite3.connect(database)
    link.execute("PRAGMA journal_mode=WAL")
    link.close()


def _one(name: str, database: Path, person: int, check: Callable[[str, bytes], None]) -> float:
    port = free_port()
    (request,) = callbacks(PATH, range(person, person + 1), estate.UNITS)
    began = time.perf_counter()
    process = launch(name, database, port=port)
    try:
        with _connect(port) as line:
            line.sendall(request)
            reply = _read(line)
        took = time.perf_counter() - began
    finally:
        machine.stop(process)
    check(estate.openid(person + 1), reply)
    return took * 1e3


def _connect(port: int) -> socket.socket:
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(_POLL_SECONDS)


def _read(line: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"</xml>"):
        more = line.recv(65536)
        if not more:
            raise ConnectionError(answer)
        answer += more
    return answer.partition(b"\r\n\r\n")[2]
