"""`wuyebot income`: what a month earned and what came in, by fee item."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, read_books
from bot.cli.billing import month_or_exit
from bot.cli.places import ConfigOption, FolderOption, database_url
from storage.database import Database
from storage.money import yuan
from storage.queries.income import ItemSum, MonthlyIncome, income_of

OTHER = "其他"


def command(
    community: Annotated[str, typer.Argument(help="小区名称")],
    month: Annotated[str, typer.Argument(help="月份，例如 2026-12")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print a month's income in both views: earned (权责发生), and received (收付实现)."""
    period = month_or_exit(month)

    async def look(db: Database) -> MonthlyIncome:
        return await db.read(income_of, await community_or_exit(db, community), period)

    found = read_books(database_url(config, folder), look)
    _show("权责发生：这个月的收入", found.accrued, found.accrued_fen)
    if found.corrected_fen:
        typer.echo(f"  其中更正以前月份的账单 {yuan(found.corrected_fen)}元")
    if found.waived_fen:
        typer.echo(f"  另外这个月减免了 {yuan(found.waived_fen)}元，没有从上面扣除")
    if found.bad_debt_fen:
        typer.echo(f"  另外这个月核销坏账 {yuan(found.bad_debt_fen)}元，没有从上面扣除")
    _show("收付实现：这个月收到的", found.received, found.received_fen)
    typer.echo(f"另收到：预存等还没有对应账单的 {yuan(found.set_aside_fen)}元")
    typer.echo(f"另收到：代收和押金 {yuan(found.for_others_fen)}元，不是收入")
    typer.echo(f"到月底为止，已出账、以后月份才算收入的 {yuan(found.deferred_fen)}元")
    if found.unbilled_fen:
        typer.echo(f"到月底为止，已算收入、月底以后才出账的 {yuan(found.unbilled_fen)}元")


def _show(title: str, sums: Sequence[ItemSum], total_fen: int) -> None:
    typer.echo(f"{title} {yuan(total_fen)}元")
    for one in sums:
        typer.echo(f"  {one.item_name or OTHER}  {yuan(one.fen)}元")
