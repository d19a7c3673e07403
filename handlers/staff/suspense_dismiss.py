"""Money that is no resident's (不认领 12 原因): it leaves suspense, with a reason."""

from typing import Final

from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, number, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.audit import Actor
from storage.operations.suspense import dismiss_row
from storage.ports.chat import OutgoingMessage
from storage.queries.bank_rows import waiting_row

NAME: Final = "staff_suspense_dismiss"
SAID_AS: Final = WORDS["suspense_dismiss"]
HOW: Final = "请写编号和原因，比如“不认领 12 银行已退回”。\n没有改动。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take a row out of suspense; a reason is needed."""
    staff = office(turn, *COUNTERS)
    head, _, reason = rest_of(turn, SAID_AS).partition(" ")
    row_id = number(head)
    if row_id is None or not reason.strip():
        return OutgoingMessage(NAME, HOW)
    await deps.db.read(waiting_row, row_id, staff.community_ids)
    await deps.db.write(
        dismiss_row, row_id, reason.strip(), actor=Actor(staff_id=staff.staff_id), now=turn.now
    )
    return OutgoingMessage(NAME, f"{row_id}号已转出挂账，原因记下了。")


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
