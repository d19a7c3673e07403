"""The sheet of bills from the old books: what is owed, item by item and month by month."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.estate import ROLES, read_community
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.layouts import BILLS, OFF
from bot.spreadsheets.places import read_place
from bot.spreadsheets.tables import TableRow
from bot.spreadsheets.taking import Taken, take
from handlers.understanding.fee_items import take_fee_item
from handlers.understanding.normaliser import fold
from storage.kinds import Basis, OccupancyRole
from storage.money import yuan
from storage.operations.opening import Objection, OpeningPlan, OpeningRow, Reason
from storage.periods import BillingPeriod, DaySpan
from storage.rules.charging import charge_days
from storage.rules.explanations import Explanation
from storage.rules.tariffs import Tariff, UnitFacts

REQUIRED: Final = ("unit", "fee_item|fee_type", "period|begins_on|ends_on", "amount")

PAID: Final[Mapping[str, bool]] = {
    "已缴": True, "未缴": False, "已收": True, "未收": False, "是": True, "否": False,
    "已缴费": True, "未缴费": False, "已交": True, "未交": False, "已结清": True, "欠费": False,
    "已付": True, "未付": False, "部分已缴": False, "已核销": False,
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


def read_opening(workbook: Workbook, *, community: str = "") -> Taken[OpeningRow]:
    """Read bills; `community` is meant where the sheet has no column of that name."""
    codes: dict[str, str] = {}
    return take(workbook, REQUIRED, BILLS, lambda reader: _read_row(reader, community, codes))


def _read_row(reader: RowReader, community: str, codes: dict[str, str]) -> OpeningRow | None:
    named = read_community(reader, community)
    place = read_place(reader)
    of_item = "fee_item" if "fee_item" in reader.row.columns else "fee_type"
    fee_item = reader.needed(of_item, fields.short_text, "收费项目")
    months = _months(reader)
    asked = _asked(reader)
    due_on = reader.optional("due_on", fields.day)
    owner_name = reader.optional("name", fields.name)
    liable = reader.optional("liable", fields.one_of(ROLES, "缴费人"))
    if not named or place is None or fee_item is None or months is None or asked is None:
        return None
    amount_fen, is_paid = asked
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
        is_paid=is_paid,
    )


def _months(reader: RowReader) -> tuple[BillingPeriod, BillingPeriod] | None:
    """Read the first and the last month of a bill, from its months or from its days."""
    if "period" in reader.row.columns:
        return reader.needed("period", fields.periods, "账期")
    begins_on = reader.optional("begins_on", fields.day)
    ends_on = reader.optional("ends_on", fields.day)
    if begins_on is None and ends_on is None:
        if not reader.problems:
            reader.refuse("begins_on", "没有填开始时间和结束时间")
        return None
    first_on, last_on = begins_on or ends_on, ends_on or begins_on
    if first_on is None or last_on is None or last_on < first_on:
        reader.refuse("ends_on", "结束时间早于开始时间")
        return None
    if last_on > first_on and last_on.day in (first_on.day, 1):
        last_on -= timedelta(days=1)
        # HC小区 writes the first day that is no longer meant, 肇新 the last one that is.
    return BillingPeriod.of(first_on), BillingPeriod.of(last_on)


def _asked(reader: RowReader) -> tuple[int, bool] | None:
    """Read what was asked for, less what was taken off, in fen; and whether it was paid."""
    amount_fen = reader.once("amount", fields.amount_fen, "金额")
    off = [reader.optional(one, fields.amount_or_nothing_fen) or 0 for one in OFF]
    is_paid = reader.optional("paid", fields.one_of(dict(PAID), "缴费状态"))
    received_fen = reader.optional("received", fields.amount_or_nothing_fen)
    late_fen = reader.optional("late_fee", fields.amount_or_nothing_fen) or 0
    if amount_fen is None or reader.problems:
        return None
    left_fen = amount_fen - sum(off)
    if left_fen <= 0:
        reader.refuse("amount", "优惠、减免加起来不少于应收金额，没有可收的钱；请删去这一行")
        return None
    if not received_fen:
        return left_fen, bool(is_paid)
    if received_fen not in (left_fen, left_fen + late_fen):
        reader.refuse(
            "received",
            f"实收 {yuan(received_fen)} 元，应收 {yuan(left_fen)} 元，对不上；"
            "只收了一部分的，请拆成已收、未收两行",
        )
        return None
    return left_fen, True


def fee_code(fee_item: str, codes: dict[str, str]) -> str:
    """Return the recogniser's word for a fee item, "" where it has none; remembers in `codes`."""
    if fee_item not in codes:
        codes[fee_item] = take_fee_item(fold(fee_item))[0] or ""
    return codes[fee_item]


def _explanation(
    reader: RowReader, months: tuple[BillingPeriod, BillingPeriod], amount_fen: int
) -> Explanation:
    """Explain by area and price where the sheet has both and they give the amount."""
    area = reader.optional("area", fields.area_m2)
    price_e4 = reader.optional("price", fields.price_e4)
    if area is not None and price_e4 is not None and months[0] == months[1]:
        price = Tariff(Basis.BY_AREA, price_e4, months[0].first_on)
        made = charge_days([price], UnitFacts(floor_area_m2=area), DaySpan.of(months[0]))
        if made.amount_fen == amount_fen:
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


def lines_of(plan: OpeningPlan, sheet: Taken[OpeningRow]) -> list[str]:
    """Say one by one what would be booked."""
    lines = [f"新增收费项目 {name}" for name in plan.new_fee_items]
    for index in plan.new:
        row = sheet.rows[index]
        state = "已缴历史" if row.is_paid else "待缴"
        lines.append(f"{row.code} {row.period} {row.fee_item} {yuan(row.amount_fen)}元 {state}")
    return lines
