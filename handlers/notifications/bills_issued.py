"""New bills of a household, all of a month in one message."""

from datetime import date, timedelta
from typing import Final

from handlers import english, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import BillsIssued
from storage.links import PayLink
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage

LINK_LASTS: Final = timedelta(days=14)
MOST_LINES: Final = 8


def say(event: BillsIssued, told: Telling) -> OutgoingMessage:
    """Tell a household what is new, until when, and where to pay."""
    due_on = date.fromisoformat(event.due_on)
    period = words.period(BillingPeriod.parse(event.period))
    link = PayLink(event.unit_id, event.binding_id, event.link_epoch, told.today + LINK_LASTS)
    return OutgoingMessage(
        kind="bills_issued",
        text=words.lines(
            f"您好，{event.unit_label} {period}的账单已出，合计 {words.money(event.total_fen)}。",
            *[f"{name} {words.money(fen)}" for name, fen in event.lines[:MOST_LINES]],
            f"应缴日是{words.day(due_on)}，点击查看明细并缴费。",
        ),
        url=told.links.pay_url(link),
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.total_fen),
            time=event.due_on,
            state="新账单待缴",
            number=event.period,
        ),
    )


def in_english(event: BillsIssued, told: Telling) -> str:
    """Tell the sum that is new, and until when."""
    del told
    period = english.period(BillingPeriod.parse(event.period))
    due_on = english.day(date.fromisoformat(event.due_on))
    return words.lines(
        f"Hello, {event.unit_label}: {period} is billed, {english.money(event.total_fen)}.",
        f"Please pay until {due_on}. Tap the link to see and pay.",
    )


def in_plain(event: BillsIssued, told: Telling) -> str:
    """Tell the sum that is new, the day, and what to tap."""
    del told
    return words.lines(
        f"您好，{event.unit_label} {BillingPeriod.parse(event.period).month}月要缴：",
        words.money(event.total_fen),
        f"{words.day(date.fromisoformat(event.due_on))}前缴就行。",
        words.TAP,
    )


NOTIFICATION = Notification(BillsIssued, say, in_english, in_plain)
