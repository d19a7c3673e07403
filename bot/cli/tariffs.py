"""`wuyebot tariff`: the prices in force, what a sheet of them would come to, and empty flats."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.acting import (
    community_or_exit,
    day_or_exit,
    read_books,
    staff_or_exit,
    unit_or_exit,
    write_books,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.cli.trials import NOT_DONE, UNCHANGED, ApplyOption, percent_or_exit, show_trials
from bot.spreadsheets.cells import WorkbookRefused
from bot.spreadsheets.reading import read_workbook
from bot.spreadsheets.tariff_terms import CYCLES, first_words
from bot.spreadsheets.tariffs import BASES, read_tariffs
from handlers import refusals
from storage.audit import Actor
from storage.database import Database
from storage.errors import Refusal
from storage.money import yuan
from storage.operations.assignments import note_vacancy
from storage.operations.tariffs import TariffFact, check_tariff
from storage.periods import DaySpan, shanghai_day
from storage.queries.discount_trials import BillTrial, try_vacancy
from storage.queries.tariff_trials import TariffTrial
from storage.queries.tariffs import Vacancy, schemes_of
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


@command.command("vacant")
def vacant(
    community: CommunityArgument,
    unit: Annotated[str, typer.Argument(help="房号，例如 3-2-1201")],
    percent: Annotated[str, typer.Option(help="空着的日子少收百分之几，例如 30")],
    by: Annotated[str, typer.Option(help="经办同事的手机号")],
    since: Annotated[str, typer.Option("--from", help="从哪天起空着，默认今天")] = "",
    until: Annotated[str, typer.Option(help="空到哪天（含当天），不写一直空着")] = "",
    reason: Annotated[str, typer.Option(help="原因，会写在账单上")] = "空置",
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what an empty flat's next bills come to; --apply notes that it stands empty.

    One without an end gets it by being said again with --until. Stop a running SQLite bot before
    --apply.
    """
    from_on = day_or_exit(since, otherwise=shanghai_day(datetime.now(UTC)))
    last_on = day_or_exit(until, otherwise=date.max)
    if last_on < from_on:
        fail("--until 不能早于 --from。")
    ends_on = last_on if last_on == date.max else last_on + timedelta(days=1)
    asked = Vacancy(DaySpan(from_on, ends_on), percent_or_exit(percent), reason)

    url = database_url(config, folder)
    if apply:
        is_new = write_books(url, lambda db: _note_vacant(db, asked, (community, unit), by))
        typer.echo("已登记，已经出的账单不变。" if is_new else "之前已经登记过了。")
        return
    tried = read_books(url, lambda db: _try_vacant(db, asked, (community, unit), by))
    if tried is None:
        typer.echo("之前已经登记过了。")
        return
    show_trials(tried, otherwise=UNCHANGED)
    typer.echo(NOT_DONE)


Place = tuple[str, str]
"""A community's name and a unit's code."""


async def _try_vacant(
    db: Database, asked: Vacancy, place: Place, by: str
) -> tuple[BillTrial, ...] | None:
    community_id = await community_or_exit(db, place[0])
    found = await unit_or_exit(db, community_id, place[1])
    await staff_or_exit(db, by)
    return await db.read(
        try_vacancy,
        asked,
        community_id=community_id,
        unit_id=found.unit_id,
        today=shanghai_day(datetime.now(UTC)),
    )


async def _note_vacant(db: Database, asked: Vacancy, place: Place, by: str) -> bool:
    found = await unit_or_exit(db, await community_or_exit(db, place[0]), place[1])
    ends_on = asked.days.ends_on
    return await db.write(
        note_vacancy,
        unit_id=found.unit_id,
        percent=asked.percent,
        from_on=asked.days.begins_on,
        until_on=None if ends_on == date.max else ends_on,
        reason=asked.reason,
        actor=Actor(await staff_or_exit(db, by)),
        now=datetime.now(UTC),
    )
