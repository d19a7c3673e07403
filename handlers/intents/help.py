"""What can be asked here (帮助): the numbered menu."""

from handlers import english, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the menu."""
    text = words.lines("您可以直接打字说要办的事，也可以回复序号：", words.menu())
    return OutgoingMessage("help", text)


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the menu in English."""
    text = words.lines("Say what you need, or reply with a number:", english.menu())
    return OutgoingMessage("help", text)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show the menu, to be answered by a number alone."""
    text = words.lines("要办哪件事？", words.menu(), "回复前面的数字就行。")
    return OutgoingMessage("help", text)


INTENT = Intent(name="help", answer=answer, in_english=in_english, in_plain=in_plain)
