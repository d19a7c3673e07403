"""Send refunds that were agreed to; where the answer was lost, ask before sending again."""

from datetime import datetime

from scheduler.asking import Asking, ask_each
from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.kinds import RefundStep
from storage.operations.refund_results import note_refund
from storage.operations.refunds import postpone_refund
from storage.ports.payments import RefundAsk, RefundFact, RefundState
from storage.queries.work import RefundWork, refunds_to_submit


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Submit each refund under its own number; the same number again is the same refund."""

    async def send(work: RefundWork) -> str:
        fact = await _submit(deps, work)
        crashpoints.reach("refund.after_call")
        heard = await deps.db.write(note_refund, fact, heard_at=now)
        crashpoints.reach("refund.after_save")
        return "submitted" if heard.contradiction is None else "contradicted"

    async def put_off(work: RefundWork) -> None:
        await deps.db.write(postpone_refund, work.refund_no, now=now)

    due = await deps.db.read(refunds_to_submit, now=now, limit=100)
    asking = Asking("refund.submit", send, put_off, ended=("submitted",), others=("contradicted",))
    return await ask_each(due, asking)


async def _submit(deps: JobDeps, work: RefundWork) -> RefundFact:
    gateway = deps.gateways[work.gateway]
    if work.state is RefundStep.UNKNOWN:
        fact = await gateway.query_refund(work.refund_no, work.order_no, work.asked_at)
        if fact.state is not RefundState.NOT_FOUND:
            return fact
    crashpoints.reach("refund.before_call")
    ask = RefundAsk(
        refund_no=work.refund_no,
        order_no=work.order_no,
        asked_at=work.asked_at,
        amount_fen=work.amount_fen,
        total_fen=work.total_fen,
        reason=work.reason,
        transaction_id=work.transaction_id,
    )
    return await gateway.refund(ask)


JOB = Job(name="submit_refunds", cron="* * * * *", run=run, has_rows=False)
