"""Runs the benchmarks that are named, or all, and writes build/bench.json."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import (
    billing,
    chat,
    codec,
    dunning,
    endurance,
    machine,
    outbox,
    recogniser,
    reconciling,
    settling,
    start,
)
from tests.benchmarks.rows import Row
from tests.benchmarks.scale import FULL, SHORT, Scale

Measure = Callable[[Scale, Path, Callable[[str], None]], list[Row]]

BENCHMARKS: tuple[tuple[Measure, tuple[str, ...]], ...] = (
    (codec.measure, ("codec",)),
    (chat.measure, ("chat_answer", "chat_p99", "chat_cpu")),
    (outbox.measure, ("outbox_drain", "outbox_drain_50")),
    (start.measure, ("start_to_first_reply",)),
    (endurance.measure, ("memory_flat",)),
    (recogniser.measure, recogniser.NAMES),
    (billing.measure, billing.NAMES),
    (dunning.measure, dunning.NAMES),
    (reconciling.measure, reconciling.NAMES),
    (settling.measure, settling.NAMES),
)
"""What is measured together, under the names of the rows that come of it."""

RESULT = machine.ROOT / "build" / "bench.json"


def main() -> None:
    """Measure what was asked for; rows that were not measured now keep what they said."""
    names = [name for _, group in BENCHMARKS for name in group]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--short", action="store_true", help="fewer messages, the same rounds")
    asked = parser.parse_args()
    unknown = sorted(set(asked.names) - set(names))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    wanted = set(asked.names or names)
    machine.BUILD.mkdir(parents=True, exist_ok=True)
    for measure, group in BENCHMARKS:
        if wanted.isdisjoint(group):
            continue
        print(group[0], flush=True)
        rows = measure(SHORT if asked.short else FULL, machine.BUILD, _say)
        _write(rows)
        for row in rows:
            _say(_summary(row))


def _say(line: str) -> None:
    print(line, flush=True)


def _summary(row: Row) -> str:
    told = row.as_json("")
    sign = "≥" if row.better == "higher" else "≤"
    return (
        f"  {row.name}: {told['ratio']:.2f} [{told['min']:.2f}–{told['max']:.2f}]"
        f" (goal {sign} {row.goal:g}{'' if told['met'] else ', MISSED'}):"
        f" {told['ours']:,.1f} against {told['reference']:,.1f} {row.unit} of {row.reference_is}"
    )


def _write(rows: list[Row]) -> None:
    commit = machine.commit()
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    known.update({row.name: row.as_json(commit) for row in rows})
    RESULT.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
