"""`wuyebot doctor`: what is configured, what is missing, what will not work and what to do."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import aiohttp
import typer
from cryptography import x509

from bot import config as settings_file
from bot.channels.wechat_templates import TemplateMapping
from bot.cli.doctor_outside import judge_skew, outside
from bot.cli.places import fail
from bot.config import ConfigError, Settings
from bot.demo_templates import TITLES
from bot.gateways.registry import GATEWAYS, kind_of
from bot.language_model import LanguageModel
from handlers.understanding.second_opinion import SecondOpinion
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.lazy import load
from storage.periods import shanghai_day
from storage.queries.health import Standing, standing
from storage.queries.proofs import prove
from storage.queries.work_chats import members_of_chat, staff_not_at
from storage.sql import database_now
from storage.steps import newest_step, sqlite_file, step_of

FIXED_SQLITE: Final = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Versions in which two connections can no longer spoil a write-ahead log."""

OFFICIAL: Final = "wechat_official"
WORK: Final = "wecom"
FIELDS: Final = ("unit", "amount", "time", "state", "number", "community", "text", "title")
"""What our messages offer to a template's keys."""
FEWEST_IN_CHAT: Final = 2
DIFFERENCES_SHOWN: Final = 10
NAMES_SHOWN: Final = 20
PROBE: Final = "物业费怎么收的呀"
"""What a language model is asked to see whether it answers."""
CERTIFICATE_WARNING_DAYS: Final = 60
OLDEST_BACKUP_HOURS: Final = 49

Line = tuple[str, str]


def command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")] = Path(
        "config.toml"
    ),
    offline: Annotated[bool, typer.Option("--offline", help="Ask no platform.")] = False,  # noqa: FBT002
) -> None:
    """Look at everything, one line each; exit status 1 where something will not work."""
    try:
        settings = settings_file.read(config)
    except ConfigError as trouble:
        fail(f"bad   {trouble}")
    lines = [
        ("ok", f"phase: {_phase(settings)}"),
        *_web(settings),
        *_channels(settings),
        *_gateways(settings),
        *asyncio.run(_database(settings)),
        *([] if offline else asyncio.run(outside(settings))),
        *([] if offline else asyncio.run(_language_model(settings))),
        *_backups(settings),
    ]
    for grade, text in lines:
        typer.echo(f"{grade:<6}{text}")
    raise typer.Exit(1 if any(grade == "bad" for grade, _ in lines) else 0)


def _phase(settings: Settings) -> str:
    """Name how far this deployment has come, and what the next step needs."""
    if any(kind == OFFICIAL for kind, _ in settings.channels.values()):
        return "2: residents ask, pay and are told through the official account"
    if settings.gateways:
        return "1: paper bills carry a QR to pay; next, an official account under [channels.…]"
    return "0: imports, paper bills, counter, reports; next, a way to pay under [gateways.…]"


def _web(settings: Settings) -> Iterator[Line]:
    base_url = settings.web.base_url
    if base_url.startswith("https://"):
        yield "ok", f"web: residents open {base_url}"
    else:
        yield "warn", f"web: {base_url} is not https; WeChat opens and calls back only https"
    if base_url.startswith("https://") and not settings.web.address_header:
        yield "warn", "web: behind a proxy all visitors count as one; set web.address_header"
    folder = settings.web.verify_dir
    if folder is None or not any(folder.glob("MP_verify_*.txt")):
        place = "set web.verify_dir" if folder is None else f"put it into {folder}"
        yield "warn", f"web: no MP_verify_*.txt, which proves the domain to WeChat; {place}"
    if not settings.company.filing_no:
        yield "warn", "company: no filing_no (备案号); the front page has to show it"


def _channels(settings: Settings) -> Iterator[Line]:
    if not any(kind == OFFICIAL for kind, _ in settings.channels.values()):
        yield "warn", "channels: no official account; nobody is told anything in chat"
    for account, (kind, one) in settings.channels.items():
        yield "ok", f"channels.{account}: {kind}"
        if kind == WORK:
            where = f"{settings.web.base_url}/wecom/{account}"
            yield "ok", f"channels.{account}: WeCom calls {where} (接收消息服务器)"
        if kind == OFFICIAL:
            yield from _templates(f"channels.{account}", one.templates)
    yield from _alarms(settings)


def _alarms(settings: Settings) -> Iterator[Line]:
    """Look whether the duty group can be told when a job is late or a channel stops."""
    group = settings.alarms.group
    told = {
        one for _, config in settings.channels.values() for one in getattr(config, "groups", ())
    }
    if not group:
        yield "warn", "alarms: nobody is told of late jobs or shut channels; set alarms.group"
    elif group not in told:
        yield "bad", f"alarms: no channel has a group {group}; nobody is told"
    else:
        yield "ok", f"alarms: {group} is told"


def _templates(where: str, templates: Mapping[str, TemplateMapping]) -> Iterator[Line]:
    if not templates:
        yield "warn", f"{where}: no templates; outside 48 hours nobody is reached"
        return
    if missing := [kind for kind in TITLES if kind not in templates]:
        yield "warn", f"{where}: no template for {', '.join(missing)}; these wait for her next word"
    for kind, mapping in templates.items():
        if kind not in TITLES:
            yield (
                "bad",
                f"{where}: templates.{kind} tells no service event; ours: {', '.join(TITLES)}",
            )
        for key, ours in mapping.fields.items():
            if ours not in FIELDS:
                yield (
                    "bad",
                    f"{where}: templates.{kind}.{key}: we have no {ours}; {', '.join(FIELDS)}",
                )


def _gateways(settings: Settings) -> Iterator[Line]:
    if not settings.gateways:
        yield "warn", "gateways: none; residents can look but not pay"
    for name, one in settings.gateways.items():
        try:
            module = load(GATEWAYS[kind_of(name)])
            gateway = module.Gateway(one, None, now=lambda: datetime.now(UTC))
        except ValueError as trouble:
            yield "bad", f"gateways.{name}: {trouble}"
            continue
        yield "ok", f"gateways.{name}: keys load"
        if kind_of(name) == "wechat_pay":
            yield "ok", f"gateways.{name}: direct merchant; sub_mchid (服务商) is not supported"
        yield from _fits(settings, name, one)
        yield from _certificates(name, _end_of_certificates(gateway, one))


def _end_of_certificates(gateway: Any, one: Any) -> datetime | None:  # noqa: ANN401
    """Return when the first of a merchant's certificates ends, None where it has none."""
    found: datetime | None = getattr(gateway, "certificates_end_at", None)
    file: Path | None = getattr(one, "platform_certificate_file", None)
    if found is None and file is not None:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    return found


def _certificates(name: str, end_at: datetime | None) -> Iterator[Line]:
    """Warn before a merchant's certificates end: afterwards nothing is signed or proven."""
    if end_at is None:
        return
    days = (end_at - datetime.now(UTC)).days
    if days < 0:
        yield "bad", f"gateways.{name}: a certificate ended on {end_at:%Y-%m-%d}; renew it"
    elif days < CERTIFICATE_WARNING_DAYS:
        yield "warn", f"gateways.{name}: a certificate ends on {end_at:%Y-%m-%d}; renew it"
    else:
        yield "ok", f"gateways.{name}: certificates hold for {days} more days"


def _fits(settings: Settings, name: str, one: Any) -> Iterator[Line]:  # noqa: ANN401 - any Config
    """Hold a gateway against the account that it collects in, and against our address."""
    app_ids = [config.app_id for kind, config in settings.channels.values() if kind == OFFICIAL]
    if kind_of(name) == "wechat_pay" and app_ids and one.app_id not in app_ids:
        yield "bad", f"gateways.{name}: app_id {one.app_id} is no account of ours; nobody can pay"
    host = urlsplit(settings.web.base_url).netloc
    address = getattr(one, "notify_url", "")
    if address and urlsplit(address).netloc != host:
        yield "warn", f"gateways.{name}: notify_url is not on {host}; is that proxied to us?"


async def _database(settings: Settings) -> list[Line]:
    url = settings.database.url
    lines = list(_sqlite(url))
    try:
        async with open_reader(url) as db:
            step = await db.read(step_of)
            if step != newest_step():
                return [*lines, ("warn", f"database: at step {step or 'none'}; `run` brings it up")]
            ahead = datetime.now(UTC) - await db.read(database_now)
            broken = await db.read(prove)
            seen = await db.read(standing, limit=DIFFERENCES_SHOWN)
            apart = await db.read(staff_not_at, _work_accounts(settings))
            chats = [
                (group, len(await db.read(members_of_chat, account, community)))
                for account, group, community in _chats(settings)
            ]
    except (StorageUnavailable, OSError) as trouble:
        return [*lines, ("warn", f"database: {trouble}; `run` creates a SQLite file")]
    if sqlite_file(url) is None:
        lines.append(judge_skew("the database", ahead))
    lines += _standing(seen)
    lines += _payees(seen, settings)
    lines += _staff(apart, settings)
    lines += _chat_members(chats)
    lines += _residents_groups(settings)
    if broken:
        return [*lines, ("bad", f"books: {len(broken)} rows break a sentence; see wuyebot audit")]
    return [*lines, ("ok", "books: every sentence holds")]


async def _language_model(settings: Settings) -> list[Line]:
    """Ask the model once, about nobody, as the bot would."""
    config = settings.understanding.language_model
    if config is None:
        return [("ok", "language model: off; the recogniser alone understands")]
    where = urlsplit(config.url).netloc
    found: list[str] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        model = LanguageModel(config, http)
        asked = SecondOpinion(model, seconds=config.timeout_seconds, count=found.append)
        now = datetime.now(UTC)
        await asked.of(PROBE, now=now, today=shanghai_day(now))
    if found == ["named"]:
        return [("ok", f"language model: {config.model} at {where} answers in time")]
    why = {"late": "too slow", "unfit": "its answers are of another shape"}
    reason = why.get(found[0], "no answer: address, key or model name")
    return [
        ("warn", f"language model: {config.model} at {where}: {reason}; the recogniser goes on")
    ]


def _standing(seen: Standing) -> Iterator[Line]:
    if seen.journal:
        grade = "ok" if seen.journal == "wal" else "warn"
        yield grade, f"database: journal mode {seen.journal}"
    for name in seen.silent:
        yield "warn", f"{name}: opening sheet not signed, so it stays silent; wuyebot opening"
    for name in seen.unreachable:
        yield "warn", f"{name}: residents find no phone; wuyebot community office"
    for name in seen.unmanaged:
        yield "warn", f"{name}: no manager agrees to refunds or signs; wuyebot staff add"
    for kind, reference, detail in seen.differences:
        yield "warn", f"difference: {kind} {reference} {detail}; hold it against the platform"


def _payees(seen: Standing, settings: Settings) -> Iterator[Line]:
    """Hold what payees collect through against the gateways that are configured."""
    for payee, name in seen.collected_through:
        if name not in settings.gateways:
            yield "bad", f"payee {payee}: collects through {name}, which is not configured"


def _work_accounts(settings: Settings) -> list[str]:
    return [account for account, (kind, _) in settings.channels.items() if kind == WORK]


def _chats(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Return account, name and community of each chat that a WeCom app makes."""
    for account in _work_accounts(settings):
        for group, community in settings.channels[account][1].groups.items():
            yield account, group, community


def _residents_groups(settings: Settings) -> Iterator[Line]:
    for account in _work_accounts(settings):
        for group, told in settings.channels[account][1].residents_groups.items():
            yield (
                "ok",
                f"group {group}: {told.owner} owns it and presses send (客户联系 可调用应用)",
            )


def _chat_members(chats: Sequence[tuple[str, int]]) -> Iterator[Line]:
    for group, count in chats:
        if count < FEWEST_IN_CHAT:
            why = "WeCom makes it when two colleagues of its community are bound; 员工绑定"
            yield "warn", f"chat {group}: {count} members, not made yet; {why}"
        else:
            yield "ok", f"chat {group}: {count} members, kept in step every ten minutes"


def _staff(apart: Sequence[str], settings: Settings) -> Iterator[Line]:
    """Name those whose alerts wait once they have been silent for 48 hours."""
    if not apart:
        return
    names = "、".join(apart[:NAMES_SHOWN]) + (" …" if len(apart) > NAMES_SHOWN else "")
    how = "bind them there: 员工绑定" if _work_accounts(settings) else "add a channel of kind wecom"
    yield "warn", f"staff: {names} not in WeCom; alerts wait after 48 hours of silence; {how}"


def _sqlite(url: str) -> Iterator[Line]:
    path = sqlite_file(url)
    if path is None:
        yield "ok", "database: PostgreSQL; back it up with its own tools"
        return
    version = sqlite3.sqlite_version_info
    is_fixed = version >= FIXED_SQLITE[0] or any(
        version[:2] == one[:2] and version >= one for one in FIXED_SQLITE[1:]
    )
    why = "" if is_fixed else " (one connection writes and checkpoints: safe with this version)"
    yield (
        "ok",
        f"database: SQLite {sqlite3.sqlite_version} at {path}, synchronous FULL{why}",
    )
    folder = path.parent if path.parent.exists() else Path()
    free = shutil.disk_usage(folder).free // 2**20
    needed = 1024 + 2 * (path.stat().st_size // 2**20 if path.exists() else 0)
    hint = "" if free > needed else f"; a backup and a day's growth need {needed}"
    yield ("warn" if hint else "ok"), f"disk: {free} MiB free{hint}"


def _backups(settings: Settings) -> Iterator[Line]:
    if sqlite_file(settings.database.url) is None:
        return
    found = sorted(settings.backup.dir.glob("wuyebot-*.db"))
    if not found:
        yield "warn", f"backup: none in {settings.backup.dir} yet; the first comes at 03:30"
        return
    written = datetime.fromtimestamp(found[-1].stat().st_mtime, tz=UTC)
    hours = int((datetime.now(UTC) - written).total_seconds() // 3600)
    told = f"backup: newest is {found[-1].name}, {hours} h old, {len(found)} kept"
    if hours > OLDEST_BACKUP_HOURS:
        yield "bad", f"{told}; no night since has made one: see the log for back_up"
    else:
        yield "ok", f"{told}; prove it with wuyebot restore --check"
