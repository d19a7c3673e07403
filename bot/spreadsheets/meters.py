"""The sheet of meters (水电表): which unit has which, from which day on, and what it showed."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Value, Workbook
from bot.spreadsheets.estate import read_community
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.opening import fee_code
from bot.spreadsheets.places import read_place
from bot.spreadsheets.readings import dial_figure, meter_words
from bot.spreadsheets.tables import TableRow, plain_text
from bot.spreadsheets.taking import Taken, take
from bot.spreadsheets.writing import Cell
from storage.operations.meter_sheets import MeterPlan, MeterRow, Objection, Reason, Verb
from storage.operations.meters import MeterFact
from storage.queries.meter_exports import MeterLine
from storage.rules.figures import figure

REQUIRED: Final = ("unit", "fee_item", "installed_on", "start")
ALSO: Final[Mapping[str, str]] = {
    "表号": "meter_no", "表编号": "meter_no", "水表号": "meter_no", "电表号": "meter_no",
    "新表号": "meter_no", "表位数": "digits", "位数": "digits", "表盘位数": "digits",
    "倍率": "multiplier", "互感倍率": "multiplier", "变比": "multiplier",
    "损耗": "loss", "损耗率": "loss", "线损": "loss", "损耗%": "loss",
    "旧表止码": "old_last", "旧表读数": "old_last", "旧表最后读数": "old_last",
    "表类型": "fee_item", "底数": "start", "启用日期": "installed_on", "读数": "start",
}  # fmt: skip
WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.UNKNOWN_UNIT: "系统里没有这个房号，请先导入房屋或改正房号",
    Reason.DAY_REFUSED: "安装日期不对：不能晚于今天，也不能早于前一块表的最后读数",
    Reason.REFUSED: "“{detail}”超出这块表的位数，请核对读数和位数",
    Reason.TAKEN: "表号 {detail} 已经用在别的房屋，请核对",
    Reason.DIFFERS: "系统里这块表是 {detail}，与这一行不同；装好的表不能改，请核对",
    Reason.NEEDS_LAST: "这一户正在用表 {detail}；若是换表，请填“旧表止码”",
    Reason.LAST_LOWER: "旧表止码比它上次的读数 {detail} 还小，请核对",
}
FIELD_OF: Final = {
    Reason.UNKNOWN_COMMUNITY: "community",
    Reason.UNKNOWN_UNIT: "unit",
    Reason.DAY_REFUSED: "installed_on",
    Reason.TAKEN: "meter_no",
    Reason.NEEDS_LAST: "old_last",
    Reason.LAST_LOWER: "old_last",
}
VERBS: Final = {
    Verb.INSTALL: "装表",
    Verb.REPLACE: "换表",
    Verb.SET_DIGITS: "补登位数",
}
HEADERS: Final = (
    *("小区", "房号", "收费项目", "表号", "安装日期", "起始读数", "表位数", "倍率", "损耗率"),
    "旧表止码",
)
_PLAIN: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?")
MAX_MULTIPLIER: Final = 100_000
WHOLE_E4: Final = 10_000


def read_meters(workbook: Workbook, *, community: str = "") -> Taken[MeterRow]:
    """Read meters; `community` is meant where the sheet has no column of that name."""
    codes: dict[str, str] = {}
    return take(workbook, REQUIRED, ALSO, lambda reader: _read_row(reader, community, codes))


def _read_row(reader: RowReader, community: str, codes: dict[str, str]) -> MeterRow | None:
    named = read_community(reader, community)
    place = read_place(reader)
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    installed_on = reader.needed("installed_on", fields.day, "安装日期")
    start = reader.once("start", dial_figure, "起始读数")
    meter_no = reader.optional("meter_no", fields.short_text)
    digits = reader.optional("digits", fields.whole_number(1, 9))
    multiplier = reader.optional("multiplier", _multiplier)
    loss_rate_e4 = reader.optional("loss", _loss_rate_e4)
    old_last = reader.optional("old_last", dial_figure)
    if not named or place is None or fee_item is None or installed_on is None or start is None:
        return None
    return MeterRow(
        community=named,
        code=place.code,
        fee_item=meter_words(fee_item),
        fee_code=fee_code(meter_words(fee_item), codes),
        fact=MeterFact(
            meter_no=meter_no or place.code,
            installed_on=installed_on,
            start=start,
            digits=digits,
            multiplier=Decimal(1) if multiplier is None else multiplier,
            loss_rate_e4=loss_rate_e4 or 0,
        ),
        old_last=old_last,
    )


def _multiplier(value: Value) -> Decimal:
    """Read how many units one of the dial stands for. Raises Unreadable."""
    text = plain_text(value).replace(" ", "").removeprefix("×").removesuffix("倍")
    if isinstance(value, bool) or not _PLAIN.fullmatch(text):
        raise Unreadable(f"倍率“{text[:12]}”应是数字，例如 1 或 20")
    number = Decimal(text)
    if not 0 < number <= MAX_MULTIPLIER:
        raise Unreadable(f"倍率 {text[:12]} 应大于 0，不超过 100,000")
    return number


def _loss_rate_e4(value: Value) -> int:
    """Read a loss in percent, "5%" or 5, as ten-thousandths. Raises Unreadable."""
    text = plain_text(value).replace(" ", "").removesuffix("%")
    if isinstance(value, bool) or not _PLAIN.fullmatch(text):
        raise Unreadable(f"损耗“{text[:12]}”应是百分数，例如 5%")
    rate = Decimal(text) * 100
    if rate % 1 or rate > WHOLE_E4:
        raise Unreadable(f"损耗 {text[:12]}% 应在 0 到 100 之间，最多两位小数")
    return int(rate)


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    reason = WORDS[objection.reason].format(detail=objection.detail)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "start"), reason)


def lines_of(plan: MeterPlan, sheet: Taken[MeterRow]) -> list[str]:
    """Say one by one which meters would be put in or replaced."""
    lines = [f"新增收费项目 {name}" for name in plan.new_fee_items]
    for one in plan.changes:
        row = sheet.rows[one.index]
        what = f"{row.code} {row.fee_item} {VERBS[one.verb]} {row.fact.meter_no}"
        if one.verb is Verb.SET_DIGITS:
            lines.append(f"{what} {row.fact.digits}位")
            continue
        gone = f"（旧表 {one.old_no} 止码 {figure(one.old_last)}）" if one.old_no else ""
        day, start = row.fact.installed_on.isoformat(), figure(row.fact.start)
        lines.append(f"{what} {day} 起码 {start}{gone}")
    return lines


def meter_line(one: MeterLine) -> Sequence[Cell]:
    """Return a meter as its sheet has it."""
    loss = Fraction(one.loss_rate_e4, 100)
    return (
        one.community,
        one.code,
        one.fee_item,
        one.meter_no,
        one.installed_on,
        one.start,
        one.digits,
        one.multiplier.normalize() + 0,
        f"{figure(loss)}%",
        one.old_last,
    )
