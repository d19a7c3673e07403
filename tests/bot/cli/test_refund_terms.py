"""Refund terms on the command line: set, shown, and refused where they cannot be."""

import json
from pathlib import Path

import pytest

from storage.database import open_database
from tests import factories


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    async with open_database(sqlite_url) as db:
        await db.write(factories.build)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


SET = ("refund-terms", "set", "翡翠湾", "物业费", "--from", "2020-01-01")


def test_terms_are_set_and_shown(wuyebot):
    assert "没有另外登记" in wuyebot("refund-terms", "list", "翡翠湾")[1]

    done = wuyebot(*SET, "--days", "7", "--yuan", "200", "--fee", "0.6")

    told = "7 天内、200.00 元以内不用审核，手续费 0.6% 由缴费人承担。"
    assert done == (0, f"已登记，物业费从 2020-01-01 起：{told}\n")
    assert wuyebot("refund-terms", "list", "翡翠湾")[1] == f"物业费  {told}\n"


def test_a_fee_that_is_not_given_back_names_its_clause(wuyebot):
    assert wuyebot(*SET, "--final") == (1, "不退的费用要写依据：--clause “合同第几条”。\n")

    assert wuyebot(*SET, "--final", "--clause", "合同第八条")[0] == 0
    assert (
        "住户不能申请退（合同第八条），物业可以退。" in wuyebot("refund-terms", "list", "翡翠湾")[1]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--days", "400"), "天数应在 0 到 365"),
        (("--fee", "11"), "手续费应在 0 到 10"),
        (("--fee", "很多"), "不是百分数"),
        (("--fee", "0.60001"), "最多四位小数"),
        (("--yuan", "1.005"), "不是金额"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_kept(wuyebot, words, told):
    status, said = wuyebot(*SET, *words)

    assert status == 1
    assert told in said
    assert "没有另外登记" in wuyebot("refund-terms", "list", "翡翠湾")[1]
