"""Receipts (收据) of the newest payments, each with its link."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import SettledPayment, settled_payments

SHOWN: Final = 3


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the last receipts of the flat with their links."""
    home = turn.home
    found = await deps.db.read(settled_payments, home.binding_id, limit=SHOWN)
    if not found:
        text = (
            f"{home.label} 还没有收据，缴费以后会自动开出并发到这里。\n回复“账单”可以查看待缴账单。"
        )
        return OutgoingMessage("receipt", text)
    text = words.lines(
        f"{home.label} 最近的收据", *(_block(one, deps) for one in found), "点链接可以查看和打印。"
    )
    return OutgoingMessage("receipt", text)


def _block(one: SettledPayment, deps: HandlerDeps) -> str:
    url = deps.links.receipt_url(deps.links.receipt_token(one.payment_id))
    return (
        f"{words.moment(one.paid_at)} {words.money(one.amount_fen)} 收据号 {one.receipt_no}\n{url}"
    )


INTENT = Intent(name="receipt", answer=answer)
