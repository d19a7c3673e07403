"""The sheet of bills from the old books: what is owed, item by item and month by month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.estate import ROLES, read_community
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow, find_rows
from handlers.understanding.fee_items import take_fee_item
from handlers.understanding.normaliser import fold
from storage.kinds import Basis, OccupancyRole
from storage.money import yuan
from storage.operations.opening import Objection, OpeningPlan, OpeningRow, Reason
from storage.periods import BillingPeriod
from storage.rules.tariffs import charge

REQUIRED: Final = ("unit", "fee_item", "period", "amount")

PAID: Final[Mapping[str, bool]] = {
    "已缴": True, "未缴": False, "已收": True, "未收": False, "是": True, "否": False,
    "已缴费": True, "未缴费": False, "已交": True, "未交": False, "已结清": True, "欠费": False,
    "已付": True, "未付": False,
}  # fmt: skip

WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.UNKNOWN_UNIT: "系统里没有这个房号，请先导入房屋或改正房号",
    Reason.REPEATED: "与第{detail}行重复（同一户、同一项目、同一账期），请合并成一行",
    Reason.NAME_DIFFERS: "业主与该账期的登记不是同一人，请核对房号或姓名",
    Reason.NO_TENANT: "该账期没有登记租户，请先导入租户，或把缴费人改为业主",
    Reason.AMOUNT_DIFFERS: "系统里已有这张账单，金额是 {detail} 元；若要更正，请先作废原账单",
    Reason.WAS_VOIDED: "这张账单（{detail} 元）已经作废，请删去这一行",
    Reason.STILL_OPEN: "系统里这张账单还没有缴清，不能导入为已缴；请登记收款",
}
FIELD_OF: Final = {
    Reason.UNKNOWN_COMMUNITY: "community",
    Reason.NAME_DIFFERS: "name",
    Reason.NO_TENANT: "liable",
    Reason.AMOUNT_DIFFERS: "amount",
    Reason.WAS_VOIDED: "amount",
    Reason.STILL_OPEN: "paid",
}


@dataclass(frozen=True, slots=True)
class OpeningSheet:
    """The rows that can be read, where each stood, and what is wrong with the others."""

    rows: tuple[OpeningRow, ...]
    places: tuple[TableRow, ...]
    problems: tuple[SheetProblem, ...]


def read_opening(workbook: Workbook, *, community: str = "") -> OpeningSheet:
    """Read bills; `community` is meant where the sheet has no column of that name."""
    problems: list[SheetProblem] = []
    rows: list[OpeningRow] = []
    places: list[TableRow] = []
    codes: dict[str, str] = {}
    for table_row in find_rows(workbook, REQUIRED, problems):
        reader = RowReader(table_row)
        row = _read_row(reader, community, codes)
        problems += reader.problems
        if row is not None and not reader.problems:
            rows.append(row)
            places.append(table_row)
    return OpeningSheet(tuple(rows), tuple(places), tuple(problems))


def _read_row(reader: RowReader, community: str, codes: dict[str, str]) -> OpeningRow | None:
    named = read_community(reader, community)
    place = read_place(reader)
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    months = reader.needed("period", fields.periods, "账期")
    amount_fen = reader.once("amount", fields.amount_fen, "金额")
    due_on = reader.optional("due_on", fields.day)
    owner_name = reader.optional("name", fields.name)
    liable = reader.optional("liable", fields.one_of(ROLES, "缴费人"))
    is_paid = reader.optional("paid", fields.one_of(dict(PAID), "缴费状态"))
    if not named or place is None or fee_item is None or months is None or amount_fen is None:
        return None
    return OpeningRow(
        community=named,
        code=place.code,
        fee_item=fee_item,
        fee_code=fee_code(fee_item, codes),
        period=months[1],
        amount_fen=amount_fen,
        explanation=_explanation(reader, months, amount_fen),
        due_on=due_on,
        owner_name=owner_name or "",
        liable_role=liable or OccupancyRole.OWNER,
        is_paid=bool(is_paid),
    )


def fee_code(fee_item: str, codes: dict[str, str]) -> str:
    """Return the recogniser's word for a fee item, "" where it has none; remembers in `codes`."""
    if fee_item not in codes:
        codes[fee_item] = take_fee_item(fold(fee_item))[0] or ""
    return codes[fee_item]


def _explanation(
    reader: RowReader, months: tuple[BillingPeriod, BillingPeriod], amount_fen: int
) -> dict[str, str]:
    """Explain by area and price where the sheet has both and they give the amount."""
    area = reader.optional("area", fields.area_m2)
    price_e4 = reader.optional("price", fields.price_e4)
    if area is not None and price_e4 is not None and months[0] == months[1]:
        made = charge(Basis.BY_AREA, price_e4=price_e4, floor_area_m2=area)
        if made is not None and made.amount_fen == amount_fen:
            return made.explanation
    span = str(months[0]) if months[0] == months[1] else f"{months[0]} 至 {months[1]}"
    return {
        "basis": "imported",
        "quantity": "",
        "unit_price": "",
        "months": span,
        "sum": f"期初转入（{span}）{yuan(amount_fen)}元",
        "tariff": "",
    }


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    detail = objection.detail
    if objection.reason is Reason.REPEATED:
        detail = str(places[int(detail)].number)
    reason = WORDS[objection.reason].format(detail=detail)
    return places[objection.index].problem(FIELD_OF.get(objection.reason, "unit"), reason)


def lines_of(plan: OpeningPlan, sheet: OpeningSheet) -> list[str]:
    """Say one by one what would be booked."""
    lines = [f"新增收费项目 {name}" for name in plan.new_fee_items]
    for index in plan.new:
        row = sheet.rows[index]
        state = "已缴历史" if row.is_paid else "待缴"
        lines.append(f"{row.code} {row.period} {row.fee_item} {yuan(row.amount_fen)}元 {state}")
    return lines
