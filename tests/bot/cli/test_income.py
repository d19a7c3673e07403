"""A month's income on the command line: what it earned, and what came in."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.main import main
from storage.database import open_database
from storage.operations.prepay_orders import Aside
from tests import factories


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold Ms Li's world, where she paid October and put 300 aside."""

    def set_up(tx) -> None:
        world = factories.build(tx)
        at = datetime(2026, 11, 5, 2, tzinfo=UTC)
        factories.pay(tx, world.unit_id, (world.october_id,), paid_at=at)
        factories.put_aside(tx, world.unit_id, Aside(30_000), paid_at=at)

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


def typed(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--data", str(folder)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_both_views_of_a_month_are_printed(folder, capsys):
    assert typed(folder, capsys, "income", "翡翠湾", "2026-11") == (
        0,
        "权责发生：这个月的收入 1,500.20元\n"
        "  物业费  1,500.20元\n"
        "收付实现：这个月收到的 250.60元\n"
        "  物业费  250.60元\n"
        "另收到：预存等还没有对应账单的 300.00元\n"
        "另收到：代收和押金 0.00元，不是收入\n"
        "到月底为止，已出账、以后月份才算收入的 0.00元\n",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [(("翡翠湾", "2026-13"), "不是月份"), (("海棠苑", "2026-11"), "没有叫“海棠苑”的小区")],
)
def test_what_cannot_be_is_refused_in_words(folder, capsys, words, told):
    status, said = typed(folder, capsys, "income", *words)

    assert (status, told in said) == (1, True)
