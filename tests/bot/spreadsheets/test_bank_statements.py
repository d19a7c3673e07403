"""Bank statements: six banks' files read alike; a bad file is refused whole, with the place."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.bank_book import Line, Side
from bot.sandbox.bank_files import LAYOUTS, Paper, content
from bot.sandbox.bank_keys import Account
from bot.spreadsheets.bank_layouts import header_in
from bot.spreadsheets.bank_statements import BankStatement, read_statement
from bot.spreadsheets.cells import Row
from tests.bot.spreadsheets.bank_samples import ABC, ACCOUNT, BOC, BOCOM, CCB, CMB, ICBC, SAMPLES
from tests.bot.spreadsheets.old_workbooks import write_old

Read = Callable[..., BankStatement]
BANKS = sorted(SAMPLES)
encodings = pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a text as a bank's file."""

    def reading(
        text: str | bytes, encoding: str = "gb18030", account_no: str = ACCOUNT
    ) -> BankStatement:
        path = tmp_path / "statement.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_statement(path, account_no=account_no)

    return reading


def refusal(found: BankStatement) -> str:
    """The problems, after making sure that nothing was half read."""
    assert found.rows == ()
    assert found.problems
    return "\n".join(map(str, found.problems))


@pytest.mark.parametrize("bank", BANKS)
@encodings
def test_c07_every_bank_tells_the_same_three_rows(read: Read, bank: str, encoding: str) -> None:
    found = read(SAMPLES[bank], encoding)

    assert found.problems == ()
    assert (found.bank, found.account_no) == (bank, ACCOUNT)
    assert [row.amount_fen for row in found.rows] == [100_000, 123_456, -1_000]
    assert [row.balance_fen for row in found.rows] == [100_000, 223_456, 222_456]
    assert [row.counterparty_name for row in found.rows] == ["李四", "张三", ""]
    assert "物业费 3-2-501" in found.rows[1].memo.split("；")
    assert (found.first_on, found.last_on) == (date(2026, 11, 22), date(2026, 11, 23))
    assert (found.opening_fen, found.closing_fen, found.repeated) == (0, 222_456, 0)
    assert len({row.line_key for row in found.rows}) == 3


@pytest.mark.parametrize("bank", ["abc", "boc", "ccb", "bocom"])
def test_times_are_shanghais(read: Read, bank: str) -> None:
    row = read(SAMPLES[bank]).rows[1]

    assert (row.booked_at, row.has_time) == (datetime(2026, 11, 22, 2, 15, 30, tzinfo=UTC), True)


@pytest.mark.parametrize("bank", ["icbc", "cmb"])
def test_a_bank_that_tells_no_time_books_at_midnight(read: Read, bank: str) -> None:
    row = read(SAMPLES[bank]).rows[1]

    assert (row.booked_at, row.has_time) == (datetime(2026, 11, 21, 16, tzinfo=UTC), False)
    assert row.day_on == date(2026, 11, 22)


def test_serials_are_kept_where_a_bank_gives_them(read: Read) -> None:
    assert [row.serial for row in read(CCB).rows] == [
        "1-3300012001",
        "2-3300012002",
        "3-3300012003",
    ]
    assert [row.serial for row in read(ABC).rows] == ["369396693", "369396694", "0000000000"]
    assert {row.serial for row in read(BOC).rows} == {""}


def test_a_cell_with_name_and_account_is_taken_apart(read: Read) -> None:
    rows = read(CMB).rows

    assert [row.counterparty_account for row in rows] == [
        "6217001234567890",
        "6222021234567890",
        "",
    ]


def test_rows_that_move_nothing_are_no_rows(read: Read) -> None:
    assert all(row.amount_fen for row in read(ABC).rows)


# Workbooks


def table(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.replace('"', "").splitlines()]


def plain_boc() -> list[list[str]]:
    return table(
        BOC.replace("1,000.00", "1000.00")
        .replace("1,234.56", "1234.56")
        .replace("2,224.56", "2224.56")
        .replace("2,234.56", "2234.56")
    )


def test_an_xlsx_is_read_as_its_csv(tmp_path: Path, read: Read) -> None:
    book = openpyxl.Workbook()
    for row in plain_boc():
        book.active.append(row)
    book.save(tmp_path / "s.xlsx")

    found = read_statement(tmp_path / "s.xlsx", account_no=ACCOUNT)
    assert found.problems == ()
    assert [row.line_key for row in found.rows] == [row.line_key for row in read(BOC).rows]


def test_an_old_xls_with_numbers_is_read_as_its_csv(tmp_path: Path, read: Read) -> None:
    rows: list[list[Any]] = plain_boc()
    for row in rows[2:]:
        row[3], row[4] = float(row[3]), float(row[4])
    path = write_old(tmp_path / "s.xls", rows)

    found = read_statement(path, account_no=ACCOUNT)
    assert found.problems == ()
    assert [row.line_key for row in found.rows] == [row.line_key for row in read(BOC).rows]


def test_a_table_cut_by_tabs_is_read(read: Read) -> None:
    text = "\n".join("\t".join(row) for row in plain_boc())

    assert [row.amount_fen for row in read(text).rows] == [100_000, 123_456, -1_000]


# Keys


@pytest.mark.parametrize("bank", BANKS)
def test_a_row_read_again_has_the_same_key(read: Read, bank: str) -> None:
    first = read(SAMPLES[bank], "utf-8").rows

    assert read(SAMPLES[bank], "gb18030").rows == first
    assert read(SAMPLES[bank], account_no=ACCOUNT).rows == first


@pytest.mark.parametrize("bank", ["cmb", "abc", "bocom"])
def test_another_account_with_the_same_rows_has_other_keys(read: Read, bank: str) -> None:
    mine = {row.line_key for row in read(SAMPLES[bank]).rows}
    other = {row.line_key for row in read(SAMPLES[bank], account_no="62220000").rows}

    assert not mine & other


def test_the_morning_file_and_the_whole_day_agree_on_its_rows(read: Read) -> None:
    """BOC: no serial, newest first; the same payer pays the same twice in one second."""
    line = "2026-11-22,{},人民币,10.00,{},转账,网银,-----,物业费,张三,6222******7890,-----,6789"
    head = "\n".join(BOC.splitlines()[:2])
    rows = [line.format("09:00:00", "10.00"), line.format("09:00:00", "20.00")]
    later = line.format("10:00:00", "30.00")

    morning = read("\n".join([head, *reversed(rows)])).rows
    whole = read("\n".join([head, later, *reversed(rows)])).rows
    assert [row.line_key for row in whole][:2] == [row.line_key for row in morning]
    assert len({row.line_key for row in whole}) == 3


def test_c08_rows_alike_in_everything_are_counted_and_not_merged(read: Read) -> None:
    """CMB tells no time: in, out and in again on one day leaves the same balance twice."""
    head = CMB.splitlines()[0]
    rows = [
        "2026-11-22,CNY,10.00,10.00,转账,张三 62220000,物业费",
        "2026-11-22,CNY,-10.00,0.00,转账,张三 62220000,退",
        "2026-11-22,CNY,10.00,10.00,转账,张三 62220000,物业费",
    ]
    found = read("\n".join([head, *rows])).rows

    assert len({row.line_key for row in found}) == 3
    assert {row.line_key.rpartition(":")[2] for row in found} == {"1", "2"}


def test_a_row_printed_twice_running_is_one_row(read: Read) -> None:
    lines = CMB.splitlines()
    found = read("\n".join([*lines[:3], lines[2], lines[3]]))

    assert found.problems == ()
    assert (len(found.rows), found.repeated) == (3, 1)


def test_interest_and_its_tax_may_share_a_serial(read: Read) -> None:
    head = ABC.splitlines()[0]
    rows = ["20261121,,结息,+1.00,1.00,--,7777,,", "20261121,,利息税,-0.20,0.80,--,7777,,"]
    found = read("\n".join([head, *rows])).rows

    assert len({row.line_key for row in found}) == 2


# What is missing, changed, cut


@pytest.mark.parametrize("bank", ["cmb", "abc", "boc", "ccb", "bocom"])
def test_a_missing_row_is_found_by_the_balances_and_its_place_named(read: Read, bank: str) -> None:
    lines = SAMPLES[bank].splitlines()
    gone = next(at for at, line in enumerate(lines) if "张三" in line)
    problem = refusal(read("\n".join(lines[:gone] + lines[gone + 1 :])))

    assert "余额与第" in problem
    assert "相差 1,234.56" in problem


@pytest.mark.parametrize("bank", BANKS)
def test_a_changed_amount_is_found(read: Read, bank: str) -> None:
    changed = SAMPLES[bank].replace("1234.56", "1334.56", 1).replace("1,234.56", "1,334.56", 1)

    assert "余额与第" in refusal(read(changed)) or "合计" in refusal(read(changed))


def test_the_sums_below_must_be_the_rows(read: Read) -> None:
    problem = refusal(read(ICBC.replace('"2,234.56          ', '"2,234.57          ')))

    assert "第12行I列：合计是 2,234.57，各行相加是 2,234.56" in problem


def test_a_file_without_its_last_line_is_not_whole(read: Read) -> None:
    assert "没有下载完整" in refusal(read(ICBC[: ICBC.index("人民币合计")]))


@pytest.mark.parametrize("bank", ["boc", "ccb", "bocom", "icbc"])
def test_a_file_cut_anywhere_is_refused_or_ends_at_a_whole_row(read: Read, bank: str) -> None:
    text = SAMPLES[bank]
    whole = {row.line_key for row in read(text).rows}
    for end in range(len(text) - 1, len(text) // 3, -7):
        found = read(text[:end], "utf-8")
        cut_short = [row for row in found.rows if row.line_key not in whole]
        # Only the words at the very end of the last row can be short without a trace.
        assert all(row.line_key == found.rows[-1].line_key for row in cut_short)
        assert len(cut_short) <= 1


def test_rows_out_of_their_order_are_put_back_by_time(read: Read) -> None:
    lines = BOCOM.splitlines()
    found = read("\n".join([lines[0], lines[1], lines[3], lines[2]]))

    assert [row.balance_fen for row in found.rows] == [100_000, 223_456, 222_456]


def test_another_account_is_refused(read: Read) -> None:
    for text in (CCB, ICBC):
        problem = refusal(read(text, account_no="1202026509123456780"))
        assert "账号尾号 6789 的明细，要导入的是尾号 6780" in problem


def test_two_accounts_in_one_file_are_refused(read: Read) -> None:
    lines = CCB.splitlines()
    lines[2] = lines[2].replace(ACCOUNT, "1202026509000000000")

    assert "几个账号" in refusal(read("\n".join(lines), account_no=""))


def test_days_outside_the_files_own_range_are_refused(read: Read) -> None:
    head = "账号:1202026509123456789\n起止日期: 2026-11-22 至 2026-11-22\n"

    assert "起止日期" in refusal(read(head + BOCOM))
    whole = read(head.replace("至 2026-11-22", "至 2026-11-30") + BOCOM)
    assert (whole.first_on, whole.last_on) == (date(2026, 11, 22), date(2026, 11, 30))


def test_a_count_that_is_not_the_rows_is_refused(read: Read) -> None:
    assert "写明共 4 笔，实际读到 3 笔" in refusal(read("总笔数: 4\n" + BOCOM))
    assert read("总笔数: 3\n" + BOCOM).problems == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1000.00,1000.00", "1000.005,1000.00", "第2行F列"),
        ("1000.00,1000.00", "一千,1000.00", "不是金额"),
        ("1000.00,1000.00", "1e3,1000.00", "不是金额"),
        ("1000.00,1000.00", "10,00.00,1000.00", "第2行"),
        ("1000.00,1000.00", "1000.00,?", "第2行G列"),
        ("1000.00,1000.00", "99999999999.00,1000.00", "第2行F列"),
        ("贷 Cr,1000", "? ,1000", "借贷方向"),
        ("2026-11-22,09:15:00", "前天,09:15:00", "第2行B列：日期看不懂"),
        ("2026-11-22,09:15:00", "2026-02-30,09:15:00", "第2行B列：日期看不懂"),
        ("09:15:00", "25:15:00", "没有“25:15:00”这个时间"),
        ("转账,贷", '"转账,贷', "引号没有配对"),
    ],
)
def test_a_bad_cell_refuses_the_file_and_names_its_place(
    read: Read, old: str, new: str, said: str
) -> None:
    assert said in refusal(read(BOCOM.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "空的"),
        (b"\xff\xfe\x00\x00\x81", "编码看不懂"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "编码看不懂"),
        ("姓名,电话\n张三,13800000000\n".encode(), "没有找到流水的表头"),
        ("<html><table><tr><td>交易日期</td></tr></table></html>".encode(), "网页"),
        (b"%PDF-1.7 etc", "PDF"),
        (b"PK\x03\x04 broken", "已损坏"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 broken", "已损坏"),
    ],
)
def test_what_is_no_statement_is_refused_with_advice(read: Read, raw: bytes, said: str) -> None:
    assert said in refusal(read(raw))


def test_other_money_than_yuan_is_refused(read: Read) -> None:
    assert "USD" in refusal(read(CMB.replace("CNY", "USD", 1)))


def test_money_in_and_out_in_one_row_is_refused(read: Read) -> None:
    assert "分不清" in refusal(read(CCB.replace('0.00,"1,000.00"', '5.00,"1,000.00"', 1)))


def test_a_day_without_rows_is_no_failure(read: Read) -> None:
    found = read(BOCOM.splitlines()[0])

    assert (found.rows, found.problems) == ((), ())


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "打不开文件" in refusal(read_statement(tmp_path / "none.csv"))


def test_c10_a_correction_in_red_is_money_out(read: Read) -> None:
    lines = CCB.splitlines()
    red = lines[2].replace('"1,234.56","2,234.56"', "-200.00,800.00")

    assert [row.amount_fen for row in read("\n".join([*lines[:2], red])).rows] == [100_000, -20_000]


def test_formulas_in_a_memo_stay_words(read: Read) -> None:
    found = read(BOCOM.replace(",水费", ',"=HYPERLINK(""x"")"'))

    assert '=HYPERLINK("x")' in found.rows[0].memo


# Against a bank that shares no code with the reader

texts = st.text("物业费水房号张三3-2501 ABK7;，", max_size=20).map(lambda t: " ".join(t.split()))
moves = st.lists(
    st.tuples(
        st.integers(-(10**9), 10**9).filter(bool),
        st.sampled_from(["张三", "李四", "云栖物业服务有限公司"]),
        texts,
        st.integers(0, 3),
    ),
    max_size=12,
)
BANK_FOLDER = Path("/nonexistent")


@settings(max_examples=60, deadline=None)
@given(moves, st.sampled_from(sorted(LAYOUTS)))
def test_whatever_a_bank_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    day_moves: list[tuple[int, str, str, int]],
    layout: str,
) -> None:
    lines, balance_fen, second = [], 10**11, 0
    for number, (fen, name, memo, wait) in enumerate(day_moves):
        balance_fen, second = balance_fen + fen, second + wait
        at = datetime(2026, 11, 22, 2, second // 60, second % 60, tzinfo=UTC)
        side = Side(name, "6217001234567890")
        serial = f"20261122{number:012d}"
        lines.append(Line(serial, "transfer", at, fen, balance_fen, side, memo))
    paper = Paper(Account("云栖", ACCOUNT, "工行"), date(2026, 11, 22), lines)
    path = tmp_path_factory.mktemp("bank") / "s.csv"
    path.write_bytes(content(layout, paper))

    found = read_statement(path, account_no=ACCOUNT)
    assert found.problems == ()
    assert [row.amount_fen for row in found.rows] == [line.amount_fen for line in lines]
    assert [row.balance_fen for row in found.rows] == [line.balance_fen for line in lines]
    assert [row.counterparty_name for row in found.rows] == [line.side.name for line in lines]
    assert len({row.line_key for row in found.rows}) == len(lines)


# Headers of real files

VECTORS = os.environ.get("WUYEBOT_VECTORS", "")


@pytest.mark.skipif(not VECTORS, reason="WUYEBOT_VECTORS names no folder")
def test_the_headers_and_rows_of_real_files_are_understood(read: Read) -> None:
    path = Path(VECTORS) / "bank_statement_headers.json"
    for one in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
        if one["type"] != "bank_statement_header":
            continue
        header = header_in([Row(1, tuple(one["header"]))])
        assert header is not None
        assert header.bank == one["id"].split("-")[0]
        row = [cell.replace("xx,yyyy.zz", "11,000.00") for cell in one["row"]]
        quoted = ['"' + cell + '"' for cell in row]
        total = "\n人民币合计,,,,,,,,," if header.bank == "icbc" else ""
        found = read(",".join(one["header"]) + "\n" + ",".join(quoted) + total)
        assert [str(problem) for problem in found.problems] == []
        assert len(found.rows) == 1
