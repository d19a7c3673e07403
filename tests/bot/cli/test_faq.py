"""Own questions and texts by command: tried first, saved with --apply, refused in words."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from storage.kinds import StaffRole
from tests.factories import add_community, add_staff

ADD = ("faq", "add", "翡翠湾")
BY = ("--by", "139100")
POOL = ("游泳池几点开放", "泳池票多少钱一张", "--answer", "每天9点到21点，电话 {电话}。", *BY)


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder of books: a community with a manager and a steward."""
    engine = create_engine(sqlite_url.replace("+aiosqlite", ""))
    with engine.begin() as tx:
        community_id = add_community(tx)
        add_staff(tx, community_id, "经理", StaffRole.MANAGER, "100")
        add_staff(tx, community_id, "管家", StaffRole.STEWARD, "200")
    engine.dispose()
    place = tmp_path / "demo"
    place.mkdir()
    facts = {"database_url": sqlite_url, "base_url": "https://wuye.example"}
    (place / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    return place


def test_a_question_is_tried_before_it_is_saved(wuyebot):
    status, shown = wuyebot(*ADD, *POOL)
    assert (status, wuyebot("faq", "list", "翡翠湾")[1]) == (0, "")
    assert shown == "每天9点到21点，电话 0571-88886666。\n预览，尚未保存；加 --apply 保存。\n"

    assert "已保存，编号 1。" in wuyebot(*ADD, *POOL, "--apply")[1]
    assert "1  游泳池几点开放 / 泳池票多少钱一张" in wuyebot("faq", "list", "翡翠湾")[1]


def test_trying_a_text_says_which_entry_answers_and_how_sure(wuyebot):
    assert "没有可以回答的常见问题" in wuyebot("faq", "try", "翡翠湾", "泳池几点开放")[1]
    wuyebot(*ADD, *POOL, "--apply")

    answered = wuyebot("faq", "try", "翡翠湾", "泳池几点开放")[1]
    ours = wuyebot("faq", "try", "翡翠湾", "缴费")[1]
    neither = wuyebot("faq", "try", "翡翠湾", "羽毛球场几点开放")[1]
    earlier = wuyebot("faq", "try", "翡翠湾", "泳池几点开放", "--on", "2020-01-01")[1]

    assert "最接近 1 的“游泳池几点开放”" in answered
    assert answered.endswith("用它回答：\n每天9点到21点，电话 0571-88886666。\n")
    assert "机器人自己的理解：pay（把握 98%）" in ours
    assert "由机器人自己回答" in ours
    assert "才用它回答" in neither
    assert "没有可以回答的常见问题" in earlier


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("我要缴费", "--answer", "好的"), "“我要缴费”机器人已经当作 pay"),
        (("泳池", "--answer", "拨 {手机}"), "不认识“{手机}”"),
        (("泳池", "--answer", "看 https://evil.example"), "不在允许的网站里"),
        (("泳池", "--answer", " "), "没有写内容"),
        (("泳池", "--answer", "答" * 700), "太长"),
        (("？？", "--answer", "好的"), "已经当作 help"),
        (("泳池", "泳池！", "--answer", "好的"), "不能重复"),
        (("泳池", "--answer", "好的", "--until", "2020-01-01"), "结束日期"),
    ],
)
def test_what_residents_should_not_read_is_not_saved(wuyebot, words, why):
    status, said = wuyebot(*ADD, *words, *BY, "--apply")

    assert status == 1
    assert why in said
    assert wuyebot("faq", "list", "翡翠湾")[1] == ""


def test_one_phrasing_has_one_answer_and_only_a_manager_writes(wuyebot):
    wuyebot(*ADD, *POOL, "--apply")

    again = wuyebot(*ADD, "游泳池几点开放？", "--answer", "不开。", *BY, "--apply")
    steward = wuyebot(*ADD, "快递柜", "--answer", "北门。", "--by", "139200", "--apply")
    nobody = wuyebot(*ADD, "快递柜", "--answer", "北门。", "--by", "1", "--apply")

    assert again[0] == steward[0] == nobody[0] == 1
    assert "已经是常见问题 1 的问法" in again[1]
    assert "有权限" in steward[1]
    assert "没有手机号是 1 的在职人员" in nobody[1]


def test_a_question_is_changed_and_switched_off(wuyebot):
    wuyebot(*ADD, *POOL, "--apply")

    change = ("faq", "change", "翡翠湾", "1", "泳池几点开", "--answer", "冬天不开。", *BY)
    tried = wuyebot(*change)
    kept = wuyebot("faq", "list", "翡翠湾")[1]
    changed = wuyebot(*change, "--apply")
    shown = wuyebot("faq", "try", "翡翠湾", "泳池几点开")[1]
    off = wuyebot("faq", "off", "翡翠湾", "1", *BY)
    unknown = wuyebot("faq", "off", "翡翠湾", "9", *BY)

    assert tried == (0, "冬天不开。\n预览，尚未保存；加 --apply 保存。\n")
    assert kept.startswith("1  游泳池几点开放 / 泳池票多少钱一张")
    assert changed[0] == off[0] == 0
    assert shown.endswith("冬天不开。\n")
    assert "（已停用）" in wuyebot("faq", "list", "翡翠湾")[1]
    assert "没有编号是 9 的常见问题" in unknown[1]


def test_own_texts_are_tried_saved_shown_and_taken_back(wuyebot):
    tried = wuyebot("own-text", "set", "翡翠湾", "问候", "{公司}为您服务。", *BY)
    assert tried[1] == "安心物业为您服务。\n预览，尚未保存；加 --apply 保存。\n"
    assert "问候  没有写" in wuyebot("own-text", "show", "翡翠湾")[1]

    wuyebot("own-text", "set", "翡翠湾", "问候", "{公司}为您服务。", *BY, "--apply")
    phones = wuyebot("own-text", "set", "翡翠湾", "电话", "门岗 0571", *BY, "--apply")
    unknown = wuyebot("own-text", "set", "翡翠湾", "再见", "x", *BY)
    assert phones[0] == unknown[0] == 1
    assert "写成 名称=号码" in phones[1]
    assert "问候  {公司}为您服务。" in wuyebot("own-text", "show", "翡翠湾")[1]

    wuyebot("own-text", "set", "翡翠湾", "问候", "", *BY, "--apply")
    assert "问候  没有写" in wuyebot("own-text", "show", "翡翠湾")[1]
