"""Until when to pay (应缴日): of the open bills, or as a rule."""

from handlers import english, words
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


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the due day of each open bill."""
    label = turn.home.label
    found = await deps.db.read(open_bills, turn.home.binding_id)
    if not found:
        return OutgoingMessage("due_date", f"{label}: nothing to pay now.")
    chosen = narrowed(found, turn.understood.slots) or found
    text = words.lines(
        f"{label}, pay until:",
        *(
            f"{english.day(one.due_on)}: {english.period(one.period)}"
            f" {english.fee_item(one.item_code, one.item_name)} {english.money(one.open_fen)}"
            for one in chosen[:12]
        ),
        "Tap the link below to pay.",
    )
    return OutgoingMessage("due_date", text, url=pay_url(turn, deps))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the earliest due day alone."""
    found = await deps.db.read(open_bills, turn.home.binding_id)
    if not found:
        return await _as_a_rule(turn, deps)
    first = min(found, key=lambda one: one.due_on)
    text = words.lines(
        f"{words.day(first.due_on)}前缴{first.item_name}：",
        words.money(first.open_fen),
        "要缴费，点下面蓝色的字。",
    )
    return OutgoingMessage("due_date", text, url=pay_url(turn, deps))


INTENT = Intent(name="due_date", answer=answer, in_english=in_english, in_plain=in_plain)
