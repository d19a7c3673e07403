"""How days agreed is read beside a running bot; a downloaded statement is read in by hand."""

import gzip
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from bot.cli.main import main
from storage.models.reconciliation import gateway_statements, statement_lines
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.test_wechat_pay_statement import BACK, PAID, WHOLE, bill

DAY = "2026-03-01"
Type = Callable[..., tuple[int, str]]

CONFIG = """
[web]
base_url = "https://wuye.example"
[company]
name = "安心物业"
[links]
secret = "{secret}"
[database]
url = "{url}"
[gateways.wechat_pay]
mchid = "{mchid}"
app_id = "{app_id}"
api_v3_key = "{api_v3_key}"
merchant_serial = "{serial}"
merchant_private_key_file = "merchant.pem"
platform_public_key_file = "platform_public.pem"
platform_public_key_id = "{key_id}"
notify_url = "https://wuye.example/notify/wechat_pay/main"
"""


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder with books, keys and a configuration."""
    platforms.write_files(tmp_path)
    words = CONFIG.format(
        secret="s" * 32,
        url=sqlite_url,
        mchid=platforms.MCHID,
        app_id=platforms.APP_ID,
        api_v3_key=platforms.API_V3_KEY,
        serial=platforms.MERCHANT_SERIAL,
        key_id=platforms.KEY_ID,
    )
    (tmp_path / "config.toml").write_text(words, "utf-8")
    return tmp_path


@pytest.fixture
def typed(folder: Path) -> Type:
    """Type a command; get its exit status and what it printed."""

    def run(*words: str) -> tuple[int, str]:
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                main(["reconcile", *words, "--config", str(folder / "config.toml")])
            except SystemExit as ended:
                return int(ended.code or 0), said.getvalue()
        return 0, said.getvalue()

    return run


def rows(folder: Path, table) -> list:
    engine = create_engine(f"sqlite:///{folder}/wuyebot.db")
    with engine.connect() as tx:
        found = list(tx.execute(select(table)))
    engine.dispose()
    return found


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_downloaded_statement_is_read_in_kept_and_shown(typed: Type, folder: Path, is_packed):
    file = folder / ("downloaded.csv.gz" if is_packed else "downloaded.csv")
    file.write_bytes(gzip.compress(WHOLE) if is_packed else WHOLE)

    assert typed("read", "wechat_pay", DAY, str(file)) == (
        0,
        "微信支付 2026-03-01：已读入，上午对账时核对。\n",
    )
    assert typed("read", "wechat_pay", DAY, str(file))[1].endswith("已经读过，没有改动。\n")

    (statement,) = rows(folder, gateway_statements)
    assert (statement.day_on, statement.paid_fen) == (date(2026, 3, 1), 58_000)
    assert (folder / "statements" / statement.file_name).read_bytes() == file.read_bytes()
    assert len(rows(folder, statement_lines)) == 2
    status, shown = typed("show", "--day", DAY)
    assert status == 0
    assert "微信支付：已读入，等着对账，2 笔，收 580.00 元，退 100.00 元，手续费 2.82 元" in shown


def test_a_statement_that_is_not_this_days_is_refused_and_told(typed: Type, folder: Path):
    file = folder / "downloaded.csv"
    file.write_bytes(WHOLE)

    status, said = typed("read", "wechat_pay", "2026-03-02", str(file))

    assert (status, "没有采用" in said) == (1, True)
    assert rows(folder, statement_lines) == []
    status, shown = typed("show", "--day", "2026-03-02")
    assert "账单不完整" in shown
    assert "1 微信支付 3月2日 平台账单不完整" in shown
    status, history = typed("difference", "1")
    assert status == 0
    assert "发现" in history


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("read", "alipay", DAY, "x.csv"), "没有 [gateways.alipay]"),
        (("read", "wechat_pay", DAY, "nowhere.csv"), "没有文件"),
        (("read", "wechat_pay", "1 March", "x.csv"), "不是日期"),
        (("difference", "9"), "没有编号是 9"),
    ],
)
def test_what_cannot_be_done_is_said(typed: Type, words, why):
    status, said = typed(*words)

    assert status == 1
    assert why in said


def test_a_day_without_any_statement_says_so(typed: Type):
    assert typed("show", "--day", DAY) == (0, "2026-03-01 没有平台账单。\n")


def test_the_rows_of_these_tests_are_whole():
    assert bill(PAID, BACK) == WHOLE
