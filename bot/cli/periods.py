"""`wuyebot period`: closing a month, and opening it again with a reason."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, read_books, staff_or_exit, write_books
from bot.cli.billing import month_or_exit
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.audit import Actor
from storage.database import Database
from storage.operations.closing import close_period, reopen_period
from storage.queries.closes import closed_periods

command = typer.Typer(add_completion=False, help="结账")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
MonthArgument = Annotated[str, typer.Argument(help="月份，例如 2026-11")]
ByOption = Annotated[str, typer.Option(help="经办同事的手机号")]


@command.command("list")
def list_(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print the months that are closed now."""

    async def look(db: Database) -> frozenset[str]:
        return await db.read(closed_periods, await community_or_exit(db, community))

    closed = sorted(read_books(database_url(config, folder), look))
    typer.echo("\n".join(closed) or "没有结账的月份。")


@command.command("close")
def close(
    community: CommunityArgument,
    month: MonthArgument,
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Close a month that is over: none of its figures moves; corrections count in the open one."""
    period = month_or_exit(month)

    async def work(db: Database) -> bool:
        return await db.write(
            close_period,
            community_id=await community_or_exit(db, community),
            period=period,
            actor=Actor(staff_id=await staff_or_exit(db, by)),
            now=datetime.now(UTC),
        )

    is_new = write_books(database_url(config, folder), work)
    typer.echo(f"{period} 已结账。" if is_new else f"{period} 之前已经结账。")


@command.command("reopen")
def reopen(
    community: CommunityArgument,
    month: MonthArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="为什么反结账，会留在账上")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Open a closed month again; the reason is kept."""
    period = month_or_exit(month)
    if not reason.strip():
        fail("请写明反结账的原因：--reason。")

    async def work(db: Database) -> bool:
        return await db.write(
            reopen_period,
            community_id=await community_or_exit(db, community),
            period=period,
            reason=reason,
            actor=Actor(staff_id=await staff_or_exit(db, by)),
            now=datetime.now(UTC),
        )

    is_new = write_books(database_url(config, folder), work)
    typer.echo(f"{period} 已反结账。" if is_new else f"{period} 没有结账。")
