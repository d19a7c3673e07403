"""Send refunds that were agreed to; where the answer was lost, ask before sending again."""

from datetime import datetime, timedelta
from typing import Final

from scheduler.asking import Asking, ask_each
from scheduler.deps import JobDeps
from scheduler.job import Job, JobReport
from storage import crashpoints
from storage.kinds import Account, RefundStep
from storage.operations.bank_payouts import leave_to_people, note_sending
from storage.operations.refund_results import note_refund
from storage.operations.refunds import postpone_refund
from storage.ports.bank import BankFeed
from storage.ports.payments import RefundAsk, RefundFact, RefundState
from storage.queries.work import RefundWork, refunds_to_submit
from storage.rules.counter import place_of

STALE: Final = timedelta(days=1)
"""What was agreed to longer ago may have been sent by a process that nobody remembers."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Submit each refund under its own number; the same number again is the same refund."""

    async def send(work: RefundWork) -> str:
        if _is_for_people(deps, work):
            await deps.db.write(leave_to_people, work.refund_no, now=now)
            return "left"
        if _is_to_a_bank(work) and not await deps.db.write(note_sending, work.refund_no, now=now):
            return "left"
        fact = await _submit(deps, work, now)
        crashpoints.reach("refund.after_call")
        heard = await deps.db.write(note_refund, fact, heard_at=now)
        crashpoints.reach("refund.after_save")
        return "submitted" if heard.contradiction is None else "contradicted"

    async def put_off(work: RefundWork) -> None:
        await deps.db.write(postpone_refund, work.refund_no, now=now)

    due = await deps.db.read(refunds_to_submit, now=now, limit=100)
    asking = Asking(
        "refund.submit", send, put_off, ended=("submitted", "left"), others=("contradicted",)
    )
    return await ask_each(due, asking)


def _is_for_people(deps: JobDeps, work: RefundWork) -> bool:
    """Tell whether money goes back to a bank account and no bank can be asked to send it.

    What may have been sent while one could is not a person's to send again.
    """
    gateway = deps.gateways.get(work.gateway)
    is_sent_by_itself = isinstance(gateway, BankFeed) and gateway.is_direct
    return _is_to_a_bank(work) and not is_sent_by_itself and work.state is not RefundStep.UNKNOWN


def _is_to_a_bank(work: RefundWork) -> bool:
    return place_of(work.gateway) is Account.BANK


async def _submit(deps: JobDeps, work: RefundWork, now: datetime) -> RefundFact:
    """Send it, but ask first where an earlier try may have arrived, or lies days back."""
    gateway = deps.gateways[work.gateway]
    if work.state is RefundStep.UNKNOWN or now - work.asked_at > STALE:
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
