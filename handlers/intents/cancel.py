"""A no to nothing (算了): nothing was under way."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = "好的，没有正在办理的事，什么都没有改动。\n还需要什么，直接告诉我就行。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say so, and what can be done next."""
    return OutgoingMessage("cancel", TEXT)


INTENT = Intent(name="cancel", answer=answer)
