"""A notice (公告) that staff send to many, or to a group of their own."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, fields
from handlers.personal_words import fill
from storage.events import NoticeSent
from storage.ports.chat import OutgoingMessage

TITLES: Final = {"activity": "活动通知", "urgent": "紧急通知", "legal": "重要通知"}


def say(event: NoticeSent, told: Telling) -> OutgoingMessage:
    """Pass the staff's own words on, with who speaks above them.

    Only an outage is a service event that a template may carry; other notices have none.
    """
    title = TITLES.get(event.category, "通知")
    text = fill(event.text, name=event.name, rooms=event.rooms, owed_fen=event.owed_fen)
    preview = "（预览：只有您收到，姓名、房号和金额是样例。）" if event.reads == "writer" else ""
    return OutgoingMessage(
        kind="outage" if event.category == "urgent" else "notice",
        text=words.lines(preview, f"【{event.community_name}】{title}", text),
        fields=fields(
            community=event.community_name,
            text=text,
            title=title,
            time=f"{told.today}",
            number=event.broadcast_no,
        ),
    )


NOTIFICATION = Notification(NoticeSent, say)
