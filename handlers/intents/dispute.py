"""A bill that seems wrong (账单有异议): how it came about, and who checks it."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "您觉得账单不对，可以先回复“明细”，看每一笔是怎么算的。\n还是有疑问，请回复“人工”，请物业核对。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("dispute", TEXT)


INTENT = Intent(name="dispute", answer=answer)
