"""`wuyebot opening`: a community speaks only after its opening sheet was signed."""

import asyncio
import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.audit import Actor
from storage.database import Database, open_database, open_reader
from storage.errors import (
    NotAllowed,
    NotAnAmount,
    OpeningSheetDisagrees,
    StorageUnavailable,
    UnknownAudience,
)
from storage.money import from_yuan, yuan
from storage.operations.opening import opening_totals, sign_opening, widen
from storage.queries.estate import community_named
from storage.queries.staff import staff_by_phone

command = typer.Typer(add_completion=False, help="期初核对与签字")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
Totals = dict[tuple[str, str], int]


@command.command("show")
def show(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print what our books say per building and item, to hold against the old books."""
    try:
        totals = asyncio.run(_show(database_url(config, folder), community))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    typer.echo("楼栋,收费项目,合计")
    for (building, item), fen in sorted(totals.items()):
        typer.echo(f"{building},{item},{yuan(fen).replace(',', '')}")


@command.command("sign")
def sign(
    community: CommunityArgument,
    totals: Annotated[Path, typer.Argument(help="老账合计，CSV：楼栋,收费项目,合计")],
    manager: Annotated[str, typer.Option(help="签字经理的手机号")],
    pilot: Annotated[
        list[str] | None, typer.Option(help="先试发的住户，如 3-2-1201，最多十户")
    ] = None,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Sign: the old books' totals equal ours. Stop a running SQLite bot first."""
    url = database_url(config, folder)
    try:
        is_new = asyncio.run(_sign(url, community, _read(totals), (manager, pilot or [])))
    except OpeningSheetDisagrees as trouble:
        fail("和账上对不上，没有签字：\n  " + "\n  ".join(trouble.rows))
    except NotAllowed:
        fail(f"{manager} 不是这个小区的经理，不能签字。")
    except UnknownAudience as trouble:
        fail(f"试发的住户 {trouble.words} 找不到，或超过了十户。")
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if not is_new:
        typer.echo("之前已经签过字了。")
    elif pilot:
        typer.echo(
            f"已签字。先只给 {len(pilot)} 户主动发消息；没问题后运行 wuyebot opening widen。"
        )
    else:
        typer.echo("已签字，从现在起会给全部住户主动发消息。")


@command.command("widen")
def widen_to_all(
    community: CommunityArgument,
    manager: Annotated[str, typer.Option(help="经理的手机号")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Speak to every household, not only to the pilots. Stop a running SQLite bot first."""
    try:
        is_new = asyncio.run(_widen(database_url(config, folder), community, manager))
    except NotAllowed:
        fail(f"{manager} 不是这个小区的经理。")
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    typer.echo("从现在起给全部住户发。" if is_new else "还没有签字，或者之前已经放开了。")


def _read(path: Path) -> Totals:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return {
            (row["楼栋"].strip(), row["收费项目"].strip()): from_yuan(row["合计"]) for row in rows
        }
    except (OSError, KeyError, AttributeError) as trouble:
        fail(f"{path}：需要 UTF-8 的 CSV，表头是 楼栋,收费项目,合计（{trouble}）")
    except NotAnAmount as trouble:
        fail(f"{path}：{trouble.text!r} 不是金额，写成 1234.50 这样。")


async def _show(url: str, name: str) -> Totals:
    async with open_reader(url) as db:
        community = await db.read(community_named, name)
        if community is None:
            fail(f"没有叫“{name}”的小区；先用 wuyebot import estate 导入。")
        return await db.read(opening_totals, community.community_id)


async def _sign(
    url: str, name: str, totals: Totals, manager_and_pilots: tuple[str, list[str]]
) -> bool:
    phone, pilots = manager_and_pilots
    async with open_database(url) as db:
        community_id = await _community_id(db, name)
        return await db.write(
            sign_opening,
            community_id=community_id,
            totals=totals,
            actor=Actor(await db.read(staff_by_phone, phone)),
            now=datetime.now(UTC),
            pilot_codes=pilots,
        )


async def _widen(url: str, name: str, phone: str) -> bool:
    async with open_database(url) as db:
        return await db.write(
            widen,
            community_id=await _community_id(db, name),
            actor=Actor(await db.read(staff_by_phone, phone)),
            now=datetime.now(UTC),
        )


async def _community_id(db: Database, name: str) -> int:
    community = await db.read(community_named, name)
    if community is None:
        fail(f"没有叫“{name}”的小区；先用 wuyebot import estate 导入。")
    return community.community_id
