"""Agreeing to a write-off (同意核销 HX…): a manager's word, never on what she asked for."""

import unicodedata
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.lazy import regex
from storage.operations.write_offs import approve_write_off
from storage.ports.chat import OutgoingMessage
from storage.queries.write_offs import WriteOffView

NAME: Final = "staff_write_off_approve"
SAID_AS: Final = WORDS["write_off_approve"]
_WRITE_OFF_NO: Final = regex(r"HX[0-9]{9}(?![0-9])")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Agree to the write-off named. Raises what `approve_write_off` raises."""
    staff = office(turn, StaffRole.MANAGER)
    named = write_off_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(
            NAME, "同意哪一笔核销？请写上编号，比如“同意核销 HX261100001”。\n回复“待审批”查看全部。"
        )
    done = await deps.db.write(approve_write_off, named, by=staff, now=turn.now)
    following = "这笔账单不再催缴，算公司的坏账；不是减免，不通知住户，以后还可以收回。"
    return OutgoingMessage(NAME, words.lines(f"已同意核销 {line(done)}。", following))


def write_off_no(text: str) -> str:
    """Return the write-off's number in a text, or ""."""
    found = _WRITE_OFF_NO.search(unicodedata.normalize("NFKC", text).upper())
    return found.group() if found else ""


def line(one: WriteOffView) -> str:
    """Say a write-off on one line: number, flat, bill, sum."""
    what = f"{words.period(one.period)}{one.item_name}"
    return f"{one.write_off_no} {one.unit_label} {what} {words.money(one.amount_fen)}"


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
