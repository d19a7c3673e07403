"""Money that was put aside has paid bills: which, and what is left."""

from typing import Final

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import PrepaymentApplied
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage

MOST_BILLS: Final = 6


def say(event: PrepaymentApplied, told: Telling) -> OutgoingMessage:
    """Tell the household what its own money has paid, and what is left of it."""
    text = words.lines(
        f"{event.unit_label} 用预存款抵扣了账单 {words.money(event.drawn_fen)}。",
        *_bills(event),
        _left(event),
    )
    return OutgoingMessage(
        kind="prepayment_applied",
        text=text,
        fields=fields(
            unit=event.unit_label,
            amount=amount(event.drawn_fen),
            time=f"{told.today:%Y-%m-%d}",
            state="预存抵扣",
            number=f"余额{amount(event.left_fen)}",
        ),
    )


def _bills(event: PrepaymentApplied) -> list[str]:
    shown = [
        f"{name} {words.period(BillingPeriod.parse(period))} {words.money(fen)}"
        for name, period, fen in event.bills[:MOST_BILLS]
    ]
    rest = len(event.bills) - len(shown)
    return [*shown, f"还有 {rest} 笔"] if rest > 0 else shown


def _left(event: PrepaymentApplied) -> str:
    left = f"预存余额还有 {words.money(event.left_fen)}" if event.left_fen else "预存款已经用完"
    if event.open_fen > 0:
        return f"{left}，这些账单还差 {words.money(event.open_fen)}。\n回复“缴费”可以缴清。"
    return f"{left}，不用再缴。\n回复“余额”可以查看。"


NOTIFICATION = Notification(PrepaymentApplied, say)
