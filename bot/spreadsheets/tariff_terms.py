"""What else a price says, in cells: steps (阶梯), bounds, rounding, cycle, formula."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from bot.spreadsheets import fields
from bot.spreadsheets.cells import Value
from bot.spreadsheets.fields import RowReader, Unreadable
from bot.spreadsheets.tables import plain_text
from storage.kinds import (
    CycleLength,
    CycleTiming,
    FeeClass,
    RoundingMode,
    RoundingUnit,
    TierSpan,
)
from storage.queries.tariffs import TariffTerms
from storage.rules.rounding import TO_THE_FEN, Rounding
from storage.rules.tariffs import price_text
from storage.rules.tiers import Tier

ALSO: Final[Mapping[str, str]] = {
    "标准名称": "scheme", "说明": "called", "单位": "use_unit", "计量单位": "use_unit",
    "周期": "cycle", "收费周期": "cycle", "缴费周期": "cycle",
    "收费时点": "timing", "预收后收": "timing",
    "阶梯": "tiers", "阶梯价": "tiers", "阶梯单价": "tiers",
    "阶梯周期": "tier_span", "阶梯起始月": "tier_year_starts", "基准人数": "included_heads",
    "最低": "minimum", "最低收费": "minimum", "最高": "maximum", "最高收费": "maximum",
    "取整": "rounding", "公式": "formula", "费用类别": "fee_class",
}  # fmt: skip
CYCLES: Final = {
    "每月": CycleLength.MONTHLY, "每季": CycleLength.QUARTERLY, "每年": CycleLength.YEARLY,
    "月": CycleLength.MONTHLY, "季": CycleLength.QUARTERLY, "年": CycleLength.YEARLY,
    "季度": CycleLength.QUARTERLY, "年度": CycleLength.YEARLY,
}  # fmt: skip
TIMINGS: Final = {
    "预收": CycleTiming.IN_ADVANCE, "后收": CycleTiming.IN_ARREARS,
    "预付费": CycleTiming.IN_ADVANCE, "后付费": CycleTiming.IN_ARREARS,
}  # fmt: skip
CLASSES: Final = {
    "自有": FeeClass.OWN, "代收": FeeClass.AGENCY, "押金": FeeClass.DEPOSIT,
    "续费": FeeClass.RENEWAL,
}  # fmt: skip
SPANS: Final = {"按月": TierSpan.MONTH, "按年": TierSpan.YEAR}
_UNITS: Final = {"分": RoundingUnit.FEN, "角": RoundingUnit.JIAO, "元": RoundingUnit.YUAN}
_MODES: Final = {
    "四舍五入": RoundingMode.HALF_UP, "四舍六入五成双": RoundingMode.HALF_EVEN,
    "进位": RoundingMode.UP, "舍去": RoundingMode.DOWN,
}  # fmt: skip
ROUNDINGS: Final = {
    f"{unit}{mode}": Rounding(_UNITS[unit], _MODES[mode]) for mode in _MODES for unit in _UNITS
}
OPEN: Final = "以上"
MAX_FORMULA_CHARS: Final = 200
_STEP: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(?:\+([0-9]{1,6}(?:\.[0-9]{1,3})?))?")
_EXAMPLE: Final = "写成 170:0.5283;260+30:0.5783;以上:0.8783（用量:单价，+后是每人加多少）"


def read_terms(reader: RowReader) -> TariffTerms:
    """Read what else a price says; what is not there is as usual."""
    formula = reader.optional("formula", _formula)
    return TariffTerms(
        use_unit=reader.optional("use_unit", fields.short_text) or "",
        tiers=reader.optional("tiers", tiers) or (),
        tier_span=reader.optional("tier_span", fields.one_of(SPANS, "阶梯周期")) or TierSpan.MONTH,
        tier_year_starts=reader.optional("tier_year_starts", fields.whole_number(1, 12)) or 1,
        included_heads=reader.optional("included_heads", fields.whole_number(0, 99)) or 0,
        minimum_fen=reader.optional("minimum", fields.amount_fen),
        maximum_fen=reader.optional("maximum", fields.amount_fen),
        rounding=reader.optional("rounding", fields.one_of(ROUNDINGS, "取整")) or TO_THE_FEN,
        formula=formula or "",
    )


def tiers(value: Value) -> tuple[Tier, ...]:
    """Read steps: "170:0.5283;以上:0.8783". Raises Unreadable."""
    text = plain_text(value).replace(" ", "").replace("元", "")
    found = []
    for part in re.split("[;；]", text.strip(";；")):
        until, colon, price = part.partition(":")
        price_e4 = fields.price_e4(price) if colon else None
        if price_e4 is None:
            raise Unreadable(f"阶梯“{part[:20]}”看不懂；{_EXAMPLE}")
        if until == OPEN:
            found.append(Tier(price_e4))
            continue
        step = _STEP.fullmatch(until)
        if step is None:
            raise Unreadable(f"阶梯“{part[:20]}”看不懂；{_EXAMPLE}")
        found.append(Tier(price_e4, Decimal(step[1]), Decimal(step[2] or 0)))
    return tuple(found)


def tiers_text(found: tuple[Tier, ...]) -> str:
    """Print steps as `tiers` reads them."""
    return ";".join(f"{_until(one)}:{price_text(one.price_e4)}" for one in found)


def _until(tier: Tier) -> str:
    if tier.up_to is None:
        return OPEN
    return f"{tier.up_to}+{tier.per_head}" if tier.per_head else str(tier.up_to)


def _formula(value: Value) -> str:
    said = plain_text(value)
    if not said or len(said) > MAX_FORMULA_CHARS:
        raise Unreadable(f"公式请写 1 到 {MAX_FORMULA_CHARS} 个字")
    return said


def first_words(words: Mapping[str, Any]) -> dict[Any, str]:
    """Return meaning → the first word for it."""
    found: dict[Any, str] = {}
    for word, meaning in words.items():
        found.setdefault(meaning, word)
    return found
