"""Send refunds that were agreed to; where the answer was lost, ask before sending again."""

import logging
from datetime import datetime

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.errors import GatewayUnavailable
from storage.kinds import RefundStep
from storage.operations import refund_results, refunds
from storage.ports.payments import RefundAsk, RefundFact, RefundState
from storage.queries.work import RefundWork, refunds_to_submit

log = logging.getLogger(__name__)


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Submit each refund under its own number; the same number again is the same refund."""
    report = {"submitted": 0, "contradicted": 0, "unavailable": 0, "failed": 0}
    for work in await deps.db.read(refunds_to_submit, now=now, limit=100):
        outcome = "failed"
        with one_of_many("refund.submit_broken", refund_no=work.refund_no):
            outcome = await _send(deps, work, now)
        report[outcome] += 1
        if outcome != "submitted":
            await deps.db.write(refunds.postpone_refund, work.refund_no, now=now)
    return report


async def _send(deps: JobDeps, work: RefundWork, now: datetime) -> str:
    try:
        fact = await _submit(deps, work)
    except GatewayUnavailable:
        log.warning("refund.submit_failed", extra={"refund_no": work.refund_no})
        return "unavailable"
    crashpoints.reach("refund.after_call")
    heard = await deps.db.write(refund_results.note_refund, fact, heard_at=now)
    crashpoints.reach("refund.after_save")
    return "submitted" if heard.contradiction is None else "contradicted"


async def _submit(deps: JobDeps, work: RefundWork) -> RefundFact:
    gateway = deps.gateways[work.gateway]
    if work.state is RefundStep.UNKNOWN:
        fact = await gateway.query_refund(work.refund_no, work.order_no)
        if fact.state is not RefundState.NOT_FOUND:
            return fact
    crashpoints.reach("refund.before_call")
    ask = RefundAsk(work.refund_no, work.order_no, work.amount_fen, work.total_fen, work.reason)
    return await gateway.refund(ask)


JOB = Job(name="submit_refunds", cron="* * * * *", run=run, has_rows=False)
