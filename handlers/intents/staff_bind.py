"""A member of staff proves that she works here (员工绑定 手机号 绑定码)."""

import hmac

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.operations.residents import note_try
from storage.operations.staff import bind_staff
from storage.ports.chat import OutgoingMessage


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Know this chat identity as staff. Raises BindingMismatch, TooManyTries."""
    said = turn.understood.text.removeprefix("员工绑定").split()
    if len(said) != 2:
        text = "请按这个格式发送：员工绑定 手机号 绑定码\n绑定码由单位在登记时给您。"
        return OutgoingMessage("staff_bind", text)
    phone, code = said
    await deps.db.write(
        note_try, identity_id=turn.person.identity_id, unit_text=f"staff {phone}", now=turn.now
    )
    is_proved = hmac.compare_digest(code.encode(), deps.links.staff_code(phone).encode())
    name = await deps.db.write(
        bind_staff,
        identity_id=turn.person.identity_id,
        phone=phone,
        is_proved=is_proved,
        now=turn.now,
    )
    text = words.lines(f"{name}，您好，员工身份已绑定。", "回复“员工帮助”查看能做什么。")
    return OutgoingMessage("staff_bind", text)


INTENT = Intent(name="staff_bind", answer=answer, said_as=("员工绑定",))
