"""The sheet of who has which tariff: scheme, count, payer, and from which day on."""

from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Value, Workbook
from bot.spreadsheets.estate import read_community
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.layouts import CHOICES
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow, plain_text
from bot.spreadsheets.taking import Taken, take
from storage.kinds import Payer
from storage.operations.assignments import MAX_HEADS
from storage.operations.unit_tariffs import Choice, ChoicePlan, Objection, Reason
from storage.rules.charging import MAX_COUNT

REQUIRED: Final = ("unit", "fee_item", "from_on")
USUAL: Final = "默认"
MAX_PLATE_CHARS: Final = 20

PAYERS: Final = {
    "业主": Payer.OWNER, "租户": Payer.TENANT, "开发商": Payer.DEVELOPER, "公司": Payer.COMPANY,
    "租客": Payer.TENANT, "建设单位": Payer.DEVELOPER, "单位": Payer.COMPANY,
}  # fmt: skip
YES_NO: Final = {"是": True, "否": False, "收": True, "不收": False}

WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.UNKNOWN_UNIT: "系统里没有这个房号，请先导入房屋或改正房号",
    Reason.UNKNOWN_FEE_ITEM: "系统里没有这个收费项目，请先导入收费标准",
    Reason.UNKNOWN_SCHEME: "这个收费项目没有叫这个名字的标准适用于这类房屋，请先导入收费标准",
    Reason.REPEATED: "与{other}重复（同一户、同一项目、同一天起），请只留一行",
    Reason.DAYS_REVERSED: "结束日期应晚于开始日期",
    Reason.DIFFERS: "系统里从 {detail} 起已有别的设置；不能改写过去，请另起一个开始日期",
    Reason.OVERLAPS: "日期与{other}重叠，请改正开始或结束日期",
}
FIELD_OF: Final = {
    Reason.UNKNOWN_COMMUNITY: "community",
    Reason.UNKNOWN_FEE_ITEM: "fee_item",
    Reason.UNKNOWN_SCHEME: "scheme",
    Reason.DAYS_REVERSED: "until_on",
    Reason.DIFFERS: "from_on",
    Reason.OVERLAPS: "from_on",
}


def read_choices(workbook: Workbook, *, community: str = "") -> Taken[Choice]:
    """Read who has which tariff; `community` is meant where the sheet has no such column."""
    return take(workbook, REQUIRED, CHOICES, lambda reader: _read_row(reader, community))


def _read_row(reader: RowReader, community: str) -> Choice | None:
    named = read_community(reader, community)
    place = read_place(reader)
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    from_on = reader.needed("from_on", fields.day, "开始日期")
    scheme = reader.optional("scheme", fields.short_text)
    is_charged = reader.optional("is_charged", fields.one_of(YES_NO, "是否收费"))
    payer = reader.optional("liable", fields.one_of(PAYERS, "缴费方"))
    if not named or place is None or fee_item is None or from_on is None:
        return None
    return Choice(
        community=named,
        code=place.code,
        fee_item=fee_item,
        from_on=from_on,
        scheme="" if scheme in (None, USUAL) else str(scheme),
        is_charged=is_charged is not False,
        count=reader.optional("count", fields.whole_number(1, MAX_COUNT)) or 1,
        heads=reader.optional("heads", fields.whole_number(0, MAX_HEADS)),
        payer=payer or Payer.OWNER,
        anchored_on=reader.optional("anchored_on", fields.day),
        plate=reader.optional("plate", _plate) or "",
        until_on=reader.optional("until_on", fields.day),
    )


def _plate(value: Value) -> str:
    said = plain_text(value).replace(" ", "").upper()
    if len(said) > MAX_PLATE_CHARS:
        raise Unreadable(f"车牌号超过 {MAX_PLATE_CHARS} 个字")
    return said


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    other = "系统登记" if objection.other is None else f"第{places[objection.other].number}行"
    reason = WORDS[objection.reason].format(other=other, detail=objection.detail)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "unit"), reason)


def lines_of(plan: ChoicePlan, sheet: Taken[Choice]) -> list[str]:
    """Say one by one what would change."""
    lines = []
    for index in sorted((*plan.new, *plan.ended)):
        row = sheet.rows[index]
        what = f"自{row.from_on.isoformat()}起"
        if index in plan.ended and row.until_on is not None:
            what = f"到{row.until_on.isoformat()}为止"
        scheme = row.scheme or USUAL
        charged = scheme if row.is_charged else "不收"
        lines.append(f"{row.code} {row.fee_item} {charged} {what}")
    return lines
