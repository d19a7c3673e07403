"""A greeting (问好)."""

from handlers import edges, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Greet, and say what comes next for this person."""
    home = turn.person.home
    if not turn.person.homes:
        return edges.welcome(turn)
    who = f"{home.label}，您好！" if home is not None else "您好！"
    text = words.lines(f"{who}有什么可以帮您？可以回复序号：", words.menu())
    return OutgoingMessage("greeting", text)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Greet, and show the menu, to be answered by a number alone."""
    if not turn.person.homes:
        return edges.welcome(turn)
    text = words.lines("您好！要办哪件事？", words.menu(), "回复前面的数字就行。")
    return OutgoingMessage("greeting", text)


INTENT = Intent(name="greeting", answer=answer, in_plain=in_plain)
