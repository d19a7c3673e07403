"""Closing a ticket (结单 G… 结果): the resident reads the result and may rate it."""

from typing import Final

from handlers import tickets, words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.tickets import close_ticket
from storage.ports.chat import OutgoingMessage
from storage.ticket_kinds import TicketKind

NAME: Final = "staff_ticket_close"
SAID_AS: Final = WORDS["ticket_close"]
HOW: Final = "请写编号和结果，住户会看到，比如“结单 G26110001 水管已换好”。\n回复“工单”看等着办的。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Close the ticket named. Raises UnknownTicket, TicketStateWrong."""
    staff = office(turn, *ANYBODY)
    rest = rest_of(turn, SAID_AS)
    named, said = tickets.ticket_no(rest), tickets.after_number(rest)
    if not named or not said:
        return OutgoingMessage(NAME, HOW)
    one = await deps.db.write(close_ticket, named, said, by=staff, now=turn.now)
    text = words.lines(
        f"工单 {named} 已办结，住户会收到结果，可以打分。",
        "账单从今天起恢复提醒。" if one.kind is TicketKind.DISPUTE else "",
    )
    return OutgoingMessage(NAME, text)


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
