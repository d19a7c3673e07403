"""The sheets of residents, and of who lives where from when until when (occupancies)."""

from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.estate import ROLES, read_community
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.layouts import PEOPLE
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow
from bot.spreadsheets.taking import Taken, take
from storage.kinds import OccupancyRole
from storage.operations.occupancies import (
    SINCE_EVER,
    Objection,
    PeoplePlan,
    Reason,
    Stay,
    Verb,
)

RESIDENTS: Final = ("name", "phone")
OCCUPANCIES: Final = ("unit", "name", "from_on")

WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.UNKNOWN_UNIT: "系统里没有这个房号，请先导入房屋或改正房号",
    Reason.REPEATED: "与第{other}行重复，请只留一行",
    Reason.DAYS_REVERSED: "迁出日期应晚于入住日期",
    Reason.UNTIL_DIFFERS: "系统里登记的迁出日期是 {detail}，与这里不同，请核对",
    Reason.STAYS_OVERLAP: "同一人在这一户的同一身份，日期与{other}重叠，请改正",
    Reason.OWNER_DIFFERS: (
        "这一户还登记着别的业主；若已过户，请把原业主和迁出日期也写一行；若共有，请把原业主也写上"
    ),
    Reason.PHONE_UNCLEAR: "同一人的电话与{other}不同，请统一",
}
FIELD_OF: Final = {
    Reason.UNKNOWN_COMMUNITY: "community",
    Reason.UNKNOWN_UNIT: "unit",
    Reason.DAYS_REVERSED: "until_on",
    Reason.UNTIL_DIFFERS: "until_on",
    Reason.STAYS_OVERLAP: "from_on",
    Reason.PHONE_UNCLEAR: "phone",
}
VERBS: Final = {
    Verb.REGISTER: "登记人员",
    Verb.CHANGE_PHONE: "更正电话",
    Verb.CHANGE_FROM: "更正入住日期",
    Verb.MOVE_IN: "登记住户",
    Verb.MOVE_OUT: "登记迁出",
}


def read_residents(workbook: Workbook, *, community: str = "") -> Taken[Stay]:
    """Read who is registered, wherever she lives."""
    return _read(workbook, community, RESIDENTS)


def read_occupancies(workbook: Workbook, *, community: str = "") -> Taken[Stay]:
    """Read who lives where, from which day on and until which (the first she is gone)."""
    return _read(workbook, community, OCCUPANCIES)


def _read(workbook: Workbook, community: str, required: tuple[str, ...]) -> Taken[Stay]:
    has_unit = "unit" in required
    return take(
        workbook, required, PEOPLE, lambda reader: _read_row(reader, community, has_unit=has_unit)
    )


def _read_row(reader: RowReader, community: str, *, has_unit: bool) -> Stay | None:
    named = read_community(reader, community)
    name = reader.once("name", fields.name, "姓名")
    phone = reader.optional("phone", fields.phone)
    if not has_unit:
        return Stay(named, "", name, phone or "") if named and name else None
    place = read_place(reader)
    role = reader.optional("role", fields.one_of(ROLES, "身份"))
    from_on = reader.optional("from_on", fields.day)
    until_on = reader.optional("until_on", fields.day)
    if not named or place is None or name is None:
        return None
    return Stay(
        community=named,
        code=place.code,
        name=name,
        phone=phone or "",
        role=role or OccupancyRole.OWNER,
        from_on=from_on or SINCE_EVER,
        until_on=until_on,
    )


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    other = "系统登记" if objection.other is None else f"第{places[objection.other].number}行"
    if objection.reason is Reason.REPEATED:
        other = other.removeprefix("第").removesuffix("行")
    reason = WORDS[objection.reason].format(other=other, detail=objection.detail)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "name"), reason)


def lines_of(plan: PeoplePlan, sheet: Taken[Stay]) -> list[str]:
    """Say one by one what would change; nobody's name or phone is in it."""
    return [
        f"{sheet.rows[one.index].code or f'第{sheet.places[one.index].number}行'} {VERBS[one.verb]}"
        for one in plan.changes
    ]
