"""Answering a resident (回复 G… 内容): what is said reaches her as it was typed."""

from typing import Final

from handlers import tickets
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.tickets import answer_ticket
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_reply"
SAID_AS: Final = WORDS["reply"]
HOW: Final = "请写编号和要说的话，比如“回复 G26110001 师傅下午三点到”。\n回复“工单”看等着办的。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the resident. Raises UnknownTicket, TicketStateWrong."""
    staff = office(turn, *ANYBODY)
    rest = rest_of(turn, SAID_AS)
    named, said = tickets.ticket_no(rest), tickets.after_number(rest)
    if not named or not said:
        return OutgoingMessage(NAME, HOW)
    await deps.db.write(answer_ticket, named, said, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME, f"已告诉住户，工单 {named} 处理中。\n办好了，回复“结单 {named} 结果”。"
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
