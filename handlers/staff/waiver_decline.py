"""Declining a waiver (拒绝减免 JM… 原因): nothing changes, the reason is kept."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, rest_of, without
from handlers.staff.waiver_approve import line, waiver_no
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.operations.bill_waivers import decline_waiver
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_waiver_decline"
SAID_AS: Final = WORDS["waiver_decline"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Decline the waiver named, with the reason. Raises what `decline_waiver` raises."""
    staff = office(turn, StaffRole.MANAGER)
    rest = rest_of(turn, SAID_AS)
    named = waiver_no(rest)
    if not named:
        return OutgoingMessage(
            NAME, "拒绝哪一笔减免？请写上编号和原因，比如“拒绝减免 JM261100001 证明不全”。"
        )
    reason = words.shorten(without(rest, named), 100).rstrip("。.")
    done = await deps.db.write(decline_waiver, named, reason=reason, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME, words.lines(f"已拒绝减免 {line(done)}。", f"原因：{reason}。账单没有改动。")
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
