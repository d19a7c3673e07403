"""A row of bench.json: the ratio of ours to the reference, paired within each round."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Row:
    """One benchmark's outcome. `pairs` holds (ours, reference) of each round, in order."""

    name: str
    pairs: Sequence[tuple[float, float]]
    reference_is: str
    unit: str
    better: Better
    goal: float

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        return [ours / reference for ours, reference in self.pairs]

    def as_json(self, commit: str) -> dict[str, Any]:
        """Return the row as it is written.

        `ours` and `reference` are those of the round whose ratio is the median, so that their
        quotient is `ratio`; `median`, `min` and `max` are of the rounds' ratios.
        """
        ratios = self.ratios
        median = statistics.median_low(ratios)
        ours, reference = self.pairs[ratios.index(median)]
        met = median >= self.goal if self.better == "higher" else median <= self.goal
        return {
            "ours": ours,
            "reference": reference,
            "reference_is": self.reference_is,
            "ratio": ours / reference,
            "unit": self.unit,
            "better": self.better,
            "median": median,
            "min": min(ratios),
            "max": max(ratios),
            "goal": self.goal,
            "met": met,
            "rounds": [list(pair) for pair in self.pairs],
            "commit": commit,
        }
