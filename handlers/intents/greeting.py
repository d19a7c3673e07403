"""A greeting (问好)."""

from handlers import edges, own_words, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.kinds import OwnText
from storage.ports.chat import OutgoingMessage
from storage.queries.faqs import own_texts_of
from storage.queries.residents import Home, contact


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Greet, in the community's own words where it has some, and say what comes next."""
    home = turn.person.home
    if not turn.person.homes:
        return edges.welcome(turn)
    who = f"{home.label}，您好！" if home is not None else "您好！"
    own = await _own(turn, deps, home or turn.person.homes[0])
    ask = "可以回复序号：" if own else f"{who}有什么可以帮您？可以回复序号："
    text = words.lines(own and f"{who}{own}", ask, words.menu())
    return OutgoingMessage("greeting", text)


async def _own(turn: Turn, deps: HandlerDeps, home: Home) -> str:
    said = (await deps.db.read(own_texts_of, home.community_id)).get(OwnText.GREETING, "")
    if not said:
        return ""
    return own_words.fill(said, await deps.db.read(contact, home.community_id, on=turn.today))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Greet, and show the menu, to be answered by a number alone."""
    if not turn.person.homes:
        return edges.welcome(turn)
    text = words.lines("您好！要办哪件事？", words.menu(), "回复前面的数字就行。")
    return OutgoingMessage("greeting", text)


INTENT = Intent(name="greeting", answer=answer, in_plain=in_plain)
