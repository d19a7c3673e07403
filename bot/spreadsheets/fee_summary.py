"""The summary of fees (收费汇总表) as a workbook that prints on one A4 page in portrait."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.spreadsheets.writing import Cell, write_page
from handlers import rates
from storage.queries.fee_summary import ItemBalance

HEADERS: Final = ("收费项目", rates.OPENING, *rates.MOVES.values(), rates.CLOSING)


def write_fee_summary(path: Path, title: str, found: Sequence[ItemBalance]) -> None:
    """Write the summary of fees, in yuan. Raises OSError."""
    rows: list[tuple[Cell, ...]] = [
        (row.label, *(Decimal(fen).scaleb(-2) for _, fen in row.columns))
        for row in rates.summary_rows(found)
    ]
    write_page(path, title=title, headers=HEADERS, rows=rows)
