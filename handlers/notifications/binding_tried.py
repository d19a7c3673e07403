"""Somebody keeps trying to bind a flat that is not theirs to bind, or mistypes."""

from handlers import words
from handlers.notification import Notification, Telling, fields
from storage.events import BindingTried
from storage.ports.chat import OutgoingMessage


def say(event: BindingTried, told: Telling) -> OutgoingMessage:
    """Tell an owner what was tried, that nothing was shown, and whom to ask."""
    return OutgoingMessage(
        kind="binding_tried",
        text=words.lines(
            f"{event.minutes}分钟里有人 {event.tries} 次尝试绑定 {event.unit_label}，"
            f"已暂停这套房的绑定{event.minutes}分钟。",
            "没有绑定成功的人看不到账单；如果是家人，请一起核对登记的姓名和手机号。",
            "如果您不认识对方，请回复“人工”。",
        ),
        fields=fields(unit=event.unit_label, state="多次尝试绑定，已暂停", time=f"{told.today}"),
    )


NOTIFICATION = Notification(BindingTried, say)
