"""Did it arrive (缴费成功了吗): the newest payments, and those whose end we have not heard."""

import asyncio
from datetime import timedelta
from typing import Final

from handlers import english, words
from handlers.asking import ask_order
from handlers.deps import HandlerDeps
from handlers.intents import history
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import (
    PendingPayment,
    SettledPayment,
    pending_payments,
    settled_payments,
)
from storage.queries.work import open_orders

RECENT: Final = timedelta(days=2)
ASKED_MOST: Final = 5


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask the platforms at once, then tell what has arrived and what has not."""
    home = turn.home
    arrived, pending, answered = await _found(turn, deps)
    text = words.lines(
        f"{home.label} 最近到账的缴费" if arrived else f"{home.label} 还没有到账的缴费。",
        *map(history.line, arrived),
        *(_waiting(one, answered) for one in pending),
        "系统会继续核对，到账后马上通知您，请不要重复付款。" if pending else "",
        "如果已经扣款，10分钟后这里还没有，请回复“人工”。",
    )
    return OutgoingMessage("payment_status", text)


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask the platforms at once, then tell what has arrived and what has not."""
    label = turn.home.label
    arrived, pending, _ = await _found(turn, deps)
    text = words.lines(
        f"{label}, payments received:" if arrived else f"{label}: no payment received yet.",
        *(f"{english.moment(one.paid_at)} {english.money(one.amount_fen)}" for one in arrived),
        *(
            f"Not received yet: {english.money(one.amount_fen)} ({english.moment(one.created_at)})"
            for one in pending
        ),
        "We keep checking. Please do not pay twice." if pending else "",
        "If your money has left and is not here in 10 minutes, type: human",
    )
    return OutgoingMessage("payment_status", text)


async def _found(
    turn: Turn, deps: HandlerDeps
) -> tuple[list[SettledPayment], list[PendingPayment], set[str]]:
    """Return what has arrived, what has not, and which orders the platforms answered for."""
    answered = await _ask_platforms(turn, deps)
    arrived = await deps.db.read(settled_payments, turn.home.binding_id, limit=3)
    pending = await deps.db.read(
        pending_payments,
        identity_id=turn.person.identity_id,
        unit_id=turn.home.unit_id,
        since=turn.now - RECENT,
    )
    return arrived, pending, answered


async def _ask_platforms(turn: Turn, deps: HandlerDeps) -> set[str]:
    """Settle what was paid and not reported yet; return the orders that were answered for."""
    orders = await deps.db.read(
        open_orders,
        identity_id=turn.person.identity_id,
        unit_id=turn.home.unit_id,
        since=turn.now - RECENT,
        limit=ASKED_MOST,
    )
    asks = [ask_order(deps, one.order_no, one.gateway, one.created_at) for one in orders]
    answers = await asyncio.gather(*asks)
    return {one.order_no for one, was_answered in zip(orders, answers, strict=True) if was_answered}


def _waiting(one: PendingPayment, answered: set[str]) -> str:
    name, is_answered = words.gateway(one.gateway), one.order_no in answered
    news = f"刚问过{name}，还没有付款" if is_answered else f"还没有收到{name}的到账结果"
    return f"{words.moment(one.created_at)} 发起的 {words.money(one.amount_fen)}，{news}。"


INTENT = Intent(name="payment_status", answer=answer, in_english=in_english)
