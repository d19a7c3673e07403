"""A note on a ticket that only staff read (备注 G… 内容)."""

from typing import Final

from handlers import tickets
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.tickets import note_on_ticket
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_ticket_note"
SAID_AS: Final = WORDS["ticket_note"]
HOW: Final = "请写编号和内容，比如“备注 G26110001 已联系电梯公司”。\n备注只给同事看。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Keep the note. Raises UnknownTicket."""
    staff = office(turn, *ANYBODY)
    rest = rest_of(turn, SAID_AS)
    named, said = tickets.ticket_no(rest), tickets.after_number(rest)
    if not named or not said:
        return OutgoingMessage(NAME, HOW)
    await deps.db.write(note_on_ticket, named, said, by=staff, now=turn.now)
    return OutgoingMessage(NAME, f"已记在工单 {named} 上，住户看不到。")


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
