"""Somebody bound a flat, or was let in, turned away or removed."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, fields
from storage.events import BindingChanged
from storage.ports.chat import OutgoingMessage

CHANGES: Final = {
    "bound": (
        "{person}以{role}身份绑定了 {unit}，可以在这里查看和缴纳账单。",
        "如果您不认识这个人，请回复“移除”。",
        "新增绑定",
    ),
    "removed": (
        "{unit} 的一个{role}绑定已经解除，原来的缴费链接也不能再用了。",
        "需要重新绑定请回复“绑定”；如有疑问，请回复“人工”。",
        "绑定已解除",
    ),
    "applied": (
        "{unit} 的绑定申请已经收到。",
        "管家核对后会通知您。",
        "申请已收到",
    ),
    "approved": (
        "您好，{unit} 已经绑定好了，身份是{role}。",
        "回复“账单”查看待缴账单。",
        "申请已通过",
    ),
    "declined": (
        "您好，{unit} 的绑定申请没有通过核对。",
        "请核对房号、姓名和电话后再申请，或者回复“人工”。",
        "申请未通过",
    ),
}
"""Change → what happened, what to do next, and the state in a field.

Of a removal both the owners and the person herself hear, so no name stands in it.
"""


def say(event: BindingChanged, told: Telling) -> OutgoingMessage:
    """Tell an owner, or the person herself, of a binding."""
    happened, following, state = CHANGES[event.change]
    named = {
        "person": words.mask_name(event.person),
        "role": words.role(event.role),
        "unit": event.unit_label,
    }
    return OutgoingMessage(
        kind="binding_changed",
        text=words.lines(happened.format(**named), following),
        fields=fields(unit=event.unit_label, state=state, time=f"{told.today}"),
    )


NOTIFICATION = Notification(BindingChanged, say)
