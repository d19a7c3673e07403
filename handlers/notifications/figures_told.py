"""The week's or the month's figures, for managers."""

from datetime import date
from typing import Final

from handlers import rates, words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import FiguresTold
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.rules.collecting import Rate

MONTH: Final = "month"


def say(event: FiguresTold, told: Telling) -> OutgoingMessage:
    """Tell what came in, what is owed and the rate of the month, with the page of all figures."""
    first_on, last_on = date.fromisoformat(event.first_on), date.fromisoformat(event.last_on)
    period = BillingPeriod.of(last_on)
    is_month = event.which == MONTH
    span = words.period(period) if is_month else f"{words.day(first_on)}到{words.day(last_on)}"
    rate = Rate(*event.rate, 0, 0)
    went = f"，退回 {words.money(event.went_fen)}" if event.went_fen else ""
    return OutgoingMessage(
        kind="figures_told",
        text=words.lines(
            f"{event.community} {span}{'月报' if is_month else '周报'}：",
            f"收款 {words.money(event.came_fen)}{went}",
            f"{period.month}月收缴率 {rates.by_amount(rate)}",
            f"欠费 {words.money(event.open_fen)}，其中超过30天的 {words.money(event.old_fen)}",
            f"提醒过 {event.reminded} 户，转人工 {event.talks} 次",
            "月报已经定稿，点开核对，确认后可以公示。" if is_month else "点开看明细。",
            "还没登录后台的，先回复“后台”。",
        ),
        url=(
            told.links.report_url(event.community_id, period)
            if is_month
            else told.links.figures_url(event.community_id, period)
        ),
        fields=fields(
            time=span,
            amount=amount(event.came_fen),
            state=rates.percent(rate),
            number=f"欠费{amount(event.open_fen)}",
        ),
    )


NOTIFICATION = Notification(FiguresTold, say)
