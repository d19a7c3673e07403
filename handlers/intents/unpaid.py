"""What is owed (待缴账单): each open bill, the sum, and the link to pay."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from handlers import english, words
from handlers.deps import HandlerDeps
from handlers.flats import bills_here, pay_url
from handlers.turn import Intent, Turn
from handlers.understanding.slots import Slots
from storage.ports.chat import OutgoingMessage
from storage.queries import payments
from storage.queries.bills import OpenBill, open_bills_at_home

SHOWN: Final = 12
OWED_AFTER: Final = timedelta(days=30)
"""Until so long after the due day a bill is 待缴; only then it is called 欠费."""


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the flat's open bills, the oldest first; of several flats, what each one owes."""
    if len(turn.person.homes) > 1 and (turn.person.home is None or turn.understood.slots.is_all):
        return await _of_all_flats(turn, deps)
    home = turn.home
    found = await bills_here(turn, deps)
    if not found:
        return OutgoingMessage(
            "unpaid",
            f"{home.label} 没有待缴账单，现在不用缴费。\n回复“缴费记录”可以查看以前的缴费。",
        )
    chosen = narrowed(found, turn.understood.slots)
    text = words.lines(
        f"{home.label} 待缴账单"
        if chosen
        else f"{home.label} 您问的这一项没有待缴，其他待缴账单：",
        *_lines(chosen or found, turn.today),
        _total(chosen or found, turn.today),
        "点下面的链接缴费；想知道怎么算的，回复“明细”。",
    )
    return OutgoingMessage("unpaid", text, url=pay_url(turn, deps))


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the flat's open bills, the oldest first, with the link to pay them."""
    label, found = turn.home.label, await bills_here(turn, deps)
    if not found:
        return OutgoingMessage("unpaid", f"{label}: no unpaid bills. Nothing to do now.")
    chosen = narrowed(found, turn.understood.slots) or found
    total_fen = sum(one.open_fen for one in chosen)
    text = words.lines(
        f"{label}: {english.count(len(chosen), 'unpaid bill')}, {english.money(total_fen)}",
        *(
            f"{english.period(one.period)} {english.fee_item(one.item_code, one.item_name)}"
            f" {english.money(one.open_fen)}"
            for one in chosen[:SHOWN]
        ),
        "Tap the link below to pay. To see how a bill is made up, type: details",
    )
    return OutgoingMessage("unpaid", text, url=pay_url(turn, deps))


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the sum alone, and what to tap."""
    home, found = turn.home, await bills_here(turn, deps)
    if not found:
        return OutgoingMessage("unpaid", "都缴清了。\n现在不用缴费。")
    chosen = narrowed(found, turn.understood.slots) or found
    text = words.lines(
        f"{home.label} 要缴：",
        words.money(sum(one.open_fen for one in chosen)),
        "要缴费，点下面蓝色的字。",
        "要问怎么算的，回复 3。",
    )
    return OutgoingMessage("unpaid", text, url=pay_url(turn, deps))


def narrowed(found: Sequence[OpenBill], slots: Slots) -> list[OpenBill]:
    """Return the bills of the months and the fee item that were named, or all."""
    chosen = list(found)
    if slots.period is not None:
        first, last = slots.period.first, slots.period.last
        chosen = [one for one in chosen if first <= (one.period.year, one.period.month) <= last]
    if slots.fee_item is not None:
        chosen = [one for one in chosen if one.item_code == slots.fee_item]
    return chosen


def _lines(found: Sequence[OpenBill], today: date) -> list[str]:
    owed_since = today - OWED_AFTER
    shown = [_line(one, owed_since) for one in found[:SHOWN]]
    rest = found[SHOWN:]
    if rest:
        sum_fen = sum(one.open_fen for one in rest)
        shown.append(f"还有 {len(rest)} 笔，共 {words.money(sum_fen)}")
    return shown


def _line(bill: OpenBill, owed_since: date) -> str:
    _, _, _, item_name, period, amount_fen, open_fen, due_on, _ = bill
    line = f"{words.period(period)} {item_name} {words.money(open_fen)}"
    if open_fen < amount_fen:
        line += "（已缴一部分，这是剩下的）"
    return line + "（已欠费）" if due_on < owed_since else line


def _total(found: Sequence[OpenBill], today: date) -> str:
    total = f"合计 {words.money(sum(one.open_fen for one in found))}"
    coming = [one.due_on for one in found if one.due_on >= today]
    if coming:
        return f"{total}，最近的应缴日是{words.day(min(coming))}。"
    return f"{total}，应缴日已过，请尽快缴清。"


async def _of_all_flats(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    homes = turn.person.homes
    owed = await deps.db.read(
        payments.open_fen_by_binding, tuple(home.binding_id for home in homes)
    )
    choices = [
        f"{home.label} 待缴 {count} 笔，{words.money(fen)}"
        if count
        else f"{home.label} 没有待缴账单"
        for home, (count, fen) in zip(homes, owed, strict=True)
    ]
    turn.memory.ask("my_units", resume="unpaid", said="账单")
    text = words.lines(
        f"您绑定了 {len(homes)} 套房屋：", words.numbered(choices), "回复序号，查看明细和缴费。"
    )
    return OutgoingMessage("unpaid", text)


INTENT = Intent(
    name="unpaid",
    answer=answer,
    foresight=open_bills_at_home,
    in_english=in_english,
    in_plain=in_plain,
)
