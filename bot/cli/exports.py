"""`wuyebot export`: writes what is in the books as spreadsheets; beside a running bot, too."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.exporting import ExportKind, export_sheet
from bot.spreadsheets.writing import Parts
from storage.database import open_reader
from storage.errors import StorageUnavailable
from storage.queries.estate import community_named


def command(
    kind: Annotated[ExportKind, typer.Argument(help="What to write.")],
    file: Annotated[Path, typer.Argument(help="The .xlsx file to write.")],
    config: ConfigOption = None,
    folder: FolderOption = None,
    community: Annotated[str, typer.Option(help="小区名称；不写就是全部小区。")] = "",
) -> None:
    """Write a sheet that `wuyebot import` reads again. It holds names and phones: keep it safe."""
    if file.suffix.lower() != ".xlsx":
        fail(f"{file} 的名字要以 .xlsx 结尾。")
    try:
        parts = asyncio.run(_export(database_url(config, folder), kind, file, community))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except OSError as trouble:
        fail(f"写不了 {file}：{trouble.strerror}。")
    for path in parts.paths:
        typer.echo(f"已写到 {path}")
    typer.echo(f"共 {parts.rows} 行。文件里有住户信息，请妥善保管。")


async def _export(url: str, kind: ExportKind, file: Path, community: str) -> Parts:
    async with open_reader(url) as db:
        if community and await db.read(community_named, community) is None:
            fail(f"没有叫“{community}”的小区。")
        return await db.read(export_sheet, kind, file, community=community)
