"""The labelled examples (例句): one file of utterances for each intent."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "examples"
DAY: Final = date(2026, 6, 15)


def load(intents: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (intent, text as written) of each example; lines that open with # are remarks."""
    for intent in intents:
        for line in (FOLDER / f"{intent}.txt").read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield intent, line
