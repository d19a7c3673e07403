"""What a fee costs and how it is worked out (收费标准), in words that a resident can follow."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from handlers import reckonings, words
from storage.kinds import (
    Basis,
    CycleLength,
    CycleTiming,
    RoundingMode,
    RoundingUnit,
    TierSpan,
    UnitKind,
)
from storage.rules.billing import Version
from storage.rules.rounding import TO_THE_FEN
from storage.rules.tariffs import Tariff, price_text

KINDS: Final[Mapping[str, str]] = {
    UnitKind.HOME: "住宅",
    UnitKind.SHOP: "商铺",
    UnitKind.PARKING: "车位",
}
CYCLES: Final[Mapping[CycleLength, str]] = {
    CycleLength.MONTHLY: "每月",
    CycleLength.QUARTERLY: "每季度",
    CycleLength.YEARLY: "每年",
}
ROUNDED_TO: Final[Mapping[RoundingUnit, str]] = {
    RoundingUnit.FEN: "分",
    RoundingUnit.JIAO: "角",
    RoundingUnit.YUAN: "元",
}
ROUNDED: Final[Mapping[RoundingMode, str]] = {
    RoundingMode.HALF_UP: "四舍五入到{0}",
    RoundingMode.HALF_EVEN: "四舍六入五成双到{0}",
    RoundingMode.UP: "不足一{0}的进一{0}",
    RoundingMode.DOWN: "不足一{0}的舍去",
}
BY_MONTH: Final = (Basis.BY_AREA, Basis.FIXED, Basis.PARKING)


def price(tariff: Tariff) -> str:
    """Say what a fee costs: "2.80元/㎡·月"."""
    shown = f"{price_text(tariff.price_e4)}元"
    unit = tariff.use_unit or "单位"
    match tariff.basis:
        case Basis.BY_AREA:
            return f"{shown}/㎡·月"
        case Basis.FIXED:
            return f"{shown}/月"
        case Basis.PARKING:
            return f"{shown}/个·月"
        case Basis.BY_METER:
            return f"{shown}/{unit}"
        case Basis.ONE_OFF | Basis.DEPOSIT:
            return shown
        case _:
            return {Basis.TIERED: "分档", Basis.SHARED: "分摊"}.get(tariff.basis, "按公式")


def how(version: Version) -> list[str]:
    """Say how a fee is worked out: the product, its steps, bounds, rounding, and when it is due."""
    tariff = version.tariff
    way = reckonings.WAYS[tariff.basis]
    if tariff.basis == Basis.FORMULA:
        way = f"公式：{tariff.formula.replace('*', '×').replace('/', '÷')}"
    told = [way]
    told += _tiers(tariff) + _bounds(tariff)
    if tariff.basis in BY_MONTH:
        told.append("不满一个月的按天数折算")
    if tariff.rounding != TO_THE_FEN:
        rounded = ROUNDED[tariff.rounding.mode].format(ROUNDED_TO[tariff.rounding.unit])
        told.append(f"总数{rounded}")
    if tariff.basis not in (Basis.ONE_OFF, Basis.DEPOSIT):
        timing = "先缴后用" if version.timing == CycleTiming.IN_ADVANCE else "用后再缴"
        told.append(f"{CYCLES[version.cycle]}出账，{timing}，{version.due_day}日前缴")
    return told


def _tiers(tariff: Tariff) -> list[str]:
    """Say each step of a price; steps per head grow with the household."""
    if tariff.basis != Basis.TIERED:
        return []
    unit = tariff.use_unit or "单位"
    span = "每月" if tariff.tier_span == TierSpan.MONTH else "每年"
    told, after = [], ""
    for number, tier in enumerate(tariff.tiers, start=1):
        end = "" if tier.up_to is None else f"{_plain(tier.up_to)}{unit}"
        more = f"（每多一人加 {_plain(tier.per_head)}{unit}）" if tier.per_head else ""
        within = f"{span}{after}到 {end}" if after else f"{span} {end}以内"
        within = f"{span}{after}以上" if not end else within
        told.append(f"第{number}档：{within}{more}，{price_text(tier.price_e4)}元/{unit}")
        after = f"超过 {end} "
    if tariff.included_heads:
        told.append(f"按 {tariff.included_heads} 口人计，多于此数的另加用量")
    return told


def _bounds(tariff: Tariff) -> list[str]:
    per = "每月" if tariff.basis in BY_MONTH else "每次"
    told = []
    if tariff.minimum_fen is not None:
        told.append(f"{per}最低 {words.money(tariff.minimum_fen)}")
    if tariff.maximum_fen is not None:
        told.append(f"{per}最高 {words.money(tariff.maximum_fen)}")
    return told


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
