"""Turning messages off (关闭提醒), by category; what must be heard stays on."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.operations.conversations import set_muted
from storage.ports.chat import OutgoingMessage

CATEGORIES: Final = (
    ("reminders", "缴费提醒"),
    ("notices", "小区公告"),
    ("activities", "活动通知"),
)
ALL: Final = "全部关闭"
STAYS: Final = "收据、退款进展，还有停水停电和法定的重要通知，照常发给您。"
HINTS: Final = {
    "reminders": ("提醒", "催", "缴费", "账单", "欠"),
    "notices": ("公告", "通知", "群发"),
}


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Turn off the category that was named, or ask which."""
    named = categories_in(turn.understood.text)
    return await _mute(turn, deps, named) if len(named) == 1 else _ask(turn)


def categories_in(text: str) -> tuple[str, ...]:
    """Return the categories that a text names; 活动通知 are no other notices."""
    if "活动" in text and "公告" not in text:
        return ("activities",)
    return tuple(name for name, hints in HINTS.items() if any(hint in text for hint in hints))


def picked(turn: Turn) -> tuple[str, ...]:
    """Return the categories that an answer to the numbered question picks, or ()."""
    ordinal, text = turn.understood.slots.ordinal, turn.understood.text
    if ordinal in (1, 2, 3):
        return (CATEGORIES[ordinal - 1][0],)
    if ordinal == 4 or "全" in text or "都" in text or turn.understood.slots.is_all:
        return tuple(name for name, _ in CATEGORIES)
    return categories_in(text)


def choices() -> list[str]:
    """List what can be picked."""
    return [*(label for _, label in CATEGORIES), ALL]


def labels(categories: tuple[str, ...]) -> str:
    """Name categories in Chinese."""
    named = [label for name, label in CATEGORIES if name in categories]
    return "和".join(filter(None, ["、".join(named[:-1]), named[-1]]))


def _ask(turn: Turn) -> OutgoingMessage:
    turn.memory.ask("mute", choices=choices())
    text = words.lines("请问关闭哪一种？回复序号：", words.numbered(choices()), STAYS)
    return OutgoingMessage("mute", text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take which categories to turn off."""
    chosen = picked(turn)
    return await _mute(turn, deps, chosen) if chosen else _ask(turn)


async def _mute(turn: Turn, deps: HandlerDeps, chosen: tuple[str, ...]) -> OutgoingMessage:
    turn.memory.settle()
    muted = tuple(sorted({*turn.person.muted, *chosen}))
    await deps.db.write(set_muted, turn.person.identity_id, muted, now=turn.now)
    text = words.lines(f"已关闭{labels(chosen)}。", STAYS, "想再收到，回复“打开提醒”。")
    return OutgoingMessage("mute", text)


INTENT = Intent(name="mute", answer=answer, go_on=go_on)
