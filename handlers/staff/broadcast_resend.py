"""Sending again (补发) to those whom a broadcast certainly did not reach."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, broadcast_no, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.notices import resend_failed
from storage.ports.chat import OutgoingMessage
from storage.queries.notices import find_broadcast

NAME: Final = "staff_broadcast_resend"
SAID_AS: Final = WORDS["broadcast_resend"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Try the failed of a broadcast again (of the newest, where none is named)."""
    staff = office(turn, *SENDERS)
    view = await deps.db.read(
        find_broadcast,
        broadcast_no(rest_of(turn, SAID_AS)),
        community_ids=staff.community_ids,
    )
    again = await deps.db.write(resend_failed, view.broadcast_no, by=staff, now=turn.now)
    if not again:
        text = words.lines(
            f"群发 {view.broadcast_no} 没有需要补发的人。",
            "可能已经收到的不会再发，以免重复；回复“群发报告”查看。",
        )
        return OutgoingMessage(NAME, text)
    text = words.lines(
        f"正在给没有送达的 {again} 人补发群发 {view.broadcast_no}。",
        "已经收到的人不会再收到；发完会告诉您。",
    )
    return OutgoingMessage(NAME, text)


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
