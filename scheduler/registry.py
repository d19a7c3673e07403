"""Which jobs run; when, stands in each. Order is the order within one tick."""

from typing import Final

from scheduler.job import Job
from scheduler.jobs import (
    accrue_late_fees,
    apply_prepayments,
    back_up,
    check_ledger,
    deliver_outbox,
    fetch_bank_rows,
    fetch_statements,
    follow_group_tasks,
    issue_bills,
    keep_chats,
    query_payments,
    query_refunds,
    raise_alarms,
    recognise_income,
    reconcile,
    send_broadcasts,
    send_reminders,
    submit_refunds,
    sweep_inbox,
    tell_figures,
    tell_unanswered,
    warn_of_deadlines,
)

JOBS: Final[tuple[Job, ...]] = (
    accrue_late_fees.JOB,
    recognise_income.JOB,
    issue_bills.JOB,
    apply_prepayments.JOB,
    check_ledger.JOB,
    back_up.JOB,
    tell_unanswered.JOB,
    tell_figures.JOB,
    fetch_statements.JOB,
    reconcile.JOB,
    send_reminders.JOB,
    fetch_bank_rows.JOB,
    query_payments.JOB,
    submit_refunds.JOB,
    query_refunds.JOB,
    send_broadcasts.JOB,
    sweep_inbox.JOB,
    warn_of_deadlines.JOB,
    keep_chats.JOB,
    follow_group_tasks.JOB,
    raise_alarms.JOB,
    deliver_outbox.JOB,
)
