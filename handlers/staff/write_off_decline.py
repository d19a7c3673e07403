"""Declining a write-off (拒绝核销 HX… 原因): nothing changes, the reason is kept."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, rest_of, without
from handlers.staff.words import WORDS
from handlers.staff.write_off_approve import line, write_off_no
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.operations.write_offs import decline_write_off
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_write_off_decline"
SAID_AS: Final = WORDS["write_off_decline"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Decline the write-off named, with the reason. Raises what `decline_write_off` raises."""
    staff = office(turn, StaffRole.MANAGER)
    rest = rest_of(turn, SAID_AS)
    named = write_off_no(rest)
    if not named:
        return OutgoingMessage(
            NAME, "拒绝哪一笔核销？请写上编号和原因，比如“拒绝核销 HX261100001 证据不全”。"
        )
    reason = words.shorten(without(rest, named), 100).rstrip("。.")
    done = await deps.db.write(decline_write_off, named, reason=reason, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME, words.lines(f"已拒绝核销 {line(done)}。", f"原因：{reason}。账单没有改动。")
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
