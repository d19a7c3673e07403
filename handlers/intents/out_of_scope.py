"""Something else altogether: say what can be done here."""

from typing import Final

from handlers import english
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "这件事我帮不上忙。\n我能查账单、缴费、看收据、办退款；回复“帮助”查看全部，或回复“人工”。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("out_of_scope", TEXT)


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say in English what can be done, and who helps with the rest."""
    return OutgoingMessage("out_of_scope", f"I cannot help with that.\n{english.LINE}")


INTENT = Intent(name="out_of_scope", answer=answer, in_english=in_english)
