"""Asking money back (申请退款): which payment, why, how much, and a last look before it goes."""

import hashlib
from typing import Any, Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.flats import refund_page_url
from handlers.turn import Intent, Turn
from storage.audit import Actor
from storage.errors import NotAnAmount, NothingToRefund, RefundTooMuch
from storage.money import from_yuan
from storage.operations.refund_judgments import Judgment, Wish, foresee_refund
from storage.operations.refunds import RefundAskedFor, RefundView, request_refund
from storage.periods import shanghai_day
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import SettledPayment, refundable_payments
from storage.rules.refunds import PLATFORM_WINDOW

CAUSES: Final = (
    ("重复缴费", "paid_twice", r"重复 两次 两遍 缴重 交重 付重"),
    ("多缴", "paid_too_much", r"多缴 多交 多付 多收"),
    ("房号缴错", "wrong_flat", r"缴错 交错 付错 房号 别人家"),
    ("其他", "asked", r"其他 其它 别的"),
)
OTHER: Final = 3
ON_A_PAGE: Final = "也可以点下面的链接，在网页上申请。"
WORDS_AT_MOST: Final = 60


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Begin: find what can go back. Raises NothingToRefund where nothing of hers can."""
    found = await _refundable(turn, deps)
    if not found:
        raise NothingToRefund(turn.home.label)
    known: dict[str, Any] = {"key": _key(turn)}
    if turn.understood.slots.amount_fen is not None:
        known["amount_fen"] = turn.understood.slots.amount_fen
    cause = _cause_said(turn.understood.text)
    if cause is not None and cause != OTHER:
        known["cause"] = cause
    if len(found) == 1:
        known["payment_id"] = found[0].payment_id
    return await _next(turn, deps, known, found)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the answer to the last question and ask the next; on 确认 hand the request in."""
    found = await _refundable(turn, deps)
    known = {
        name: fact
        for name, fact in turn.memory.facts.items()
        if name in ("key", "payment_id", "cause", "reason", "amount_fen", "asks")
    }
    asks = known.pop("asks", "")
    slots = turn.understood.slots
    if asks == "payment" and slots.ordinal and slots.ordinal <= len(found):
        known["payment_id"] = found[slots.ordinal - 1].payment_id
    elif asks == "cause":
        _take_cause(turn, known)
    elif asks == "reason":
        known["reason"] = words.shorten(turn.understood.text, WORDS_AT_MOST)
    elif asks == "last_look" and says_yes(turn):
        return await _hand_in(turn, deps, known, found)
    if asks != "payment" and slots.amount_fen is not None:
        known["amount_fen"] = slots.amount_fen
    elif asks == "last_look":
        known |= _sum_said(turn.understood.text)
    return await _next(turn, deps, known, found)


async def _refundable(turn: Turn, deps: HandlerDeps) -> list[SettledPayment]:
    home = turn.home
    return await deps.db.read(
        refundable_payments,
        binding_id=home.binding_id,
        identity_id=turn.person.identity_id,
        unit_id=home.unit_id,
        since=turn.now - PLATFORM_WINDOW,
    )


def _sum_said(text: str) -> dict[str, int]:
    """Return the sum where an answer is nothing but a number: "100" is 100 yuan."""
    try:
        return {"amount_fen": from_yuan(text.strip())}
    except NotAnAmount:
        return {}


def _key(turn: Turn) -> str:
    """Name this talk, so that a 确认 heard twice is one request."""
    said = hashlib.sha256(turn.message.message_key.encode()).hexdigest()[:32]
    return f"chat:{turn.person.identity_id}:{said}"


def _cause_said(text: str) -> int | None:
    """Return which cause a text names, or None."""
    for place, (label, _, hints) in enumerate(CAUSES):
        if label in text or any(hint in text for hint in hints.split()):
            return place
    return None


def _take_cause(turn: Turn, known: dict[str, Any]) -> None:
    ordinal = turn.understood.slots.ordinal
    if ordinal is not None and 1 <= ordinal <= len(CAUSES):
        known["cause"] = ordinal - 1
        return
    said = _cause_said(turn.understood.text)
    if said is not None:
        known["cause"] = said
    elif turn.understood.slots.amount_fen is None and turn.understood.intent != "confirm":
        known["cause"] = OTHER
        known["reason"] = words.shorten(turn.understood.text, WORDS_AT_MOST)


async def _next(
    turn: Turn, deps: HandlerDeps, known: dict[str, Any], found: list[SettledPayment]
) -> OutgoingMessage:
    """Ask for what is missing, in the order payment, cause, reason; then for a last look."""
    payment = next((one for one in found if one.payment_id == known.get("payment_id")), None)
    if payment is None:
        return _ask_payment(turn, deps, known, found)
    left_fen = payment.amount_fen - payment.refunded_fen
    if known.get("amount_fen", 0) > left_fen:
        turn.memory.ask("refund_request", **_without_amount(known), asks="last_look")
        raise RefundTooMuch(left_fen)
    if "cause" not in known:
        choices = [label for label, _, _ in CAUSES]
        turn.memory.ask("refund_request", **known, asks="cause", asks_why=True, choices=choices)
        text = f"请问退款原因？回复序号：\n{words.numbered(choices)}\n{ON_A_PAGE}"
        if turn.is_plain:
            text = f"为什么要退？回复数字：\n{words.numbered(choices)}"
            return OutgoingMessage("refund_request", text)
        return OutgoingMessage("refund_request", text, url=refund_page_url(turn, deps))
    if known["cause"] == OTHER and not known.get("reason"):
        turn.memory.ask("refund_request", **known, asks="reason", asks_why=True, takes="any")
        text = "请用一句话说说为什么要退，物业经理会看到。"
        if turn.is_plain:
            text = "为什么要退？\n说一句就行。"
        return OutgoingMessage("refund_request", text)
    turn.memory.settle()
    wish = Wish(known.get("amount_fen", left_fen), CAUSES[known["cause"]][1], is_staffs=False)
    judgment = await deps.db.read(foresee_refund, payment.payment_id, wish, now=turn.now)
    turn.memory.ask("refund_request", **known, asks="last_look")
    look = _last_look_plainly if turn.is_plain else _last_look
    return OutgoingMessage("refund_request", look(turn, known, payment, judgment))


def _without_amount(known: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in known.items() if name != "amount_fen"}


def _ask_payment(
    turn: Turn, deps: HandlerDeps, known: dict[str, Any], found: list[SettledPayment]
) -> OutgoingMessage:
    if not found:
        turn.memory.settle()
        raise NothingToRefund(turn.home.label)
    turn.memory.ask("refund_request", **known, asks="payment")
    if turn.is_plain:
        shown = words.numbered([_told_plainly(one) for one in found])
        return OutgoingMessage("refund_request", f"要退哪一笔？回复数字：\n{shown}")
    choices = words.numbered([_told(one) for one in found])
    text = f"请问退哪一笔？回复序号：\n{choices}\n{ON_A_PAGE}"
    return OutgoingMessage("refund_request", text, url=refund_page_url(turn, deps))


def _told(one: SettledPayment) -> str:
    left_fen = one.amount_fen - one.refunded_fen
    part = "" if left_fen == one.amount_fen else f"，还能退 {words.money(left_fen)}"
    bills = "、".join(f"{bill.period.month}月{bill.item_name}" for bill in one.bills[:3])
    return (
        f"{words.moment(one.paid_at)} 缴的 {words.money(one.amount_fen)}（{bills or '预存'}{part}）"
    )


def _told_plainly(one: SettledPayment) -> str:
    on = words.day(shanghai_day(one.paid_at))
    return f"{on} {words.money(one.amount_fen - one.refunded_fen)}"


def _last_look_plainly(
    turn: Turn, known: dict[str, Any], payment: SettledPayment, judgment: Judgment
) -> str:
    amount_fen = known.get("amount_fen", payment.amount_fen - payment.refunded_fen)
    return words.lines(
        f"{turn.home.label} 要退：",
        words.money(amount_fen),
        f"扣手续费，实退 {words.money(amount_fen - judgment.kept_fen)}。"
        if judgment.kept_fen
        else "",
        "退了以后，账单要重新缴。" if payment.bills else "",
        "要退，回复“确认”。",
        "不退，回复“算了”。",
    )


def _last_look(
    turn: Turn, known: dict[str, Any], payment: SettledPayment, judgment: Judgment
) -> str:
    left_fen = payment.amount_fen - payment.refunded_fen
    amount_fen = known.get("amount_fen", left_fen)
    why = known.get("reason") or CAUSES[known["cause"]][0]
    return words.lines(
        f"{turn.home.label} 退款申请，请核对：",
        _told(payment),
        f"退 {words.money(amount_fen)}，{why}。",
        f"按约定，支付平台手续费 {words.money(judgment.kept_fen)} 由您承担，"
        f"实退 {words.money(amount_fen - judgment.kept_fen)}。"
        if judgment.kept_fen
        else "",
        f"钱会{_way_back(payment)}。",
        "退款以后，用这笔钱缴的账单要重新缴。" if payment.bills else "",
        "回复“确认”提交；只退一部分请回复金额；不退了回复“算了”。",
    )


async def _hand_in(
    turn: Turn, deps: HandlerDeps, known: dict[str, Any], found: list[SettledPayment]
) -> OutgoingMessage:
    payment = next((one for one in found if one.payment_id == known["payment_id"]), None)
    turn.memory.settle()
    if payment is None:
        raise NothingToRefund(turn.home.label)
    label, cause, _ = CAUSES[known["cause"]]
    asked = RefundAskedFor(
        payment_id=payment.payment_id,
        amount_fen=known.get("amount_fen", payment.amount_fen - payment.refunded_fen),
        cause=cause,
        reason=known.get("reason") or label,
        request_key=known["key"],
        identity_id=turn.person.identity_id,
    )
    actor = Actor(identity_id=turn.person.identity_id)
    view = await deps.db.write(request_refund, asked, actor=actor, now=turn.now)
    told = _accepted_plainly if turn.is_plain else _accepted
    return OutgoingMessage("refund_request", told(view, payment))


def _way_back(payment: SettledPayment) -> str:
    account = words.paid_from(payment.gateway)
    return f"原路退回付款的{account}" if account else "在物业服务中心当面退给您"


def _accepted_plainly(view: RefundView, payment: SettledPayment) -> str:
    account = words.paid_from(payment.gateway)
    where = f"会退到{account}。" if account else "到物业前台领。"
    return words.lines(
        "退款记下了：",
        words.money(view.amount_fen),
        where if view.is_automatic else "经理看过以后告诉您。",
        f"编号 {view.refund_no}。",
    )


def _accepted(view: RefundView, payment: SettledPayment) -> str:
    where = f"{words.money(view.amount_fen)} 会{_way_back(payment)}"
    if view.is_automatic:
        what_next = f"{where}，{words.arrives(payment.gateway)}。"
    else:
        what_next = f"等物业经理审核，通过后 {where}。"
    return words.lines(
        f"{view.unit_label} 的退款已受理，编号 {view.refund_no}。",
        what_next,
        "退款以后，用这笔钱缴的账单要重新缴。" if payment.bills else "",
        "每一步都会在这里告诉您，也可以回复“退款进度”查看。",
    )


INTENT = Intent(name="refund_request", answer=answer, go_on=go_on)
