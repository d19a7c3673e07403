"""Did it arrive (缴费成功了吗): the newest payments; what is not there is looked for."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from handlers import english, tickets, words
from handlers.asking import ask_order
from handlers.deps import HandlerDeps
from handlers.intents import history
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.payment_claims import Claimed, PaymentClaim, claim_payment
from storage.ports.chat import OutgoingMessage
from storage.queries.bills import open_bills
from storage.queries.payments import (
    PendingPayment,
    SettledPayment,
    pending_payments,
    settled_payments,
)
from storage.queries.work import open_orders

NAME: Final = "payment_status"
RECENT: Final = timedelta(days=2)
KNOWN: Final = timedelta(days=3)
"""What came so lately is what she means who says that she has paid."""
ON_ITS_WAY: Final = timedelta(minutes=10)
"""So long a platform may take to say that she paid."""
ASKED_MOST: Final = 5
PICTURE: Final = "（付款截图）"
SENT_BEFORE: Final = timedelta(minutes=15)
"""A picture that came so lately, and about which nothing else was said, shows the payment."""

_ASKS: Final = regex(r"[吗嘛?？]|(?<![怎什多那这])么|没有?$|了没|不$|是否|有没有|是不是")
_NOT_YET: Final = regex(r"[没未不别](?:有)?(?:交|缴|付|转|汇|打)|还没|怎么(?:交|缴|付|转)")
_PAID: Final = regex(
    r"(?:交|缴|付|转|汇|打|支付)[^,，。]{0,8}(?:了|过|完|清|去)|(?:已|已经|早就|都)[^,，。]{0,3}(?:交|缴|付|转|汇)"
    r"|截图|回单|paid"
)


def says_paid(text: str) -> bool:
    """Tell whether somebody says that she has paid, and does not ask whether it came."""
    return bool(_PAID.search(text)) and not (_ASKS.search(text) or _NOT_YET.search(text))


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell what has arrived and what has not; what she says she paid is looked for."""
    said = turn.understood.text if says_paid(turn.understood.normal) else ""
    return await _answer(turn, deps, said)


async def on_photo(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the picture of a payment that the talk is about."""
    return await _answer(turn, deps, PICTURE)


async def _answer(turn: Turn, deps: HandlerDeps, said: str) -> OutgoingMessage:
    """Ask the platforms at once; `said` is her word that she paid, "" where she only asks."""
    home = turn.home
    arrived, pending, answered = await _found(turn, deps)
    told = (
        f"{home.label} 最近到账的缴费" if arrived else f"{home.label} 还没有到账的缴费。",
        *map(history.line, arrived),
        *(_waiting(one, answered) for one in pending),
    )
    claimed = await _claimed(turn, deps, said, arrived, pending)
    if claimed is not None:
        return OutgoingMessage(NAME, words.lines(*told, *_looked_for(turn, claimed)))
    text = words.lines(
        *told,
        "系统会继续核对，到账后马上通知您，请不要重复付款。" if pending else "",
        "如果已经扣款，10分钟后这里还没有，请回复“人工”。"
        if arrived
        else "如果已经扣款，10分钟后这里还没有，请回复“我已经付款”，再发付款截图。",
    )
    return OutgoingMessage(NAME, text)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell the newest payment that came, or that nothing did, and what to do now."""
    arrived, pending, _ = await _found(turn, deps)
    said = turn.understood.text if says_paid(turn.understood.normal) else ""
    claimed = await _claimed(turn, deps, said, arrived, pending)
    if claimed is not None:
        return OutgoingMessage(NAME, _looked_for_plainly(claimed))
    came = [f"{words.moment(one.paid_at)} 收到：" for one in arrived[:1]]
    came += [words.money(one.amount_fen) for one in arrived[:1]]
    if not arrived and not pending:
        came = ["还没有收到您的钱。", "要是付过了，回复：", "我已经付款"]
    for one in pending[:1]:
        came += ["还没到账：", words.money(one.amount_fen), "先别再付，到了告诉您。"]
    text = words.lines(*came)
    return OutgoingMessage(NAME, text)


def _looked_for_plainly(claimed: Claimed) -> str:
    return words.lines(
        f"收款员去查了，编号 {claimed.ticket.ticket_no}。",
        "查到了告诉您，先别再付。",
        "这几天不催您缴费。" if claimed.quiet_through_on else "",
        "有付款截图，请发给我。",
    )


def _is_known(
    arrived: Sequence[SettledPayment], pending: Sequence[PendingPayment], now: datetime
) -> bool:
    """Tell whether the books know what she means, or a platform may still tell them."""
    came = any(one.paid_at > now - KNOWN for one in arrived)
    return came or any(one.created_at > now - ON_ITS_WAY for one in pending)


async def _claimed(
    turn: Turn,
    deps: HandlerDeps,
    said: str,
    arrived: Sequence[SettledPayment],
    pending: Sequence[PendingPayment],
) -> Claimed | None:
    """Have money looked for that she says she paid and nobody here has heard of, else None."""
    owed = await deps.db.read(open_bills, turn.home.binding_id)
    if not (said and owed) or _is_known(arrived, pending, turn.now):
        return None
    _take_picture(turn)
    claim = PaymentClaim(
        turn.home.unit_id,
        turn.person.identity_id,
        said,
        tickets.request_key(turn),
        turn.message.media_id,
    )
    return await deps.db.write(claim_payment, claim, now=turn.now)


def _take_picture(turn: Turn) -> None:
    """Let her word that she paid carry the picture that came just before it."""
    before = turn.memory.take_picture(since=turn.now - SENT_BEFORE)
    if before and not turn.message.media_id:
        turn.message = replace(turn.message, media_id=before)


def _looked_for(turn: Turn, claimed: Claimed) -> tuple[str, ...]:
    """Say who looks for the money, how long nobody reminds her, and what would help."""
    number, quiet = claimed.ticket.ticket_no, claimed.quiet_through_on
    return (
        f"已登记，请收款员核对（工单 {number}），结果会发到这里，请不要重复付款。",
        f"到{words.day(quiet)}为止不再提醒您缴费。" if quiet else "",
        "截图收到了，已放进工单。"
        if turn.message.media_id
        else "方便的话，请发一张付款截图，查得更快。",
    )


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask the platforms at once, then tell what has arrived and what has not."""
    label = turn.home.label
    arrived, pending, _ = await _found(turn, deps)
    said = turn.understood.text if says_paid(turn.understood.normal) else ""
    claimed = await _claimed(turn, deps, said, arrived, pending)
    text = words.lines(
        f"{label}, payments received:" if arrived else f"{label}: no payment received yet.",
        *(f"{english.moment(one.paid_at)} {english.money(one.amount_fen)}" for one in arrived),
        *(
            f"Not received yet: {english.money(one.amount_fen)} ({english.moment(one.created_at)})"
            for one in pending
        ),
        "We keep checking. Please do not pay twice." if pending else "",
        *(
            _looked_for_in_english(turn, claimed)
            if claimed is not None
            else ("If your money has left and is not here in 10 minutes, type: human",)
        ),
    )
    return OutgoingMessage(NAME, text)


def _looked_for_in_english(turn: Turn, claimed: Claimed) -> tuple[str, ...]:
    number, quiet = claimed.ticket.ticket_no, claimed.quiet_through_on
    return (
        f"A cashier looks for your payment ({number}) and we tell you here.",
        "Please do not pay twice."
        + (" We have your screenshot." if turn.message.media_id else " A screenshot helps."),
        f"No reminders until {english.day(quiet)}." if quiet else "",
    )


async def _found(
    turn: Turn, deps: HandlerDeps
) -> tuple[list[SettledPayment], list[PendingPayment], set[str]]:
    """Return what has arrived, what has not, and which orders the platforms answered for."""
    answered = await _ask_platforms(turn, deps)
    arrived = await deps.db.read(settled_payments, turn.home.binding_id, limit=3)
    pending = await deps.db.read(
        pending_payments,
        identity_id=turn.person.identity_id,
        unit_id=turn.home.unit_id,
        since=turn.now - RECENT,
    )
    return arrived, pending, answered


async def _ask_platforms(turn: Turn, deps: HandlerDeps) -> set[str]:
    """Settle what was paid and not reported yet; return the orders that were answered for."""
    orders = await deps.db.read(
        open_orders,
        identity_id=turn.person.identity_id,
        unit_id=turn.home.unit_id,
        since=turn.now - RECENT,
        limit=ASKED_MOST,
    )
    asks = [ask_order(deps, one.order_no, one.gateway, one.created_at) for one in orders]
    answers = await asyncio.gather(*asks)
    return {one.order_no for one, was_answered in zip(orders, answers, strict=True) if was_answered}


def _waiting(one: PendingPayment, answered: set[str]) -> str:
    name, is_answered = words.gateway(one.gateway), one.order_no in answered
    news = f"刚问过{name}，还没有付款" if is_answered else f"还没有收到{name}的到账结果"
    return f"{words.moment(one.created_at)} 发起的 {words.money(one.amount_fen)}，{news}。"


INTENT = Intent(
    name=NAME, answer=answer, in_english=in_english, in_plain=in_plain, on_photo=on_photo
)
