"""How an amount came about and why it changed, in words and in figures to recompute it by."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, Final

from handlers import words
from storage.kinds import Basis, LineKind, Payer, ShareMethod
from storage.lazy import regex
from storage.money import yuan
from storage.queries.bills import BillDetail, BillLine
from storage.rules import parting
from storage.rules.comparing import Cause, CauseKind

WAYS: Final[Mapping[str, str]] = {
    Basis.BY_AREA: "建筑面积 × 单价 × 月数",
    Basis.FIXED: "每月固定金额 × 月数",
    Basis.BY_METER: "用量 × 单价",
    Basis.TIERED: "用量分档，每档用量 × 该档单价",
    Basis.PARKING: "车位数 × 每月单价 × 月数",
    Basis.SHARED: "要分摊的总费用 × 这一户的份额",
    Basis.ONE_OFF: "一次性收取",
    Basis.DEPOSIT: "押金，按约定退还",
    Basis.FORMULA: "按公示的公式计算",
    LineKind.LATE_FEE: "没缴的本金 × 每日比例 × 天数",
}
WAYS_IN_ENGLISH: Final[Mapping[str, str]] = {
    Basis.BY_AREA: "floor area × price × months",
    Basis.FIXED: "a fixed sum × months",
    Basis.BY_METER: "use × price",
    Basis.TIERED: "use in tiers, each at its own price",
    Basis.PARKING: "spaces × monthly price × months",
    Basis.SHARED: "the cost that is shared × your share",
    Basis.ONE_OFF: "once only",
    Basis.DEPOSIT: "a deposit, given back as agreed",
    Basis.FORMULA: "by the published formula",
    LineKind.LATE_FEE: "what was unpaid × daily rate × days",
}
UNITS_IN_ENGLISH: Final = {
    "立方米": " m³",
    "个月": " months",
    "元": " yuan",
    "吨": " tons",
    "度": " kWh",
    "方": " m³",
    "天": " days",
    "户": " households",
    "个": " spaces",
}
_ONE: Final = regex(r"(?<![0-9.,])1 (month|ton|day|household|space)s")
_HAN: Final = regex("[\u3400-\u9fff]")
SHARED_BY: Final[Mapping[str, str]] = {
    ShareMethod.BY_AREA: "按面积分摊",
    ShareMethod.BY_HOUSEHOLD: "按户分摊",
    ShareMethod.BY_SHARE: "按份额分摊",
}
PAYERS: Final[Mapping[str, str]] = {
    Payer.OWNER: "业主",
    Payer.TENANT: "租户",
    Payer.DEVELOPER: "开发商",
    Payer.COMPANY: "物业公司",
}
WHOLE: Final = "所有天数"
NO_DETAIL: Final = "这笔账单从原来的账本转入，没有更细的计算。"
NAMES: Final[Mapping[str, str]] = {
    CauseKind.DAYS: "计费时间",
    CauseKind.PRICE: "单价",
    CauseKind.TOTAL: "要分摊的总费用",
    CauseKind.SHARE: "您家的份额",
    CauseKind.PART: "换了交费人，只算其中的天数",
    CauseKind.FORMULA: "公式算出的结果",
    CauseKind.LATE_FEE: "违约金",
    CauseKind.BOUND: "最低或最高收费的限制",
    CauseKind.ROUNDING: "零头取整",
    CauseKind.OTHER: "账单上没有更细的记录，这部分",
}


def how(detail: BillDetail) -> list[str]:
    """Tell how a bill's amount came about, a product on each line.

    An explanation without steps is told as it was kept: its lines, else its sum.
    """
    known: Mapping[str, Any] = detail.explanation
    is_told = known.get("amount_fen") == detail.bill.amount_fen
    if is_told and ("steps" in known or "share" in known):
        is_share = "share" in known
        told = _of_share(known) if is_share else _of_steps(known)
        taken = [_discount(one) for one in known.get("discounts", ())]
        part = _of_part(known)
        is_sum = bool(taken) or (len(told) > 1 and not is_share)
        total = [f"合计 {words.money(_whole_fen(known))}"] if is_sum else []
        way = WAYS.get(str(known.get("basis", "")), "")
        return [*([f"算法：{way}"] if way else []), *_of_usage(known), *told, *taken, *total, *part]
    if len(detail.lines) > 1:
        return [_line(one) for one in detail.lines]
    return [str(known.get("sum") or NO_DETAIL)]


def how_in_english(detail: BillDetail) -> list[str]:
    """Tell the same in short English; what was kept in Chinese words only is left out."""
    known: Mapping[str, Any] = detail.explanation
    basis = WAYS_IN_ENGLISH.get(str(known.get("basis", "")), "")
    use = known.get("usage", {}).get("sum", "")
    sums = [one["sum"] for one in known.get("steps", ())] or [known.get("sum", "")]
    discounts = [one["sum"] for one in known.get("discounts", ())]
    told = [
        f"Worked out as: {basis}" if basis else "",
        f"Use: {_in_english(use)}" if use else "",
        *(_in_english(str(one).partition(" − ")[0]) for one in sums),
        *(f"Discount: {_in_english(one)}" for one in discounts),
        "Only the days of yours are billed to you." if "part" in known else "",
    ]
    return [one for one in told if one and not _HAN.search(one)]


def _in_english(product: str) -> str:
    """Say the units of a product in English: "2.80元 × 1个月" → "2.80 yuan × 1 month"."""
    for chinese, said in UNITS_IN_ENGLISH.items():
        product = product.replace(chinese, said)
    return _ONE.sub(r"1 \1", product)


def way(more_fen: int) -> str:
    """Say by how much something is more or less: "多 12.00元"."""
    return f"{'多' if more_fen > 0 else '少'} {words.money(abs(more_fen))}"


def cause(one: Cause) -> str:
    """Say what made a difference, from which figure to which, and how many yuan it made."""
    change = f"{_figure(one.before)} → {_figure(one.after)}" if one.before or one.after else ""
    if one.kind == CauseKind.PART:
        change = f"{one.before or WHOLE} → {one.after or WHOLE}"
    since = f"（{words.day(one.since_on)}起）" if one.since_on and one.before != one.after else ""
    match one.kind:
        case CauseKind.NEW_LINE | CauseKind.GONE_LINE:
            said = _step_came(one)
        case CauseKind.QUANTITY:
            said = f"{_quantity(one)} {change}"
        case CauseKind.DISCOUNT:
            said = f"优惠“{one.name}” {change}" if one.name else f"优惠 {change}"
        case CauseKind.OTHER:
            said = NAMES[one.kind]
        case _:
            said = f"{_numbered(one)}{NAMES[one.kind]} {change}{since}".strip()
    return f"{said}：{way(one.more_fen)}"


def _figure(text: str) -> str:
    return text or "没有"


def _numbered(one: Cause) -> str:
    return f"第{one.name}档" if one.name.isdecimal() else ""


def _quantity(one: Cause) -> str:
    shown = one.after or one.before
    noun = "面积" if shown.endswith("㎡") else "数量" if shown.endswith("个") else "用量"
    return f"{_numbered(one)}{noun}"


def _step_came(one: Cause) -> str:
    amount = one.after or one.before
    shown = f"（{amount}）" if amount else ""
    verb = "用到了" if one.kind == CauseKind.NEW_LINE else "没有用到"
    if one.name.isdecimal():
        return f"{verb}第{one.name}档{shown}"
    return f"{'多了' if one.kind == CauseKind.NEW_LINE else '少了'}一项计费{shown}"


def _of_steps(known: Mapping[str, Any]) -> list[str]:
    steps = known["steps"]
    told = [_step(one, is_alone=len(steps) == 1) for one in steps]
    taken_fen = sum(one["fen"] for one in known.get("discounts", ()))
    rest_fen = _whole_fen(known) + taken_fen - sum(one["fen"] for one in steps)
    return [*told, *([_rest(known, rest_fen)] if rest_fen else [])]


def _whole_fen(known: Mapping[str, Any]) -> int:
    """Return what the steps come to, of which a bill may be a part."""
    whole_fen: int = known["part"]["of_fen"] if "part" in known else known["amount_fen"]
    return whole_fen


def _of_part(known: Mapping[str, Any]) -> list[str]:
    """Tell whose days a bill is for, and what part of all that is; nobody's name is in it."""
    if "part" not in known:
        return []
    kept = known["part"]
    first, last, _ = kept["shares"][kept["at"]]
    days = f"{words.day(_day(first))}到{words.day(_day(last))}"
    share = f"{parting.share_text(kept)} = {words.money(known['amount_fen'])}"
    return [f"这期间换了交费人，按天分摊。其中{PAYERS[kept['whose']]}的{days}：{share}"]


def _step(one: Mapping[str, Any], *, is_alone: bool) -> str:
    number = f"第{one['tier']}档 " if "tier" in one else ""
    days = ""
    if not is_alone and "from" in one and "tier" not in one:
        days = f"（{words.day(_day(one['from']))}到{words.day(_day(one['to']))}）"
    return f"{number}{one['sum']}{days}"


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _rest(known: Mapping[str, Any], rest_fen: int) -> str:
    if rest_fen > 0 and "minimum" in known:
        return f"不到最低收费，补足 {words.money(rest_fen)}"
    if rest_fen < 0 and "maximum" in known:
        return f"超过最高收费，不收 {words.money(-rest_fen)}"
    return f"零头取整，{way(rest_fen)}"


def _of_usage(known: Mapping[str, Any]) -> list[str]:
    told = known.get("usage", {}).get("sum", "")
    return [f"用量：{told}（止码 − 起码）"] if told else []


def _of_share(known: Mapping[str, Any]) -> list[str]:
    """Tell a share so that its last fen can be followed: rounded down, then the spare ones."""
    kept = known["share"]
    exact_fen = Fraction(kept["total_yuan"]) * 100 * Fraction(kept["weight"])
    exact_fen /= Fraction(kept["weight_sum"])
    told = [f"{SHARED_BY.get(kept['method'], '分摊')}：{known['sum'].partition(' − ')[0]}"]
    if exact_fen.denominator > 1:
        spare_fen, rank = int(kept["spare_fen"]), int(kept["rank"])
        told.append(
            f"零头先舍去；剩下的 {spare_fen} 分钱，由零头最大的 {spare_fen} 户每户多付 1 分，"
            f"您家排第 {rank}，{'在内' if rank <= spare_fen else '不在内'}。"
        )
    return told


def _discount(one: Mapping[str, Any]) -> str:
    name = f"“{one['name']}”" if one["name"] else ""
    return f"优惠{name}减去 {one['sum']}"


def _line(line: BillLine) -> str:
    factors = [one for one in (line.quantity, line.unit_price) if one]
    product = f"{' × '.join(factors)} = " if factors else ""
    return f"{line.label}：{product}{yuan(line.amount_fen)}元"
