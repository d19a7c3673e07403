"""Taking a ticket (接单 G…): the resident hears that somebody is at it."""

from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.tickets import assign_ticket
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_ticket_take"
SAID_AS: Final = WORDS["ticket_take"]
WHICH: Final = "接哪一件？请写上编号，比如“接单 G26110001”。\n回复“工单”看等着办的。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the ticket named. Raises UnknownTicket, TicketStateWrong."""
    staff = office(turn, *ANYBODY)
    named = tickets.ticket_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(NAME, WHICH)
    one = await deps.db.write(
        assign_ticket, named, to_staff_id=staff.staff_id, by=staff, now=turn.now
    )
    text = words.lines(
        f"已接单 {tickets.line(one, turn.now)}。",
        f"告诉住户进展，回复“回复 {named} 内容”；办好了，回复“结单 {named} 结果”。",
    )
    return OutgoingMessage(NAME, text)


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
