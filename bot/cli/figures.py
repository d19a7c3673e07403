"""`wuyebot figures`: rates (收缴率), the summary of fees (收费汇总表), ages, a forecast."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, day_or_exit, read_books
from bot.cli.billing import month_or_exit
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.fee_summary import write_fee_summary
from handlers import rates
from storage.database import Database
from storage.money import yuan
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.debt_ages import Bucket, debts_by_age
from storage.queries.debt_moves import Days, Scope
from storage.queries.fee_summary import ItemBalance, fee_summary
from storage.queries.forecasts import MonthAhead, month_ahead

command = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Community = Annotated[str, typer.Argument(help="小区名称")]
Month = Annotated[str, typer.Argument(help="月份，例如 2026-12")]
AGES = ("30天以内", "31到60天", "61到90天", "91到180天", "181到365天", "超过365天")


@command.command("rate")
def rate_(
    community: Community, month: Month, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print a month's rates with both their sides, of old debts and by building too."""
    period = month_or_exit(month)
    today = shanghai_day(datetime.now(UTC))

    async def look(db: Database) -> rates.MonthRates:
        scope = Scope(await community_or_exit(db, community))
        return await rates.rates_of(db, scope, period, today)

    found = read_books(database_url(config, folder), look)
    typer.echo(f"{community} {month}，截至{found.cut_off.isoformat()}")
    for line in rates.lines_of(found):
        typer.echo(line)
    for building in found.by_building:
        typer.echo(f"  {building.label or '其他'}  {rates.by_amount(building.rate)}")


@command.command("summary")
def summary_(
    community: Community,
    month: Month,
    file: Annotated[Path | None, typer.Option("--file", help="另写一个 .xlsx 文件")] = None,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print the summary of fees of a month; the file is set up for A4."""
    if file is not None and file.suffix.lower() != ".xlsx":
        fail(f"{file} 的名字要以 .xlsx 结尾。")
    period = month_or_exit(month)

    async def look(db: Database) -> tuple[ItemBalance, ...]:
        scope = Scope(await community_or_exit(db, community))
        return await db.read(fee_summary, scope, Days.of(period))

    found = read_books(database_url(config, folder), look)
    title = f"{community} 收费汇总表 {period.year}年{period.month}月"
    typer.echo(f"{title}（元）")
    for row in rates.summary_rows(found):
        typer.echo("  ".join((row.label, *(f"{name} {yuan(fen)}" for name, fen in row.columns))))
    if file is not None:
        try:
            write_fee_summary(file, title, found)
        except OSError as trouble:
            fail(f"写不了 {file}：{trouble.strerror}。")
        typer.echo(f"已写到 {file}，可以直接用 A4 纸打印。")


@command.command("ages")
def ages_(
    community: Community,
    day: Annotated[str, typer.Option("--as-of", help="截至哪天，不写就是今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print open debts by their age as of a day."""
    as_of = day_or_exit(day, otherwise=shanghai_day(datetime.now(UTC)))

    async def look(db: Database) -> tuple[Bucket, ...]:
        return await db.read(debts_by_age, Scope(await community_or_exit(db, community)), as_of)

    found = read_books(database_url(config, folder), look)
    typer.echo(f"{community} 账龄，截至{as_of.isoformat()}")
    for label, bucket in zip(AGES, found, strict=True):
        typer.echo(f"  {label}  {bucket.households} 户  {yuan(bucket.open_fen)}元")
    typer.echo(f"  合计  {yuan(sum(one.open_fen for one in found))}元")


@command.command("forecast")
def forecast_(
    community: Community, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print what this month's bills will have brought by its end, beside a naive guess."""
    today = shanghai_day(datetime.now(UTC))

    async def look(db: Database) -> MonthAhead:
        return await db.read(month_ahead, Scope(await community_or_exit(db, community)), today)

    found = read_books(database_url(config, folder), look)
    ahead, trial = found.forecast, found.trial
    month = BillingPeriod.of(today)
    typer.echo(
        f"{month.year}年{month.month}月应收 {yuan(ahead.asked_fen)}元，"
        f"已收 {yuan(ahead.paid_fen)}元"
    )
    typer.echo(
        f"到月底预计收到 {yuan(ahead.expected_fen)}元（按前 {ahead.months} 个月同一天以后的进度）"
    )
    typer.echo(f"只按上个月的收缴率估计是 {yuan(ahead.naive_fen)}元")
    if trial.months:
        typer.echo(
            f"用前面 {trial.months} 个月试算：这个办法共差 {yuan(trial.off_fen)}元，"
            f"只看上个月共差 {yuan(trial.naive_off_fen)}元"
        )
