"""Follow refunds that are under way at their platform until they have ended."""

from datetime import datetime

from scheduler.asking import Asking, ask_each
from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage.operations.refund_results import note_refund
from storage.operations.refunds import postpone_refund
from storage.queries.work import RefundWork, refunds_to_query


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Ask about each refund that is due for a question, and take the answer through one door."""

    async def ask(work: RefundWork) -> str:
        gateway = deps.gateways[work.gateway]
        fact = await gateway.query_refund(work.refund_no, work.order_no, work.asked_at)
        heard = await deps.db.write(note_refund, fact, heard_at=now)
        return "heard" if heard.contradiction is None else "contradicted"

    async def put_off(work: RefundWork) -> None:
        await deps.db.write(postpone_refund, work.refund_no, now=now)

    due = await deps.db.read(refunds_to_query, now=now, limit=200)
    asking = Asking("refund.query", ask, put_off, ended=("heard",), others=("contradicted",))
    return await ask_each(due, asking)


JOB = Job(name="query_refunds", cron="* * * * *", run=run, has_rows=False)
