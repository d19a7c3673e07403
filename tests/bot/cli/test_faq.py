"""Own questions and texts by command: tried first, saved with --apply, refused in words."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.spreadsheets.writing import write_table
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


def sheet_of(path: Path, *rows) -> str:
    write_table(path, title="常见问题", headers=("编号", "问法", "答案"), rows=rows)
    return str(path)


def test_questions_go_out_in_a_sheet_and_come_back_changed(wuyebot, tmp_path):
    wuyebot(*ADD, *POOL, "--apply")
    out, changed = str(tmp_path / "out.xlsx"), tmp_path / "in.xlsx"
    wuyebot("faq", "export", "翡翠湾", out)
    again = wuyebot("faq", "import", "翡翠湾", out, *BY)[1]

    sheet = sheet_of(
        changed,
        (1, "泳池几点开\n泳池票价", "冬天不开。"),
        (None, "游泳池几点开放 / 恒温泳池", "周末开。"),
    )
    tried = wuyebot("faq", "import", "翡翠湾", sheet, *BY)[1]
    kept = wuyebot("faq", "list", "翡翠湾")[1]
    saved = [wuyebot("faq", "import", "翡翠湾", sheet, *BY, "--apply")[1] for _ in range(2)]
    listed = wuyebot("faq", "list", "翡翠湾")[1]

    assert again == "预览：新增 0 条，改 0 条；加 --apply 保存。\n"
    assert tried.splitlines()[-1] == "预览：新增 1 条，改 1 条；加 --apply 保存。"
    assert kept.startswith("1  游泳池几点开放 / 泳池票多少钱一张")
    assert [one.splitlines()[-1] for one in saved] == [
        "已保存：新增 1 条，改 1 条。",
        "已保存：新增 0 条，改 0 条。",
    ]
    assert "1  泳池几点开 / 泳池票价" in listed
    assert "2  游泳池几点开放 / 恒温泳池" in listed


def test_a_sheet_with_one_bad_row_saves_nothing_and_says_where(wuyebot, tmp_path):
    wuyebot(*ADD, *POOL, "--apply")
    before = wuyebot("faq", "list", "翡翠湾")[1]
    sheet = sheet_of(
        tmp_path / "in.xlsx",
        (None, "快递柜在哪", "北门。"),
        (9, "会所几点开", "九点。"),
        (None, "我要缴费", "好的"),
        (None, "健身房几点开", "看 https://evil.example"),
        (None, "泳池票多少钱一张", "二十元。"),
        (None, "快递柜在哪！", "南门。"),
    )

    status, said = wuyebot("faq", "import", "翡翠湾", sheet, *BY, "--apply")

    assert status == 1
    assert "第4行A列：没有编号是 9 的常见问题" in said
    assert "第5行B列：“我要缴费”机器人已经当作 pay" in said
    assert "第6行C列：链接 https://evil.example 不在允许的网站里" in said
    assert "第7行B列：“泳池票多少钱一张”已经是另一条的问法" in said
    assert "第8行B列：“快递柜在哪！”已经是另一条的问法" in said
    assert "没有保存任何内容：5 处有问题" in said
    assert wuyebot("faq", "list", "翡翠湾")[1] == before
