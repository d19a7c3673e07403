"""The recogniser on the held-out utterances: right, slots, speed, start, size."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

from handlers.understanding import examples, model
from handlers.understanding.recogniser import Recogniser, Understanding
from handlers.understanding.slots import as_json
from tests.benchmarks import machine
from tests.benchmarks.rows import Better, Row
from tests.benchmarks.scale import Scale

NAMES = (
    "recogniser",
    *("recogniser_worst_intent", "recogniser_slots_precise", "recogniser_slots_complete"),
    *("recogniser_speed", "recogniser_start", "recogniser_size"),
)
HELD_OUT = machine.ROOT / "tests" / "handlers" / "understanding" / "held_out.tsv"
TODAY = date(2026, 11, 23)
SPEECH = 500.0
START = (
    "from datetime import date\nfrom handlers.understanding.recogniser import Recogniser\n"
    "Recogniser().understand('师傅，我家上个月水费咋恁多', today=date(2026, 11, 23))"
)


def measure(scale: Scale, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Return a row of each figure; the reference is the limit that is set for it."""
    rows = [
        line.split("\t")
        for line in HELD_OUT.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    heard: list[Understanding] = []
    speeds: list[tuple[float, float]] = []
    starts: list[tuple[float, float]] = []
    for number in range(scale.rounds):
        heard, speed = _heard(rows)
        speeds.append((speed, SPEECH))
        starts.append((_start(), 1_000.0))
        say(f"  round {number + 1} {speed:,.0f} utterances/s, start {starts[-1][0]:.0f} ms")
    right, worst = _intents(rows, heard)
    precise, complete = _slots(rows, heard)
    size = model.FILE.stat().st_size + sum(p.stat().st_size for p in examples.FOLDER.iterdir())
    told: tuple[tuple[str, list[tuple[float, float]], str, Better], ...] = (
        ("recogniser", [(right, 93.0)], "%", "higher"),
        ("recogniser_worst_intent", [(worst, 80.0)], "%", "higher"),
        ("recogniser_slots_precise", [(precise, 92.0)], "%", "higher"),
        ("recogniser_slots_complete", [(complete, 92.0)], "%", "higher"),
        ("recogniser_speed", speeds, "utterances/s", "higher"),
        ("recogniser_start", starts, "ms", "lower"),
        ("recogniser_size", [(size / 1e6, 20.0)], "MB", "lower"),
    )
    return [Row(name, pairs, "the limit", unit, better, 1.0) for name, pairs, unit, better in told]


def _heard(rows: list[list[str]]) -> tuple[list[Understanding], float]:
    """Return what each utterance was taken for, and how many are understood in a second."""
    recogniser = Recogniser()
    recogniser.warm_up()
    began = time.perf_counter()
    heard = [recogniser.understand(row[0], today=TODAY) for row in rows]
    return heard, len(rows) / (time.perf_counter() - began)


def _start() -> float:
    """Return the milliseconds from the start of a process to its first understanding."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", START], check=True, cwd=machine.ROOT)
    return (time.perf_counter() - began) * 1e3


def _intents(rows: list[list[str]], heard: list[Understanding]) -> tuple[float, float]:
    """Return the percentage right of all, and of the intent that is known worst."""
    asked = Counter(row[1] for row in rows)
    right = Counter(row[1] for row, one in zip(rows, heard, strict=True) if one.intent == row[1])
    return 100 * right.total() / len(rows), min(100 * right[name] / asked[name] for name in asked)


def _slots(rows: list[list[str]], heard: list[Understanding]) -> tuple[float, float]:
    """Return the percentage of slots found that were said, and of those said that were found."""
    said: Counter[tuple[int, str, str]] = Counter()
    found: Counter[tuple[int, str, str]] = Counter()
    for number, (row, one) in enumerate(zip(rows, heard, strict=True)):
        if row[2] != "-":
            said.update((number, name, str(value)) for name, value in json.loads(row[2]).items())
            found.update((number, name, str(value)) for name, value in as_json(one.slots).items())
    right = (said & found).total()
    return 100 * right / found.total(), 100 * right / said.total()
