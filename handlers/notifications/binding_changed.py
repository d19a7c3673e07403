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
        "{person}（{role}）已不再绑定 {unit}，以前的缴费链接也一起失效了。",
        "要缴费，回复“缴费”获取新的链接；如有疑问，请回复“人工”。",
        "绑定已解除",
    ),
    "ended": (
        "您在 {unit} 的{role}绑定已由业主解除，以前的缴费链接也不能再用了。",
        "如有疑问，请先问业主，或者回复“人工”。",
        "绑定已解除",
    ),
    "left": (
        "物业登记您已不在 {unit}，您的{role}绑定已经解除，以前的缴费链接也不能再用了。",
        "如果登记有误，请回复“人工”。",
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

Of a removal the owners read who it was (removed), the person herself reads of her own (ended, or
left where the register says that she has moved).
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
