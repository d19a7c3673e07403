"""Stopping a broadcast (取消群发, 拒绝群发): what is not yet sent is taken back."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, broadcast_no, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import OutboxState
from storage.operations.notices import cancel
from storage.ports.chat import OutgoingMessage
from storage.queries.notices import figures, find_broadcast

NAME: Final = "staff_broadcast_cancel"
SAID_AS: Final = WORDS["broadcast_cancel"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Stop the broadcast that was named. Raises UnknownBroadcast, BroadcastStateWrong."""
    staff = office(turn, *SENDERS)
    named = broadcast_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(NAME, "要取消哪一条？请写上编号，比如“取消群发 N0001”。")
    await deps.db.write(cancel, named, by=staff, now=turn.now)
    view = await deps.db.read(find_broadcast, named, community_ids=staff.community_ids)
    report = await deps.db.read(figures, view)
    sent = report.count(OutboxState.SENT, OutboxState.CLAIMED)
    told = f"已经送达的 {sent} 人不能撤回" if sent else "没有人收到"
    return OutgoingMessage(
        NAME, words.lines(f"群发 {named} 已停止，{told}。", "要重新发，回复“群发”。")
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
