"""What is charged (收费标准): the prices in force for the flat."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.households import Price, prices_of_unit
from storage.rules.tariffs import price_text


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the prices that the flat's bills are made from today."""
    home, asked = turn.home, turn.understood.slots.fee_item
    prices = await deps.db.read(prices_of_unit, home.unit_id, on=turn.today)
    chosen = [one for one in prices if one.item_code == asked] or prices
    if not chosen:
        text = f"{home.label} 的收费标准还没有录入这里。\n请回复“电话”，向物业询问。"
        return OutgoingMessage("tariff", text)
    if turn.is_plain:
        told = words.lines(*map(_plainly, chosen), "要问怎么算的，回复 3。")
        return OutgoingMessage("tariff", told)
    text = words.lines(
        f"{home.label} 收费标准", *map(_line, chosen), "每笔账单怎么算的，回复“明细”查看。"
    )
    return OutgoingMessage("tariff", text)


def _plainly(price: Price) -> str:
    per = "每平方米每月" if price.basis == "by_area" else "每月"
    return f"{price.item_name}：\n{per} {price_text(price.price_e4)}元"


def _line(price: Price) -> str:
    per = "每平方米每月" if price.basis == "by_area" else "每月"
    since = price.effective_on
    return (
        f"{price.item_name} {per} {price_text(price.price_e4)}元"
        f"（{since.year}年{words.day(since)}起）"
    )


INTENT = Intent(name="tariff", answer=answer)
