"""Turning messages on again (打开提醒)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.intents.mute import labels
from handlers.turn import Intent, Turn
from storage.operations.conversations import set_muted
from storage.ports.chat import OutgoingMessage

HINTS: Final = {"reminders": "缴费", "notices": "公告", "activities": "活动"}


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Turn on the category that was named, or all."""
    text = turn.understood.text
    chosen = tuple(name for name, hint in HINTS.items() if hint in text) or tuple(HINTS)
    left = tuple(one for one in turn.person.muted if one not in chosen)
    if left != turn.person.muted:
        await deps.db.write(set_muted, turn.person.identity_id, left, now=turn.now)
    told = words.lines(f"已打开{labels(chosen)}。", "不想再收到，随时回复“关闭提醒”。")
    return OutgoingMessage("unmute", told)


INTENT = Intent(name="unmute", answer=answer)
