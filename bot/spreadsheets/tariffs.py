"""The sheet of prices: fee, kind of unit, how it is counted, and from which day on."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.estate import KINDS, read_community
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.opening import fee_code
from bot.spreadsheets.tables import TableRow
from bot.spreadsheets.taking import Taken, take
from bot.spreadsheets.tariff_terms import (
    ALSO,
    CLASSES,
    CYCLES,
    ROUNDINGS,
    SPANS,
    TIMINGS,
    first_words,
    read_terms,
    tiers_text,
)
from bot.spreadsheets.writing import Cell
from storage.charge_errors import InputRefused
from storage.errors import Refusal
from storage.kinds import Basis, CycleLength, CycleTiming, FeeClass, UnitKind
from storage.operations.tariffs import Objection, Reason, TariffFact, TariffPlan
from storage.queries.exports import TariffLine
from storage.queries.tariffs import NO_TERMS, TariffTerms
from storage.rules.rounding import TO_THE_FEN
from storage.rules.tariffs import price_text

REQUIRED: Final = ("fee_item", "price|tiers|formula", "effective_on")
USUAL: Final = "默认"
UNPRICED: Final = (Basis.TIERED, Basis.FORMULA)
"""Their prices stand in the steps or in the formula."""

BASES: Final = {
    "按面积": Basis.BY_AREA, "固定": Basis.FIXED, "面积": Basis.BY_AREA,
    "按建筑面积": Basis.BY_AREA, "固定金额": Basis.FIXED, "定额": Basis.FIXED,
    "按户": Basis.FIXED, "按月": Basis.FIXED, "按个": Basis.FIXED,
    "按表": Basis.BY_METER, "抄表": Basis.BY_METER, "按用量": Basis.BY_METER,
    "阶梯": Basis.TIERED, "车位": Basis.PARKING, "公摊": Basis.SHARED,
    "一次性": Basis.ONE_OFF, "押金": Basis.DEPOSIT, "公式": Basis.FORMULA,
}  # fmt: skip
HEADERS: Final = (
    *("小区", "收费项目", "类型", "计费方式", "单价", "生效日期", "失效日期", "每月应缴日"),
    *("标准名称", "费用类别", "周期", "收费时点", "单位", "阶梯", "阶梯周期", "阶梯起始月"),
    *("基准人数", "最低", "最高", "取整", "公式", "说明"),
)


WORDS: Final = {
    Reason.UNKNOWN_COMMUNITY: "系统里没有这个小区，请先导入房屋",
    Reason.OVERLAPS: "同一收费项目在这段日期已有别的单价，请核对生效日期",
    Reason.GAP: "与同一收费项目的其他单价之间有几天没有标准，请核对生效和失效日期",
    Reason.CYCLE: "换收费周期只能从新周期的第一天起，例如季度的第一天",
    Reason.REFUSED: "单价、阶梯、上下限或公式不对（{detail}），请核对",
}


def read_tariffs(workbook: Workbook, *, community: str = "") -> Taken[tuple[str, TariffFact]]:
    """Read prices; `community` is meant where the sheet has no column of that name."""
    codes: dict[str, str] = {}

    def read(reader: RowReader) -> tuple[str, TariffFact] | None:
        named, tariff = read_community(reader, community), _read_row(reader, codes)
        return None if tariff is None else (named, tariff)

    return take(workbook, REQUIRED, ALSO, read)


def _read_row(reader: RowReader, codes: dict[str, str]) -> TariffFact | None:
    fee_item = reader.needed("fee_item", fields.short_text, "收费项目")
    basis = reader.optional("basis", fields.one_of(BASES, "计费方式")) or Basis.BY_AREA
    price_e4 = _price(reader, basis)
    effective_on = reader.needed("effective_on", fields.day, "生效日期")
    kind = reader.optional("kind", fields.one_of(KINDS, "类型"))
    ends_on = reader.optional("ends_on", fields.day)
    due_day = reader.optional("due_day", fields.whole_number(1, 31))
    scheme = reader.optional("scheme", fields.short_text)
    cycle = reader.optional("cycle", fields.one_of(CYCLES, "周期"))
    timing = reader.optional("timing", fields.one_of(TIMINGS, "收费时点"))
    fee_class = reader.optional("fee_class", fields.one_of(CLASSES, "费用类别"))
    called = reader.optional("called", fields.short_text)
    terms = read_terms(reader)
    if fee_item is None or price_e4 is None or effective_on is None:
        return None
    if ends_on is not None and ends_on <= effective_on:
        reader.refuse("ends_on", "失效日期应晚于生效日期")
        return None
    return TariffFact(
        fee_item=fee_item,
        unit_kind=kind or UnitKind.HOME,
        basis=basis,
        price_e4=price_e4,
        effective_on=effective_on,
        ends_on=ends_on,
        due_day=due_day or 25,
        fee_code=fee_code(fee_item, codes),
        scheme="" if scheme in (None, USUAL) else str(scheme),
        cycle=cycle or CycleLength.MONTHLY,
        timing=timing or CycleTiming.IN_ADVANCE,
        terms=terms,
        fee_class=fee_class or FeeClass.OWN,
        name=called or "",
    )


def _price(reader: RowReader, basis: Basis) -> int | None:
    """Read the price; where it stands elsewhere it may be left out."""
    if basis in UNPRICED:
        return reader.optional("price", fields.price_e4) or 0
    return reader.once("price", fields.price_e4, "单价")


def problem_of(objection: Objection, places: tuple[TableRow, ...]) -> SheetProblem:
    """Say in Chinese what is wrong with a row."""
    fields_of = {Reason.UNKNOWN_COMMUNITY: "community", Reason.REFUSED: _field(objection.refusal)}
    field = fields_of.get(objection.reason, "effective_on")
    reason = WORDS[objection.reason].format(detail=_found(objection.refusal))
    return places[objection.index].problem(field, reason)


def _field(refusal: Refusal | None) -> str:
    if isinstance(refusal, InputRefused):
        return {"tiers": "tiers", "bounds": "maximum"}.get(refusal.what, "price")
    return "formula"


def _found(refusal: Refusal | None) -> str:
    """Return what was found wrong, and for which unit, as far as the refusal says."""
    kept = {} if refusal is None else vars(refusal)
    said = [str(kept[name]) for name in ("found", "row") if kept.get(name)]
    return " ".join(said) or "试算没有通过"


def tariff_line(one: TariffLine) -> Sequence[Cell]:
    """Return a price as a row that can be read again."""
    terms = TariffTerms.of(one.terms)
    return (
        one.community,
        one.fee_item,
        _KIND[one.unit_kind],
        _BASIS[one.basis],
        None if one.basis in UNPRICED and not one.price_e4 else _yuan_e4(one.price_e4),
        one.effective_on,
        one.ends_on,
        one.due_day,
        one.scheme or None,
        _said(one.fee_class, CLASSES, FeeClass.OWN),
        _said(one.cycle, CYCLES, CycleLength.MONTHLY),
        _said(one.timing, TIMINGS, CycleTiming.IN_ADVANCE),
        terms.use_unit or None,
        tiers_text(terms.tiers) or None,
        _said(terms.tier_span, SPANS, NO_TERMS.tier_span),
        None if terms.tier_year_starts == 1 else terms.tier_year_starts,
        terms.included_heads or None,
        _yuan(terms.minimum_fen),
        _yuan(terms.maximum_fen),
        _said(terms.rounding, ROUNDINGS, TO_THE_FEN),
        terms.formula or None,
        one.name or None,
    )


_KIND: Final = first_words(KINDS)
_BASIS: Final = first_words(BASES)


def _said(meant: object, words: Mapping[str, object], usual: object) -> str | None:
    """Return the word for what differs from the usual."""
    return None if meant == usual else first_words(words)[meant]


def _yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen).scaleb(-2)


def _yuan_e4(price_e4: int) -> Decimal:
    return Decimal(price_e4).scaleb(-4).normalize() + 0


def lines_of(plan: TariffPlan, sheet: Taken[tuple[str, TariffFact]]) -> list[str]:
    """Say one by one which prices would be set."""
    return [
        f"{sheet.rows[index][0]} {sheet.rows[index][1].fee_item} "
        f"{price_text(sheet.rows[index][1].price_e4)}元 "
        f"自{sheet.rows[index][1].effective_on.isoformat()}起"
        for index in plan.new
    ]
