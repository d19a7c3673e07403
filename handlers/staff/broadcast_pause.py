"""Pausing a broadcast (暂停群发) that is not over, and letting it go on (继续群发)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, broadcast_no, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.broadcast_pauses import pause, resume
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_broadcast_pause"
SAID_AS: Final = WORDS["broadcast_pause"]
PAUSE: Final = SAID_AS[0]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Pause the broadcast that was named, or let it go on.

    Raises UnknownBroadcast, BroadcastStateWrong.
    """
    staff = office(turn, *SENDERS)
    named = broadcast_no(rest_of(turn, SAID_AS))
    is_pause = turn.message.text.strip().startswith(PAUSE)
    if not named:
        word = PAUSE if is_pause else SAID_AS[1]
        return OutgoingMessage(NAME, f"要{word[:2]}哪一条？请写上编号，比如“{word} N0001”。")
    if is_pause:
        waiting = await deps.db.write(pause, named, by=staff, now=turn.now)
        left = f"，排队的 {waiting} 人先不发" if waiting else ""
        text = words.lines(
            f"群发 {named} 已暂停{left}；已经发出的不能撤回。",
            f"回复“继续群发 {named}”接着发，“取消群发 {named}”不再发。",
        )
        return OutgoingMessage(NAME, text)
    await deps.db.write(resume, named, by=staff, now=turn.now)
    text = words.lines(
        f"群发 {named} 继续发送，已经收到的人不会再收到。", f"回复“群发进度 {named}”查看。"
    )
    return OutgoingMessage(NAME, text)


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
