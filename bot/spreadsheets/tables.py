"""Finds the table in a sheet: its header row, under whatever names offices give their columns."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bot.spreadsheets.cells import Row, Sheet, SheetProblem, Value, Workbook, column_letter
from storage.frozen import dataclass

HEADER_WITHIN_ROWS: Final = 30
IGNORED: Final = "ignored"
"""What a header names that is known and says nothing to us."""
NO_OTHERS: Final[Mapping[str, str]] = MappingProxyType({})

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "community": ("小区", "小区名称", "项目", "项目名称", "所属小区", "楼盘"),
    "building": ("楼栋", "楼栋号", "楼号", "栋", "栋号", "幢", "幢号", "楼宇", "楼座", "座"),
    "entrance": ("单元", "单元号", "单元名称", "门洞", "梯"),
    "unit": (
        "房号",
        "房间号",
        "房屋编号",
        "房屋",
        "房产编号",
        "室号",
        "室",
        "户号",
        "门牌号",
        "房屋号",
        "房间",
        "单元房号",
        "房屋名称",
        "车位号",
        "商铺号",
        "铺位号",
        "资产编号",
    ),
    "kind": ("类型", "房屋类型", "物业类型", "房产类型", "房屋性质", "用途", "性质", "业态"),
    "area": ("建筑面积", "面积", "产权面积", "计费面积", "收费面积", "房屋面积", "建面"),
    "name": (
        "业主",
        "业主姓名",
        "姓名",
        "住户",
        "住户姓名",
        "户主",
        "客户名称",
        "客户姓名",
        "联系人",
        "房主",
        "产权人",
    ),
    "phone": (
        "电话",
        "手机号",
        "手机",
        "手机号码",
        "联系电话",
        "联系方式",
        "业主电话",
        "电话号码",
        "业主手机",
        "移动电话",
    ),
    "role": ("身份", "住户身份", "关系", "与业主关系", "人员类型", "住户类型", "客户类型"),
    "phrasings": ("问法", "怎么问"),
    "answer": ("答案", "回答"),
    "from_on": ("入住日期", "起始日期", "交房日期", "入伙日期", "开始日期", "起租日期", "收房日期"),
    "until_on": ("迁出日期", "搬离日期", "结束日期", "退租日期", "搬出日期"),
    "fee_item": (
        "收费项目",
        "费用项目",
        "费用名称",
        "收费名称",
        "费项",
        "费用类型",
        "科目",
        "收费科目",
    ),
    "period": (
        "账期",
        "费用月份",
        "所属月份",
        "账单月份",
        "月份",
        "所属账期",
        "费用账期",
        "收费月份",
    ),
    "amount": (
        "金额",
        "应收金额",
        "应收",
        "应缴金额",
        "欠费金额",
        "欠费",
        "应收款",
        "账单金额",
        "未缴金额",
    ),
    "due_on": (
        "应缴日",
        "缴费截止日",
        "缴费截止日期",
        "截止日期",
        "应缴日期",
        "到期日",
        "缴费期限",
        "最后缴费日",
    ),
    "liable": ("缴费人", "缴费方", "承担方", "责任人", "缴费人身份", "付款方"),
    "paid": ("缴费状态", "状态", "是否已缴", "缴纳状态", "收款状态", "是否缴费", "缴费情况"),
    "price": ("单价", "收费标准", "价格", "标准", "收费单价", "费用标准"),
    "basis": ("计费方式", "收费方式", "计算方式", "计价方式", "计费类型"),
    "effective_on": ("生效日期", "执行日期", "启用日期", "开始执行日期", "起用日期"),
    "ends_on": ("失效日期", "终止日期", "停用日期", "截止执行日期"),
    "due_day": ("应缴日期号", "每月应缴日", "缴费日", "每月几号", "缴费截止日号"),
    "side": ("收支", "收支类别", "收支类型", "收入或支出"),
    "account_label": ("收支项目", "收支名称", "公示项目", "收支内容"),
    "account_note": ("收支说明", "公示说明"),
    "reading": ("读数", "本期读数", "本次读数", "当前读数", "表读数", "本期止码", "止码", "止度"),
    "read_on": ("抄表日期", "抄表时间", "抄表日", "读数日期", "读表日期"),
    "start": ("起始读数", "起码", "初始读数", "起始底数", "新表起码", "起度"),
    "installed_on": ("安装日期", "装表日期", "换表日期", "启用日", "安装时间"),
}

_MEANT: Final = {alias: field for field, names in ALIASES.items() for alias in names}
_IN_BRACKETS: Final = re.compile(r"[(\[【].*?[)\]】]")
_TOTALS: Final = re.compile(r"(?:本页|本月|全部)?(?:合计|小计|总计|累计)[:：]?.*")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row under the headers: values by field, and what is broken in it."""

    sheet: str
    number: int
    values: Mapping[str, Value]
    columns: Mapping[str, int]
    broken: Mapping[str, str]

    def problem(self, field: str, reason: str) -> SheetProblem:
        """Return a problem of this row, at the column of the field where there is one."""
        index = self.columns.get(field)
        column = "" if index is None else column_letter(index)
        return SheetProblem(self.sheet, self.number, column, reason)


def plain_text(value: Value) -> str:
    """Return a cell as one line of plain text: half-width, single spaces, whole numbers whole."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    text = format(value, "f") if not isinstance(value, str) and hasattr(value, "scaleb") else value
    return " ".join(unicodedata.normalize("NFKC", str(text)).split())


def header_field(value: Value, also: Mapping[str, str] = NO_OTHERS) -> str | None:
    """Return the field that a header names, or None; `also` goes before the usual names."""
    if not isinstance(value, str):
        return None
    bare = _IN_BRACKETS.sub("", plain_text(value)).replace(" ", "").strip("*:：#")
    bare = bare.removesuffix("/元").removesuffix("/㎡")
    return also.get(bare) or _MEANT.get(bare)


def find_rows(
    workbook: Workbook,
    required: tuple[str, ...],
    problems: list[SheetProblem],
    also: Mapping[str, str] = NO_OTHERS,
) -> list[TableRow]:
    """Return the rows of every table that has the required columns; add what is wrong.

    A sheet in which fewer than two columns are known is a cover or a note and is passed over.
    "period|ends_on" is satisfied by either. `also`: header → field, in this kind of sheet only.
    """
    found: list[TableRow] = []
    is_any = False
    for sheet in workbook.sheets:
        header = _header_of(sheet, required, also)
        if header is None:
            continue
        columns, twice = _columns(header, also)
        is_any = True
        trouble = [
            SheetProblem(
                sheet.name, header.number, column_letter(index), f"“{name}”出现了两列，请只留一列"
            )
            for index, name in twice
        ]
        trouble += [
            SheetProblem(sheet.name, header.number, "", f"缺少列“{'”或“'.join(_names(field)[:3])}”")
            for field in required
            if not columns.keys() & set(field.split("|"))
        ]
        problems += trouble
        if not trouble:
            found += _rows_under(sheet, header, columns)
    if not is_any:
        wanted = "、".join(_names(field)[0] for field in required)
        problems.append(SheetProblem("", 0, "", f"没有找到表头；表里需要这些列：{wanted}"))
    return found


def _names(field: str) -> tuple[str, ...]:
    """Return what offices call a field that a sheet must have."""
    return ALIASES[field.split("|")[0]]


def _header_of(sheet: Sheet, required: tuple[str, ...], also: Mapping[str, str]) -> Row | None:
    best: tuple[int, int, Row] | None = None
    for row in sheet.rows:
        if row.number > HEADER_WITHIN_ROWS:
            break
        fields = {header_field(cell, also) for cell in row.cells} - {None, IGNORED}
        score = (sum(bool(fields & set(one.split("|"))) for one in required), len(fields))
        if len(fields) >= 2 and (best is None or score > best[:2]):
            best = (*score, row)
    return best[2] if best else None


def _columns(header: Row, also: Mapping[str, str]) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """Return field → column, and the columns that name a field a second time."""
    columns: dict[str, int] = {}
    twice: list[tuple[int, str]] = []
    for index, cell in enumerate(header.cells):
        field = header_field(cell, also)
        if field is None or field == IGNORED:
            continue
        if field in columns:
            twice.append((index, plain_text(cell)))
        else:
            columns[field] = index
    return columns, twice


def _rows_under(sheet: Sheet, header: Row, columns: dict[str, int]) -> Iterator[TableRow]:
    for row in sheet.rows:
        if row.number <= header.number:
            continue
        values = {
            field: row.cells[index] if index < len(row.cells) else None
            for field, index in columns.items()
        }
        broken = {
            field: sheet.broken[row.number, index]
            for field, index in columns.items()
            if (row.number, index) in sheet.broken
        }
        if not _is_blank_or_total(row, values, broken):
            yield TableRow(sheet.name, row.number, values, columns, broken)


def _is_blank_or_total(row: Row, values: Mapping[str, Value], broken: Mapping[str, str]) -> bool:
    first = next((cell for cell in row.cells if cell is not None), None)
    if isinstance(first, str) and _TOTALS.fullmatch(plain_text(first).replace(" ", "")):
        return True
    said = [field for field, value in values.items() if value is not None]
    only_merged = all(broken.get(field) == "merged" for field in said)
    return only_merged and not set(broken) - set(said)
