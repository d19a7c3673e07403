"""`wuyebot own-text`: greeting, words after hours and more phone numbers of a community."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.acting import read_books, write_books
from bot.cli.own_words import (
    ApplyOption,
    ByOption,
    CommunityArgument,
    hosts_or_exit,
    manager_or_exit,
    office_or_exit,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from handlers import own_words
from storage.database import Database
from storage.kinds import OwnText
from storage.operations.own_words import write_text
from storage.periods import shanghai_day
from storage.queries.faqs import own_texts_of

command = typer.Typer(add_completion=False, help="小区自己的问候语、下班后的话、更多电话")

KINDS = {
    "问候": OwnText.GREETING,
    "下班": OwnText.OFF_DUTY,
    "电话": OwnText.PHONES,
}


@command.command("show")
def show(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print what a community says in its own words."""

    async def work(db: Database) -> dict[OwnText, str]:
        today = shanghai_day(datetime.now(UTC))
        community_id, _ = await office_or_exit(db, community, on=today)
        return await db.read(own_texts_of, community_id)

    said = read_books(database_url(config, folder), work)
    for name, kind in KINDS.items():
        typer.echo(f"{name}  {said.get(kind, '没有写')}")


@command.command("set")
def set_(
    community: CommunityArgument,
    kind: Annotated[str, typer.Argument(help="问候、下班、电话")],
    text: Annotated[str, typer.Argument(help="写什么；电话写成 工程报修=0571-1; 门岗=0571-2")],
    by: ByOption,
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what residents would read; --apply saves it, "" takes it back."""
    if kind not in KINDS:
        fail(f"没有“{kind}”；可以写 {'、'.join(KINDS)}。")
    url, hosts, said = database_url(config, folder), hosts_or_exit(config, folder), text.strip()
    if said:
        typer.echo(read_books(url, lambda db: _tried(db, community, KINDS[kind], said, hosts)))
    if not apply:
        typer.echo("预览，尚未保存；加 --apply 保存。")
        return

    async def work(db: Database) -> None:
        now = datetime.now(UTC)
        community_id, _ = await office_or_exit(db, community, on=shanghai_day(now))
        writer = await manager_or_exit(db, by)
        await db.write(write_text, KINDS[kind], said, community_id=community_id, by=writer, now=now)

    write_books(url, work)
    typer.echo("已保存。")


async def _tried(
    db: Database, community: str, kind: OwnText, said: str, hosts: frozenset[str]
) -> str:
    """Return what residents would read, or end with what stands against it."""
    today = shanghai_day(datetime.now(UTC))
    _, office = await office_or_exit(db, community, on=today)
    if found := own_words.text_objections(kind, said, office, hosts):
        fail("没有保存：\n" + "\n".join(found))
    return own_words.text_told(kind, said, office)
