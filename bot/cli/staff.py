"""`wuyebot staff`: who works in the office, and how she proves it in chat."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.places import fail, prepared, read_or_exit
from bot.config import Settings
from bot.passwords import LONGEST, SHORTEST, hashed, is_fit
from storage.audit import CLOCK
from storage.database import open_database
from storage.errors import StorageUnavailable
from storage.kinds import StaffRole
from storage.links import Links
from storage.operations.console_sessions import set_password
from storage.operations.staff import add_staff, dismiss
from storage.queries.estate import community_named
from storage.queries.staff import staff_by_phone

command = typer.Typer(add_completion=False, help="物业人员")


@command.command("add")
def add(
    name: Annotated[str, typer.Argument(help="姓名")],
    phone: Annotated[str, typer.Argument(help="手机号")],
    role: Annotated[StaffRole, typer.Argument(help="manager 经理、cashier 收银、steward 管家")],
    communities: Annotated[list[str], typer.Argument(help="服务的小区")],
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Take somebody on (or change her role); prints the code that she types in chat."""
    settings = read_or_exit(config)
    prepared(settings.database.url)
    try:
        asyncio.run(_add(settings, name, phone, role, communities))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    links = Links(settings.links.secret.encode(), settings.web.base_url)
    code = links.staff_code(phone)
    typer.echo(f"已登记 {name}。请本人关注公众号后发送：员工绑定 {phone} {code}")


@command.command("leave")
def leave(
    phone: Annotated[str, typer.Argument(help="手机号")],
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Let somebody go: her staff words do nothing from now on."""
    settings = read_or_exit(config)
    try:
        name = asyncio.run(_leave(settings.database.url, phone))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if name is None:
        fail(f"没有手机号是 {phone} 的在职人员。")
    typer.echo(f"{name} 已离职，不能再用员工功能；以前的操作记录都在。")


@command.command("password")
def password(
    phone: Annotated[str, typer.Argument(help="手机号")],
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Give somebody a new password for the console; whoever is signed in as her is out."""
    settings = read_or_exit(config)
    typed: str = typer.prompt("新密码（至少10个字）", hide_input=True, confirmation_prompt=True)
    if not is_fit(typed):
        fail(f"密码要{SHORTEST}到{LONGEST}个字。没有改。")
    try:
        is_known = asyncio.run(_set_password(settings.database.url, phone, hashed(typed)))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if not is_known:
        fail(f"没有手机号是 {phone} 的在职人员。")
    typer.echo(f"已设好。请本人打开 {settings.web.base_url}/console/ ，用手机号和密码登录。")


async def _set_password(url: str, phone: str, phc: str) -> bool:
    async with open_database(url) as db:
        staff_id = await db.read(staff_by_phone, phone)
        if staff_id is not None:
            now = datetime.now(UTC)
            await db.write(set_password, staff_id, phc, actor=CLOCK, now=now)
        return staff_id is not None


async def _leave(url: str, phone: str) -> str | None:
    async with open_database(url) as db:
        return await db.write(dismiss, phone, now=datetime.now(UTC))


async def _add(
    settings: Settings, name: str, phone: str, role: StaffRole, communities: list[str]
) -> None:
    async with open_database(settings.database.url) as db:
        found = [await db.read(community_named, one) for one in communities]
        unknown = [one for one, row in zip(communities, found, strict=True) if row is None]
        if unknown:
            fail(f"没有叫“{unknown[0]}”的小区；先用 wuyebot import estate 导入。")
        await db.write(
            add_staff,
            name=name,
            phone=phone,
            role=role,
            community_ids=tuple(row.community_id for row in found if row is not None),
            now=datetime.now(UTC),
        )
