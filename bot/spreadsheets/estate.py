"""The sheet of an estate: units, who owns them, who lives there."""

from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.layouts import ESTATE
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow
from bot.spreadsheets.taking import Taken, take
from storage.kinds import OccupancyRole, UnitKind
from storage.operations.estate_plan import EstatePlan, EstateRow, Objection, Reason, Verb

REQUIRED: Final = ("unit",)

KINDS: Final = {  # the numbers are HC小区's
    "住宅": UnitKind.HOME, "商铺": UnitKind.SHOP, "车位": UnitKind.PARKING, "住房": UnitKind.HOME,
    "房屋": UnitKind.HOME, "公寓": UnitKind.HOME, "别墅": UnitKind.HOME, "店铺": UnitKind.SHOP,
    "底商": UnitKind.SHOP, "门面": UnitKind.SHOP, "商业": UnitKind.SHOP, "停车位": UnitKind.PARKING,
    "车库": UnitKind.PARKING, "地下车位": UnitKind.PARKING, "地上车位": UnitKind.PARKING,
    "110": UnitKind.HOME, "120": UnitKind.HOME, "119": UnitKind.SHOP,
}  # fmt: skip
ROLES: Final = {  # the numbers are HC小区's
    "业主": OccupancyRole.OWNER, "租户": OccupancyRole.TENANT, "家属": OccupancyRole.FAMILY,
    "房主": OccupancyRole.OWNER, "产权人": OccupancyRole.OWNER, "户主": OccupancyRole.OWNER,
    "本人": OccupancyRole.OWNER, "租客": OccupancyRole.TENANT, "承租人": OccupancyRole.TENANT,
    "租赁户": OccupancyRole.TENANT, "使用人": OccupancyRole.TENANT,
    "家庭成员": OccupancyRole.FAMILY, "配偶": OccupancyRole.FAMILY, "子女": OccupancyRole.FAMILY,
    "父母": OccupancyRole.FAMILY,
    "1001": OccupancyRole.OWNER, "1002": OccupancyRole.FAMILY, "1003": OccupancyRole.TENANT,
}  # fmt: skip

WORDS: Final = {
    Reason.REPEATED: "与{other}重复，请只留一行",
    Reason.AREA_UNCLEAR: "同一户的面积与{other}不同，请统一",
    Reason.KIND_DIFFERS: "同一户的类型与{other}不同，请统一",
    Reason.OWNER_DIFFERS: "业主与系统登记的不是同一人；若已过户，请在“起始日期”填过户日",
    Reason.PHONE_UNCLEAR: "同一人的电话与{other}不同，请统一",
    Reason.DAYS_REVERSED: "迁出日期应晚于入住日期",
}
FIELD_OF: Final = {
    Reason.AREA_UNCLEAR: "area",
    Reason.KIND_DIFFERS: "kind",
    Reason.OWNER_DIFFERS: "name",
    Reason.PHONE_UNCLEAR: "phone",
    Reason.DAYS_REVERSED: "until_on",
}
VERBS: Final = {
    Verb.ADD_COMMUNITY: "新增小区",
    Verb.ADD_UNIT: "新增房屋",
    Verb.CHANGE_AREA: "更正面积",
    Verb.CHANGE_PHONE: "更正电话",
    Verb.MOVE_IN: "登记住户",
    Verb.MOVE_OUT: "登记迁出",
    Verb.HAND_OVER: "登记过户",
}


def read_estate(workbook: Workbook, *, community: str = "") -> Taken[EstateRow]:
    """Read an estate; `community` is meant where the sheet has no column of that name."""
    return take(workbook, REQUIRED, ESTATE, lambda reader: _read_row(reader, community))


def _read_row(reader: RowReader, community: str) -> EstateRow | None:
    named = read_community(reader, community)
    place = read_place(reader)
    kind = reader.optional("kind", fields.one_of(KINDS, "类型"))
    area = reader.optional("area", fields.area_m2)
    name = reader.optional("name", fields.name)
    phone = reader.optional("phone", fields.phone)
    role = reader.optional("role", fields.one_of(ROLES, "身份"))
    from_on = reader.optional("from_on", fields.day)
    until_on = reader.optional("until_on", fields.day)
    if phone and not name and not reader.problems:
        reader.refuse("name", "有电话但没有姓名")
    if not named or place is None:
        return None
    return EstateRow(
        community=named,
        code=place.code,
        label=place.label,
        kind=kind or place.looks_like,
        building=place.building,
        entrance=place.entrance,
        floor_area_m2=area,
        name=name or "",
        phone=phone or "",
        role=role or OccupancyRole.OWNER,
        from_on=from_on,
        until_on=until_on,
    )


def read_community(reader: RowReader, default: str) -> str:
    """Read the community of a row, or take the one that is meant; "" where neither is there."""
    said = reader.optional("community", fields.short_text) or default
    if not said:
        said = reader.optional("block", fields.short_text) or ""
    if not said and not reader.problems:
        reader.refuse("community", "不知道是哪个小区；请加一列“小区”，或用 --community 指定")
    return said


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    other = "系统登记" if objection.other is None else f"第{places[objection.other].number}行"
    reason = WORDS[objection.reason].format(other=other)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "unit"), reason)


def lines_of(plan: EstatePlan, sheet: Taken[EstateRow]) -> list[str]:
    """Say one by one what would change; nobody's name or phone is in it."""
    lines = []
    for change in plan.changes:
        label = sheet.rows[change.index].label
        noun = change.community if change.verb is Verb.ADD_COMMUNITY else label
        lines.append(f"{noun} {VERBS[change.verb]}")
    return lines
