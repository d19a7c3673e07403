"""Hold each platform's statement against our books, heal what a question settles, tell the rest."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage.errors import GatewayUnavailable
from storage.operations.bank_rows import BankAccount, settle_credits
from storage.operations.external_refunds import book_external
from storage.operations.findings import close_gone, is_handled, keep_finding
from storage.operations.healing import heal_payment, heal_refund
from storage.operations.reconciliation import agree
from storage.operations.reconciliation_news import tell_result
from storage.operations.settlements import find_unsettled
from storage.periods import shanghai_day
from storage.ports.bank import BankFeed
from storage.ports.payments import PaymentGateway, RefundState
from storage.queries.agreement import (
    Finding,
    Merchant,
    compare_lines,
    missing_payments,
    missing_refunds,
)
from storage.queries.reconciliation import COMPARE_DAYS, Statement, compared_days, to_compare
from storage.rules.agreeing import OF_OURS, DifferenceKind

STRETCH: Final = 10_000
"""Lines that are compared in one go; other readers come in between."""
MOST: Final = 5_000
"""Differences of one statement that are written down one by one; the rest is only counted."""


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Compare what has come; running it again changes nothing, and opens nothing handled."""
    report: Counter[str] = Counter(statements=0, kept=0, healed=0, booked=0, handled=0)
    statements = await deps.db.read(to_compare, now=now)
    await _book_credits(deps, now)
    for statement in statements:
        with one_of_many("statement.compare_broken", statement=statement.statement_id):
            report += await _compare(deps, statement, now)
    for gateway in sorted({one.gateway for one in statements}):
        with one_of_many("statement.search_broken", gateway=gateway):
            merchants = {one.merchant_id for one in statements if one.gateway == gateway}
            report["kept"] += await _find_missing(deps, gateway, merchants, now)
    if statements:
        today = shanghai_day(now)
        report["kept"] += await deps.db.write(find_unsettled, today=today, now=now)
    report["told"] = await deps.db.write(tell_result, now=now)
    return dict(report)


async def _book_credits(deps: JobDeps, now: datetime) -> None:
    """Book what the platforms have paid out for statements that have come since."""
    for gateway in deps.gateways.values():
        if isinstance(gateway, BankFeed):
            account = BankAccount(gateway.merchant_id, gateway.name)
            await deps.db.write(settle_credits, account, now=now)


async def _compare(deps: JobDeps, statement: Statement, now: datetime) -> Counter[str]:
    outcomes: Counter[str] = Counter(statements=1)
    found: Counter[DifferenceKind] = Counter()
    keys: set[str] = set()
    fee_ppm, after_id = deps.fee_ppm.get(statement.gateway), 0
    while True:
        chunk = await deps.db.read(
            compare_lines, statement, after_id=after_id, limit=STRETCH, fee_ppm=fee_ppm
        )
        for finding in chunk.findings:
            found[finding.kind] += 1
            if len(keys) >= MOST:
                continue
            outcome = await _work(deps, finding, now)
            outcomes[outcome] += 1
            if outcome in ("kept", "handled"):
                keys.add(finding.key)
        if chunk.last_id is None:
            break
        after_id = chunk.last_id
    await deps.db.write(agree, statement, found=found, keys=frozenset(keys), now=now)
    return outcomes


async def _work(deps: JobDeps, finding: Finding, now: datetime) -> str:
    """Heal a finding, book it, or keep it. Returns healed | booked | kept | handled."""
    if await deps.db.read(is_handled, finding):
        return "handled"
    gateway = deps.gateways.get(finding.gateway)
    try:
        if finding.kind is DifferenceKind.REFUND_PLATFORM_ONLY:
            ended = await _ended(gateway, finding)
            if ended is not None and await _is_booked(deps, ended, now):
                return "booked"
        elif finding.asked_at is not None and gateway is not None:
            is_healed = await _ask(deps, gateway, finding, finding.asked_at, now)
            return "healed" if is_healed else "kept"
    except GatewayUnavailable:
        pass  # asked again with the next comparison; until then it is a difference
    await deps.db.write(keep_finding, finding, now=now)
    return "kept"


async def _ask(
    deps: JobDeps, gateway: PaymentGateway, finding: Finding, asked_at: datetime, now: datetime
) -> bool:
    if finding.kind is DifferenceKind.REFUND_STATE:
        back = await gateway.query_refund(finding.refund_no, finding.order_no, asked_at)
        return await deps.db.write(heal_refund, finding, back, now=now)
    fact = await gateway.query(finding.order_no, asked_at)
    return await deps.db.write(heal_payment, finding, fact, now=now)


async def _is_booked(deps: JobDeps, finding: Finding, now: datetime) -> bool:
    refund_no = await deps.db.write(book_external, finding, now=now)
    return refund_no != ""


async def _ended(gateway: PaymentGateway | None, finding: Finding) -> Finding | None:
    """Return a foreign refund once it is done; one still under way is asked about."""
    if finding.is_ended_there:
        return finding
    if gateway is None or not finding.refund_no or finding.at is None:
        return None
    fact = await gateway.query_refund(finding.refund_no, finding.order_no, finding.at)
    is_same = fact.state is RefundState.SUCCESS and fact.amount_fen == finding.theirs_fen
    return replace(finding, at=fact.settled_at or finding.at) if is_same else None


async def _find_missing(
    deps: JobDeps, gateway: str, merchants: Iterable[str], now: datetime
) -> int:
    """Keep what only our books have once the statements around it have come; heal the rest."""
    since, until = shanghai_day(now) - timedelta(days=COMPARE_DAYS + 1), shanghai_day(now)
    keys: set[str] = set()
    for merchant in (Merchant(gateway, one) for one in sorted(merchants)):
        days = await deps.db.read(compared_days, gateway, merchant.merchant_id, since)
        for finding in await deps.db.read(missing_refunds, merchant, read_days=days):
            keys.add(await _keep(deps, finding, now))
        before_id = None
        while True:
            chunk = await deps.db.read(
                missing_payments, merchant, read_days=days, before_id=before_id, limit=STRETCH
            )
            for finding in chunk.findings[: max(MOST - len(keys), 0)]:
                keys.add(await _keep(deps, finding, now))
            if chunk.last_id is None:
                break
            before_id = chunk.last_id
    await deps.db.write(close_gone, gateway, (since, until), OF_OURS, keys=frozenset(keys), now=now)
    return len(keys)


async def _keep(deps: JobDeps, finding: Finding, now: datetime) -> str:
    await deps.db.write(keep_finding, finding, now=now)
    return finding.key


JOB = Job(name="reconcile", cron="15,45 10-12 * * *", run=run, time_limit_seconds=3600)
