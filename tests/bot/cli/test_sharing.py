"""Shared costs on the command line: looked at first, published, and only then billed."""

import json
from pathlib import Path

import pytest

from storage.database import open_database
from tests.storage.operations.test_sharing import build


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold a building of six flats."""
    async with open_database(sqlite_url) as db:
        await db.write(build)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


DRAFT = ("sharing", "draft", "翡翠湾", "电梯公摊", "2026-12", "1234.57", "--due", "2026-12-25")


def test_without_apply_each_share_is_shown_and_nothing_is_written(wuyebot):
    status, said = wuyebot(*DRAFT)

    assert status == 0
    assert said.splitlines()[0] == "房号,权重,精确到分前,应摊"
    assert said.splitlines()[1].startswith("3-1-101,89.5,")
    assert "合计 1,234.57 元，6 户分摊" in said
    assert "没有改动" in said
    assert wuyebot("sharing", "show", "翡翠湾") == (0, "还没有公摊。\n")


def test_a_cost_goes_from_draft_to_bills_and_twice_is_once(wuyebot):
    assert "已起草，编号 1" in wuyebot(*DRAFT, "--apply")[1]
    assert "没有改动" in wuyebot("sharing", "publish", "1")[1]
    assert wuyebot("sharing", "issue", "1", "--apply")[0] == 1, "not before it is published"

    assert "已公示" in wuyebot("sharing", "publish", "1", "--apply")[1]
    assert "还没有出账" in wuyebot("sharing", "issue", "1")[1]
    assert wuyebot("sharing", "issue", "1", "--apply") == (0, "已出账 6 笔。\n")
    assert wuyebot("sharing", "issue", "1", "--apply") == (0, "之前已经出过账了。\n")

    assert "1,234.57元  已出账" in wuyebot("sharing", "show", "翡翠湾")[1]
    status, said = wuyebot("sharing", "cancel", "1", "--reason", "算错了")
    assert (status, "已经到了别的步骤" in said) == (1, True)


def test_a_draft_is_taken_back(wuyebot):
    wuyebot(*DRAFT, "--apply")

    assert wuyebot("sharing", "cancel", "1", "--reason", "算错了") == (0, "已取消。\n")
    assert wuyebot("sharing", "cancel", "1", "--reason", "算错了")[1] == "之前已经取消过了。\n"


def test_a_unit_that_bears_nothing_is_said_once_and_counts(wuyebot):
    done = wuyebot("sharing", "factor", "翡翠湾", "电梯公摊", "3-1-101", "0")

    assert done[0] == 0
    assert "5 户分摊" in wuyebot(*DRAFT)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*DRAFT, "--by", "心情"), "怎么摊写 面积、户、份额"),
        ((*DRAFT, "--scope", "9栋"), "没有找到这笔公摊：9栋"),
        ((*DRAFT[:4], "2026-13", *DRAFT[5:]), "不是账期"),
        ((*DRAFT[:5], "一千", *DRAFT[6:]), "不是金额"),
        ((*DRAFT[:3], "泳池费", *DRAFT[4:]), "没有找到这笔公摊：泳池费"),
        ((*DRAFT[:2], "海棠苑", *DRAFT[3:]), "没有叫“海棠苑”的小区"),
        (("sharing", "publish", "7", "--apply"), "没有找到这笔公摊：7"),
        (("sharing", "factor", "翡翠湾", "电梯公摊", "3-1-101", "1001"), "比例不能是“1001”"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wuyebot, words, said):
    status, told = wuyebot(*words)

    assert status == 1
    assert said in told


def test_the_basis_is_a_choice_of_the_community(wuyebot):
    wuyebot("community", "choose", "翡翠湾", "sharing=不公摊", "--from", "2026-01-01")
    assert "sharing=不公摊" in wuyebot("community", "show", "翡翠湾")[1]

    status, said = wuyebot(*DRAFT)
    assert (status, "没有登记公摊的依据" in said) == (1, True)

    wuyebot("community", "choose", "翡翠湾", "sharing=合同第9条", "--from", "2026-01-01")
    assert wuyebot(*DRAFT)[0] == 0
