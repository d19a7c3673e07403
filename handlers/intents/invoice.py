"""A tax invoice (发票): not made in chat; whom to ask."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "这里只能开收据，还不能开发票；要看收据，回复“收据”。\n"
    "要开发票，请回复“人工”，把抬头和税号告诉管家。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("invoice", TEXT)


INTENT = Intent(name="invoice", answer=answer)
