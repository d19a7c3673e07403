"""The sheet of prices: fee, kind of unit, how it is counted, and from which day on."""

from dataclasses import dataclass
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.estate import KINDS, read_community
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.opening import fee_code
from bot.spreadsheets.tables import TableRow, find_rows
from storage.kinds import Basis, UnitKind
from storage.operations.tariffs import Objection, Reason, TariffFact, TariffPlan
from storage.rules.tariffs import price_text

REQUIRED: Final = ("fee_item", "price", "effective_on")

BASES: Final = {
    "按面积": Basis.BY_AREA, "固定": Basis.FIXED, "面积": Basis.BY_AREA,
    "按建筑面积": Basis.BY_AREA, "固定金额": Basis.FIXED, "定额": Basis.FIXED,
    "按户": Basis.FIXED, "按月": Basis.FIXED, "按个": Basis.FIXED,
}  # fmt: skip


WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.OVERLAPS: "同一收费项目在这段日期已有别的单价，请核对生效日期",
}


@dataclass(frozen=True, slots=True)
class TariffSheet:
    """(community, price) of the rows that can be read, and what is wrong with the others."""

    rows: tuple[tuple[str, TariffFact], ...]
    places: tuple[TableRow, ...]
    problems: tuple[SheetProblem, ...]


def read_tariffs(workbook: Workbook, *, community: str = "") -> TariffSheet:
    """Read prices; `community` is meant where the sheet has no column of that name."""
    problems: list[SheetProblem] = []
    rows: list[tuple[str, TariffFact]] = []
    places: list[TableRow] = []
    codes: dict[str, str] = {}
    for table_row in find_rows(workbook, REQUIRED, problems):
        reader = RowReader(table_row)
        named = read_community(reader, community)
        tariff = _read_row(reader, codes)
        problems += reader.problems
        if tariff is not None and not reader.problems:
            rows.append((named, tariff))
            places.append(table_row)
    return TariffSheet(tuple(rows), tuple(places), tuple(problems))


def _read_row(reader: RowReader, codes: dict[str, str]) -> TariffFact | None:
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    price_e4 = reader.once("price", fields.price_e4, "单价")
    effective_on = reader.needed("effective_on", fields.day, "生效日期")
    kind = reader.optional("kind", fields.one_of(KINDS, "类型"))
    basis = reader.optional("basis", fields.one_of(BASES, "计费方式"))
    ends_on = reader.optional("ends_on", fields.day)
    due_day = reader.optional("due_day", fields.whole_number(1, 31))
    if fee_item is None or price_e4 is None or effective_on is None:
        return None
    if ends_on is not None and ends_on <= effective_on:
        reader.refuse("ends_on", "失效日期应晚于生效日期")
    return TariffFact(
        fee_item=fee_item,
        unit_kind=kind or UnitKind.HOME,
        basis=basis or Basis.BY_AREA,
        price_e4=price_e4,
        effective_on=effective_on,
        ends_on=ends_on,
        due_day=due_day or 25,
        fee_code=fee_code(fee_item, codes),
    )


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    field = "community" if objection.reason is Reason.UNKNOWN_COMMUNITY else "effective_on"
    return places[objection.index].problem(field, WORDS[objection.reason])


def lines_of(plan: TariffPlan, sheet: TariffSheet) -> list[str]:
    """Say one by one which prices would be set."""
    return [
        f"{sheet.rows[index][0]} {sheet.rows[index][1].fee_item} "
        f"{price_text(sheet.rows[index][1].price_e4)}元 "
        f"自{sheet.rows[index][1].effective_on.isoformat()}起"
        for index in plan.new
    ]
