"""Until when to pay (应缴日): of the open bills, or as a rule."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.intents.unpaid import narrowed
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import OpenBill, open_bills
from storage.queries.households import prices_of_unit


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the due day of each open bill; where none is open, the day of every month."""
    home = turn.home
    found = await deps.db.read(open_bills, home.binding_id)
    if not found:
        return await _as_a_rule(turn, deps)
    chosen = narrowed(found, turn.understood.slots) or found
    text = words.lines(
        f"{home.label} 应缴日",
        *(_line(one, turn) for one in chosen[:12]),
        "点下面的链接缴费。",
    )
    return OutgoingMessage("due_date", text, url=pay_url(turn, deps))


def _line(bill: OpenBill, turn: Turn) -> str:
    past = "（已过）" if bill.due_on < turn.today else ""
    what = f"{words.period(bill.period)} {bill.item_name} {words.money(bill.open_fen)}"
    return f"{what}：{words.day(bill.due_on)}{past}"


async def _as_a_rule(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    prices = await deps.db.read(prices_of_unit, turn.home.unit_id, on=turn.today)
    days = sorted({one.due_day for one in prices})
    rule = f"一般每月{'日、'.join(map(str, days))}日前缴。" if days else ""
    text = words.lines(
        f"{turn.home.label} 没有待缴账单，现在不用缴费。", rule + "有新账单会通知您。"
    )
    return OutgoingMessage("due_date", text)


INTENT = Intent(name="due_date", answer=answer)
