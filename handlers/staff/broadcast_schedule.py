"""Putting a broadcast off (改时间 N0001 明天10点) that has not begun."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.moments import read_moment
from handlers.staff.office import SENDERS, broadcast_no, office, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.notices import schedule
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_broadcast_schedule"
SAID_AS: Final = WORDS["broadcast_schedule"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give a broadcast another time. Raises UnknownBroadcast, BroadcastStateWrong."""
    staff = office(turn, *SENDERS)
    rest = rest_of(turn, SAID_AS)
    named = broadcast_no(rest)
    send_at = read_moment(without(rest, named), now=turn.now) if named else None
    if send_at is None:
        return OutgoingMessage(
            NAME, "没看懂编号或时间，没有改动。\n请这样说：“改时间 N0001 明天10点”。"
        )
    view = await deps.db.write(schedule, named, send_at=send_at, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME,
        f"群发 {view.broadcast_no} 改到{words.moment(send_at)} 发送。\n"
        f"回复“取消群发 {view.broadcast_no}”可以撤回。",
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
