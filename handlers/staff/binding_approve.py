"""Letting an applicant in (同意绑定 12, 同意绑定 12 家人)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import SENDERS, number, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.errors import NotBound
from storage.kinds import OccupancyRole
from storage.operations.bindings import approve_binding
from storage.ports.chat import OutgoingMessage
from storage.queries.desk import Application, applications_waiting

NAME: Final = "staff_binding_approve"
SAID_AS: Final = WORDS["binding_approve"]
ROLES: Final = {
    "业主": OccupancyRole.OWNER,
    "租客": OccupancyRole.TENANT,
    "租户": OccupancyRole.TENANT,
    "家人": OccupancyRole.FAMILY,
    "家属": OccupancyRole.FAMILY,
}
UNNAMED: Final = "是哪一个申请？请写上编号，比如“同意绑定 12”。\n回复“绑定申请”查看全部。"
GONE: Final = "没有找到这个绑定申请，可能已经处理过了。\n回复“绑定申请”查看现在有哪些。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Let the applicant in as what the register says, or as the role that was said."""
    staff = office(turn, *SENDERS)
    rest = rest_of(turn, SAID_AS)
    asked = await named_application(turn, deps, rest)
    if isinstance(asked, str):
        return OutgoingMessage(NAME, asked)
    role = next((role for word, role in ROLES.items() if word in rest), None)
    try:
        await deps.db.write(
            approve_binding, asked.binding_id, role=role, staff_id=staff.staff_id, now=turn.now
        )
    except NotBound:
        return OutgoingMessage(NAME, GONE)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已同意 {words.mask_name(asked.name)} 以{words.role(role or asked.role)}身份绑定 "
            f"{asked.unit_label}。",
            "本人和业主都会收到通知。",
        ),
    )


async def named_application(turn: Turn, deps: HandlerDeps, rest: str) -> Application | str:
    """Return the application that a text names in the speaker's communities, or what to say."""
    staff = office(turn, *SENDERS)
    binding_id = number(rest)
    if binding_id is None:
        return UNNAMED
    found = await deps.db.read(
        applications_waiting,
        community_ids=staff.community_ids,
        limit=1,
        binding_id=binding_id,
    )
    return found[0] if found else GONE


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
