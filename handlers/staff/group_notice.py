"""Telling a group of staff (群公告 值班群 …) through its robot, after a look and a word."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.staff.broadcast import offer
from handlers.staff.office import SENDERS, office, rest_of
from handlers.staff.preview import GROUP
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.notices import Writing
from storage.ports.chat import OutgoingMessage
from storage.queries.audiences import Audience

NAME: Final = "staff_group_notice"
SAID_AS: Final = WORDS["group_notice"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show what a group would read. Raises NotAllowed, PrivacyLint, TextTooLong."""
    staff = office(turn, *SENDERS)
    group, _, text = " ".join(rest_of(turn, SAID_AS).split(" ")).partition(" ")
    if not group or not text.strip():
        return OutgoingMessage(
            NAME, "请写上群名和内容，比如“群公告 值班群 今晚8点巡查地下车库”。\n还没有发送。"
        )
    audience = Audience(staff.community_ids[0], group=group)
    return await offer(turn, deps, Writing(audience, f"{group}{GROUP}", "notice", text.strip()))


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
