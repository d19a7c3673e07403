"""Follow refunds that are under way at their platform until they have ended."""

import logging
from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.errors import GatewayUnavailable
from storage.operations import refund_results, refunds
from storage.queries.work import RefundWork, refunds_to_query

log = logging.getLogger(__name__)


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Ask about each refund that is due for a question, and take the answer through one door."""
    report = {"heard": 0, "contradicted": 0, "unavailable": 0, "failed": 0}
    for work in await deps.db.read(refunds_to_query, now=now, limit=200):
        outcome = "failed"
        with one_of_many("refund.query_broken", refund_no=work.refund_no):
            outcome = await _ask(deps, work, now)
        report[outcome] += 1
        if outcome != "heard":
            await deps.db.write(refunds.postpone_refund, work.refund_no, now=now)
    return report


async def _ask(deps: JobDeps, work: RefundWork, now: datetime) -> str:
    try:
        fact = await deps.gateways[work.gateway].query_refund(work.refund_no, work.order_no)
    except GatewayUnavailable:
        log.warning("refund.query_failed", extra={"refund_no": work.refund_no})
        return "unavailable"
    heard = await deps.db.write(refund_results.note_refund, fact, heard_at=now)
    return "heard" if heard.contradiction is None else "contradicted"


JOB = Job(name="query_refunds", cron="* * * * *", run=run, has_rows=False)
