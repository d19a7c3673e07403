"""The model that was learnt from the examples: which intents a text speaks for, and how clearly."""

import json
import math
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from handlers.understanding import features
from handlers.understanding.features import Syllables

FILE: Final = Path(__file__).parent / "model.bin"
BUCKETS: Final = 100_000
"""How many rows of weights there are; every feature falls into one of them."""
LENGTH: Final = 4.0
"""The length that all texts are brought to, as vectors: a long one speaks no louder."""


class Model:
    """A linear model: one row of small whole weights for each bucket, one column an intent."""

    def __init__(self, header: dict[str, Any], weights: bytes) -> None:
        """Take what `build` has written."""
        self.syllables = Syllables(header["syllables"])
        self._intents: list[str] = header["intents"]
        self._offsets: list[float] = header["offsets"]
        self._step: float = header["step"]
        self._sharpness: float = header["sharpness"]
        self._weights = memoryview(weights).cast("b")

    def shares(self, frame: str, denied: str) -> dict[str, float]:
        """Return how the belief is shared among all intents, summing to one."""
        places = buckets(features.read(frame, denied, self.syllables))
        width = len(self._intents)
        rows = [self._weights[place * width : (place + 1) * width] for place in places]
        step = self._step * LENGTH / math.sqrt(len(rows)) if rows else 0.0
        sums = map(sum, zip(*rows, strict=True)) if rows else [0] * width
        margins = [at + step * total for at, total in zip(self._offsets, sums, strict=True)]
        top = max(margins)
        raised = [math.exp(self._sharpness * (margin - top)) for margin in margins]
        total = sum(raised)
        return {i: one / total for i, one in zip(self._intents, raised, strict=True)}


def buckets(read: Iterable[str]) -> set[int]:
    """Return the rows that features fall into."""
    return {zlib.crc32(feature.encode()) % BUCKETS for feature in read}


@cache
def load() -> Model:
    """Return the stored model, read once."""
    header, _, weights = FILE.read_bytes().partition(b"\n")
    return Model(json.loads(header), weights)
