"""What an operator types, as the README says it, on a configuration filled in like the example."""

import csv
import io
import os
import shutil
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from bot.cli.main import main
from bot.cli.staff import command as staff_command
from bot.menu import BUTTONS
from bot.spreadsheets.writing import write_table
from handlers.registry import INTENTS
from storage.database import lock_file

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
ESTATE = ("小区", "房号", "建筑面积", "业主", "电话")
HOMES = [
    ("翡翠湾", "3-2-1201", "89.50", "李秀英", "13800001234"),
    ("翡翠湾", "3-2-1202", "92.00", "王建国", "13800001235"),
]
OLD_DEBTS = ("小区", "房号", "收费项目", "账期", "金额", "应缴日")
DEBTS = [
    ("翡翠湾", "3-2-1201", "物业费", "2026-08", "1,250.00", "2026-08-25"),
    ("翡翠湾", "3-2-1202", "物业费", "2026-08", "257.60", "2026-08-25"),
]
TARIFFS = ("小区", "收费项目", "计费方式", "单价", "生效日期")
PRICES = [("翡翠湾", "物业费", "按面积", "2.80", "2026-01-01")]


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture
def config(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """Give the example as an operator fills it in, with real keys and an empty database."""
    private, public = key_pair()
    secrets = {
        "links": "x" * 40,
        "app_secret": "s" * 32,
        "token": "token-of-ours",
        "aes_key": "A" * 43,
        "api_v3_key": "k" * 32,
        "apiclient_key.pem": private,
        "pub_key.pem": public,
    }
    (tmp_path / "secrets").mkdir()
    for name, secret in secrets.items():
        (tmp_path / "secrets" / name).write_text(secret + "\n", encoding="utf-8")
    for part in migrated_sqlite.glob("wuyebot.db*"):
        shutil.copy(part, tmp_path)
    path = tmp_path / "config.toml"
    nobody = "http://127.0.0.1:9"
    text = EXAMPLE.read_text(encoding="utf-8").replace("https://api.weixin.qq.com", nobody)
    path.write_text(text.replace("https://wuye.example.com", "https://127.0.0.1:9"), "utf-8")
    return path


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Give a folder with an office's three spreadsheets."""
    write_table(tmp_path / "房屋.xlsx", title="房屋台账", headers=ESTATE, rows=HOMES)
    write_table(tmp_path / "欠费.xlsx", title="欠费表", headers=OLD_DEBTS, rows=DEBTS)
    write_table(tmp_path / "标准.xlsx", title="收费标准", headers=TARIFFS, rows=PRICES)
    return tmp_path


@dataclass(frozen=True)
class Said:
    """A command's exit status, and what it printed on both streams."""

    exit_code: int
    output: str


def wuyebot(*words: str | Path) -> Said:
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(out),
        pytest.raises(SystemExit) as ended,
    ):
        main([str(word) for word in words])
    return Said(int(ended.value.code or 0), out.getvalue())


def imported(sheets: Path, config: Path) -> None:
    for kind, name in (("estate", "房屋"), ("tariffs", "标准"), ("bills", "欠费")):
        done = wuyebot("import", kind, sheets / f"{name}.xlsx", "--config", config, "--apply")
        assert done.exit_code == 0, done.output


def test_the_menu_is_shown_as_residents_will_see_it():
    shown = wuyebot("menu", "show")

    assert shown.exit_code == 0
    assert shown.output.splitlines()[0] == "我的账单"
    assert "  去缴费" in shown.output


def test_every_menu_button_is_a_click_that_an_intent_answers():
    rows = [one for button in BUTTONS for one in button.get("sub_button", [button])]

    assert BUTTONS[0]["name"] == "我的账单"
    assert {row["type"] for row in rows} == {"click"}
    assert {row["key"].removeprefix("MENU:") for row in rows} <= {one.name for one in INTENTS}


def test_the_menu_of_an_account_that_cannot_be_reached_is_not_published(config: Path):
    pushed = wuyebot("menu", "push", "--config", config)

    assert pushed.exit_code == 1
    assert "菜单没有发布成功" in pushed.output


def test_a_look_changes_nothing_and_apply_takes_it_in_once(sheets: Path, config: Path):
    estate = sheets / "房屋.xlsx"

    looked = wuyebot("import", "estate", estate, "--config", config)
    applied = wuyebot("import", "estate", estate, "--config", config, "--apply")
    again = wuyebot("import", "estate", estate, "--config", config, "--apply")

    assert (looked.exit_code, applied.exit_code, again.exit_code) == (0, 0, 0)
    assert "尚未写入；加 --apply 正式导入" in looked.output
    assert "已导入" in applied.output
    assert "没有需要变更的内容" in again.output


def test_the_first_import_creates_the_database_beside_the_configuration(sheets: Path, config: Path):
    for part in config.parent.glob("wuyebot.db*"):
        part.unlink()

    looked = wuyebot("import", "estate", sheets / "房屋.xlsx", "--config", config)

    assert looked.exit_code == 0, looked.output
    assert "尚未写入" in looked.output
    assert (config.parent / "wuyebot.db").exists()


@pytest.mark.parametrize("is_newest", [True, False])
def test_beside_a_running_bot_a_tool_that_writes_says_so_in_one_line(
    sheets: Path, config: Path, is_newest: bool
):
    imported(sheets, config)
    file = config.parent / "wuyebot.db"
    if not is_newest:
        with closing(sqlite3.connect(file)) as books, books:
            books.execute("UPDATE alembic_version SET version_num = '0000'")
    manager = ("王经理", "13800000000", "manager", "翡翠湾")
    tools = (
        ("import", "estate", sheets / "房屋.xlsx", "--apply"),
        ("staff", "add", *manager),
        ("community", "office", "翡翠湾", "--phone", "0571-1"),
        ("opening", "widen", "翡翠湾", "--manager", "13800000000"),
        ("print", "bills", "--building", "3", "--out", sheets / "3.html"),
    )

    with closing(lock_file(file)):
        said = [wuyebot(*words, "--config", config) for words in tools[: 5 if is_newest else 2]]

    assert {one.exit_code for one in said} == {1}
    for one in said:
        assert "in use by a running wuyebot; stop it first" in one.output
        assert len(one.output.strip().splitlines()) == 1


def test_staff_are_taken_on_with_the_words_to_type_in_chat(sheets: Path, config: Path):
    imported(sheets, config)
    manager = ("王经理", "13800000000", "manager")

    added = wuyebot("staff", "add", *manager, "翡翠湾", "--config", config)
    elsewhere = wuyebot("staff", "add", *manager, "没有这里", "--config", config)

    assert added.exit_code == 0
    assert "员工绑定 13800000000 " in added.output
    assert elsewhere.exit_code == 1
    assert "没有叫“没有这里”的小区" in elsewhere.output


def test_who_has_left_is_let_go_once(sheets: Path, config: Path):
    imported(sheets, config)
    wuyebot("staff", "add", "王经理", "13800000000", "manager", "翡翠湾", "--config", config)

    gone = wuyebot("staff", "leave", "13800000000", "--config", config)
    again = wuyebot("staff", "leave", "13800000000", "--config", config)

    assert (gone.exit_code, again.exit_code) == (0, 1)
    assert "王经理 已离职" in gone.output


@pytest.mark.parametrize(
    ("phone", "typed", "status", "said"),
    [
        ("13800000000", "十个字以上的一个密码呀", 0, "用手机号和密码登录"),
        ("13800000000", "short", 1, "密码要10到200个字"),
        ("13800000009", "十个字以上的一个密码呀", 1, "没有手机号是 13800000009"),
    ],
)
def test_a_password_for_the_console_is_set_where_it_is_long_enough_and_she_works_here(
    sheets: Path, config: Path, phone: str, typed: str, status: int, said: str
):
    imported(sheets, config)
    wuyebot("staff", "add", "王经理", "13800000000", "manager", "翡翠湾", "--config", config)

    told = CliRunner().invoke(
        staff_command, ["password", phone, "--config", str(config)], input=f"{typed}\n{typed}\n"
    )

    assert told.exit_code == status
    assert said in told.output
    assert typed not in told.output


def test_a_community_is_signed_only_for_totals_that_agree_and_only_by_its_manager(
    sheets: Path, config: Path
):
    imported(sheets, config)
    wuyebot("staff", "add", "王经理", "13800000000", "manager", "翡翠湾", "--config", config)
    shown = wuyebot("opening", "show", "翡翠湾", "--config", config)
    assert list(csv.reader(io.StringIO(shown.output))) == [
        ["楼栋", "收费项目", "合计"],
        ["3栋", "物业费", "1507.60"],
    ]
    right, wrong = sheets / "right.csv", sheets / "wrong.csv"
    right.write_text(shown.output, encoding="utf-8")
    wrong.write_text(shown.output.replace("1507.60", "1507.61"), encoding="utf-8")

    def sign(totals: Path, phone: str) -> Said:
        words = ("opening", "sign", "翡翠湾", totals, "--manager", phone, "--config", config)
        return wuyebot(*words)

    refused, stranger = sign(wrong, "13800000000"), sign(right, "13900000000")
    signed, again = sign(right, "13800000000"), sign(right, "13800000000")

    assert [one.exit_code for one in (refused, stranger, signed, again)] == [1, 1, 0, 0]
    assert "没有签字" in refused.output
    assert "不是这个小区的经理" in stranger.output
    assert "已签字" in signed.output
    assert "之前已经签过字" in again.output


def test_the_doctor_names_what_is_there_and_what_is_not(config: Path):
    healthy = wuyebot("doctor", "--config", config)
    (config.parent / "secrets" / "pub_key.pem").write_text("no key", encoding="utf-8")
    ill = wuyebot("doctor", "--config", config)

    assert healthy.exit_code == 0, healthy.output
    assert "ok    books: every sentence holds" in healthy.output
    assert "warn  backup: none" in healthy.output
    assert ill.exit_code == 1
    assert "bad   gateways.wechat_pay" in ill.output


WORK = """
[channels.office]
kind = "wecom"
corp_id = "ww1"
agent_id = "1"
secret = "s"
token = "t"
aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
groups = { "全体同事" = "" }
"""


def test_the_doctor_reads_the_books_too(sheets: Path, config: Path):
    imported(sheets, config)

    early = wuyebot("doctor", "--config", config).output
    wuyebot("staff", "add", "王经理", "13800000000", "manager", "翡翠湾", "--config", config)
    wuyebot("community", "office", "翡翠湾", "--phone", "0571-8888", "--config", config)
    books = sqlite3.connect(config.parent / "wuyebot.db")
    with closing(books), books:
        books.execute(
            "INSERT INTO discrepancies (discrepancy_key, kind, reference, detail, opened_at)"
            " VALUES ('k', 'AmountMismatch', 'W26', '1 fen', '2026-11-23 02:00:00.000000')"
        )
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('group = ""', 'group = "全体同事"') + WORK, encoding="utf-8")
    later = wuyebot("doctor", "--config", config)

    assert "ok    database: journal mode wal" in early
    assert "warn  翡翠湾: opening sheet not signed" in early
    assert "warn  翡翠湾: residents find no phone" in early
    assert "warn  翡翠湾: no manager" in early
    assert "difference" not in early
    assert "warn  difference: AmountMismatch W26 1 fen" in later.output
    assert "no phone" not in later.output
    assert "no manager" not in later.output
    assert "warn  staff: 王经理 not in WeCom; alerts wait after 48 hours" in later.output
    assert "ok    alarms: 全体同事 is told" in later.output
    assert "warn  chat 全体同事: 0 members, not made yet" in later.output
    assert later.exit_code == 0


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ('thing4 = "state" }', 'thing4 = "stat" }', "bad   channels.main: templates.payment_s"),
        (".templates.reminder]", ".templates.remind]", "bad   channels.main: templates.remind "),
        ('mchid = "1900000000"', 'mchid = "1900000000"', "warn  channels.main: no template for"),
        (
            "127.0.0.1:9/notify/wechat_pay",
            "127.0.0.2:9/notify/wechat_pay",
            "warn  gateways.wechat_pay: notify_url",
        ),
        ('verify_dir = "verify"', 'verify_dir = "verify"', "warn  web: no MP_verify_*.txt"),
        ('filing_no = ""', 'filing_no = ""', "warn  company: no filing_no"),
    ],
)
def test_the_doctor_names_what_will_not_work(config: Path, written: str, instead: str, said: str):
    text = config.read_text(encoding="utf-8")
    assert written in text
    config.write_text(text.replace(written, instead, 1), encoding="utf-8")

    found = wuyebot("doctor", "--config", config)

    assert said in found.output
    assert found.exit_code == (1 if said.startswith("bad") else 0)


def test_the_doctor_names_the_phase_and_warns_of_a_backup_that_is_too_old(config: Path):
    text = config.read_text(encoding="utf-8")
    folder = config.parent / "backups"
    folder.mkdir()
    (folder / "wuyebot-20261101.db").touch()
    fresh = wuyebot("doctor", "--offline", "--config", config)
    os.utime(folder / "wuyebot-20261101.db", (0, 0))
    old = wuyebot("doctor", "--offline", "--config", config)
    before, _, after = text.partition("[channels.main]")
    _, _, gateways = after.partition("[gateways.wechat_pay]")
    config.write_text(f"{before}[gateways.wechat_pay]{gateways}", encoding="utf-8")
    paper = wuyebot("doctor", "--offline", "--config", config)
    config.write_text(before, encoding="utf-8")
    nothing = wuyebot("doctor", "--offline", "--config", config)

    assert "ok    backup: newest is wuyebot-20261101.db, 0 h old, 1 kept" in fresh.output
    assert (fresh.exit_code, old.exit_code) == (0, 1)
    assert "bad   backup: newest is wuyebot-20261101.db" in old.output
    phases = [one.output.splitlines()[0][:15] for one in (fresh, paper, nothing)]
    assert phases == ["ok    phase: 2:", "ok    phase: 1:", "ok    phase: 0:"]


def test_a_gateway_of_another_account_is_found(config: Path):
    text = config.read_text(encoding="utf-8")
    before, _, after = text.partition("[gateways.wechat_pay]")
    other = after.replace("wx0000000000000000", "wx1111111111111111")
    config.write_text(f"{before}[gateways.wechat_pay]{other}", encoding="utf-8")

    found = wuyebot("doctor", "--config", config)

    assert "bad   gateways.wechat_pay: app_id wx1111111111111111" in found.output


def test_audit_and_book_read_the_books_of_a_configuration(sheets: Path, config: Path):
    imported(sheets, config)

    audit = wuyebot("audit", "--config", config)
    book = wuyebot("book", "--config", config, "--json")

    assert audit.exit_code == 0
    assert "0 rows break one" in audit.output
    assert book.output.startswith('{"payments": []')


def test_a_tool_that_is_told_no_books_says_so():
    said = wuyebot("audit")

    assert said.exit_code == 1
    assert "--config FILE or --data DIR" in said.output


def test_an_office_is_written_down_and_residents_can_be_told_of_it(sheets: Path, config: Path):
    imported(sheets, config)
    words = ("--phone", "0571-8888", "--hours", "每天9点到17点", "--config", config)

    bare = wuyebot("community", "show", "翡翠湾", "--config", config)
    written = wuyebot("community", "office", "翡翠湾", *words)
    nothing = wuyebot("community", "office", "翡翠湾", "--config", config)
    shown = wuyebot("community", "show", "翡翠湾", "--config", config)

    assert [one.exit_code for one in (bare, written, nothing, shown)] == [0, 0, 1, 0]
    assert "电话  没有登记" in bare.output
    assert "电话  0571-8888" in shown.output
    assert "公司  没有登记" in shown.output
    assert "上班时间  每天8:30到17:30" in bare.output
    assert "上班时间  每天9:00到17:00" in shown.output
    assert "duty-until=17:00" in shown.output


def test_duty_hours_that_cannot_be_read_change_nothing(sheets: Path, config: Path):
    imported(sheets, config)
    words = ("--phone", "0571-8888", "--hours", "随时", "--config", config)

    written = wuyebot("community", "office", "翡翠湾", *words)
    shown = wuyebot("community", "show", "翡翠湾", "--config", config)

    assert written.exit_code == 1
    assert "看不懂" in written.output
    assert "电话  没有登记" in shown.output


def test_a_communitys_choices_are_typed_as_they_are_shown(sheets: Path, config: Path):
    imported(sheets, config)

    def choose(*choices: str) -> Said:
        return wuyebot("community", "choose", "翡翠湾", *choices, "--config", config)

    done = choose("reminder-days=-7,0,5", "refund-yuan=200", "closed=年终盘点", "bind-code=不要")
    shown = wuyebot("community", "show", "翡翠湾", "--config", config)
    again = choose(*(line.split()[0] for line in shown.output.splitlines() if "=" in line))
    opened = choose("closed=不暂停")

    assert [one.exit_code for one in (done, again, opened)] == [0, 0, 0], again.output
    for expected in ("reminder-days=-7,0,5 ", "refund-yuan=200.00 ", "closed=年终盘点 "):
        assert expected in shown.output
    last = wuyebot("community", "show", "翡翠湾", "--config", config)
    assert "closed=不暂停 " in last.output
    assert "bind-code=不要 " in last.output


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ("weekly-cap=9", "没有改动：weekly-cap 超出范围"),
        ("weekly-cap=很多", "weekly-cap=很多 看不懂"),
        ("weekly-cup=1", "没有“weekly-cup”这一项"),
        ("quiet-from=01:00", "没有改动：quiet-from 超出范围"),
    ],
)
def test_a_choice_that_makes_no_sense_is_named(sheets: Path, config: Path, choice: str, why: str):
    imported(sheets, config)

    refused = wuyebot("community", "choose", "翡翠湾", choice, "--config", config)

    assert refused.exit_code == 1
    assert why in refused.output
