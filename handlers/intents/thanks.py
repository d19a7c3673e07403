"""Thanks (致谢)."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = "不客气！\n还需要什么，直接告诉我就行。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say so, and what can be done next."""
    return OutgoingMessage("thanks", TEXT)


INTENT = Intent(name="thanks", answer=answer)
