"""Why this much (账单明细): how each amount of a month came about, or why it is not as before."""

import re
from dataclasses import replace
from itertools import accumulate
from typing import Final

from handlers import changes, english, reckonings, words
from handlers.deps import HandlerDeps
from handlers.flats import ABOUT_BILLS, pay_url
from handlers.turn import Intent, Turn
from storage.periods import BillingPeriod
from storage.ports.chat import OutgoingMessage
from storage.queries import bills
from storage.queries.bills import BillDetail, OpenBill
from storage.queries.comparisons import compare_periods

Months = tuple[BillingPeriod, BillingPeriod]
"""The first and the last."""

SHOWN: Final = 6
PLAINLY: Final = 3
FITTING_CHARS: Final = 540
"""So many letters of bills fit into a reply of 2048 bytes, with its first and last line."""
COUNTS_BACK: Final = re.compile(r"(?:那|再)上(?:个|一个)?月")
NTH_BILL: Final = re.compile(
    r"第 ?[0-9一二两三四五六七八九十]{1,3} ?(?:笔|条|项|张|个(?!月))"
    r"|^第 ?[0-9一二两三四五六七八九十]{1,3}$"
)
NOT_FOUND: Final = "没有找到您问的账单。\n回复“账单”可以查看待缴账单。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Explain the bills of the months named, of the talk's last topic, or of the newest month.

    Who asks why it is more than before is told the difference, cause by cause.
    """
    home = turn.home
    chosen = await _chosen(turn, deps)
    if not chosen:
        return OutgoingMessage("bill_detail", f"{home.label} {NOT_FOUND}")
    is_open = any(one.open_fen for one in chosen)
    url = pay_url(turn, deps) if is_open else ""
    closing = f"{_following(chosen)}；觉得不对，回复“人工”。"
    compared, missing = await _comparison(turn, deps, chosen)
    if compared:
        return OutgoingMessage("bill_detail", words.lines(compared, closing), url=url)
    order = [one.bill_id for one in chosen[:SHOWN]]
    details = await deps.db.read(bills.bill_details, order)
    details.sort(key=lambda one: order.index(one.bill.bill_id))
    earlier = await _month_before(home.binding_id, chosen[0].period, deps)
    blocks = _fitting([_block(detail, earlier) for detail in details])
    if len(chosen) > len(blocks):
        blocks.append(
            f"还有 {len(chosen) - len(blocks)} 笔，请说具体月份或收费项目，例如“8月水费”。"
        )
    text = words.lines(f"{home.label} 账单明细{missing}", *blocks, closing)
    return OutgoingMessage("bill_detail", text, url=url)


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the sum of the bills meant, and of each how it came about and how it has changed."""
    label, chosen = turn.home.label, await _chosen(turn, deps)
    if not chosen:
        return OutgoingMessage("bill_detail", f"{label}: no such bill. To see all, type: bill")
    is_open = any(one.open_fen for one in chosen)
    total_fen = sum(one.charged_fen for one in chosen)
    earlier = await _month_before(turn.home.binding_id, chosen[0].period, deps)
    details = await deps.db.read(bills.bill_details, [one.bill_id for one in chosen[:PLAINLY]])
    how = {one.bill.bill_id: reckonings.how_in_english(one) for one in details}
    text = words.lines(
        f"{label}: {english.count(len(chosen), 'bill')}, {english.money(total_fen)} in all",
        *(
            words.lines(
                _in_english(one),
                *(f" {told}" for told in how.get(one.bill_id, ())),
                _difference_in_english(one, earlier),
            )
            for one in chosen[: 2 * SHOWN]
        ),
        "Tap the link below to pay." if is_open else "",
        "Not right? Type: human",
    )
    return OutgoingMessage("bill_detail", text, url=pay_url(turn, deps) if is_open else "")


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell each bill meant and its sum; of one alone, how it came about."""
    chosen = await _chosen(turn, deps)
    if not chosen:
        return OutgoingMessage("bill_detail", "没有找到这笔账单。\n要看账单，回复 1。")
    told = [
        f"{one.period.month}月{one.item_name} {words.money(one.charged_fen)}"
        for one in chosen[:PLAINLY]
    ]
    if len(chosen) > PLAINLY:
        told.append(f"还有 {len(chosen) - PLAINLY} 笔。")
    if len(chosen) == 1:
        (detail,) = await deps.db.read(bills.bill_details, [chosen[0].bill_id])
        told += reckonings.how(detail)
    is_open = any(one.open_fen for one in chosen)
    text = words.lines(
        f"{turn.home.label}：",
        *told,
        words.TAP if is_open else "现在不用缴费。",
        "觉得不对，回复“人工”。",
    )
    return OutgoingMessage("bill_detail", text, url=pay_url(turn, deps) if is_open else "")


def _in_english(bill: OpenBill) -> str:
    what = english.fee_item(bill.item_code, bill.item_name)
    state = f"due {english.day(bill.due_on)}" if bill.open_fen else "paid"
    if 0 < bill.open_fen < bill.amount_fen:
        state = f"{english.money(bill.open_fen)} left, {state}"
    return f"{english.period(bill.period)} {what} {english.money(bill.amount_fen)} ({state})"


async def _comparison(turn: Turn, deps: HandlerDeps, chosen: list[OpenBill]) -> tuple[str, str]:
    """Tell how the newest month meant differs from an earlier one, "" where none is asked for.

    Where that one has no bills, what is told besides the bills themselves.
    """
    home, after = turn.home, max(one.period for one in chosen)
    before = await changes.compared_with(
        deps, turn.understood.normal, after, binding_id=home.binding_id, today=turn.today
    )
    if before is None or before == after:
        return "", ""
    compared = await deps.db.read(compare_periods, home.binding_id, before=before, after=after)
    if turn.understood.slots.ordinal is not None or turn.memory.facts.get("item_code"):
        meant = {one.item_name for one in chosen if one.period == after}
        items = tuple(one for one in compared.items if one.item_name in meant)
        compared = replace(compared, items=items)
    if all(one.before_fen is None for one in compared.items):
        return "", f"（没有{words.period(before)}的账单可以比）"
    return changes.told(home.label, compared, before=before, after=after), ""


async def _chosen(turn: Turn, deps: HandlerDeps) -> list[OpenBill]:
    """Return the bills that are meant, and keep what they are about for the next question."""
    slots, binding_id = turn.understood.slots, turn.home.binding_id
    if slots.ordinal is not None and _counts_bills(turn):
        found = await deps.db.read(bills.open_bills, binding_id)
        return found[slots.ordinal - 1 : slots.ordinal]
    item_code = slots.fee_item or _of_topic(turn, "item_code")
    months = _months(turn)
    if item_code:
        found = await deps.db.read(bills.bills_of_item, binding_id, item_code, months=months)
    else:
        first, last = months or await _newest_month(turn, deps)
        found = await deps.db.read(bills.bills_between, binding_id, first, last)
    await _keep(turn, deps, item_code, months, found)
    return found


async def _keep(
    turn: Turn, deps: HandlerDeps, item_code: str, months: Months | None, found: list[OpenBill]
) -> None:
    """Keep what was answered for the next question; one month that was named stays meant."""
    period, last = months or await _newest_month(turn, deps)
    if months is None and found:
        period = found[0].period
    is_named = months is not None and period == last
    kept = {"period": str(period), "item_code": item_code, "named": "yes" if is_named else ""}
    turn.memory.facts = {name: fact for name, fact in kept.items() if fact}


def _counts_bills(turn: Turn) -> bool:
    """Tell whether “第二笔” is a bill of the list, and not the second step of a price."""
    topic = turn.memory.topic
    said = NTH_BILL.search(turn.understood.normal)
    return topic == "unpaid" or (topic in ABOUT_BILLS and said is not None)


def _months(turn: Turn) -> Months | None:
    """Return the months that are meant, None where none is: those with the newest bills.

    那上个月呢 counts back from the month talked about, and 为什么这么多 stays at the bill of a
    fee item that was just shown.
    """
    normal, before = turn.understood.normal, _of_topic(turn, "period")
    slots = turn.understood.slots
    asked = None if changes.named_to_compare(normal) else slots.period
    if before and COUNTS_BACK.search(normal):
        earlier = BillingPeriod.parse(before).plus(-1)
        return earlier, earlier
    if asked is not None:
        return BillingPeriod(*asked.first), BillingPeriod(*asked.last)
    is_of_item = slots.fee_item is None and _of_topic(turn, "item_code") != ""
    if is_of_item and _of_topic(turn, "named"):
        same = BillingPeriod.parse(before)
        return same, same
    return None


async def _newest_month(turn: Turn, deps: HandlerDeps) -> Months:
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


def _fitting(blocks: list[str]) -> list[str]:
    """Return the first blocks that one message holds, at least one."""
    ends = list(accumulate(map(len, blocks)))
    return [
        block for block, end in zip(blocks, ends, strict=True) if end <= FITTING_CHARS
    ] or blocks[:1]


def _block(detail: BillDetail, earlier: dict[str, OpenBill]) -> str:
    bill = detail.bill
    heading = f"{words.period(bill.period)} {bill.item_name} {words.money(bill.charged_fen)}"
    told = [f"　{one}" for one in reckonings.how(detail)]
    return words.lines(heading + _state(bill), *told, _difference(bill, earlier))


def _following(chosen: list[OpenBill]) -> str:
    """Say what to do about the bills; only what was paid is called paid."""
    if any(one.open_fen for one in chosen):
        return "点下面的链接缴费"
    is_paid = all(one.amount_fen and not one.written_off_fen for one in chosen)
    return "都已缴清" if is_paid else "现在没有要缴的"


def _state(bill: OpenBill) -> str:
    if bill.open_fen == 0 and bill.written_off_fen:
        return "（已核销，现在不用缴）"
    if bill.open_fen == 0:
        return "（已缴清）" if bill.amount_fen else "（已减免，不用缴）"
    if bill.open_fen < bill.amount_fen:
        return f"（还剩 {words.money(bill.open_fen)}）"
    return f"（待缴，应缴日{words.day(bill.due_on)}）"


def _difference(bill: OpenBill, earlier: dict[str, OpenBill]) -> str:
    before = earlier.get(bill.item_name)
    if before is None or before.period.plus(1) != bill.period:
        return ""
    more_fen = bill.charged_fen - before.charged_fen
    if more_fen == 0:
        return f"　和{before.period.month}月一样。"
    return f"　比{before.period.month}月{reckonings.way(more_fen)}。"


def _difference_in_english(bill: OpenBill, earlier: dict[str, OpenBill]) -> str:
    before = earlier.get(bill.item_name)
    if before is None or before.period.plus(1) != bill.period:
        return ""
    more_fen, month = bill.charged_fen - before.charged_fen, english.period(before.period)
    if more_fen == 0:
        return f" The same as in {month}."
    return f" {english.money(abs(more_fen))} {'more' if more_fen > 0 else 'less'} than in {month}."


INTENT = Intent(name="bill_detail", answer=answer, in_english=in_english, in_plain=in_plain)
