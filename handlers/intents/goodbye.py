"""A goodbye (再见)."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = "再见，祝您生活愉快！\n有账单或收据，会发到这里。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say so, and what can be done next."""
    return OutgoingMessage("goodbye", TEXT)


INTENT = Intent(name="goodbye", answer=answer)
