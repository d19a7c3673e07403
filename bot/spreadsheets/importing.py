"""Takes a spreadsheet into the books: looks first, then all or nothing, the same file once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from bot.spreadsheets import (
    choices,
    estate,
    meters,
    opening,
    people,
    public_accounts,
    readings,
    tariffs,
)
from bot.spreadsheets.cells import SheetProblem, WorkbookRefused
from bot.spreadsheets.reading import read_workbook
from bot.spreadsheets.taking import Taken
from storage.audit import Actor
from storage.database import Database
from storage.frozen import dataclass
from storage.operations.estate import import_estate, plan_estate
from storage.operations.estate_plan import EstatePlan, EstateRow
from storage.operations.meter_sheets import import_meters, plan_meters
from storage.operations.occupancies import import_people, plan_people
from storage.operations.opening import import_opening, plan_opening
from storage.operations.public_accounts import import_public, plan_public
from storage.operations.reading_sheets import import_readings, plan_readings
from storage.operations.tariffs import import_tariffs, plan_tariffs
from storage.operations.unit_tariffs import import_choices, plan_choices
from storage.periods import shanghai_day
from storage.queries.estate import all_communities


class SheetKind(StrEnum):
    """What a spreadsheet is about."""

    ESTATE = "estate"
    RESIDENTS = "residents"
    OCCUPANCIES = "occupancies"
    CHOICES = "unit-tariffs"
    """Who has which tariff."""
    OPENING = "opening"
    BILLS = "bills"
    """Debts and paid bills of the old books; what `opening` is too."""
    TARIFFS = "tariffs"
    PUBLIC = "public"
    """What the community earned and spent on common property."""
    METERS = "meters"
    READINGS = "readings"


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of sheet is read, compared with the books, taken in, and spoken of."""

    read: Callable[..., Any]
    plan: Callable[..., Any]
    enter: Callable[..., Any]
    problem_of: Callable[..., SheetProblem]
    lines_of: Callable[..., list[str]]
    needs_today: bool = False
    """Whether the plan asks for the Shanghai day."""


WAYS: Final[Mapping[SheetKind, Way]] = {
    SheetKind.RESIDENTS: Way(
        people.read_residents, plan_people, import_people, people.problem_of, people.lines_of
    ),
    SheetKind.OCCUPANCIES: Way(
        people.read_occupancies, plan_people, import_people, people.problem_of, people.lines_of
    ),
    SheetKind.CHOICES: Way(
        choices.read_choices, plan_choices, import_choices, choices.problem_of, choices.lines_of
    ),
    SheetKind.BILLS: Way(
        opening.read_opening, plan_opening, import_opening, opening.problem_of, opening.lines_of
    ),
    SheetKind.OPENING: Way(
        opening.read_opening, plan_opening, import_opening, opening.problem_of, opening.lines_of
    ),
    SheetKind.TARIFFS: Way(
        tariffs.read_tariffs, plan_tariffs, import_tariffs, tariffs.problem_of, tariffs.lines_of
    ),
    SheetKind.PUBLIC: Way(
        public_accounts.read_public,
        plan_public,
        import_public,
        public_accounts.problem_of,
        public_accounts.lines_of,
    ),
    SheetKind.METERS: Way(
        meters.read_meters,
        plan_meters,
        import_meters,
        meters.problem_of,
        meters.lines_of,
        needs_today=True,
    ),
    SheetKind.READINGS: Way(
        readings.read_readings,
        plan_readings,
        import_readings,
        readings.problem_of,
        readings.lines_of,
        needs_today=True,
    ),
}
"""All kinds but estates, whose good rows may be taken alone."""


class Mode(StrEnum):
    """How far to go."""

    LOOK = "look"
    """Only say what would change."""
    APPLY = "apply"
    """Take all rows, or none where one is bad."""
    GOOD_ROWS = "good_rows"
    """Take the good rows; of estates only, never of money."""


class Stage(StrEnum):
    """How far an import is."""

    READ = "read"
    """The file is being read."""
    COMPARE = "compare"
    """Its rows are being compared with the books."""
    WRITE = "write"
    """They are being taken in."""


Tell = Callable[[Stage, int], Awaitable[None]]
"""Told each stage as it begins, with how many rows there are (0 where that is not known yet)."""


async def nobody(_stage: Stage, _rows: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did or would do, in Chinese, line by line."""

    changes: tuple[str, ...]
    problems: tuple[SheetProblem, ...]
    is_applied: bool


@dataclass(frozen=True, slots=True)
class ImportAsk:
    """Who imports what, how far, and which community is meant where the sheet does not say."""

    kind: SheetKind
    path: Path
    mode: Mode
    actor: Actor
    now: datetime
    community: str = ""


async def import_sheet(db: Database, ask: ImportAsk, tell: Tell = nobody) -> ImportReport:
    """Read a spreadsheet, compare it with the books, and take it in where the mode says so."""
    await tell(Stage.READ, 0)
    try:
        workbook = await asyncio.to_thread(read_workbook, ask.path)
    except WorkbookRefused as refused:
        return ImportReport((), (refused.problem,), is_applied=False)
    community = ask.community
    if not community:
        known = await db.read(all_communities)
        community = known[0].name if len(known) == 1 else ""
    if ask.kind is SheetKind.ESTATE:
        return await _estate(db, ask, estate.read_estate(workbook, community=community), tell)
    sheet = WAYS[ask.kind].read(workbook, community=community)
    return await _whole(db, ask, sheet, tell)


async def _estate(
    db: Database, ask: ImportAsk, sheet: Taken[EstateRow], tell: Tell
) -> ImportReport:
    await tell(Stage.COMPARE, len(sheet.rows))
    problems = [*sheet.problems, *_of_another(ask, sheet)]
    meant = [at for at, row in enumerate(sheet.rows) if ask.community in ("", row.community)]
    sheet = _only(sheet, meant)
    plan = await db.read(plan_estate, sheet.rows)
    problems += [estate.problem_of(one, sheet.places) for one in plan.objections]
    if ask.mode is Mode.GOOD_ROWS:
        sheet, plan, late = await _without_bad(db, sheet, plan)
        problems += late
    may_apply = ask.mode is Mode.GOOD_ROWS or (ask.mode is Mode.APPLY and not problems)
    if may_apply:
        await tell(Stage.WRITE, len(sheet.rows))
        plan = await db.write(import_estate, sheet.rows, actor=ask.actor, now=ask.now)
    is_applied = may_apply and not plan.objections
    return ImportReport(tuple(estate.lines_of(plan, sheet)), tuple(problems), is_applied)


async def _without_bad(
    db: Database, sheet: Taken[EstateRow], plan: EstatePlan
) -> tuple[Taken[EstateRow], EstatePlan, list[SheetProblem]]:
    """Leave rows out until nothing is objected to; return what was found on the way."""
    late: list[SheetProblem] = []
    while plan.objections:
        bad = {one.index for one in plan.objections}
        kept = [index for index in range(len(sheet.rows)) if index not in bad]
        sheet = _only(sheet, kept)
        plan = await db.read(plan_estate, sheet.rows)
        late += [estate.problem_of(one, sheet.places) for one in plan.objections]
    return sheet, plan, late


def _only(sheet: Taken[EstateRow], kept: Sequence[int]) -> Taken[EstateRow]:
    return Taken(
        tuple(sheet.rows[index] for index in kept),
        tuple(sheet.places[index] for index in kept),
        sheet.problems,
    )


async def _whole(db: Database, ask: ImportAsk, sheet: Any, tell: Tell) -> ImportReport:  # noqa: ANN401
    """Take all rows of a sheet, or none where one is bad."""
    way = WAYS[ask.kind]
    await tell(Stage.COMPARE, len(sheet.rows))
    found = [*sheet.problems, *_of_another(ask, sheet)]
    facts = {"today": shanghai_day(ask.now)} if way.needs_today else {}
    plan = await db.read(way.plan, sheet.rows, **facts)
    may_apply = ask.mode is not Mode.LOOK and not found and not plan.objections
    if may_apply:
        await tell(Stage.WRITE, len(sheet.rows))
        plan = await db.write(way.enter, sheet.rows, actor=ask.actor, now=ask.now)
    problems = [*found, *(way.problem_of(one, sheet.places) for one in plan.objections)]
    is_applied = may_apply and not plan.objections
    return ImportReport(tuple(way.lines_of(plan, sheet)), tuple(problems), is_applied)


def _of_another(ask: ImportAsk, sheet: Any) -> list[SheetProblem]:  # noqa: ANN401 - any kind's
    """Object to rows of another community than the one that was asked for by name."""
    names = [one[0] if isinstance(one, tuple) else one.community for one in sheet.rows]
    return [
        place.problem("community", f"这一行写的是小区“{name}”，要导入的却是“{ask.community}”")
        for place, name in zip(sheet.places, names, strict=True)
        if ask.community and name != ask.community
    ]
