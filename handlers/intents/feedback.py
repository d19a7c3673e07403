"""Praise and complaints (投诉建议): who takes them."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "谢谢您告诉我们。这里还不能登记投诉和建议。\n"
    "请回复“人工”，由管家记下来并答复您；急事回复“电话”。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("feedback", TEXT)


INTENT = Intent(name="feedback", answer=answer)
