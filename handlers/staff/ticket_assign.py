"""Giving a ticket to a colleague (派单 G… 小周), who hears of it."""

from typing import Final

from handlers import tickets
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.tickets import assign_ticket
from storage.ports.chat import OutgoingMessage
from storage.queries.tickets import colleague_named, ticket_of_staff
from storage.ticket_errors import UnknownColleague

NAME: Final = "staff_ticket_assign"
SAID_AS: Final = WORDS["ticket_assign"]
HOW: Final = "请写编号和同事的名字，比如“派单 G26110001 小周”。\n回复“工单”看等着办的。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the ticket named. Raises UnknownTicket, TicketStateWrong, UnknownColleague."""
    staff = office(turn, *SENDERS)
    rest = rest_of(turn, SAID_AS)
    named, name = tickets.ticket_no(rest), tickets.after_number(rest)
    if not named or not name:
        return OutgoingMessage(NAME, HOW)
    one = await deps.db.read(ticket_of_staff, named, community_ids=staff.community_ids)
    colleague = await deps.db.read(colleague_named, name, community_id=one.community_id)
    if colleague is None:
        raise UnknownColleague
    given = await deps.db.write(assign_ticket, named, to_staff_id=colleague, by=staff, now=turn.now)
    return OutgoingMessage(NAME, f"工单 {named} 已交给{given.assignee_name}，同事会收到通知。")


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
