"""`wuyebot statement`: one statement of account for a payer with many units, and its file."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.acting import community_or_exit, day_or_exit, read_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.statements import write_payer_table
from handlers import statements
from storage.database import Database
from storage.kinds import Payer
from storage.money import yuan
from storage.periods import shanghai_day
from storage.queries.payer_statements import (
    PayerStatement,
    residents_called,
    statement_of_firm,
    statement_of_resident,
)
from storage.queries.statements import days_of_year

FIRMS: Final = {"开发商": Payer.DEVELOPER, "物业公司": Payer.COMPANY}


def command(
    community: Annotated[str, typer.Argument(help="小区名称")],
    payer: Annotated[str, typer.Argument(help="缴费人：姓名、单位名或手机号；开发商、物业公司")],
    first: Annotated[str, typer.Option("--from", help="从哪天起，例如 2026-01-01")] = "",
    last: Annotated[str, typer.Option("--to", help="到哪天为止，不写就是今天")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="另写一个 .xlsx 文件")] = None,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what a payer answers for, unit by unit and in all; the file has every line."""
    if file is not None and file.suffix.lower() != ".xlsx":
        fail(f"{file} 的名字要以 .xlsx 结尾。")
    since, today = days_of_year(shanghai_day(datetime.now(UTC)))
    first_on, last_on = day_or_exit(first, otherwise=since), day_or_exit(last, otherwise=today)
    if first_on > last_on:
        fail("--from 要在 --to 之前。")

    async def look(db: Database) -> PayerStatement:
        return await _found(db, community, payer, first_on, last_on)

    found = read_books(database_url(config, folder), look)
    if not found.parts:
        fail(f"{payer} 在 {community} 没有要缴费的房屋。")
    _show(payer, found)
    if file is not None:
        try:
            write_payer_table(file, found)
        except OSError as trouble:
            fail(f"写不了 {file}：{trouble.strerror}。")
        typer.echo(f"每一笔已写到 {file}。文件里有住户的账，请妥善保管。")


async def _found(
    db: Database, community: str, payer: str, first_on: date, last_on: date
) -> PayerStatement:
    """Return the statement of whoever is meant, or end."""
    days = {"first_on": first_on, "last_on": last_on}
    community_id = await community_or_exit(db, community)
    if payer in FIRMS:
        return await db.read(statement_of_firm, community_id, FIRMS[payer], **days)
    called = await db.read(residents_called, community_id, payer)
    if not called:
        fail(f"{community} 没有叫“{payer}”的住户或单位。")
    if len(called) > 1:
        several = "、".join(f"{name} {phone}" for _, name, phone in called)
        fail(f"“{payer}”有几位：{several}。请改写手机号或姓名。")
    return await db.read(statement_of_resident, community_id, called[0][0], **days)


def _show(payer: str, found: PayerStatement) -> None:
    typer.echo(f"{payer} 往来明细（{statements.days(found.first_on, found.last_on)}）")
    for one in found.parts:
        typer.echo(
            f"  {one.unit_label}  期初 {yuan(one.opening_open_fen)}  新出 {yuan(one.billed_fen)}"
            f"  已缴 {yuan(one.settled_fen)}{_written_off(one.written_off_fen)}"
            f"  期末待缴 {yuan(one.open_fen)}元"
        )
    typer.echo(
        f"合计 {len(found.parts)} 处  期初 {yuan(found.opening_open_fen)}"
        f"  新出 {yuan(found.billed_fen)}  已缴 {yuan(found.settled_fen)}"
        f"{_written_off(found.written_off_fen)}"
        f"  期末待缴 {yuan(found.open_fen)}元"
    )
    if found.in_advance_fen:
        typer.echo(f"预存 {yuan(found.in_advance_fen)}元")


def _written_off(fen: int) -> str:
    return f"  坏账核销 {yuan(fen)}" if fen else ""
