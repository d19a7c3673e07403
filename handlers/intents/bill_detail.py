"""Why this much (账单明细): lines of a month's bills and how each amount came about."""

import re
from collections.abc import Sequence
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.flats import pay_url
from handlers.turn import Intent, Turn
from storage.money import yuan
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.queries import bills
from storage.queries.bills import BillDetail, BillLine, OpenBill

SHOWN: Final = 6
COUNTS_BACK: Final = re.compile(r"(?:那|再)上(?:个|一个)?月")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Explain the bills of the months named, of the talk's last topic, or of the newest month."""
    home = turn.home
    chosen = await _chosen(turn, deps)
    if not chosen:
        return OutgoingMessage(
            "bill_detail", f"{home.label} 没有找到您问的账单。\n回复“账单”可以查看待缴账单。"
        )
    details = await deps.db.read(bills.bill_details, [one.bill_id for one in chosen[:SHOWN]])
    earlier = await _month_before(home.binding_id, chosen[0].period, deps)
    blocks = [_block(detail, earlier) for detail in details]
    if len(chosen) > SHOWN:
        blocks.append(f"还有 {len(chosen) - SHOWN} 笔，请说具体月份，例如“8月明细”。")
    is_open = any(one.open_fen for one in chosen)
    closing = (
        "点下面的链接缴费；觉得不对，回复“人工”。"
        if is_open
        else "都已缴清；觉得不对，回复“人工”。"
    )
    text = words.lines(f"{home.label} 账单明细", *blocks, closing)
    return OutgoingMessage("bill_detail", text, url=pay_url(turn, deps) if is_open else "")


async def _chosen(turn: Turn, deps: HandlerDeps) -> list[OpenBill]:
    """Return the bills that are meant, and keep what they are about for the next question."""
    slots, binding_id = turn.understood.slots, turn.home.binding_id
    if slots.ordinal is not None and turn.memory.topic == "unpaid":
        found = await deps.db.read(bills.open_bills, binding_id)
        return found[slots.ordinal - 1 : slots.ordinal]
    first, last = await _span(turn, deps)
    item_code = slots.fee_item or _of_topic(turn, "item_code")
    kept = {"period": str(first), "item_code": item_code}
    turn.memory.facts = {name: fact for name, fact in kept.items() if fact}
    found = await deps.db.read(bills.bills_between, binding_id, first, last)
    return [one for one in found if item_code in ("", one.item_code)]


async def _span(turn: Turn, deps: HandlerDeps) -> tuple[BillingPeriod, BillingPeriod]:
    """Return the months that are meant; 那上个月呢 counts back from the month talked about."""
    asked, before = turn.understood.slots.period, _of_topic(turn, "period")
    if before and COUNTS_BACK.search(turn.understood.normal):
        earlier = BillingPeriod.parse(before).plus(-1)
        return earlier, earlier
    if asked is not None:
        return BillingPeriod(*asked.first), BillingPeriod(*asked.last)
    newest = await deps.db.read(bills.latest_period, turn.home.binding_id)
    period = newest or BillingPeriod.of(turn.today)
    return period, period


def _of_topic(turn: Turn, name: str) -> str:
    """Return what the talk was about, where it still is about bills in detail."""
    is_same_talk = turn.memory.topic == "bill_detail" and not turn.memory.expecting
    return str(turn.memory.facts.get(name, "")) if is_same_talk else ""


async def _month_before(
    binding_id: int, period: BillingPeriod, deps: HandlerDeps
) -> dict[str, OpenBill]:
    before = period.plus(-1)
    found = await deps.db.read(bills.bills_between, binding_id, before, before)
    return {one.item_name: one for one in found}


def _block(detail: BillDetail, earlier: dict[str, OpenBill]) -> str:
    bill = detail.bill
    heading = f"{words.period(bill.period)} {bill.item_name} {words.money(bill.amount_fen)}"
    return words.lines(heading + _state(bill), *_how(detail), _difference(bill, earlier))


def _state(bill: OpenBill) -> str:
    if bill.open_fen == 0:
        return "（已缴清）"
    if bill.open_fen < bill.amount_fen:
        return f"（还剩 {words.money(bill.open_fen)}）"
    return f"（待缴，应缴日{words.day(bill.due_on)}）"


def _how(detail: BillDetail) -> Sequence[str]:
    """Tell how the amount came about: its several lines, else the sum kept with the bill."""
    if len(detail.lines) > 1:
        return [_line(line) for line in detail.lines]
    told = detail.explanation.get("sum", "")
    return [f"　{told}" if told else "　这笔账单从原来的账本转入，没有更细的计算。"]


def _line(line: BillLine) -> str:
    factors = [one for one in (line.quantity, line.unit_price) if one]
    how = f"{' × '.join(factors)} = " if factors else ""
    return f"　{line.label}：{how}{yuan(line.amount_fen)}元"


def _difference(bill: OpenBill, earlier: dict[str, OpenBill]) -> str:
    before = earlier.get(bill.item_name)
    if before is None or before.period.plus(1) != bill.period:
        return ""
    more_fen = bill.amount_fen - before.amount_fen
    if more_fen == 0:
        return f"　和{before.period.month}月一样。"
    way = "多" if more_fen > 0 else "少"
    return f"　比{before.period.month}月{way} {words.money(abs(more_fen))}。"


INTENT = Intent(name="bill_detail", answer=answer)
