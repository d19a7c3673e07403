"""What can be asked here (帮助): the numbered menu."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the menu."""
    text = words.lines("您可以直接打字说要办的事，也可以回复序号：", words.menu())
    return OutgoingMessage("help", text)


INTENT = Intent(name="help", answer=answer)
