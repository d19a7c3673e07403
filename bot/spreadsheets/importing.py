"""Takes a spreadsheet into the books: looks first, then all or nothing, the same file once."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bot.spreadsheets import estate, opening, tariffs
from bot.spreadsheets.cells import SheetProblem, Workbook, WorkbookRefused
from bot.spreadsheets.reading import read_workbook
from storage.audit import Actor
from storage.database import Database
from storage.operations.estate import import_estate, plan_estate
from storage.operations.estate_plan import EstatePlan
from storage.operations.opening import import_opening, plan_opening
from storage.operations.tariffs import import_tariffs, plan_tariffs
from storage.queries.estate import all_communities


class SheetKind(StrEnum):
    """What a spreadsheet is about."""

    ESTATE = "estate"
    BILLS = "bills"
    TARIFFS = "tariffs"


class Mode(StrEnum):
    """How far to go."""

    LOOK = "look"
    """Only say what would change."""
    APPLY = "apply"
    """Take all rows, or none where one is bad."""
    GOOD_ROWS = "good_rows"
    """Take the good rows; of estates only, never of money."""


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


async def import_sheet(db: Database, ask: ImportAsk) -> ImportReport:
    """Read a spreadsheet, compare it with the books, and take it in where the mode says so."""
    try:
        workbook = await asyncio.to_thread(read_workbook, ask.path)
    except WorkbookRefused as refused:
        return ImportReport((), (refused.problem,), is_applied=False)
    community = ask.community
    if not community:
        known = await db.read(all_communities)
        community = known[0].name if len(known) == 1 else ""
    if ask.kind is SheetKind.ESTATE:
        return await _estate(db, ask, workbook, community)
    if ask.kind is SheetKind.BILLS:
        return await _bills(db, ask, workbook, community)
    return await _tariffs(db, ask, workbook, community)


async def _estate(db: Database, ask: ImportAsk, workbook: Workbook, community: str) -> ImportReport:
    sheet = estate.read_estate(workbook, community=community)
    plan = await db.read(plan_estate, sheet.rows)
    problems = [*sheet.problems]
    problems += [estate.problem_of(one, sheet.places) for one in plan.objections]
    if ask.mode is Mode.GOOD_ROWS:
        sheet, plan, late = await _without_bad(db, sheet, plan)
        problems += late
    may_apply = ask.mode is Mode.GOOD_ROWS or (ask.mode is Mode.APPLY and not problems)
    if may_apply:
        plan = await db.write(import_estate, sheet.rows, actor=ask.actor, now=ask.now)
    is_applied = may_apply and not plan.objections
    return ImportReport(tuple(estate.lines_of(plan, sheet)), tuple(problems), is_applied)


async def _without_bad(
    db: Database, sheet: estate.EstateSheet, plan: EstatePlan
) -> tuple[estate.EstateSheet, EstatePlan, list[SheetProblem]]:
    """Leave rows out until nothing is objected to; return what was found on the way."""
    late: list[SheetProblem] = []
    while plan.objections:
        bad = {one.index for one in plan.objections}
        kept = [index for index in range(len(sheet.rows)) if index not in bad]
        sheet = estate.EstateSheet(
            tuple(sheet.rows[index] for index in kept),
            tuple(sheet.places[index] for index in kept),
            sheet.problems,
        )
        plan = await db.read(plan_estate, sheet.rows)
        late += [estate.problem_of(one, sheet.places) for one in plan.objections]
    return sheet, plan, late


async def _bills(db: Database, ask: ImportAsk, workbook: Workbook, community: str) -> ImportReport:
    sheet = opening.read_opening(workbook, community=community)
    plan = await db.read(plan_opening, sheet.rows)
    may_apply = ask.mode is not Mode.LOOK and not sheet.problems and not plan.objections
    if may_apply:
        plan = await db.write(import_opening, sheet.rows, actor=ask.actor, now=ask.now)
    problems = [
        *sheet.problems,
        *(opening.problem_of(one, sheet.places) for one in plan.objections),
    ]
    is_applied = may_apply and not plan.objections
    return ImportReport(tuple(opening.lines_of(plan, sheet)), tuple(problems), is_applied)


async def _tariffs(
    db: Database, ask: ImportAsk, workbook: Workbook, community: str
) -> ImportReport:
    sheet = tariffs.read_tariffs(workbook, community=community)
    plan = await db.read(plan_tariffs, sheet.rows)
    may_apply = ask.mode is not Mode.LOOK and not sheet.problems and not plan.objections
    if may_apply:
        plan = await db.write(import_tariffs, sheet.rows, actor=ask.actor, now=ask.now)
    problems = [
        *sheet.problems,
        *(tariffs.problem_of(one, sheet.places) for one in plan.objections),
    ]
    is_applied = may_apply and not plan.objections
    return ImportReport(tuple(tariffs.lines_of(plan, sheet)), tuple(problems), is_applied)
