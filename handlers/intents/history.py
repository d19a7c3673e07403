"""What was paid before (缴费记录): the newest payments, or those of the months named."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.periods import shanghai_day
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import SettledPayment, settled_payments

SHOWN: Final = 6
ASKED_FOR: Final = 50


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List payments that paid something she may see, the newest first."""
    home, period = turn.home, turn.understood.slots.period
    found = await deps.db.read(settled_payments, home.binding_id, limit=ASKED_FOR)
    if period is not None:
        found = [one for one in found if period.first <= _month(one) <= period.last]
    if not found:
        when = "您问的时间里" if period is not None else "这里"
        text = (
            f"{home.label} {when}还没有缴费记录。\n"
            "刚缴的要过几分钟才有；回复“账单”可以查看待缴账单。"
        )
        return OutgoingMessage("history", text)
    more = f"更早的还有 {len(found) - SHOWN} 笔，可以说月份，例如“8月缴费记录”。"
    text = words.lines(
        f"{home.label} 缴费记录",
        *map(line, found[:SHOWN]),
        more if len(found) > SHOWN else "",
        "要看收据，回复“收据”。",
    )
    return OutgoingMessage("history", text)


def _month(one: SettledPayment) -> tuple[int, int]:
    day = shanghai_day(one.paid_at)
    return day.year, day.month


def line(one: SettledPayment) -> str:
    """Tell one payment: when, how much, for what, and what of it was asked back."""
    paid = "、".join(f"{bill.period.month}月{bill.item_name}" for bill in one.bills[:3])
    more = f"等 {len(one.bills)} 笔" if len(one.bills) > 3 else ""
    asked_back = f"，其中 {words.money(one.refunded_fen)} 已申请退款" if one.refunded_fen else ""
    return (
        f"{words.moment(one.paid_at)} {words.money(one.amount_fen)}"
        f" {words.gateway(one.gateway)}（{paid or '预存'}{more}）{asked_back}"
    )


INTENT = Intent(name="history", answer=answer)
