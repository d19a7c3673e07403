"""A flat is no longer hers (过户、更名、退租): what she still owes there, or that she is clear."""

from datetime import date
from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import HandedOver
from storage.links import ClearanceLink
from storage.ports.chat import OutgoingMessage

KINDS: Final = {"sale": "过户", "rename": "更名", "move_out": "退租"}


def say(event: HandedOver, told: Telling) -> OutgoingMessage:
    """Tell who has left a flat that her binding ended, and how she stands."""
    what = KINDS[event.kind]
    since = words.day(date.fromisoformat(event.handed_on))
    text = words.lines(
        f"{event.unit_label} 已办好{what}，从{since}起您在这里的绑定和以前的缴费链接不再有效。",
        _left(event),
    )
    link = ClearanceLink(event.unit_id, event.resident_id)
    return OutgoingMessage(
        kind="handed_over",
        text=text,
        url=told.links.clearance_url(link) if event.is_clear else "",
        fields=fields(
            unit=event.unit_label,
            state=f"已{what}",
            amount=amount(event.open_fen),
            time=event.handed_on,
        ),
    )


def _left(event: HandedOver) -> str:
    if event.open_fen:
        return f"您名下还有 {words.money(event.open_fen)} 没有缴，请到物业服务中心缴清。"
    if event.is_clear:
        return "您名下的账已经结清，点击查看结清证明。"
    return "您在这里期间还有费用没有出账，出账以后物业会和您核对。"


NOTIFICATION = Notification(HandedOver, say)
