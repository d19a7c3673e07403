"""Giving a resident back to the bot (结束 12)."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, number, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.talks import end_talk
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_talk_end"
SAID_AS: Final = WORDS["talk_end"]
HOW: Final = "结束哪一位？请写上编号，比如“结束 12”。\n回复“工单”看正在找人工的住户。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """End the talk named. Raises UnknownTalk."""
    staff = office(turn, *ANYBODY)
    named = number(rest_of(turn, SAID_AS))
    if named is None:
        return OutgoingMessage(NAME, HOW)
    await deps.db.write(end_talk, named, by=staff, now=turn.now)
    return OutgoingMessage(NAME, f"人工 {named} 已结束，住户由机器人接着回答。")


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
