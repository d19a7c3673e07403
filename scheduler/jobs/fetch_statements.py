"""Fetch each platform's statement of the day before, as soon as it is ready."""

import asyncio
import logging
from datetime import datetime, time, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from scheduler.statement_files import take_in
from storage.errors import GatewayUnavailable
from storage.operations.reconciliation import (
    Expected,
    expect_statement,
    note_broken,
    note_empty,
    note_missing,
)
from storage.periods import SHANGHAI, shanghai_day, shanghai_instant
from storage.ports.payments import (
    NoStatement,
    PaymentGateway,
    StatementBroken,
    StatementNotReady,
)
from storage.queries.reconciliation import BY_HAND, days_to_fetch

log = logging.getLogger(__name__)

FIRST_AT: Final = time(10, 15)
"""The slowest platform has written the day's statement by then."""
OUTCOMES: Final = ("fetched", "known", "overtaken", "empty", "waiting", "missing", "broken")
LATE_AT: Final = time(12)
"""A statement that has not come by noon is put before the office."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Ask for what has not come; each statement by itself, none of them twice."""
    report = dict.fromkeys(OUTCOMES, 0)
    if now.astimezone(SHANGHAI).time() < FIRST_AT:
        return report
    await asyncio.to_thread(deps.statement_dir.mkdir, parents=True, exist_ok=True)
    for name, gateway in deps.gateways.items():
        if name.startswith(BY_HAND):
            continue
        days = await deps.db.read(days_to_fetch, name, gateway.merchant_id, today=shanghai_day(now))
        for day in days:
            with one_of_many("statement.fetch_broken", gateway=name, day=str(day)):
                expected = Expected(name, gateway.merchant_id, day)
                report[await _fetch(deps, gateway, expected, now)] += 1
    return report


async def _fetch(deps: JobDeps, gateway: PaymentGateway, expected: Expected, now: datetime) -> str:
    day = expected.day_on
    statement = await deps.db.write(expect_statement, expected, now=now)
    statement_id = statement.statement_id
    try:
        file = await gateway.fetch_statement(day, deps.statement_dir)
    except NoStatement:
        await deps.db.write(note_empty, statement_id, now=now)
        return "empty"
    except StatementBroken as trouble:
        await deps.db.write(note_broken, statement_id, str(trouble), now=now)
        return "broken"
    except (StatementNotReady, GatewayUnavailable) as trouble:
        log.info("statement.not_ready", extra={"gateway": expected.gateway, "day": str(day)})
        if now < shanghai_instant(day + timedelta(days=1), LATE_AT):
            return "waiting"
        await deps.db.write(note_missing, statement_id, type(trouble).__name__, now=now)
        return "missing"
    return await take_in(deps.db, gateway, file, statement, now=now)


JOB = Job(name="fetch_statements", cron="15,45 10-12 * * *", run=run, time_limit_seconds=1800)
