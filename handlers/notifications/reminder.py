"""A household's open bills, before, on or after the due day."""

from datetime import date

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import ReminderWords
from storage.kinds import Tone
from storage.ports.chat import OutgoingMessage
from storage.rules.dunning import is_arrears


def say(event: ReminderWords, told: Telling) -> OutgoingMessage:
    """Remind without reproach: 待缴 in the first thirty days after the due day, then 欠费."""
    due_on, as_of_on = date.fromisoformat(event.due_on), date.fromisoformat(event.as_of_on)
    state = "欠费" if is_arrears(due_on, as_of_on) else "待缴"
    return OutgoingMessage(
        kind="reminder",
        text=words.lines(
            f"您好，{event.unit_label} {_when(event, due_on, as_of_on, state)}"
            f"合计 {words.money(event.open_fen)}。",
            "点击查看并缴费；如有疑问，请回复“人工”。",
            *_offer(event),
        ),
        url=event.pay_url,
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.open_fen),
            time=event.due_on,
            state=state,
            number=f"{event.bill_count}",
        ),
    )


def _when(event: ReminderWords, due_on: date, as_of_on: date, state: str) -> str:
    if event.is_overdue:
        what = "笔欠费" if state == "欠费" else "笔账单待缴"
        return f"截至{words.day(as_of_on)}有 {event.bill_count} {what}，"
    when = "今天是应缴日" if due_on == as_of_on else f"应缴日是{words.day(due_on)}"
    return f"有 {event.bill_count} 笔账单待缴，{when}，"


def _offer(event: ReminderWords) -> list[str]:
    """Offer to agree on a day once the due day is over; the firmest words are still an offer."""
    if not event.is_overdue:
        return []
    if event.tone == Tone.FIRM:
        return ["请在近期缴清；一时有困难，请回复“人工”，我们一起商量。"]
    return ["一时不方便，可以回复“我15号交”，约个日子。"]


def in_english(event: ReminderWords, told: Telling) -> str:
    """Remind in English: how much, until when, and whom to ask."""
    del told
    due_on, as_of_on = date.fromisoformat(event.due_on), date.fromisoformat(event.as_of_on)
    when = "due today" if due_on == as_of_on else f"due on {english.day(due_on)}"
    if event.is_overdue:
        when = f"open on {english.day(as_of_on)}"
    bills = english.count(event.bill_count, "bill")
    return words.lines(
        f"Hello, {event.unit_label}: {bills}, {english.money(event.open_fen)}, {when}.",
        "Tap the link to see and pay. Questions? Type: human",
        "If it is hard just now, type: human, and we find a way together."
        if event.is_overdue
        else "",
    )


def in_plain(event: ReminderWords, told: Telling) -> str:
    """Remind in few words: the sum, the day, and what to tap."""
    del told
    due_on, as_of_on = date.fromisoformat(event.due_on), date.fromisoformat(event.as_of_on)
    when = "今天缴就行。" if due_on == as_of_on else f"{words.day(due_on)}前缴就行。"
    return words.lines(
        f"您好，{event.unit_label} 要缴：",
        words.money(event.open_fen),
        "" if event.is_overdue else when,
        words.TAP,
        "有难处，回复“人工”。" if event.is_overdue else "",
    )


NOTIFICATION = Notification(ReminderWords, say, in_english, in_plain)
