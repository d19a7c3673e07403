"""`wuyebot tariff`: the prices in force, and what a sheet of prices would come to."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, read_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.cells import WorkbookRefused
from bot.spreadsheets.reading import read_workbook
from bot.spreadsheets.tariff_terms import CYCLES, first_words
from bot.spreadsheets.tariffs import BASES, read_tariffs
from handlers import refusals
from storage.database import Database
from storage.errors import Refusal
from storage.money import yuan
from storage.operations.tariffs import TariffFact, check_tariff
from storage.periods import shanghai_day
from storage.queries.tariff_trials import TariffTrial
from storage.queries.tariffs import schemes_of
from storage.rules.billing import Scheme, Version
from storage.rules.tariffs import price_text

command = typer.Typer(add_completion=False, help="收费标准")

Tried = tuple[TariffFact, tuple[TariffTrial, ...] | Refusal]
CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]


@command.command("list")
def list_(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print every price with its days, the past ones too."""

    async def look(db: Database) -> list[Scheme]:
        found = await db.read(schemes_of, await community_or_exit(db, community))
        return [scheme for named in found.values() for scheme in named.values()]

    for scheme in read_books(database_url(config, folder), look):
        for version in scheme.versions:
            typer.echo(_line(scheme, version))


def _line(scheme: Scheme, version: Version) -> str:
    tariff = version.tariff
    until = f" 到 {tariff.ends_on}" if tariff.ends_on else ""
    cycle = first_words(CYCLES)[version.cycle]
    said = [scheme.item_name, scheme.unit_kind, scheme.name, first_words(BASES)[tariff.basis]]
    price = f"{price_text(tariff.price_e4)}元 {cycle}"
    return " ".join(one for one in said if one) + f" {price} 自 {tariff.effective_on}{until}"


@command.command("try")
def try_(
    community: CommunityArgument,
    sheet: Annotated[Path, typer.Argument(help="收费标准表")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what each price of a sheet would come to for three real units; nothing is saved."""
    try:
        rows = read_tariffs(read_workbook(sheet), community=community)
    except WorkbookRefused as refused:
        fail(str(refused.problem))
    today = shanghai_day(datetime.now(UTC))

    async def look(db: Database) -> list[Tried]:
        community_id = await community_or_exit(db, community)
        facts = [fact for _, fact in rows.rows]
        return [await _try(db, fact, community_id, today) for fact in facts]

    tried = read_books(database_url(config, folder), look)
    for problem in rows.problems:
        typer.echo(f"! {problem}")
    for fact, made in tried:
        typer.echo(f"{fact.fee_item} 自 {fact.effective_on}")
        for line in _tried(made):
            typer.echo(f"  {line}")
    if rows.problems or any(isinstance(made, Refusal) for _, made in tried):
        raise typer.Exit(1)


async def _try(db: Database, fact: TariffFact, community_id: int, today: date) -> Tried:
    try:
        made = await db.read(check_tariff, fact, community_id=community_id, today=today)
    except Refusal as refusal:
        return fact, refusal
    return fact, made


def _tried(made: tuple[TariffTrial, ...] | Refusal) -> list[str]:
    if isinstance(made, Refusal):
        return [f"! {refusals.words(made)}"]
    lines = []
    for one in made:
        if one.amount_fen is not None:
            lines.append(f"{one.unit_label} {yuan(one.amount_fen)}元：{one.sum}")
        elif isinstance(one.refusal, Refusal):
            lines.append(f"! {one.unit_label} {refusals.words(one.refusal)}")
        else:
            lines.append(f"{one.unit_label} 不用出账")
    return lines
