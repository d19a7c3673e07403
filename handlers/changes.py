"""Why it is more than before (比上个月多): what is compared with what, and how that is told."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from handlers import reckonings, words
from handlers.deps import HandlerDeps
from handlers.understanding.periods import take_period
from storage.lazy import regex
from storage.periods import BillingPeriod
from storage.queries.comparisons import period_before
from storage.rules.comparing import Comparison, ItemDifference

SHOWN: Final = 5
_THAN: Final = regex(r"(?:相比|相较于?|比)(?!如|方)(.{2,9})")
_LIKE: Final = regex(r"[跟和与同](.{2,9}?)(?:相?比|不一样|不同|有什么差|差多少|差在哪)")
_CHANGED: Final = regex(r"涨[了价这那]|涨$|变[多少高贵]|突然.?[多高贵]|[多少高低贵]了")
_MONTH_BEFORE: Final = regex(r"[上前]一?个?月")
_YEAR_BEFORE: Final = regex(r"去年|上年|前一年|上一年")


def named_to_compare(normal: str) -> bool:
    """Tell whether the month that was said is only compared with: 和上个月有什么不一样."""
    return _LIKE.search(normal) is not None


async def compared_with(
    deps: HandlerDeps, normal: str, subject: BillingPeriod, *, binding_id: int, today: date
) -> BillingPeriod | None:
    """Return the month that a text holds `subject` against, None where it compares nothing."""
    found = _LIKE.search(normal) or _THAN.search(normal)
    said = found[1] if found else ""
    if _MONTH_BEFORE.search(said):
        return subject.plus(-1)
    named, _ = take_period(said, today)
    if named is not None and named.first == named.last:
        return BillingPeriod(*named.first)
    if _YEAR_BEFORE.search(said):
        return subject.plus(-12)
    if not found and not _CHANGED.search(normal):
        return None
    return await deps.db.read(period_before, binding_id, subject)


def told(label: str, compared: Comparison, *, before: BillingPeriod, after: BillingPeriod) -> str:
    """Tell a comparison: the whole, then each fee item and what made it differ."""
    changed = [one for one in compared.items if one.more_fen]
    than = _month(before, after)
    if not changed:
        return f"{label} {words.period(after)}的账单和{than}一样多。"
    heading = f"{label} {words.period(after)}比{than}{reckonings.way(compared.more_fen)}"
    if not compared.more_fen:
        heading = f"{label} {words.period(after)}和{than}合计一样多，各项有变化"
    blocks = [_item(one, than, is_alone=len(changed) == 1) for one in changed[:SHOWN]]
    rest = changed[SHOWN:]
    if rest:
        rest_fen = sum(one.more_fen for one in rest)
        blocks.append(
            f"另外 {len(rest)} 项，合计{reckonings.way(rest_fen) if rest_fen else '一样'}"
        )
    same = [one.item_name for one in compared.items if not one.more_fen]
    alike = f"没有变化：{'、'.join(same[:SHOWN])}。" if same else ""
    return words.lines(f"{heading}。", *blocks, alike)


def _month(before: BillingPeriod, after: BillingPeriod) -> str:
    """Name the earlier month, with its year where it is another."""
    return f"{before.month}月" if before.year == after.year else words.period(before)


def _item(one: ItemDifference, than: str, *, is_alone: bool) -> str:
    if one.before_fen is None:
        return f"{one.item_name}：{than}没有这笔，多 {words.money(one.more_fen)}"
    if one.after_fen is None:
        return f"{one.item_name}：这次没有这笔，少 {words.money(-one.more_fen)}"
    change = f"{words.money(one.before_fen)} → {words.money(one.after_fen)}"
    more = "" if is_alone else f"，{reckonings.way(one.more_fen)}"
    return words.lines(f"{one.item_name} {change}{more}", *_causes(one))


def _causes(one: ItemDifference) -> Sequence[str]:
    return [f"　{reckonings.cause(cause)}" for cause in one.causes]
