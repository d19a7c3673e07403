"""Invoices on the command line: codes, the bureau's sheet out and its results in, files."""

import asyncio
import json
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import select

from storage.database import open_database, open_reader
from storage.kinds import StaffRole
from storage.models.tax_invoices import tax_invoices
from storage.operations.tax_invoices import Buyer, apply_for_tax_invoice
from tests import factories
from tests.factories import NOW

CODE = "3040502020200000000"
NUMBER = "25332000000012345678"
BY = ("--by", "13900000001")


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a folder whose books hold a paid bill, and a cashier."""

    def set_up(tx):
        world = factories.build(tx)
        factories.pay(tx, world.unit_id, (world.october_id,))
        factories.add_staff(tx, world.community_id, "何静", StaffRole.CASHIER, "00000001")

    async with open_database(sqlite_url) as db:
        await db.write(set_up)
    place = tmp_path / "demo"
    place.mkdir()
    (place / "demo.json").write_text(json.dumps({"database_url": sqlite_url}), encoding="utf-8")
    return place


def rows(folder: Path) -> list:
    async def read() -> list:
        url = json.loads((folder / "demo.json").read_text(encoding="utf-8"))["database_url"]
        async with open_reader(url) as db:
            return await db.read(lambda tx: list(tx.execute(select(tax_invoices))))

    return asyncio.run(read())


@pytest.fixture
def applied(wuyebot, folder: Path) -> str:
    """Give the number of Ms Li's application, made in chat."""
    wuyebot("tax-invoice", "code", "翡翠湾", "物业费", CODE, "6", "--from", "2020-01-01")

    async def apply() -> str:
        url = json.loads((folder / "demo.json").read_text(encoding="utf-8"))["database_url"]
        async with open_database(url) as db:
            made = await db.write(
                apply_for_tax_invoice, 1, Buyer("=李秀英"), identity_id=None, now=NOW
            )
        return made.application_no

    return asyncio.run(apply())


def result_sheet(path: Path, *cells: str) -> Path:
    book = Workbook()
    book.active.append(["发票流水号", "数电发票号码", "开票日期"])
    book.active.append([*cells])
    book.save(path)
    return path


def test_what_waits_goes_into_one_sheet_once_and_its_results_come_back(
    wuyebot, applied, tmp_path, folder
):
    sheet = tmp_path / "batch.xlsx"

    first = wuyebot("tax-invoice", "export", "翡翠湾", str(sheet), *BY)
    second = wuyebot("tax-invoice", "export", "翡翠湾", str(tmp_path / "again.xlsx"), *BY)
    cells = [[cell.value for cell in row] for row in load_workbook(sheet).active.iter_rows()]
    results = result_sheet(tmp_path / "done.xlsx", applied, NUMBER, "2026-11-24")
    taken = wuyebot("tax-invoice", "import", str(results), *BY)

    assert "1 张，已写到" in first[1]
    assert second == (0, "没有等着开的发票。\n")
    [line] = [row for row in cells if applied in row]
    assert line[3].lstrip("'") == "=李秀英"
    assert line[9:14] == ["物业费", CODE, 250.6, 0.06, 14.18]
    assert taken == (0, "已登记 1 张。\n")
    assert (rows(folder)[0].state, rows(folder)[0].invoice_no) == ("issued", NUMBER)


def test_a_result_that_is_no_number_is_named_and_nothing_is_written(
    wuyebot, applied, tmp_path, folder
):
    results = result_sheet(tmp_path / "done.xlsx", applied, "很多", "2026-11-24")

    status, said = wuyebot("tax-invoice", "import", str(results), *BY)

    assert status == 1
    assert "20 位（数电票）" in said
    assert rows(folder)[0].state == "applied"


def test_a_result_of_an_unknown_application_takes_the_whole_list_back(
    wuyebot, applied, tmp_path, folder
):
    path = result_sheet(tmp_path / "done.xlsx", applied, NUMBER, "2026-11-24")
    book = load_workbook(path)
    book.active.append(["F99999999999", "25332000000012345679", "2026-11-24"])
    book.save(path)

    status, said = wuyebot("tax-invoice", "import", str(path), *BY)

    assert status == 1
    assert "没有找到发票申请 F99999999999" in said
    assert rows(folder)[0].state == "applied"


def test_one_is_written_down_with_its_file(wuyebot, applied, tmp_path, folder):
    file = tmp_path / "票.pdf"
    file.write_bytes(b"%PDF-1.7 an invoice")

    status, said = wuyebot("tax-invoice", "issued", applied, NUMBER, "--file", str(file), *BY)

    assert (status, said) == (0, f"{applied} 已登记，住户会收到通知。\n")
    assert (rows(folder)[0].file, rows(folder)[0].file_name) == (
        b"%PDF-1.7 an invoice",
        f"{NUMBER}.pdf",
    )


def test_one_is_declined_with_a_reason(wuyebot, applied, folder):
    assert wuyebot("tax-invoice", "decline", applied, " ", *BY)[0] == 1

    status, _ = wuyebot("tax-invoice", "decline", applied, "抬头不对", *BY)

    assert status == 0
    assert (rows(folder)[0].state, rows(folder)[0].reason) == ("declined", "抬头不对")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("翡翠湾", "物业费", "123", "6"), "应是 19 位数字"),
        (("翡翠湾", "物业费", CODE, "六"), "不是税率"),
        (("翡翠湾", "物业费", CODE, "18"), "不是税率"),
        (("翡翠湾", "月饼费", CODE, "6"), "没有收费项目“月饼费”"),
    ],
)
def test_a_code_that_cannot_be_is_told(wuyebot, words, told):
    status, said = wuyebot("tax-invoice", "code", *words)

    assert status == 1
    assert told in said
