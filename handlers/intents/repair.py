"""A repair (报修): who takes it."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "这里还不能登记报修。\n"
    "请回复“电话”直接打给物业；不急的话回复“人工”，请管家安排。\n"
    "有漏水、停电、被困这类急事，请马上打电话。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say what can be done here, and who helps with the rest."""
    return OutgoingMessage("repair", TEXT)


INTENT = Intent(name="repair", answer=answer)
