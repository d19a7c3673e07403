"""What is left in advance (预存余额) for the flat."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.kinds import OccupancyRole
from storage.ports.chat import OutgoingMessage
from storage.queries.households import prepaid_fen


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the flat's prepayment; a tenant is sent to the owner."""
    home = turn.home
    if home.role is OccupancyRole.TENANT:
        text = f"{home.label} 的预存款由业主查看。\n您可以请业主在这里查询，或回复“人工”。"
        return OutgoingMessage("balance", text)
    left_fen = await deps.db.read(prepaid_fen, home.unit_id)
    if left_fen == 0:
        text = f"{home.label} 没有预存款。\n回复“账单”可以查看待缴账单。"
        return OutgoingMessage("balance", text)
    text = words.lines(
        f"{home.label} 预存余额 {words.money(left_fen)}。",
        "这笔钱在物业账上，是您的；要用来抵账单或者退回，请回复“人工”。",
    )
    return OutgoingMessage("balance", text)


INTENT = Intent(name="balance", answer=answer)
