"""An answer that took longer than the platform waits."""

from handlers.notification import Notification, Telling, fields
from storage.events import LateAnswer
from storage.ports.chat import OutgoingMessage


def say(event: LateAnswer, told: Telling) -> OutgoingMessage:
    """Say now what should have been said at once."""
    return OutgoingMessage(
        kind="late_answer",
        text=event.text,
        url=event.url,
        fields=fields(text=event.text, time=f"{told.today}"),
    )


NOTIFICATION = Notification(LateAnswer, say)
