"""Cue words: what tells one intent from another, with the weight each carries."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parent / "cues.tsv"

Cue = tuple[float, re.Pattern[str]]


@cache
def cues() -> tuple[tuple[str, tuple[Cue, ...]], ...]:
    """Return the cues of each intent; the lines of one weight are alternatives of one cue.

    Made once, when the first sentence is weighed that is no known example.
    """
    alternatives: defaultdict[str, defaultdict[float, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            intent, weight, pattern = line.split("\t")
            alternatives[intent][float(weight)].append(pattern)
    return tuple(
        (intent, tuple((weight, re.compile("|".join(lines))) for weight, lines in said.items()))
        for intent, said in alternatives.items()
    )


def found(frame: str) -> Iterator[str]:
    """Yield the name of each cue in a frame."""
    for intent, said in cues():
        for weight, pattern in said:
            if pattern.search(frame):
                yield f"{intent} {weight}"
