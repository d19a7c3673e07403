"""Answering a resident (回复 G… 内容, 回复 12 内容): it reaches her as it was typed."""

from typing import Final

from handlers import tickets
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.talks import answer_in_talk
from storage.operations.tickets import answer_ticket
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_reply"
SAID_AS: Final = WORDS["reply"]
_TALK: Final = regex(r"(?s)([0-9]{1,9})[ ,，:：。、]+(\S.*)")
HOW: Final = "请写编号和要说的话，比如“回复 G26110001 师傅下午三点到”。\n回复“工单”看等着办的。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the resident. Raises UnknownTicket, TicketStateWrong."""
    staff = office(turn, *ANYBODY)
    rest = rest_of(turn, SAID_AS)
    named, said = tickets.ticket_no(rest), tickets.after_number(rest)
    if not named:
        return await _in_talk(turn, deps, rest)
    if not said:
        return OutgoingMessage(NAME, HOW)
    await deps.db.write(answer_ticket, named, said, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME, f"已告诉住户，工单 {named} 处理中。\n办好了，回复“结单 {named} 结果”。"
    )


async def _in_talk(turn: Turn, deps: HandlerDeps, rest: str) -> OutgoingMessage:
    """Tell a resident who asked for a person. Raises UnknownTalk."""
    staff = office(turn, *ANYBODY)
    match = _TALK.fullmatch(rest)
    if match is None:
        return OutgoingMessage(NAME, HOW)
    await deps.db.write(
        answer_in_talk,
        int(match[1]),
        match[2],
        by=staff,
        key=f"talk:{tickets.request_key(turn)}"[:160],
        now=turn.now,
    )
    return OutgoingMessage(NAME, f"已发给住户。\n说完了，回复“结束 {int(match[1])}”。")


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
