"""A yes to nothing (确认): nothing waits for it."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage

TEXT: Final = (
    "好的。现在没有等您确认的事，什么都没有改动。\n要查账单，回复“账单”；要缴费，回复“缴费”。"
)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Say so, and what can be done next."""
    return OutgoingMessage("confirm", TEXT)


INTENT = Intent(name="confirm", answer=answer)
