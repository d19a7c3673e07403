"""Ask platforms about orders that nobody has told us of; close what is over."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.asking import Asking, ask_each
from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations.orders import postpone_query
from storage.operations.payments import note_answer, note_last_answer
from storage.ports.payments import PaymentState
from storage.queries.work import OrderWork, orders_to_query

AFTER_EXPIRY: Final = timedelta(minutes=5)
"""How long after its end an unpaid order is closed at the platform."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Settle what was paid, close what is over, leave the rest; each order by itself."""

    async def ask(order: OrderWork) -> str:
        return await _ask(deps, order, now)

    async def put_off(order: OrderWork) -> None:
        await deps.db.write(postpone_query, order.order_no, now=now)

    due = await deps.db.read(orders_to_query, now=now, limit=200)
    ended, others = ("settled", "closed"), ("open", "contradicted")
    return await ask_each(due, Asking("payment.query", ask, put_off, ended, others))


async def _ask(deps: JobDeps, order: OrderWork, now: datetime) -> str:
    gateway = deps.gateways[order.gateway]
    fact = await gateway.query(order.order_no, order.created_at)
    if fact.state is PaymentState.PENDING and now > order.expires_at + AFTER_EXPIRY:
        await gateway.close(order.order_no, order.created_at)
        last = await gateway.query(order.order_no, order.created_at)
        return await deps.db.write(note_last_answer, last, heard_at=now)
    return await deps.db.write(note_answer, fact, heard_at=now)


JOB = Job(name="query_payments", cron="* * * * *", run=run, has_rows=False)
