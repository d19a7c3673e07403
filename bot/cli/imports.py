"""`wuyebot import`: takes a property office's spreadsheets in; without --apply it only looks."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.places import ConfigOption, FolderOption, database_url, fail, prepared
from bot.spreadsheets.importing import ImportAsk, ImportReport, Mode, SheetKind, import_sheet
from bot.spreadsheets.writing import write_marked
from storage.audit import CLOCK
from storage.database import open_database, open_reader
from storage.errors import StorageUnavailable

MARKED: Final = ".marked.xlsx"


def command(
    kind: Annotated[SheetKind, typer.Argument(help="What the sheet is about.")],
    file: Annotated[Path, typer.Argument(help="The .xlsx file.")],
    config: ConfigOption = None,
    folder: FolderOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Change the books.")] = False,  # noqa: FBT002
    good_rows: Annotated[  # noqa: FBT002
        bool, typer.Option("--good-rows", help="Of an estate: take the good rows, mark the bad.")
    ] = False,
    community: Annotated[str, typer.Option(help="Where the sheet has no column 小区.")] = "",
) -> None:
    """Print what a spreadsheet would change and every bad row; --apply takes it in."""
    if good_rows and kind is not SheetKind.ESTATE:
        fail("--good-rows is for estates; money is taken whole or not at all")
    mode = Mode.LOOK
    if apply:
        mode = Mode.GOOD_ROWS if good_rows else Mode.APPLY
    url = prepared(database_url(config, folder))
    raise typer.Exit(run_import(url, kind, file, mode, community))


def run_import(
    url: str, kind: SheetKind, file: Path, mode: Mode = Mode.LOOK, community: str = ""
) -> int:
    """Import a file into the database of a URL and say what happened; return the exit status.

    0: done, or nothing stands against it; 1: bad rows (their list is printed), or no database.
    """
    ask = ImportAsk(kind, file, mode, CLOCK, datetime.now(UTC), community)
    try:
        report = asyncio.run(_import(url, ask))
    except StorageUnavailable as trouble:
        typer.echo(trouble.reason, err=True)
        return 1
    for line in report.changes:
        typer.echo(f"+ {line}")
    for problem in report.problems:
        typer.echo(f"! {problem}")
    typer.echo(_summary(report, mode))
    if report.problems and mode is Mode.GOOD_ROWS and report.is_applied:
        target = file.with_name(file.stem + MARKED)
        write_marked(file, target, report.problems)
        typer.echo(f"有问题的行已标红：{target}")
    return 1 if report.problems else 0


async def _import(url: str, ask: ImportAsk) -> ImportReport:
    door = open_reader if ask.mode is Mode.LOOK else open_database
    async with door(url) as db:
        return await import_sheet(db, ask)


def _summary(report: ImportReport, mode: Mode) -> str:
    changes, problems = len(report.changes), len(report.problems)
    if report.is_applied:
        left = f"，{problems} 处有问题的未导入" if problems else ""
        return f"已导入：{changes} 项变更{left}。" if changes or left else "没有需要变更的内容。"
    if problems:
        return f"没有导入任何内容：{problems} 处有问题，请改正后重试。"
    if mode is Mode.LOOK:
        return f"预览：将有 {changes} 项变更，尚未写入；加 --apply 正式导入。"
    return "没有导入任何内容。"
