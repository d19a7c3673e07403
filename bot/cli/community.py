"""`wuyebot community`: how an office is reached, and what its community has chosen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from handlers import words
from storage.database import Database, open_database, open_reader
from storage.errors import NotAnAmount, StorageUnavailable
from storage.money import from_yuan, yuan
from storage.operations.communities import choose, write_office
from storage.periods import shanghai_day
from storage.queries.estate import community_named
from storage.queries.policies import Policy, policy_on
from storage.queries.residents import Contact, contact
from storage.rules.duty import Duty, read_duty

command = typer.Typer(add_completion=False, help="小区的联系方式和规则")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]

Write = Callable[[Database, int], Awaitable[None]]

NOBODY: Final = "不催"
NOTHING: Final = {
    "collection_closed": "不暂停",
    "sharing_basis": "不公摊",
    "closed_gateways": "都开放",
    "ticket_hours": "默认",
}
"""Choices that are a text → what is typed for none."""
YES_OR_NO: Final = {"要": True, "不要": False}


def _steps(said: str) -> tuple[int, ...]:
    return () if said == NOBODY else tuple(int(one) for one in said.split(","))


CHOICES: Final[Mapping[str, tuple[str, str, Callable[[str], Any]]]] = MappingProxyType(
    {
        "reminder-days": ("reminder_days", "在应缴日前(-)后第几天催，或者 不催", _steps),
        "weekly-cap": ("weekly_cap", "每人七天内最多几条催缴，0 到 7", int),
        "quiet-from": ("quiet_from", "晚上几点起不打扰，12:00 以后", time.fromisoformat),
        "quiet-until": ("quiet_until", "早上几点起可以发，12:00 以前", time.fromisoformat),
        "approval-over": ("broadcast_approval_over", "群发超过几人要另一位同事同意", int),
        "issue-day": ("issue_day", "每月几号出账，1 到 28", int),
        "bind-code": ("bind_needs_code", "绑定要不要纸质账单上的绑定码", YES_OR_NO.__getitem__),
        "refund-days": ("refund_window_days", "缴费后几天内的退款可以不审核", int),
        "refund-yuan": ("refund_automatic_fen", "多少元以内的退款可以不审核", from_yuan),
        "refund-any": (
            *("refund_any_cause", "除了重复缴、多缴、缴错房，别的原因也不审核"),
            YES_OR_NO.__getitem__,
        ),
        "closed": ("collection_closed", "暂停线上缴费的原因，或者 不暂停", str),
        "closed-ways": (
            *("closed_gateways", "暂停的支付方式和原因，例如 alipay=维护到周五，或者 都开放"),
            str,
        ),
        "parts": ("takes_parts", "一笔账单可以分几次缴", YES_OR_NO.__getitem__),
        "rounding-yuan": ("rounding_limit_fen", "柜台抹零最多几元", from_yuan),
        "waiver-yuan": ("waiver_second_over_fen", "减免超过几元要两个人批准", from_yuan),
        "duty-from": ("duty_from", "前台几点上班", time.fromisoformat),
        "duty-until": ("duty_until", "前台几点下班", time.fromisoformat),
        "duty-days": ("duty_days", "星期几有人上班，1 是星期一", _steps),
        "ticket-hours": (
            *("ticket_hours", "各类工单几个工时内办完，例如 repair=9; question=4，或者 默认"),
            str,
        ),
        "rating-days": ("rating_days", "每人几天内最多请评价一次，0 是不请", int),
        "sharing": ("sharing_basis", "公摊的依据：合同条款或业主决定，或者 不公摊", str),
    }
)
"""What is typed → our name of the choice, what it means, and how it is read."""


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
        typer.echo(f"{name}={_typed(ours, getattr(policy, ours))}  {what}")


def _typed(ours: str, chosen: Any) -> str:  # noqa: ANN401 - any field of Policy
    """Return a choice as it is typed."""
    if isinstance(chosen, tuple):
        return ",".join(map(str, chosen)) or NOBODY
    if isinstance(chosen, time):
        return f"{chosen:%H:%M}"
    if isinstance(chosen, bool):
        return "要" if chosen else "不要"
    return yuan(chosen) if ours.endswith("_fen") else str(chosen) or NOTHING[ours]


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
    ours, what, read = CHOICES[name]
    try:
        return ours, read("" if text == NOTHING.get(ours) else text)
    except (ValueError, KeyError, NotAnAmount):
        fail(f"{name}={text} 看不懂：{what}。")


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
