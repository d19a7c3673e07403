"""An encrypted "账单", answered from the database, against WeRoBot's answer from memory."""

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import estate
from tests.benchmarks.load import Outcome, drive
from tests.benchmarks.messages import Verifier, callbacks
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import OURS, PATH, PEERS, running

WARM_UP = 12_000
"""Some seconds: what a start leaves for later is loaded by then, and charged to no message."""


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Alternate ours and both servers of the peer; every reply is checked after its timed part."""
    template = folder / "estate.db"
    estate.seed(template)
    verifier = Verifier(estate.owed(template))
    names = [OURS, *PEERS]
    rounds: list[dict[str, Outcome]] = []
    for number in range(scale.rounds):
        seen: dict[str, Outcome] = {}
        for name in names[number % 3 :] + names[: number % 3]:
            seen[name] = _one(name, template, number * scale.messages, scale.messages, verifier)
            say(_line(number, name, seen[name]))
        rounds.append(seen)
    return _rows(rounds)


def _one(name: str, template: Path, first: int, count: int, verifier: Verifier) -> Outcome:
    database = estate.copy(template, template.with_name("run.db"))
    people = range(first, first + WARM_UP + count)
    check = verifier.check_bills if name == OURS else verifier.check_echo
    with running(name, database) as server:
        requests = callbacks(PATH, people, estate.UNITS)
        outcome = drive(
            requests, server.port, server.process.pid, warm_up=WARM_UP, folder=template.parent
        )
    for number, reply in zip(people, outcome.replies, strict=True):
        check(estate.openid(number % estate.UNITS + 1), reply)
    return outcome


def _line(number: int, name: str, seen: Outcome) -> str:
    load = seen.own_cpu_seconds / seen.seconds
    return (
        f"  round {number + 1} {name:<9}{seen.rate:>8,.0f}/s  p99 {seen.p99_ms:6.1f} ms"
        f"  cpu {seen.cpu_us:6.0f} us  load generator {load:.2f} of its core"
    )


def _rows(rounds: list[dict[str, Outcome]]) -> list[Row]:
    rates = [(one[OURS].rate, max(one[peer].rate for peer in PEERS)) for one in rounds]
    tails = [(one[OURS].p99_ms, one["tornado"].p99_ms) for one in rounds]
    costs = [(one[OURS].cpu_us, min(one[peer].cpu_us for peer in PEERS)) for one in rounds]
    best = "WeRoBot's best of tornado and waitress, answering from memory"
    return [
        Row("chat_answer", rates, best, "messages/s", "higher", goal=1.5),
        Row("chat_p99", tails, "WeRoBot on tornado, from memory", "ms", "lower", goal=1.0),
        Row("chat_cpu", costs, best, "us of one core per message", "lower", goal=0.67),
    ]
