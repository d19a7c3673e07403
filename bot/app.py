"""The composition root: here all rooms meet, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp import web

from bot import certificates
from bot.channels.registry import load_channel
from bot.config import Settings
from bot.gateways.registry import GATEWAYS, kind_of
from bot.language_model import LanguageModel
from bot.roles import ALL, Role
from bot.web.metrics import Metrics
from bot.web.server import Company, WebParts, build, build_watch
from bot.works import Worker
from handlers.composer import Composer
from handlers.deps import HandlerDeps
from handlers.registry import INTENTS, NOTIFICATIONS, STAFF_INTENTS
from handlers.router import Router
from handlers.staff.words import WORDS
from handlers.understanding.recogniser import Recogniser
from handlers.understanding.second_opinion import SecondOpinion
from scheduler.deps import JobDeps
from scheduler.job import Job
from scheduler.runner import Runner
from storage import outbox
from storage.database import Database, lock_file, open_database
from storage.frozen import dataclass
from storage.inbox import Accepted, Forgotten
from storage.lazy import load
from storage.links import Links
from storage.operations import job_runs
from storage.operations.late_answers import answer_late
from storage.operations.work_chats import know_work_chats
from storage.operations.works import forget_work_leases
from storage.ports.chat import IncomingMessage
from storage.ports.clock import Clock
from storage.queries.residents import find_person
from storage.steps import is_newest, sqlite_file

LATER: Final = (
    *(
        "apscheduler.schedulers.asyncio",
        "apscheduler.triggers.cron",
        "apscheduler.triggers.interval",
    ),
    *("jinja2", "prometheus_client.core", "segno", "scheduler.registry"),
    *("bot.web.checkout", "bot.web.receipts", "bot.web.webhooks"),
    *(f"handlers.staff.{name}" for name in WORDS),
    *(f"handlers.intents.{one.name}" for one in INTENTS),
    *(f"handlers.notifications.{name}" for name in NOTIFICATIONS.values()),
)
"""What no chat message waits for: loaded when it is needed, or by `House.warm_up`."""


class _Jobs:
    """The registry's jobs that a process does, loaded for the first tick."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self._roles = roles

    def __iter__(self) -> Iterator[Job]:
        jobs: tuple[Job, ...] = load("scheduler.registry").JOBS
        return (one for one in jobs if self._is_ours(one))

    def _is_ours(self, job: Job) -> bool:
        return (Role.SCHEDULER if job.has_rows else Role.WORKER) in self._roles


class RealClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class Connector(aiohttp.TCPConnector):
    """Ways out to the platforms; the first waits for the machine's certificates."""

    async def connect(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as it was called
        """Get a connection, from those kept or anew."""
        if certificates.are_waiting():
            await asyncio.to_thread(certificates.read)
        return await super().connect(*args, **options)


@dataclass(frozen=True, slots=True)
class House:
    """A built house: the door to the street, and the clock's hand."""

    settings: Settings
    db: Database
    channels: Mapping[str, Any]
    web: web.Application
    runner: Runner
    recogniser: Recogniser
    worker: Worker

    async def live(self, stop: asyncio.Event) -> None:
        """Let the clock and the long work go on until told to stop."""
        await asyncio.gather(self.runner.live(stop), self.worker.live(stop))

    def warm_up(self) -> None:
        """Do what the first to need it would wait for; may run in a thread of its own."""
        certificates.read()
        self.recogniser.warm_up()
        for name in LATER:
            load(name)


@asynccontextmanager
async def open_house(
    settings: Settings, clock: Clock, roles: frozenset[Role] = ALL
) -> AsyncIterator[House]:
    """Build everything from the ground up, and take it down in the opposite order.

    A process without the role of the web answers only who watches over it.
    """
    await bring_schema_up(settings.database.url)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(settings.database.url))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=Connector(limit=200, ttl_dns_cache=300),
            )
        )
        channels = {
            account: _channel(kind, one, http, clock)
            for account, (kind, one) in settings.channels.items()
        }
        gateways = {
            name: load(GATEWAYS[kind_of(name)]).Gateway(one, http, now=clock.now)
            for name, one in settings.gateways.items()
        }
        await _take_over(db, settings.database.url)
        await db.write(
            know_work_chats, _of_kind(settings, "wecom"), _groups(settings), _owners(settings)
        )
        yield _assemble(settings, clock, db, http, channels, gateways, roles=roles)


def _channel(kind: str, config: Any, http: aiohttp.ClientSession, clock: Clock) -> Any:  # noqa: ANN401
    module, class_name = load_channel(kind)
    return getattr(module, class_name)(config, http=http, now=clock.now)


async def bring_schema_up(url: str) -> None:
    """Take the database to the newest step; the tool for it is loaded only when one is missing.

    Raises StorageUnavailable where another process owns a SQLite file: it is not changed under it.
    """
    if await is_newest(url):
        return
    path = sqlite_file(url)
    lock = None if path is None else await asyncio.to_thread(lock_file, path)
    try:
        await asyncio.to_thread(load("storage.migrate").upgrade, url)
    finally:
        if lock is not None:
            lock.close()


async def _take_over(db: Database, url: str) -> None:
    """Free what a dead process held; only where the database has one owner at a time."""
    if sqlite_file(url) is not None:
        await db.write(outbox.forget_claims)
        await db.write(job_runs.forget_leases)
        await db.write(forget_work_leases)


def _assemble(
    settings: Settings,
    clock: Clock,
    db: Database,
    http: aiohttp.ClientSession,
    channels: Mapping[str, Any],
    gateways: Mapping[str, Any],
    *,
    roles: frozenset[Role],
) -> House:
    links = Links(settings.links.secret.encode(), settings.web.base_url)
    metrics = Metrics()
    opinion = _second_opinion(settings, http, metrics)
    deps = HandlerDeps(db, clock, links, gateways, Recogniser(), opinion)
    router = Router(deps, intents=INTENTS, staff_intents=STAFF_INTENTS)
    job_deps = JobDeps(
        db=db,
        clock=clock,
        links=links,
        channels=channels,
        gateways=gateways,
        compose=Composer(links, clock).compose,
        answer_late=partial(_answer_forgotten, db, router),
        backup_dir=settings.backup.dir,
        sqlite_file=sqlite_file(settings.database.url),
        statement_dir=settings.reconciliation.dir,
        fee_ppm=settings.reconciliation.fee_ppm(),
        staff_chats={name: channels[name] for name in _of_kind(settings, "wecom")},
        duty_group=settings.alarms.group,
    )
    runner = Runner(job_deps, _Jobs(roles))
    db.wake_on_commit(runner.wake)
    worker = Worker(db, clock)
    parts = WebParts(
        db=db,
        clock=clock,
        links=links,
        channels={name: channels[name] for name in _of_kind(settings, "wechat_official")},
        work_channels={name: channels[name] for name in _of_kind(settings, "wecom")},
        gateways=gateways,
        pay_gateways=tuple(gateways),
        router=router,
        handler_deps=deps,
        wake=runner.wake,
        begin_work=worker.wake,
        metrics=metrics,
        **_of_the_web(settings),
    )
    return House(settings, db, channels, _street(parts, roles), runner, deps.recogniser, worker)


def _of_the_web(settings: Settings) -> dict[str, Any]:
    """Return what the pages are told by the configuration alone."""
    return {
        "secret": settings.links.secret.encode(),
        "base_url": settings.web.base_url,
        "company": _company(settings),
        "address_header": settings.web.address_header,
        "requests_per_minute": settings.web.requests_per_minute,
        "link_hosts": settings.web.link_hosts,
        "verify_dir": settings.web.verify_dir,
    }


def _street(parts: WebParts, roles: frozenset[Role]) -> web.Application:
    return build(parts) if Role.WEB in roles else build_watch(parts)


def _second_opinion(
    settings: Settings, http: aiohttp.ClientSession, metrics: Metrics
) -> SecondOpinion | None:
    config = settings.understanding.language_model
    if config is None:
        return None
    return SecondOpinion(
        LanguageModel(config, http),
        seconds=config.timeout_seconds,
        count=lambda outcome: metrics.opinions.labels(outcome).inc(),
    )


def _of_kind(settings: Settings, wanted: str) -> list[str]:
    """Return the accounts of one kind, in the configuration's order."""
    return [account for account, (kind, _) in settings.channels.items() if kind == wanted]


def _groups(settings: Settings) -> dict[str, str]:
    """Return group of staff → the account that tells it; the first that names it does."""
    found: dict[str, str] = {}
    for account, (_, config) in settings.channels.items():
        for group in (*getattr(config, "groups", ()), *getattr(config, "residents_groups", ())):
            found.setdefault(group, account)
    return found


def _owners(settings: Settings) -> dict[str, str]:
    """Return group of residents → the member who presses send there."""
    return {
        group: told.owner
        for _, config in settings.channels.values()
        for group, told in getattr(config, "residents_groups", {}).items()
    }


def _company(settings: Settings) -> Company:
    told = settings.company
    return Company(told.name, told.phone, tuple(told.services.split("、")), told.filing_no)


async def _answer_forgotten(db: Database, router: Router, one: Forgotten, now: datetime) -> None:
    """Answer a message that a crash left without an answer; its effects are safe to repeat."""
    person = await db.read(find_person, one.account, one.openid, now=now)
    if person is None:
        return
    message = IncomingMessage(
        one.account, one.openid, one.kind, one.said, one.message_key, one.heard_at, ""
    )
    reply = await router.answer(person, message, now=now)
    if reply is not None:
        await db.write(answer_late, Accepted(one.inbox_id, person), reply, now=now)
