"""What is left in advance (预存余额) for the flat, and for what."""

from handlers import english, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.kinds import OccupancyRole
from storage.ports.chat import OutgoingMessage
from storage.queries.prepayments import purses


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the flat's prepayment by what it is for; a tenant is sent to the owner."""
    home = turn.home
    if home.role is OccupancyRole.TENANT:
        text = f"{home.label} 的预存款由业主查看。\n您可以请业主在这里查询，或回复“人工”。"
        return OutgoingMessage("balance", text)
    found = await deps.db.read(purses, home.unit_id)
    left_fen = sum(one.left_fen for one in found)
    if left_fen == 0:
        text = f"{home.label} 没有预存款。\n回复“预存”可以先存一笔，回复“账单”可以查看待缴账单。"
        return OutgoingMessage("balance", text)
    is_split = any(one.fee_item_id is not None for one in found)
    text = words.lines(
        f"{home.label} 预存余额 {words.money(left_fen)}。",
        *(_part(one.item_name, one.left_fen) for one in found if is_split),
        "出账后会自动抵扣；要退回请回复“退款”，再存请回复“预存”。",
    )
    return OutgoingMessage("balance", text)


def _part(item_name: str, left_fen: int) -> str:
    return f"{item_name + '专用' if item_name else '不限项目'} {words.money(left_fen)}"


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the flat's prepayment; a tenant is sent to the owner."""
    home = turn.home
    if home.role is OccupancyRole.TENANT:
        return OutgoingMessage("balance", f"{home.label}: only the owner sees the prepaid balance.")
    left_fen = await _left(turn, deps)
    text = f"{home.label}: prepaid balance {english.money(left_fen)}"
    return OutgoingMessage("balance", text)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the sum alone."""
    if turn.home.role is OccupancyRole.TENANT:
        return await answer(turn, deps)
    left_fen = await _left(turn, deps)
    return OutgoingMessage("balance", f"预存的钱还有：\n{words.money(left_fen)}")


async def _left(turn: Turn, deps: HandlerDeps) -> int:
    return sum(one.left_fen for one in await deps.db.read(purses, turn.home.unit_id))


INTENT = Intent(name="balance", answer=answer, in_english=in_english, in_plain=in_plain)
