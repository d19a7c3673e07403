"""A seeded pair of platforms and bot, made once and copied for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.process import Stage, staged

BEGIN = "2026-11-26T10:00:00+08:00"
NIGHT = "2026-12-01T02:30:00+08:00"
"""December's bills are issued; what tells of them waits until half past eight."""
PAYER, REFUNDER = 1, 0


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a stage's folders at rest: one resident has paid, the others owe."""
    folder = tmp_path_factory.mktemp("faults")
    with staged(folder) as stage:
        platforms = stage.start_platforms(BEGIN)
        bot = stage.start_bot()
        order_no = stage.order(stage.openid(REFUNDER))
        stage.pay(order_no)
        stage.control("clock", set=NIGHT)
        assert stage.heard(stage.openid(REFUNDER), "已收到")
        assert (bot.stop(), platforms.stop()) == (0, 0)
    return folder


@pytest.fixture
def stage(seeded: Path, tmp_path: Path) -> Iterator[Stage]:
    """Give a copy of the seeded stage with its platforms running and the bot not yet."""
    with staged(tmp_path, seeded) as copied:
        copied.start_platforms()
        yield copied
