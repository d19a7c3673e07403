"""Cue words: what tells one intent from another, with the weight each carries."""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).parent / "cues.tsv"
_REPEATED: Final = 0.15

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


def weigh(frame: str) -> dict[str, float]:
    """Return the weight of each intent's cues: the strongest, and a little for every other."""
    weights: dict[str, float] = {}
    for intent, said in cues():
        found = [weight for weight, pattern in said if pattern.search(frame)]
        if found:
            weights[intent] = max(found) + _REPEATED * (len(found) - 1)
    return weights
