"""Receipts (收据) of the newest payments, each with its link."""

from typing import Final

from handlers import english, words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.periods import SHANGHAI
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import SettledPayment, settled_payments

SHOWN: Final = 3


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the last receipts of the flat with their links."""
    home = turn.home
    found = await _newest(turn, deps)
    if not found:
        text = (
            f"{home.label} 还没有收据，缴费以后会自动开出并发到这里。\n回复“账单”可以查看待缴账单。"
        )
        return OutgoingMessage("receipt", text)
    text = words.lines(
        f"{home.label} 最近的收据", *(_block(one, deps) for one in found), "点链接可以查看和打印。"
    )
    return OutgoingMessage("receipt", text)


async def in_english(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the last receipts of the flat with their links."""
    label, found = turn.home.label, await _newest(turn, deps)
    if not found:
        return OutgoingMessage("receipt", f"{label}: no receipts yet. They come after you pay.")
    rows = (
        f"{english.moment(one.paid_at)} {english.money(one.amount_fen)}\n{_url(one, deps)}"
        for one in found
    )
    text = words.lines(f"{label}, your last receipts. Tap a link to see it:", *rows)
    return OutgoingMessage("receipt", text)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Give the newest receipt alone."""
    found = await _newest(turn, deps)
    if not found:
        return OutgoingMessage("receipt", "还没有收据。\n缴费以后，收据会发到这里。")
    last = found[0]
    text = words.lines(
        f"{words.day(last.paid_at.astimezone(SHANGHAI))}缴的：",
        words.money(last.amount_fen),
        "看收据，点下面蓝色的字。",
    )
    return OutgoingMessage("receipt", text, url=_url(last, deps))


async def _newest(turn: Turn, deps: HandlerDeps) -> list[SettledPayment]:
    return await deps.db.read(settled_payments, turn.home.binding_id, limit=SHOWN)


def _url(one: SettledPayment, deps: HandlerDeps) -> str:
    return deps.links.receipt_url(deps.links.receipt_token(one.payment_id))


def _block(one: SettledPayment, deps: HandlerDeps) -> str:
    paid = f"{words.moment(one.paid_at)} {words.money(one.amount_fen)}"
    return f"{paid} 收据号 {one.receipt_no}\n{_url(one, deps)}"


INTENT = Intent(name="receipt", answer=answer, in_english=in_english, in_plain=in_plain)
