"""What was taken from a workbook: the rows that can be read, and what is wrong with the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.spreadsheets.cells import SheetProblem, Workbook
from bot.spreadsheets.fields import RowReader
from bot.spreadsheets.tables import TableRow, find_rows

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Taken(Generic[R]):
    """Rows of one kind, and the place in the workbook where each stood."""

    rows: tuple[R, ...]
    places: tuple[TableRow, ...]
    problems: tuple[SheetProblem, ...]


def take(
    workbook: Workbook,
    required: tuple[str, ...],
    also: Mapping[str, str],
    read_row: Callable[[RowReader], R | None],
) -> Taken[R]:
    """Read each row under the headers; `also` are headers that only this kind of sheet knows."""
    problems: list[SheetProblem] = []
    rows: list[R] = []
    places: list[TableRow] = []
    for table_row in find_rows(workbook, required, problems, also):
        reader = RowReader(table_row)
        row = read_row(reader)
        problems += reader.problems
        if row is not None and not reader.problems:
            rows.append(row)
            places.append(table_row)
    return Taken(tuple(rows), tuple(places), tuple(problems))
