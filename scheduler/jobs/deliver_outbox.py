"""Deliver what we have decided to say, by the best way that is open to each person now."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from scheduler.deps import JobDeps
from scheduler.guard import one_of_many
from scheduler.job import Job, JobReport
from storage import crashpoints, outbox
from storage.events import BillsIssued, Event, NoticeSent, ReminderDue
from storage.kinds import OutboxState, Urgency
from storage.operations import reminders
from storage.outbox import Claimed, Outcome
from storage.periods import BillingPeriod
from storage.ports.chat import Attempt, OutgoingMessage, Route, Verdict
from storage.queries.bills import owes_for
from storage.queries.quiet import quiet_until

BATCH: Final = 200
AT_ONCE: Final = 50
"""Sends in flight: most of the latency bound, and the callbacks keep their share of the core."""

MARK_MOST: Final = 50
MARK_SECONDS: Final = 0.25

MOST_TRIES: Final = 30
"""About a day of a platform that is busy or down; a way that is shut for all is not counted."""

WAITS: Final = (5, 15, 60, 300, 900, 1800, 3600)
SAME_ID_LASTS: Final = timedelta(minutes=9)
"""A platform remembers our delivery id for ten minutes; within it a retry cannot double."""

MUTED_BY: Final = {Urgency.REMINDER: "reminders", Urgency.NOTICE: "notices"}


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Claim, send and mark until nothing is due; receipts go first.

    Senders never wait for each other: the next messages are claimed while the last are on their
    way, and what was sent is marked in small groups meanwhile.
    """
    report: dict[str, int] = defaultdict(int)
    # What waited behind a message that was on its way is free only when all have ended.
    while await _Drain(deps, now, report).run():
        pass
    return dict(report)


class _Drain:
    """One pass over what is due: people whose messages wait, and outcomes not yet marked."""

    def __init__(self, deps: JobDeps, now: datetime, report: dict[str, int]) -> None:
        self._deps, self._now, self._report = deps, now, report
        self._waiting: deque[list[Claimed]] = deque()
        self._unmarked: list[Outcome] = []
        self._claiming: asyncio.Task[None] | None = None
        self._is_dry = False

    async def run(self) -> bool:
        """Send to many people at once, to each in order; return whether there was anything."""
        await self._claim()
        if self._is_dry:
            return False
        marking = asyncio.create_task(self._mark_now_and_then())
        senders = [asyncio.create_task(self._send_on()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*senders)
        finally:
            await _end([marking, *senders])
            if self._claiming is not None:
                await asyncio.gather(self._claiming, return_exceptions=True)
            await self._mark()
        return True

    async def _send_on(self) -> None:
        while messages := await self._next():
            behind: list[Outcome] = []
            for message in messages:
                outcome = _behind(behind, message) or await _one(self._deps, message, self._now)
                behind.append(outcome)
                self._unmarked.append(outcome)
            if len(self._unmarked) >= MARK_MOST:
                await self._mark()

    async def _next(self) -> list[Claimed] | None:
        """Return the messages of one person, None where nothing more is due."""
        while True:
            if self._claiming is not None and self._claiming.done():
                self._claiming.result()
                self._claiming = None
            if self._claiming is None and not self._is_dry and len(self._waiting) < AT_ONCE:
                self._claiming = asyncio.create_task(self._claim())
            if self._waiting:
                return self._waiting.popleft()
            if self._claiming is None:
                return None
            await asyncio.wait({self._claiming})

    async def _claim(self) -> None:
        claimed = await self._deps.db.jot(outbox.claim, now=self._now, limit=BATCH)
        self._is_dry = not claimed
        if claimed:
            crashpoints.reach("outbox.after_claim")
        by_person: dict[tuple[str, str], list[Claimed]] = defaultdict(list)
        for one in claimed:
            by_person[one.addressee.account, one.addressee.recipient].append(one)
        self._waiting.extend(by_person.values())

    async def _mark_now_and_then(self) -> None:
        """Bound what a crash would send again also where the platform is slow."""
        while True:
            await asyncio.sleep(MARK_SECONDS)
            await self._mark()

    async def _mark(self) -> None:
        unmarked, self._unmarked = self._unmarked, []
        if not unmarked:
            return
        await self._deps.db.write(outbox.finish, unmarked, now=self._now)
        crashpoints.reach("outbox.after_mark")
        for outcome in unmarked:
            self._report[outcome.state] += 1


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _behind(outcomes: Sequence[Outcome], message: Claimed) -> Outcome | None:
    """Let a message wait for an earlier one to the same person, as urgent, that is tried again."""
    for earlier in outcomes:
        was_tried = earlier.state is OutboxState.WAITING and (
            earlier.attempts or earlier.why == "in_turn"
        )
        if was_tried and earlier.claimed.urgency is message.urgency:
            return Outcome(message, OutboxState.WAITING, (), "in_turn", earlier.not_before)
    return None


async def _one(deps: JobDeps, claimed: Claimed, now: datetime) -> Outcome:
    with one_of_many("outbox.poisoned", outbox_id=claimed.outbox_id):
        return await _send_or_not(deps, claimed, now)
    return Outcome(claimed, OutboxState.DEAD, (), "poisoned")


async def _send_or_not(deps: JobDeps, claimed: Claimed, now: datetime) -> Outcome:
    early = _early_end(claimed)
    if early is not None:
        return early
    if claimed.urgency is not Urgency.RECEIPT:
        until = await deps.db.read(quiet_until, claimed.outbox_id, now=now)
        if until is not None:
            return Outcome(claimed, OutboxState.WAITING, (), "quiet_hours", until)
    event = await _as_of_now(deps, claimed.event, now)
    if event is None:
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "paid_meanwhile")
    message = deps.compose(event)
    return replace(await _by_routes(deps, claimed, message, now), kind=message.kind)


def _early_end(claimed: Claimed) -> Outcome | None:
    """Say why a message is not sent at all, before any way is looked for."""
    if not claimed.is_following:
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "not_following")
    if _is_muted(claimed):
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "muted")
    return None


def _is_muted(claimed: Claimed) -> bool:
    if isinstance(claimed.event, NoticeSent) and claimed.event.category == "urgent":
        return False
    return MUTED_BY.get(claimed.urgency, "-") in claimed.muted


async def _as_of_now(deps: JobDeps, event: Event, now: datetime) -> Event | None:
    """Ask the books again what a reminder is about; None where nothing is owed any more."""
    if isinstance(event, ReminderDue):
        return await deps.db.read(reminders.figures_now, event, deps.links, now=now)
    if isinstance(event, BillsIssued):
        period = BillingPeriod.parse(event.period)
        is_owed = await deps.db.read(owes_for, event.binding_id, period)
        return event if is_owed else None
    return event


async def _by_routes(
    deps: JobDeps, claimed: Claimed, message: OutgoingMessage, now: datetime
) -> Outcome:
    channel = deps.channels.get(claimed.addressee.account)
    if channel is None:
        return Outcome(claimed, OutboxState.DEAD, (), "no_such_account")
    attempts: list[Attempt] = []
    for route in channel.routes_for(message, claimed.reach):
        crashpoints.reach("outbox.before_send")
        attempt = await channel.send(
            claimed.addressee.recipient,
            message,
            route,
            delivery_id=f"wy{claimed.outbox_id}",
        )
        crashpoints.reach("outbox.after_send")
        attempts.append(attempt)
        if attempt.verdict is not Verdict.NOT_NOW:
            return _judge(claimed, tuple(attempts), now)
    return Outcome(claimed, OutboxState.HELD, tuple(attempts), "no_way_open")


def _judge(claimed: Claimed, attempts: tuple[Attempt, ...], now: datetime) -> Outcome:
    last = attempts[-1]
    if last.verdict is Verdict.SENT:
        return Outcome(claimed, OutboxState.SENT, attempts)
    if last.verdict in (Verdict.GONE, Verdict.MUTED):
        return Outcome(claimed, OutboxState.SUPPRESSED, attempts)
    is_spent = claimed.tries >= MOST_TRIES and last.verdict is not Verdict.PAUSED
    if last.verdict is Verdict.BAD_CONTENT or is_spent:
        return Outcome(claimed, OutboxState.DEAD, attempts)
    if last.verdict is Verdict.UNKNOWN and not _may_repeat(claimed, last, now):
        return Outcome(claimed, OutboxState.UNKNOWN, attempts)
    wait = timedelta(seconds=WAITS[min(claimed.tries - 1, len(WAITS) - 1)])
    not_before = max(last.not_before or now + wait, now + wait)
    return Outcome(claimed, OutboxState.WAITING, attempts, not_before=not_before)


def _may_repeat(claimed: Claimed, last: Attempt, now: datetime) -> bool:
    """Tell whether sending again cannot double it, or is worth a double (a receipt)."""
    if last.route is Route.TEMPLATE:
        return now - claimed.created_at < SAME_ID_LASTS
    return claimed.urgency is Urgency.RECEIPT and claimed.tries < 3


JOB = Job(name="deliver_outbox", cron="* * * * *", run=run, has_rows=False)
