"""Read what came to the bank accounts that can be asked: payments, payouts, platforms' credits."""

import logging
from datetime import datetime
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.errors import GatewayUnavailable
from storage.operations.bank_rows import BankAccount, cursor_of, take_news
from storage.ports.bank import BankFeed

log = logging.getLogger(__name__)

MOST_PAGES: Final = 50
"""What one run reads of an account; the rest comes with the next."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Read each account on from where it stopped; each page is in the books before the next."""
    report = dict.fromkeys(("rows", "matched", "unavailable", "failed"), 0)
    for gateway in deps.gateways.values():
        if isinstance(gateway, BankFeed) and gateway.is_direct:
            outcome = "failed"
            with one_of_many("bank.feed_broken", gateway=gateway.name):
                outcome = await _read_on(deps, gateway, now, report)
            if outcome in report:
                report[outcome] += 1
    return report


async def _read_on(deps: JobDeps, gateway: BankFeed, now: datetime, report: dict[str, int]) -> str:
    account = BankAccount(gateway.merchant_id, gateway.name)
    cursor = await deps.db.read(cursor_of, account.account_no)
    for _ in range(MOST_PAGES):
        try:
            news = await gateway.rows_after(cursor)
        except GatewayUnavailable as trouble:
            log.warning("bank.unavailable", extra={"reason": trouble.reason})
            return "unavailable"
        if not news.lines and news.cursor == cursor:
            return "done"  # nothing is written, for a commit would wake the clock again
        taken = await deps.db.write(take_news, news.lines, account, cursor=news.cursor, now=now)
        report["rows"] += taken.new
        report["matched"] += dict(taken.states).get("matched", 0)
        cursor = news.cursor
        if not news.has_more:
            return "done"
    return "done"


JOB = Job(name="fetch_bank_rows", cron="* * * * *", run=run, has_rows=False)
