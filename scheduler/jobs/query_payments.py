"""Ask platforms about orders that nobody has told us of; close what is over."""

import logging
from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.errors import GatewayUnavailable
from storage.operations import payments
from storage.ports.payments import PaymentState
from storage.queries.work import OrderWork, orders_to_query

log = logging.getLogger(__name__)

AFTER_EXPIRY: Final = timedelta(minutes=5)
"""How long after its end an unpaid order is closed at the platform."""


OUTCOMES: Final = ("settled", "closed", "postponed", "contradicted", "unavailable", "failed")


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Settle what was paid, close what is over, leave the rest; each order by itself."""
    report = dict.fromkeys(OUTCOMES, 0)
    for order in await deps.db.read(orders_to_query, now=now, limit=200):
        outcome = "failed"
        with one_of_many("payment.query_broken", order_no=order.order_no):
            outcome = await _ask(deps, order, now)
        report[outcome] += 1
        if outcome in ("failed", "unavailable", "contradicted", "postponed"):
            await deps.db.write(payments.postpone_query, order.order_no, now=now)
    return report


async def _ask(deps: JobDeps, order: OrderWork, now: datetime) -> str:
    try:
        return await _look(deps, order, now)
    except GatewayUnavailable:
        log.warning("payment.query_failed", extra={"order_no": order.order_no})
        return "unavailable"


async def _look(deps: JobDeps, order: OrderWork, now: datetime) -> str:
    gateway = deps.gateways[order.gateway]
    fact = await gateway.query(order.order_no)
    if fact.state is PaymentState.PENDING and now > order.expires_at + AFTER_EXPIRY:
        await gateway.close(order.order_no)
        fact = await gateway.query(order.order_no)
        if fact.state is PaymentState.PENDING and not fact.amount_fen:
            # The platform never saw it: nobody can pay what was never asked for.
            await deps.db.write(payments.close_order, order.order_no)
            return "closed"
    if fact.state is PaymentState.PAID:
        settlement = await deps.db.write(payments.settle_payment, fact, heard_at=now)
        return "settled" if settlement.contradiction is None else "contradicted"
    if fact.state in (PaymentState.CLOSED, PaymentState.FAILED):
        await deps.db.write(payments.close_order, order.order_no)
        return "closed"
    return "postponed"


JOB = Job(name="query_payments", cron="* * * * *", run=run, has_rows=False)
