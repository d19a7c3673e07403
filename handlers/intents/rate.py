"""How it was (评价): a bare number from 1 to 5 to what asked for it, and a word to it."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.tickets import stars_in
from handlers.turn import Intent, Turn
from storage.operations.ratings import add_words, rate
from storage.ports.chat import OutgoingMessage
from storage.ticket_kinds import TicketKind

NAME: Final = "rate"
GOOD: Final = 4
THANKS: Final = "谢谢您的 {stars} 分！\n还需要什么，直接告诉我就行。"
SORRY: Final = "收到，您给了 {stars} 分，没让您满意，对不起。\n哪里没做好？愿意的话说一句；"
KEPT: Final = "记下了，会交给负责的同事看。\n"
AGAIN: Final = "要接着处理，回复“没解决”。"
"""What helps further where a ticket was rated."""
PERSON: Final = "要管家来处理，回复“人工”。"
TICKETS: Final = frozenset(str(one) for one in TicketKind if one is not TicketKind.PAYMENT)
NOTHING: Final = "现在没有等您评价的事。\n要办什么，直接告诉我就行，或者回复“帮助”。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the stars, and the word that was said with them."""
    said, rating_id = stars_in(turn.understood.text), turn.person.rating_id
    if said is None or rating_id is None:
        return OutgoingMessage(NAME, NOTHING)
    stars, word = said
    identity_id = turn.person.identity_id
    topic = await deps.db.write(rate, rating_id, identity_id=identity_id, stars=stars, now=turn.now)
    if topic is None:
        return OutgoingMessage(NAME, NOTHING)
    further = AGAIN if topic in TICKETS else PERSON
    if word:
        await deps.db.write(add_words, rating_id, word, identity_id=identity_id)
    if stars >= GOOD:
        return OutgoingMessage(NAME, THANKS.format(stars=stars))
    if word:
        return OutgoingMessage(NAME, KEPT + further)
    turn.memory.ask(NAME, rating_id=rating_id, takes="any", further=further)
    return OutgoingMessage(NAME, SORRY.format(stars=stars) + further)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the word that goes with few stars."""
    rating_id, further = int(turn.memory.facts["rating_id"]), str(turn.memory.facts["further"])
    turn.memory.settle()
    word = turn.understood.text
    await deps.db.write(add_words, rating_id, word, identity_id=turn.person.identity_id)
    return OutgoingMessage(NAME, KEPT + further)


INTENT = Intent(name=NAME, answer=answer, go_on=go_on)
