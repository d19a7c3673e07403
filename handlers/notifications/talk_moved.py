"""What a person of the office says to a resident, and that the bot is back."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, fields
from storage.events import TalkMoved
from storage.ports.chat import OutgoingMessage

ENDED: Final = "管家已经说完，现在又由我来回答您。\n还需要什么，直接告诉我；再找管家，回复“人工”。"


def say(event: TalkMoved, told: Telling) -> OutgoingMessage:
    """Say the words of staff as theirs."""
    is_over = event.change == "ended"
    ended = words.lines(ENDED, words.RATE if event.asks_rating else "")
    return OutgoingMessage(
        kind="talk_moved",
        text=ended if is_over else f"管家回复：\n{words.shorten(event.words, 300).rstrip('。')}。",
        fields=fields(
            unit="管家",
            amount="-",
            time=f"{told.today}",
            state="人工已结束" if is_over else "管家有回复",
            number="-",
        ),
    )


NOTIFICATION = Notification(TalkMoved, say)
