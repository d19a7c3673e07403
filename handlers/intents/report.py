"""The community's accounts (收支公示): where to ask."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = "小区的收支公示还不能在这里查看。\n请回复“人工”，向物业询问。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("report", TEXT)


INTENT = Intent(name="report", answer=answer)
