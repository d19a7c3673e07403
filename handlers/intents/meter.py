"""A meter reading (抄表): who takes it."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = "这里还不能报水电表读数，您发的数字没有登记。\n请回复“人工”，把读数告诉管家。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("meter", TEXT)


INTENT = Intent(name="meter", answer=answer)
