"""Notices (公告) that were meant for her, the newest first."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.personal_words import in_general
from handlers.turn import Intent, Turn
from storage.errors import NotBound
from storage.periods import SHANGHAI
from storage.ports.chat import OutgoingMessage
from storage.queries.households import notices_for

SHOWN: Final = 3
LETTERS: Final = 150


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Repeat the last notices sent to her."""
    if not turn.person.homes:
        raise NotBound
    found = await deps.db.read(notices_for, turn.person.identity_id, limit=SHOWN)
    if not found:
        text = "最近没有发给您的公告。\n有新公告会发到这里；急事请回复“电话”联系物业。"
        return OutgoingMessage("notices", text)
    blocks = [
        f"{words.moment(one.decided_at)} {one.community_name}\n"
        f"{words.shorten(in_general(one.text), LETTERS)}"
        for one in found
    ]
    return OutgoingMessage("notices", words.lines("最近的公告", *blocks, "想问详情，回复“人工”。"))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Repeat the newest notice alone."""
    if not turn.person.homes:
        raise NotBound
    found = await deps.db.read(notices_for, turn.person.identity_id, limit=1)
    if not found:
        return OutgoingMessage("notices", "最近没有公告。\n有了会发给您。")
    last = found[0]
    on = words.day(last.decided_at.astimezone(SHANGHAI))
    return OutgoingMessage("notices", f"{on}公告：\n{words.shorten(last.text, LETTERS)}")


INTENT = Intent(name="notices", answer=answer, in_plain=in_plain)
