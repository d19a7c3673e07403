"""Turning an applicant away (拒绝绑定 12)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.binding_approve import GONE, named_application
from handlers.staff.office import SENDERS, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.errors import NotBound
from storage.operations.bindings import decline_binding
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_binding_decline"
SAID_AS: Final = WORDS["binding_decline"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Turn the applicant away; she is told so."""
    staff = office(turn, *SENDERS)
    asked = await named_application(turn, deps, rest_of(turn, SAID_AS))
    if isinstance(asked, str):
        return OutgoingMessage(NAME, asked)
    try:
        await deps.db.write(
            decline_binding, asked.binding_id, staff_id=staff.staff_id, now=turn.now
        )
    except NotBound:
        return OutgoingMessage(NAME, GONE)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已拒绝 {words.mask_name(asked.name)} 绑定 {asked.unit_label} 的申请。",
            "本人会收到通知，可以核对后再申请。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
