"""Agreeing to another's broadcast (同意群发): four eyes over the community's number of people."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, broadcast_no, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.notices import approve
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_broadcast_approve"
SAID_AS: Final = WORDS["broadcast_approve"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Let a broadcast go. Raises UnknownBroadcast, BroadcastStateWrong, SelfApproval."""
    staff = office(turn, *SENDERS)
    named = broadcast_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(NAME, "同意哪一条？请写上编号，比如“同意群发 N0001”。")
    view = await deps.db.write(approve, named, by=staff, now=turn.now)
    is_later = view.send_at is not None and view.send_at > turn.now
    when = f"定在{words.moment(view.send_at)} 发送" if is_later and view.send_at else "已开始发送"
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已同意，群发 {named} {when}，共 {view.recipient_count} 人。",
            f"回复“群发进度 {named}”查看。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
