"""The morning's reconciliation, for those who look after the money."""

from datetime import timedelta
from typing import Final

from handlers import reconciling
from handlers.notification import Notification, Telling, amount, fields
from storage.events import DayReconciled
from storage.ports.chat import OutgoingMessage

LINK_DAYS: Final = 7


def say(event: DayReconciled, told: Telling) -> OutgoingMessage:
    """Tell the day's result, with the page that shows each difference."""
    found = sum(count for _, count in event.found)
    paid_fen = sum(fen for _, _, _, fen, _, _ in event.gateways)
    expires_on = told.today + timedelta(days=LINK_DAYS)
    return OutgoingMessage(
        kind="day_reconciled",
        text=reconciling.lines(event),
        url=told.links.reconciliation_url(event.staff_id, expires_on=expires_on),
        fields=fields(
            time=event.day,
            amount=amount(paid_fen),
            state=f"差异{found}件" if found else "已对账",
            number=f"等着处理{event.open_count}件",
        ),
    )


NOTIFICATION = Notification(DayReconciled, say)
