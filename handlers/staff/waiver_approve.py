"""Agreeing to a waiver (同意减免 JM…): a manager's word, never on her own; large ones need two."""

import unicodedata
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.lazy import regex
from storage.operations.bill_waivers import approve_waiver
from storage.paying_kinds import WaiverState
from storage.ports.chat import OutgoingMessage
from storage.queries.waivers import WaiverView

NAME: Final = "staff_waiver_approve"
SAID_AS: Final = WORDS["waiver_approve"]
_WAIVER_NO: Final = regex(r"JM[0-9]{9}(?![0-9])")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Agree to the waiver named. Raises what `approve_waiver` raises."""
    staff = office(turn, StaffRole.MANAGER)
    named = waiver_no(rest_of(turn, SAID_AS))
    if not named:
        return OutgoingMessage(
            NAME, "同意哪一笔减免？请写上编号，比如“同意减免 JM261100001”。\n回复“待审批”查看全部。"
        )
    done: WaiverView = await deps.db.write(approve_waiver, named, by=staff, now=turn.now)
    if done.state is not WaiverState.APPROVED:
        following = "金额较大，还要另一位经理同意，账单还没有改动。"
    else:
        following = "账单已经减少，这笔钱不算收款；住户会收到通知。"
    return OutgoingMessage(NAME, words.lines(f"已同意减免 {line(done)}。", following))


def waiver_no(text: str) -> str:
    """Return the waiver's number in a text, or ""."""
    found = _WAIVER_NO.search(unicodedata.normalize("NFKC", text).upper())
    return found.group() if found else ""


def line(one: WaiverView) -> str:
    """Say a waiver on one line: number, flat, bill, sum."""
    what = f"{words.period(one.period)}{one.item_name}"
    return f"{one.waiver_no} {one.unit_label} {what} {words.money(one.amount_fen)}"


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
