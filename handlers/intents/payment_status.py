"""Did it arrive (缴费成功了吗): the newest payments, and those whose end we have not heard."""

from datetime import timedelta
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.intents import history
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import pending_payments, settled_payments

RECENT: Final = timedelta(days=2)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell what has arrived, and what is still being asked about."""
    home = turn.home
    arrived = await deps.db.read(settled_payments, home.binding_id, limit=3)
    pending = await deps.db.read(
        pending_payments,
        identity_id=turn.person.identity_id,
        unit_id=home.unit_id,
        since=turn.now - RECENT,
    )
    waiting = [
        f"{words.moment(one.created_at)} 发起的 {words.money(one.amount_fen)}，还没有收到"
        f"{words.gateway(one.gateway)}的到账结果。"
        for one in pending
    ]
    text = words.lines(
        f"{home.label} 最近到账的缴费" if arrived else f"{home.label} 还没有到账的缴费。",
        *map(history.line, arrived),
        *waiting,
        "系统正在核对，到账后马上通知您，请不要重复付款。" if waiting else "",
        "如果已经扣款，10分钟后这里还没有，请回复“人工”。",
    )
    return OutgoingMessage("payment_status", text)


INTENT = Intent(name="payment_status", answer=answer)
