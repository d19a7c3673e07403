"""A demo per module, each on a copy of one folder that was seeded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.acting import START, Demo, copied, running


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a demo's folder as it is after its first start."""
    folder = tmp_path_factory.mktemp("seeded") / "demo"
    with running(folder, "--now", START):
        pass
    return folder


@pytest.fixture(scope="module")
def demo(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give a running demo whose clock begins on Monday, 2026-11-23, at 10:00.

    When its story is over, `audit` must find nothing and our book be the platform's.
    """
    folder = copied(seeded, tmp_path_factory.mktemp("scenario") / "demo")
    with running(folder, "--now", START) as one:
        yield one
        one.calm()
        one.prove()
