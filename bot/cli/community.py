"""`wuyebot community`: how an office is reached, and what its community has chosen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from bot.choices import CHOICES, read_choice, said_as
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from handlers import words
from storage.database import Database, open_database, open_reader
from storage.errors import NotAnAmount, StorageUnavailable
from storage.operations.communities import choose, write_office
from storage.periods import shanghai_day
from storage.queries.estate import community_named
from storage.queries.policies import Policy, policy_on
from storage.queries.residents import Contact, contact
from storage.rules.duty import Duty, read_duty

command = typer.Typer(add_completion=False, help="小区的联系方式和规则")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]

Write = Callable[[Database, int], Awaitable[None]]


@command.command("show")
def show(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print how the office is reached, and each choice as `choose` takes it."""
    try:
        office, policy = asyncio.run(_look(database_url(config, folder), community))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    named = (office.company_name, office.phone, words.duty(policy.duty), office.address)
    for label, said in zip(("公司", "电话", "上班时间", "地址"), named, strict=True):
        typer.echo(f"{label}  {said or '没有登记'}")
    for name, (ours, what, _) in CHOICES.items():
        typer.echo(f"{name}={said_as(ours, getattr(policy, ours))}  {what}")


@command.command("office")
def office(
    community: CommunityArgument,
    company: Annotated[str, typer.Option(help="公司名称")] = "",
    phone: Annotated[str, typer.Option(help="服务电话")] = "",
    hours: Annotated[str, typer.Option(help="上班时间，例如 每天8:30到17:30")] = "",
    address: Annotated[str, typer.Option(help="前台地址")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write down how residents reach the office. Stop a running SQLite bot first."""
    said = {"company_name": company, "phone": phone, "address": address}
    changed = {name: one.strip() for name, one in said.items() if one.strip()}
    duty = _duty_or_exit(hours) if hours.strip() else None
    if not changed and duty is None:
        fail("没有写要改什么：--company、--phone、--hours、--address 至少一项。")

    async def write(db: Database, community_id: int) -> None:
        now = datetime.now(UTC)
        if changed:
            await db.write(write_office, changed, community_id=community_id, now=now)
        if duty is not None:
            await _keep_hours(db, duty, community_id, now)

    _change(database_url(config, folder), community, write)
    typer.echo("已登记；住户回复“电话”就能看到。")


def _duty_or_exit(hours: str) -> Duty:
    try:
        return read_duty(hours)
    except ValueError:
        fail(f"上班时间“{hours}”看不懂，写成 每天8:30到17:30 或者 周一到周五9:00到18:00 这样。")


async def _keep_hours(db: Database, duty: Duty, community_id: int, now: datetime) -> None:
    """Choose duty hours from today on: what residents read, and when a person is there."""
    day = shanghai_day(now)
    before = await db.read(policy_on, community_id, day)
    chosen = replace(before, duty_from=duty.begins, duty_until=duty.ends, duty_days=duty.days)
    await db.write(choose, chosen, community_id=community_id, effective_on=day, now=now)


@command.command("choose")
def choose_(
    community: CommunityArgument,
    choices: Annotated[list[str], typer.Argument(help="例如 weekly-cap=1；全部名称见 show")],
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Change choices from a day on; the others stay. Stop a running SQLite bot first."""
    changed = dict(_read(one) for one in choices)
    try:
        day = date.fromisoformat(since) if since else shanghai_day(datetime.now(UTC))
    except ValueError:
        fail(f"{since} 不是日期，写成 2026-03-01 这样。")

    async def write(db: Database, community_id: int) -> None:
        before = await db.read(policy_on, community_id, day)
        await db.write(
            choose,
            replace(before, **changed),
            community_id=community_id,
            effective_on=day,
            now=datetime.now(UTC),
        )

    _change(database_url(config, folder), community, write)
    typer.echo(f"已登记，从 {day} 起生效。")


def _read(said: str) -> tuple[str, Any]:
    name, found, text = said.partition("=")
    if not found or name not in CHOICES:
        fail(f"没有“{name}”这一项；可以改的有：{'、'.join(CHOICES)}。写成 名称=值。")
    try:
        return read_choice(name, text)
    except (ValueError, KeyError, NotAnAmount):
        fail(f"{name}={text} 看不懂：{CHOICES[name][1]}。")


def _change(url: str, community: str, change: Write) -> None:
    try:
        asyncio.run(_write(url, community, change))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except ValueError as unfit:
        typed = {ours: (name, what) for name, (ours, what, _) in CHOICES.items()}
        name, what = typed.get(str(unfit), (str(unfit), ""))
        fail(f"没有改动：{name} 超出范围。{what}")


async def _write(url: str, name: str, change: Write) -> None:
    async with open_database(url) as db:
        await change(db, await _community_id(db, name))


async def _look(url: str, name: str) -> tuple[Contact, Policy]:
    async with open_reader(url) as db:
        community_id = await _community_id(db, name)
        today = shanghai_day(datetime.now(UTC))
        return await db.read(contact, community_id), await db.read(policy_on, community_id, today)


async def _community_id(db: Database, name: str) -> int:
    community = await db.read(community_named, name)
    if community is None:
        fail(f"没有叫“{name}”的小区；先用 wuyebot import estate 导入。")
    return community.community_id
