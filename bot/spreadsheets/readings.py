"""The sheet of readings (抄表): unit, fee item, day, and what the meter showed; in and out."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Value, Workbook
from bot.spreadsheets.estate import read_community
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.opening import fee_code
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow, plain_text
from bot.spreadsheets.taking import Taken, take
from bot.spreadsheets.writing import Cell
from storage.kinds import ReadingKind, ReadingState
from storage.operations.reading_sheets import Objection, ReadingPlan, ReadingRow, Reason, Said
from storage.queries.meter_exports import ReadingLine
from storage.rules.figures import figure
from storage.rules.meters import MAX_READING

REQUIRED: Final = ("unit", "fee_item", "reading", "read_on")
ALSO: Final[Mapping[str, str]] = {
    "表号": "meter_no", "表编号": "meter_no", "水表号": "meter_no", "电表号": "meter_no",
    "抄表说明": "said", "读数类型": "said", "抄表类型": "said", "抄表方式": "said",
    "表类型": "fee_item", "抄表项目": "fee_item", "上期读数": "ignored", "状态": "ignored",
}  # fmt: skip
SAYINGS: Final = {
    "确认": Said.CONFIRMED, "转一圈": Said.TURNED, "更正": Said.CORRECTED, "估抄": Said.ESTIMATED,
    "实抄": Said.READ, "正常": Said.READ, "抄表": Said.READ, "无误": Said.CONFIRMED,
    "已核实": Said.CONFIRMED, "归零": Said.TURNED, "转了一圈": Said.TURNED, "翻零": Said.TURNED,
    "待确认": Said.WAITS,
    "估读": Said.ESTIMATED, "估计": Said.ESTIMATED, "暂估": Said.ESTIMATED, "改正": Said.CORRECTED,
}  # fmt: skip
WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.UNKNOWN_UNIT: "系统里没有这个房号，请先导入房屋或改正房号",
    Reason.NO_METER: "这一户没有登记这块表，请先导入水电表，或改正收费项目和表号",
    Reason.DAY_REFUSED: "这一天不能登记：不能晚于今天，也不能在装表以前或拆表以后",
    Reason.REFUSED: "读数 {detail} 超出这块表的位数，请核对",
    Reason.REPEATED: "与第{detail}行重复（同一块表、同一天），请只留一行",
    Reason.STANDS: "这一天已有读数 {detail}；确实要改，请在“抄表说明”填“更正”",
    Reason.LOWER: "比上次的 {detail} 还小；转满归零请在“抄表说明”填“转一圈”，换表请先导入新表",
    Reason.TOO_HIGH: "用量 {detail} 达到平时或去年同期的三倍；核对无误请在“抄表说明”填“确认”",
    Reason.DENIED: "比以后的读数 {detail} 还大，请核对日期和读数",
    Reason.DIAL_UNKNOWN: "这块表没有登记位数，算不出转一圈用了多少；请先在水电表里补上“表位数”",
}
FIELD_OF: Final = {
    Reason.UNKNOWN_COMMUNITY: "community",
    Reason.UNKNOWN_UNIT: "unit",
    Reason.NO_METER: "fee_item",
    Reason.DAY_REFUSED: "read_on",
    Reason.REPEATED: "unit",
}
KINDS: Final = {
    ReadingKind.READ: "实抄",
    ReadingKind.ESTIMATED: "估抄",
    ReadingKind.CORRECTED: "更正",
}
HEADERS: Final = (
    *("小区", "房号", "收费项目", "表号", "抄表日期", "读数", "抄表说明"),
    *("转圈", "谁报的", "照片"),
)
WAITING: Final = "待确认"

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def read_readings(workbook: Workbook, *, community: str = "") -> Taken[ReadingRow]:
    """Read readings; `community` is meant where the sheet has no column of that name."""
    codes: dict[str, str] = {}
    return take(workbook, REQUIRED, ALSO, lambda reader: _read_row(reader, community, codes))


def _read_row(reader: RowReader, community: str, codes: dict[str, str]) -> ReadingRow | None:
    named = read_community(reader, community)
    place = read_place(reader)
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    read_on = reader.needed("read_on", fields.day, "抄表日期")
    value = reader.once("reading", dial_figure, "读数")
    said = reader.optional("said", fields.one_of(SAYINGS, "抄表说明"))
    meter_no = reader.optional("meter_no", fields.short_text)
    if not named or place is None or fee_item is None or read_on is None or value is None:
        return None
    return ReadingRow(
        community=named,
        code=place.code,
        fee_item=fee_item,
        fee_code=fee_code(meter_words(fee_item), codes),
        read_on=read_on,
        value=value,
        said=said or Said.READ,
        meter_no=meter_no or "",
    )


def meter_words(fee_item: str) -> str:
    """Return a fee for what names only its meter: "水表" → "水费"."""
    return fee_item.replace("表", "费") if fee_item.endswith("表") else fee_item


def dial_figure(value: Value) -> Decimal:
    """Read what a meter shows, with up to three decimals. Raises Unreadable, naming it."""
    text = plain_text(value).replace(" ", "").replace(",", "")
    text = re.sub(r"(?:吨|度|方|立方|立方米|m3|m³|kwh)$", "", text, flags=re.IGNORECASE)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise Unreadable(f"“{plain_text(value)[:20]}”不是读数；请填表上的数字，例如 1234.5")
    number = Decimal(text)
    if number < 0:
        raise Unreadable(f"读数不能为负：{text[:20]}")
    if number >= MAX_READING:
        raise Unreadable(f"读数 {text[:20]} 太大，没有表能显示，请核对")
    if number * 1000 % 1:
        raise Unreadable(f"读数 {text[:20]} 超过三位小数")
    return number


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    detail = objection.detail
    if objection.reason is Reason.REPEATED:
        detail = str(places[int(detail)].number)
    reason = WORDS[objection.reason].format(detail=detail)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "reading"), reason)


def lines_of(plan: ReadingPlan, sheet: Taken[ReadingRow]) -> list[str]:
    """Say one by one which readings would be noted, and what each takes the place of."""
    lines = []
    for one in plan.new:
        row = sheet.rows[one.index]
        kind = KINDS[one.reading.kind]
        before = ""
        if one.displaced is not None:
            before = f"（原来 {figure(one.displaced.reading.value)}）"
        lines.append(
            f"{row.code} {row.fee_item} {row.read_on.isoformat()} {kind} "
            f"{figure(one.reading.value)}{before}"
        )
    return lines


def reading_line(one: ReadingLine) -> Sequence[Cell]:
    """Return a reading as its sheet has it; what waits for an answer comes in as nothing."""
    is_waiting = one.state == ReadingState.ASKED
    return (
        one.community,
        one.code,
        one.fee_item,
        one.meter_no,
        one.read_on,
        one.value,
        WAITING if is_waiting else KINDS[ReadingKind(one.kind)],
        one.turns,
        "住户" if one.is_of_resident else "物业",
        "有" if one.has_photo else "",
    )
