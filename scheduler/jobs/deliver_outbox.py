"""Deliver what we have decided to say, by the best way that is open to each person now."""

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
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
from storage.operations.rating_asks import ASKING, ask_with, may_ask_with
from storage.outbox import CLAIM_SECONDS, Claimed, Outcome
from storage.periods import BillingPeriod
from storage.ports.chat import (
    KNOWS_OUR_ID,
    Attempt,
    ChatChannel,
    OutgoingMessage,
    Route,
    Verdict,
)
from storage.queries.bills import owes_for
from storage.queries.personal_notices import as_she_reads_it
from storage.rules.broadcasts import silenced_by

log = logging.getLogger(__name__)

BATCH: Final = 200
AT_ONCE: Final = 50
"""Sends in flight: most of the latency bound, and the callbacks keep their share of the core."""

MARK_MOST: Final = 100
MARK_SECONDS: Final = 0.25

PASS_SECONDS: Final = 60
"""After so long nothing more is claimed: the next tick goes on, with its own idea of the time."""

SEND_SECONDS: Final = 15
"""A delivery and its mark take no longer; what is left of a claim has to be enough for them."""

MOST_TRIES: Final = 30
"""About a day of a platform that is busy or down; a way that is shut for all is not counted."""

WAITS: Final = (5, 15, 60, 300, 900, 1800, 3600)
SAME_ID_LASTS: Final = timedelta(minutes=9)
"""A platform remembers our delivery id for ten minutes; within it a retry cannot double."""

NEXT_WAY: Final = (Verdict.NOT_NOW, Verdict.GONE, Verdict.PAUSED)
"""Verdicts after which another way may still reach her: shut for her, or for everybody."""
MUTED_BY: Final = {Urgency.REMINDER: "reminders", Urgency.NOTICE: "notices"}


async def run(deps: JobDeps, now: datetime) -> JobReport:
    """Claim, send and mark until nothing is due; receipts go first.

    Senders never wait for each other: the next messages are claimed while the last are on their
    way, and what was sent is marked in groups meanwhile. A claim is on the disk before anything
    of it is sent.
    """
    report: Counter[str] = Counter()
    clock = asyncio.get_running_loop().time
    until = clock() + PASS_SECONDS
    # What waited behind a message that was on its way is free only when all have ended.
    while await deps.db.read(outbox.has_due, now=now):
        if not await _Drain(deps, now, report, until).run() or clock() >= until:
            break
    return dict(report)


class _Drain:
    """One pass over what is due: people whose messages wait, and outcomes not yet marked."""

    def __init__(self, deps: JobDeps, now: datetime, report: Counter[str], until: float) -> None:
        self._deps, self._now, self._report, self._until = deps, now, report, until
        self._clock = asyncio.get_running_loop().time
        self._waiting: deque[tuple[float, list[Claimed]]] = deque()
        self._unmarked: list[Outcome] = []
        self._has_enough = asyncio.Event()
        self._claiming: asyncio.Task[None] | None = None
        self._marking: asyncio.Task[None] | None = None
        self._is_dry = self._is_over = False

    async def run(self) -> bool:
        """Send to many people at once, to each in order; return whether there was anything."""
        await self._claim()
        if self._is_dry:
            return False
        self._marking = asyncio.create_task(self._mark_now_and_then())
        senders = [asyncio.create_task(self._send_on()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*senders)
        finally:
            await _end(senders)
            if self._claiming is not None:
                await asyncio.gather(self._claiming, return_exceptions=True)
            self._give_back()
            self._is_over = True
            self._has_enough.set()
            await asyncio.gather(self._marking, return_exceptions=True)
            await self._mark()
        return True

    async def _send_on(self) -> None:
        while found := await self._next():
            good_until, messages = found
            behind: list[Outcome] = []
            for message in messages:
                outcome = _behind(behind, message) if behind else None
                if outcome is None and self._clock() > good_until:
                    outcome = Outcome(message, OutboxState.WAITING, (), "claim_ran_out")
                outcome = outcome or await _one(self._deps, message, self._now)
                behind.append(outcome)
                self._ended(outcome)

    def _ended(self, outcome: Outcome) -> None:
        self._unmarked.append(outcome)
        if len(self._unmarked) >= MARK_MOST:
            self._has_enough.set()

    async def _next(self) -> tuple[float, list[Claimed]] | None:
        """Return the messages of one person, None where nothing more is due."""
        while True:
            if self._claiming is not None and self._claiming.done():
                self._claiming.result()
                self._claiming = None
            if self._claiming is None and self._wants_more():
                self._claiming = asyncio.create_task(self._claim())
                self._has_enough.set()  # one commit takes both: the claim and what is to be marked
            if self._is_broken():
                return None
            if self._waiting:
                return self._waiting.popleft()
            if self._claiming is None:
                return None
            await asyncio.wait({self._claiming})

    def _wants_more(self) -> bool:
        is_late = self._clock() > self._until
        return not (self._is_dry or is_late) and len(self._waiting) < AT_ONCE

    def _is_broken(self) -> bool:
        """Tell whether what is sent cannot be marked: then nothing more is sent."""
        return self._marking is not None and self._marking.done()

    async def _claim(self) -> None:
        good_until = self._clock() + CLAIM_SECONDS - SEND_SECONDS
        claimed = await self._deps.db.write(outbox.claim, now=self._now, limit=BATCH)
        self._is_dry = not claimed
        if claimed:
            crashpoints.reach("outbox.after_claim")
        by_person: dict[tuple[str, str], list[Claimed]] = defaultdict(list)
        for one in claimed:
            by_person[one.addressee.account, one.addressee.recipient].append(one)
        self._waiting.extend((good_until, messages) for messages in by_person.values())

    def _give_back(self) -> None:
        """Let go of what was claimed and not begun, where the job was cut short."""
        for _, messages in self._waiting:
            self._unmarked += [Outcome(one, OutboxState.WAITING, (), "") for one in messages]
        self._waiting.clear()

    async def _mark_now_and_then(self) -> None:
        """Mark in groups, and bound what a crash leaves open also where the platform is slow."""
        while not self._is_over:
            timer = asyncio.get_running_loop().call_later(MARK_SECONDS, self._has_enough.set)
            await self._has_enough.wait()
            timer.cancel()
            self._has_enough.clear()
            await self._mark()

    async def _mark(self) -> None:
        unmarked, self._unmarked = self._unmarked, []
        if not unmarked:
            return
        try:
            await self._deps.db.write(outbox.finish, unmarked, now=self._now)
        except BaseException:
            self._unmarked = [*unmarked, *self._unmarked]
            raise
        crashpoints.reach("outbox.after_mark")
        ended = Counter(str(outcome.state) for outcome in unmarked)
        self._report.update(ended)
        if ended[OutboxState.UNKNOWN]:
            log.warning("outbox.unknown", extra={"messages": ended[OutboxState.UNKNOWN]})


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
    early = _early_end(claimed, now)
    if early is not None:
        return early
    event = await _as_of_now(deps, claimed, now)
    if event is None:
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "paid_meanwhile")
    message = deps.compose(await _asking(deps, claimed, event, now), claimed.manner)
    channel = deps.channels.get(claimed.addressee.account)
    if channel is None:
        return Outcome(claimed, OutboxState.DEAD, (), "no_such_account")
    return await _by_routes(channel, claimed, message, now)


def _early_end(claimed: Claimed, now: datetime) -> Outcome | None:
    """Say why a message is not sent at all, before any way is looked for."""
    if not claimed.is_following and not claimed.reach.subscribe_credits:
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "not_following")
    if _is_muted(claimed):
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "muted")
    if not _may_go(claimed, now):
        return Outcome(claimed, OutboxState.UNKNOWN, (), "cut_off")
    if claimed.quiet_until is not None:
        return _wait(claimed, (), "quiet_hours", claimed.quiet_until)
    return None


def _is_muted(claimed: Claimed) -> bool:
    if isinstance(claimed.event, NoticeSent) and claimed.urgency is Urgency.NOTICE:
        return not set(silenced_by(claimed.event.category)).isdisjoint(claimed.muted)
    return MUTED_BY.get(claimed.urgency, "-") in claimed.muted


def _is_risky(claimed: Claimed) -> bool:
    """Tell whether sending now may double what must not be doubled; a receipt is worth a double."""
    return claimed.risky_since is not None and claimed.urgency is not Urgency.RECEIPT


def _may_go(claimed: Claimed, at: datetime) -> bool:
    """Tell whether at `at` our id still keeps the platform from showing a message twice."""
    if not _is_risky(claimed) or claimed.risky_since is None:
        return True
    return not claimed.was_reachable and at - claimed.risky_since < SAME_ID_LASTS


def _wait(
    claimed: Claimed, attempts: tuple[Attempt, ...], why: str, until: datetime, kind: str = ""
) -> Outcome:
    """Try again later, unless by then it could double what must not be doubled."""
    if _may_go(claimed, until):
        return Outcome(claimed, OutboxState.WAITING, attempts, why, until, kind)
    why = "" if attempts else "cut_off"
    return Outcome(claimed, OutboxState.UNKNOWN, attempts, why, kind=kind)


async def _as_of_now(deps: JobDeps, claimed: Claimed, now: datetime) -> Event | None:
    """Ask the books again what a reminder is about; None where nothing is owed any more."""
    event, reader = claimed.event, claimed.addressee.identity_id
    if isinstance(event, NoticeSent) and event.reads == "each" and reader is not None:
        return await deps.db.read(as_she_reads_it, event, reader, now=now)
    if isinstance(event, ReminderDue):
        return await deps.db.read(reminders.figures_now, event, deps.links, now=now)
    if isinstance(event, BillsIssued):
        period = BillingPeriod.parse(event.period)
        is_owed = await deps.db.read(owes_for, event.binding_id, period)
        return event if is_owed else None
    return event


async def _asking(deps: JobDeps, claimed: Claimed, event: Event, now: datetime) -> Event:
    """Let a message in her window end by asking how it was; a template has no room to ask."""
    identity_id = claimed.addressee.identity_id
    if not isinstance(event, ASKING) or identity_id is None or not claimed.reach.custom_left:
        return event
    if not await deps.db.read(may_ask_with, event, identity_id=identity_id, now=now):
        return event
    asks = await deps.db.write(ask_with, event, identity_id=identity_id, now=now)
    return replace(event, asks_rating=asks)


async def _by_routes(
    channel: ChatChannel, claimed: Claimed, message: OutgoingMessage, now: datetime
) -> Outcome:
    """Try the open ways, best first; what may have arrived goes only by one that knows our id."""
    routes = channel.routes_for(message, claimed.reach)
    is_risky = _is_risky(claimed)
    if is_risky:
        routes = tuple(route for route in routes if route in KNOWS_OUR_ID)
    if not claimed.is_following and not _notices(routes):
        return Outcome(claimed, OutboxState.SUPPRESSED, (), "not_following")
    left = deque(routes if claimed.is_following else _notices(routes))
    attempts: tuple[Attempt, ...] = ()
    while left:
        crashpoints.reach("outbox.before_send")
        attempt = await channel.send(
            claimed.addressee.recipient,
            message,
            left.popleft(),
            delivery_id=f"wy{claimed.outbox_id}",
        )
        crashpoints.reach("outbox.after_send")
        attempts = (*attempts, attempt)
        if attempt.verdict not in NEXT_WAY:
            return _judge(claimed, attempts, now, message.kind)
        if attempt.verdict is Verdict.GONE:
            left = deque(_notices(left))
    return _no_way(claimed, attempts, now, message.kind)


def _notices(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return of these ways the one that reaches also who does not follow us."""
    return tuple(route for route in routes if route is Route.SUBSCRIBE)


def _no_way(claimed: Claimed, attempts: tuple[Attempt, ...], now: datetime, kind: str) -> Outcome:
    """End a message that no way was open for: who has gone is given up, what is paused waits."""
    gone = [one for one in attempts if one.verdict is Verdict.GONE]
    paused = [one for one in attempts if one.verdict is Verdict.PAUSED]
    telling = gone or sorted(paused, key=lambda one: one.not_before or now)
    if telling:
        last = attempts[-1]
        outcome = _judge(claimed, (*attempts[:-1], telling[0]), now, kind)
        why = outcome.why or ("" if telling[0] is last else telling[0].detail)
        return replace(outcome, attempts=attempts, why=why)
    if _is_risky(claimed):
        return Outcome(claimed, OutboxState.UNKNOWN, attempts, "cut_off", kind=kind)
    return Outcome(claimed, OutboxState.HELD, attempts, "no_way_open", kind=kind)


def _judge(claimed: Claimed, attempts: tuple[Attempt, ...], now: datetime, kind: str) -> Outcome:
    last = attempts[-1]
    if last.verdict is Verdict.SENT:
        return Outcome(claimed, OutboxState.SENT, attempts, kind=kind)
    if last.verdict in (Verdict.GONE, Verdict.MUTED):
        return Outcome(claimed, OutboxState.SUPPRESSED, attempts, kind=kind)
    is_spent = claimed.tries >= MOST_TRIES and last.verdict is not Verdict.PAUSED
    if last.verdict is Verdict.BAD_CONTENT or is_spent:
        return Outcome(claimed, OutboxState.DEAD, attempts, kind=kind)
    if last.verdict is Verdict.UNKNOWN and not _may_repeat(claimed, last, now):
        return Outcome(claimed, OutboxState.UNKNOWN, attempts, kind=kind)
    wait = timedelta(seconds=WAITS[min(claimed.tries - 1, len(WAITS) - 1)])
    not_before = max(last.not_before or now + wait, now + wait)
    return _wait(claimed, attempts, "", not_before, kind)


def _may_repeat(claimed: Claimed, last: Attempt, now: datetime) -> bool:
    """Tell whether sending again cannot double it, or is worth a double (a receipt)."""
    if last.route in KNOWS_OUR_ID:
        return now - claimed.created_at < SAME_ID_LASTS
    return claimed.urgency is Urgency.RECEIPT and claimed.tries < 3


JOB = Job(name="deliver_outbox", cron="* * * * *", run=run, has_rows=False)
