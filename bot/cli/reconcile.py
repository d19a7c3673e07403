"""`wuyebot reconcile`: how days agreed, a difference's history, and a statement read in by hand."""

import asyncio
import hashlib
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.channels.exchange import open_http
from bot.cli.acting import day_or_exit, write_books
from bot.cli.places import (
    ConfigOption,
    FolderOption,
    ask_books,
    fail,
    read_or_exit,
)
from bot.config import Settings
from bot.gateways.registry import GATEWAYS, kind_of
from handlers import causes, reconciling, words
from scheduler.statement_files import take_in
from storage.database import Database
from storage.lazy import load
from storage.money import yuan
from storage.operations.reconciliation import Expected, expect_statement
from storage.periods import shanghai_day
from storage.ports.payments import PaymentGateway, StatementFile
from storage.queries.differences import differences_on, history_of
from storage.queries.estate import all_communities
from storage.queries.reconciliation import Statement, statements_on

command = typer.Typer(add_completion=False, help="对账")

STATES: Final = {"fetched": "已读入，上午对账时核对", "known": "这个文件已经读过，没有改动"}


@command.command("show")
def show(
    day: Annotated[str, typer.Option(help="平台的哪一天，默认昨天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print a day's statements and differences, beside a running bot."""
    wanted = day_or_exit(day, otherwise=shanghai_day(datetime.now(UTC)) - timedelta(days=1))
    statements = ask_books(config, folder, lambda tx: statements_on(tx, wanted, wanted))
    found = ask_books(
        config,
        folder,
        lambda tx: differences_on(
            tx, wanted, community_ids=[one.community_id for one in all_communities(tx)]
        ),
    )
    for one in statements:
        typer.echo(_told(one))
    for difference in found:
        about = reconciling.about(difference.reference, difference.gateway, difference.day_on)
        state = "等着处理" if difference.closed_at is None else "已了结"
        typer.echo(f"{difference.number} {about} {_cause(difference.kind)}，{state}")
    if not statements:
        typer.echo(f"{wanted} 没有平台账单。")


@command.command("difference")
def difference(
    number: Annotated[int, typer.Argument(help="差异的编号")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what was done with a difference, beside a running bot."""
    found = ask_books(
        config,
        folder,
        lambda tx: history_of(
            tx, number, community_ids=[one.community_id for one in all_communities(tx)]
        ),
    )
    if found is None:
        fail(f"没有编号是 {number} 的差异。")
    one, notes = found
    about = reconciling.about(one.reference, one.gateway, one.day_on)
    typer.echo(f"{one.number} {about} {_cause(one.kind)}")
    typer.echo(f"对方 {yuan(one.told_fen)} 元，我们 {yuan(one.ours_fen)} 元")
    for note in notes:
        act = causes.ACTS.get(note.act, note.act)
        typer.echo(f"{words.moment(note.noted_at)} {act} {note.staff_name} {note.note}".rstrip())


@command.command("read")
def read(
    gateway: Annotated[str, typer.Argument(help="平台，配置里 [gateways.…] 的名字")],
    day: Annotated[str, typer.Argument(help="平台的哪一天，例如 2026-03-01")],
    file: Annotated[Path, typer.Argument(help="从商户平台下载的账单原文件")],
    config: Annotated[Path, typer.Option("--config", help="The configuration file.")],
) -> None:
    """Read in a statement that was downloaded by hand. Stop a running SQLite bot first."""
    settings = read_or_exit(config)
    if gateway not in settings.gateways:
        fail(f"配置里没有 [gateways.{gateway}]。")
    wanted = day_or_exit(day, otherwise=shanghai_day(datetime.now(UTC)))
    if not file.is_file():
        fail(f"没有文件 {file}。")

    async def write(db: Database) -> str:
        return await _read(db, settings, gateway, wanted, file)

    outcome = write_books(settings.database.url, write)
    if outcome not in STATES:
        fail("文件不完整，或者不是这一天、这个商户的账单，没有采用。")
    typer.echo(f"{words.gateway(gateway)} {wanted}：{STATES[outcome]}。")


async def _read(db: Database, settings: Settings, name: str, day: date, file: Path) -> str:
    now = datetime.now(UTC)
    async with open_http() as http:
        adapter = load(GATEWAYS[kind_of(name)]).Gateway
        gateway: PaymentGateway = adapter(settings.gateways[name], http, now=lambda: now)
        path, digest = await asyncio.to_thread(_keep, file, settings.reconciliation.dir, name, day)
        kept = StatementFile(name, gateway.merchant_id, day, path, digest)
        expected = Expected(name, gateway.merchant_id, day)
        statement = await db.write(expect_statement, expected, now=now)
        return await take_in(db, gateway, kept, statement, now=now)


def _keep(file: Path, folder: Path, name: str, day: date) -> tuple[Path, str]:
    """Copy a file to where statements are kept; return the copy and the digest of its bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    kept = folder / f"{name}-{day}-{digest[:12]}{''.join(file.suffixes)}"
    if kept.resolve() != file.resolve():
        shutil.copyfile(file, kept)
    return kept, digest


def _told(one: Statement) -> str:
    if one.state in reconciling.STATES:
        return f"{words.gateway(one.gateway)}：{reconciling.STATES[one.state]}"
    state = "已对账" if one.agreed_at else "已读入，等着对账"
    return (
        f"{words.gateway(one.gateway)}：{state}，{one.line_count} 笔，收 {yuan(one.paid_fen)} 元，"
        f"退 {yuan(one.refunded_fen)} 元，手续费 {yuan(one.fee_fen)} 元，"
        f"到账 {yuan(one.settled_fen)} 元（{one.file_name}）"
    )


def _cause(kind: str) -> str:
    return causes.DIFFERENCES.get(kind, causes.OTHER_DIFFERENCE)
