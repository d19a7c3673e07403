"""How a day's reconciliation (对账结果) reads, in chat and unasked."""

from datetime import date
from typing import Final

from handlers import causes, words
from storage.events import DayReconciled

STATES: Final = {
    "waiting": "账单还没有来",
    "broken": "账单不完整，会再取",
    "empty": "没有交易",
    "quiet": "这一天没有收款，平台中午才出账单",
}
"""State of a statement that has no lines → what is said of it."""


def lines(event: DayReconciled) -> str:
    """Say what each platform's statement came to, what differs, and what waits."""
    found = sum(count for _, count in event.found)
    return words.lines(
        f"{words.day(date.fromisoformat(event.day))}对账结果：",
        *map(_gateway, event.gateways),
        f"差异 {found} 件：{causes.found(event.found)}。" if found else _agreed(event),
        f"自动核对上 {event.healed} 件。" if event.healed else "",
        f"等着处理的差异一共 {event.open_count} 件，回复“差异”查看。" if event.open_count else "",
    )


def about(reference: str, gateway: str, day_on: date | None) -> str:
    """Say what a difference is about: a number, or a platform's whole day."""
    if not gateway:
        return reference
    is_day = day_on is not None and reference == f"{gateway}:{day_on.isoformat()}"
    named = words.day(day_on) if is_day and day_on else reference
    return f"{words.gateway(gateway)} {named}"


def _gateway(one: tuple[str, str, int, int, int, int]) -> str:
    name, state, count, paid_fen, refunded_fen, fee_fen = one
    if state in STATES:
        return f"{words.gateway(name)}：{STATES[state]}"
    return (
        f"{words.gateway(name)}：{count} 笔，收 {words.money(paid_fen)}，"
        f"退 {words.money(refunded_fen)}，手续费 {words.money(fee_fen)}"
    )


def _agreed(event: DayReconciled) -> str:
    has_all = all(state not in ("waiting", "broken") for _, state, *_ in event.gateways)
    return "账都对上了。" if has_all else "来了的都对上了。"
