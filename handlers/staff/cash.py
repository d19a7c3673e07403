"""Taking money at the counter in chat (收现金 3-2-501 260.50): look → confirm → in the books."""

from dataclasses import asdict
from datetime import date
from typing import Any, Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.cash_words import CALLED, METHODS, Said, read_cash
from handlers.staff.office import COUNTERS, office, rest_of
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.offline import take_money
from storage.paying_kinds import CashMethod
from storage.ports.chat import OutgoingMessage
from storage.queries.counter import CounterAsk, CounterBill, CounterPlan, bills_at_counter, plan_of
from storage.queries.households import UnitFound, units_named

NAME: Final = "staff_cash"
SAID_AS: Final = WORDS["cash"]
YES: Final = frozenset(("确认", "确定", "确认入账", "入账", "是", "对"))
NO: Final = frozenset(("取消", "放弃", "算了", "不收", "不收了"))
WHICH: Final = "没有找到这一户。\n请写全房号，比如“{command} 3-2-1201 260.50”。"
MOST: Final = 15


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show what the money would pay; nothing is written down before it is confirmed."""
    staff = office(turn, *COUNTERS)
    command = next(one for one in SAID_AS if turn.message.text.strip().startswith(one))
    named = turn.understood.slots.unit or ""
    found: list[UnitFound] = await deps.db.read(units_named, named, said=turn.understood.text)
    units = [one for one in found if one.community_id in staff.community_ids]
    if len(units) != 1:
        return OutgoingMessage(NAME, WHICH.format(command=command))
    said = read_cash(rest_of(turn, SAID_AS), units[0].code, today=turn.today)
    bills = await deps.db.read(bills_at_counter, units[0].unit_id, today=turn.today)
    hers_fen = sum(one.open_fen for one in bills if not one.is_former)
    amount_fen, dropped_fen = sums(said, hers_fen)
    ask = CounterAsk(
        unit_id=units[0].unit_id,
        method=METHODS[command],
        amount_fen=amount_fen,
        request_key=f"chat:{turn.person.identity_id}:{turn.message.message_key}"[:80],
        reference=said.reference,
        day_on=said.day_on,
        rounding_fen=dropped_fen,
        keeps_surplus=said.keeps_surplus,
    )
    return await _show(turn, deps, ask, bills)


def sums(said: Said, hers_fen: int) -> tuple[int, int]:
    """Return what is taken and what is dropped (抹零): all that is owed where no sum was said."""
    dropped_fen = said.rounding_fen
    if said.amount_fen is None:
        dropped_fen = hers_fen % 100 if dropped_fen == 0 else dropped_fen or 0
        return hers_fen - dropped_fen, dropped_fen
    if dropped_fen == 0:
        dropped_fen = max(hers_fen - said.amount_fen, 0)
    return said.amount_fen, dropped_fen or 0


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the word that books it, other bills, or the word that lets it go."""
    staff = office(turn, *COUNTERS)
    plain = turn.message.text.strip(' 。.!！“”"')
    ask = _kept(turn.memory.facts)
    if plain in NO:
        turn.memory.settle()
        return OutgoingMessage(NAME, "好的，没有入账。")
    if plain not in YES:
        return await _choose(turn, deps, ask, plain)
    taken = await deps.db.write(take_money, ask, by=staff, now=turn.now)
    turn.memory.settle()
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已入账：{CALLED[ask.method]} {words.money(taken.amount_fen)}，"
            f"凭证 {taken.voucher_no}，收据 {taken.receipt_no}。",
            "绑定的住户会收到通知；点开可以打印收据。",
            f"输错了，日结以前回复“冲正 {taken.voucher_no} 原因”。",
        ),
        url=deps.links.receipt_url(deps.links.receipt_token(taken.payment_id)),
    )


async def _choose(turn: Turn, deps: HandlerDeps, ask: CounterAsk, plain: str) -> OutgoingMessage:
    """Pay only the bills whose numbers were said; the sum stays as it was said."""
    bills = await deps.db.read(bills_at_counter, ask.unit_id, today=turn.today)
    picked = {int(one) for one in plain.replace("、", " ").replace(",", " ").split() if _is_no(one)}
    chosen = [one for at, one in enumerate(bills[:MOST], start=1) if at in picked]
    if not chosen or len(chosen) != len(picked):
        return OutgoingMessage(
            NAME, "还没有入账。\n回复“确认”入账，回复序号只收那几笔，比如“1 3”，回复“取消”不收。"
        )
    facts = asdict(ask) | {"bill_ids": tuple(one.bill_id for one in chosen)}
    if turn.memory.facts.get("is_whole"):
        facts["amount_fen"] = sum(one.open_fen for one in chosen) - ask.rounding_fen
    return await _show(turn, deps, CounterAsk(**facts), bills)


async def _show(
    turn: Turn, deps: HandlerDeps, ask: CounterAsk, bills: list[CounterBill]
) -> OutgoingMessage:
    staff = office(turn, *COUNTERS)
    plan: CounterPlan = await deps.db.read(plan_of, ask, by=staff, today=turn.today)
    is_whole = ask.amount_fen + ask.rounding_fen == sum(one.open_fen for one in plan.lines)
    facts = asdict(ask) | {
        "bill_ids": list(ask.bill_ids),
        "method": str(ask.method),
        "day_on": ask.day_on.isoformat() if ask.day_on else "",
        "is_whole": is_whole,
    }
    turn.memory.ask(NAME, **facts)
    paid = {one.bill_id: one.paid_fen for one in plan.lines}
    rows = [
        f"{at} {words.period(one.period)}{one.item_name} {words.money(one.open_fen)}，"
        + (f"收 {words.money(paid[one.bill_id])}" if paid.get(one.bill_id) else "不收")
        + ("（原住户的）" if one.is_former else "")
        for at, one in enumerate(bills[:MOST], start=1)
    ]
    return OutgoingMessage(
        NAME,
        words.lines(
            f"{plan.unit_label} 收{CALLED[ask.method]} {words.money(ask.amount_fen)}，请核对：",
            *rows,
            f"抹零 {words.money(plan.rounding_fen)}" if plan.rounding_fen else "",
            f"存为预存款 {words.money(plan.surplus_fen)}" if plan.surplus_fen else "",
            f"单号 {ask.reference}" if ask.reference else "",
            f"补录日期 {words.day(plan.day_on)}" if plan.day_on != turn.today else "",
            "回复“确认”入账；只收其中几笔，回复序号，比如“1 3”；不收，回复“取消”。",
        ),
    )


def _kept(facts: dict[str, Any]) -> CounterAsk:
    known = {name: facts[name] for name in CounterAsk.__slots__}
    return CounterAsk(
        **known
        | {
            "method": CashMethod(known["method"]),
            "bill_ids": tuple(known["bill_ids"]),
            "day_on": date.fromisoformat(known["day_on"]) if known["day_on"] else None,
        }
    )


def _is_no(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
