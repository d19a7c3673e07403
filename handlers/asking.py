"""Asks platforms at once how payments and refunds stand, and takes their word by the one door."""

import asyncio
import logging
from datetime import datetime
from typing import Final

from handlers.deps import HandlerDeps
from storage.errors import GatewayUnavailable
from storage.operations.payments import note_answer, note_last_answer
from storage.operations.refund_results import note_refund
from storage.ports.payments import PaymentFact, PaymentGateway, PaymentState
from storage.queries.refunds import RefundProgress

log = logging.getLogger(__name__)

END_SECONDS: Final = 5.0
"""So long a payer waits for another order over her bills to be ended."""


async def ask_order(deps: HandlerDeps, order_no: str, gateway: str, asked_at: datetime) -> bool:
    """Ask how an order stands and write it down; False where no answer came: nothing changed."""
    if gateway not in deps.gateways:
        return False
    try:
        fact = await deps.gateways[gateway].query(order_no, asked_at)
    except GatewayUnavailable as trouble:
        _note_trouble("order.query_failed", order_no, trouble.reason)
        return False
    await deps.db.write(note_answer, fact, heard_at=deps.clock.now())
    return True


async def end_order(deps: HandlerDeps, order_no: str, gateway: str, asked_at: datetime) -> None:
    """Have a platform take no more money for an order; settle it where it was paid already.

    Where it does not say in time how the order stands, nothing changes: the order stays open with
    us and is asked about until it has ended.
    """
    if gateway not in deps.gateways:
        return
    try:
        async with asyncio.timeout(END_SECONDS):
            fact = await _ended(deps.gateways[gateway], order_no, asked_at)
    except (GatewayUnavailable, TimeoutError) as trouble:
        _note_trouble("order.not_ended", order_no, getattr(trouble, "reason", "slow"))
        return
    await deps.db.write(note_last_answer, fact, heard_at=deps.clock.now())


async def _ended(gateway: PaymentGateway, order_no: str, asked_at: datetime) -> PaymentFact:
    fact = await gateway.query(order_no, asked_at)
    if fact.state in (PaymentState.PAID, PaymentState.CLOSED, PaymentState.FAILED):
        return fact
    await gateway.close(order_no, asked_at)
    return await gateway.query(order_no, asked_at)


async def ask_refund(deps: HandlerDeps, one: RefundProgress) -> None:
    """Ask how a refund stands and write it down; where no answer comes, nothing changes."""
    if one.gateway not in deps.gateways:
        return
    gateway = deps.gateways[one.gateway]
    try:
        fact = await gateway.query_refund(one.refund_no, one.order_no, one.asked_at)
    except GatewayUnavailable as trouble:
        _note_trouble("refund.query_failed", one.refund_no, trouble.reason)
        return
    await deps.db.write(note_refund, fact, heard_at=deps.clock.now())


def _note_trouble(what: str, number: str, reason: str) -> None:
    log.warning(what, extra={"number": number, "reason": reason})
