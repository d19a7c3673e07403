"""Sheets for the bureau's bulk issue of invoices (批量开票), and its results back in."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import Value, Workbook
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.tables import plain_text
from bot.spreadsheets.taking import Taken, take
from bot.spreadsheets.writing import Cell, write_table
from storage.operations.tax_invoices import BureauNumber
from storage.paying_kinds import TaxInvoiceKind
from storage.queries.tax_invoices import TaxInvoiceView
from storage.rules.tax_invoices import tax_in

HEADERS: Final = (
    *("发票流水号", "发票类型", "是否含税", "购买方名称", "证件号码或税号", "购买方地址"),
    *("购买方电话", "购买方开户银行", "购买方银行账号", "项目名称", "商品和服务税收编码"),
    *("金额", "税率", "税额", "备注"),
)
KINDS: Final = {TaxInvoiceKind.ORDINARY: "普通发票", TaxInvoiceKind.SPECIAL: "增值税专用发票"}
RESULTS: Final = {
    "发票流水号": "application_no",
    "流水号": "application_no",
    "数电发票号码": "tax_number",
    "数电票号码": "tax_number",
    "发票号码": "tax_number",
    "开票日期": "issued_on",
    "发票代码": "tax_number_code",
}
"""What the bureau's list of results calls its columns."""


def write_batch(path: Path, batch_no: str, wanted: Iterable[TaxInvoiceView]) -> None:
    """Write the sheet that the bureau's system takes in: a row per line, amounts with tax."""
    write_table(path, title=f"批量开票 {batch_no}", headers=HEADERS, rows=_rows(wanted))


def _rows(wanted: Iterable[TaxInvoiceView]) -> Iterator[tuple[Cell, ...]]:
    for one in wanted:
        for line in one.lines:
            yield (
                *(one.application_no, KINDS[one.kind], "是", one.title, one.tax_no, one.address),
                *(one.phone, one.bank_name, one.bank_account, line.name, line.tax_code),
                Decimal(line.amount_fen).scaleb(-2),
                Decimal(line.rate_e4).scaleb(-4),
                Decimal(tax_in(line.amount_fen, line.rate_e4)).scaleb(-2),
                f"{one.community_name} {one.unit_label}",
            )


def read_results(workbook: Workbook) -> Taken[BureauNumber]:
    """Read the bureau's list of what it has issued."""
    return take(workbook, ("application_no", "tax_number", "issued_on"), RESULTS, _read_row)


def _read_row(reader: RowReader) -> BureauNumber | None:
    application_no = reader.needed("application_no", fields.short_text, "发票流水号")
    number = reader.once("tax_number", _number, "发票号码")
    issued_on = reader.needed("issued_on", _day, "开票日期")
    code = reader.optional("tax_number_code", fields.short_text)
    if application_no is None or number is None or issued_on is None:
        return None
    return BureauNumber(application_no, number, issued_on, code or "")


def _number(value: Value) -> str:
    said = plain_text(value).strip()
    if not said.isdigit() or len(said) not in (8, 20):
        raise Unreadable("发票号码应是 20 位（数电票）或 8 位数字")
    return said


def _day(value: Value) -> date:
    said = plain_text(value)
    return fields.day(said.split(" ")[0] if isinstance(value, str) else value)
