"""Paying ahead (预存): not offered in chat yet; whom to ask."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "现在还不能在这里预存，可以先缴已出的账单，回复“账单”查看。\n"
    "想提前缴以后的费用，请回复“人工”，请物业帮您办。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("prepay", TEXT)


INTENT = Intent(name="prepay", answer=answer)
