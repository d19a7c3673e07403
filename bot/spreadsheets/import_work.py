"""An import as long work: a sheet that was sent is compared with the books, then taken in."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from bot.spreadsheets.importing import (
    ImportAsk,
    ImportReport,
    Mode,
    SheetKind,
    import_sheet,
)
from bot.works import Outcome, Told
from storage.audit import Actor
from storage.database import Database
from storage.operations.works import TakenWork
from storage.ports.clock import Clock
from storage.queries.desk import communities_served

MOST_LINES: Final = 300
"""So many changes, and so many bad rows, are shown one by one."""


async def take_sheet(db: Database, one: TakenWork, told: Told, clock: Clock) -> Outcome:
    """Look at a sheet or take it in. Twice is once: what stands in the books is not changed."""
    ((_, community),) = await db.read(communities_served, [one.community_id])

    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        path = Path(folder) / "sheet.xlsx"
        await asyncio.to_thread(path.write_bytes, one.content)
        ask = ImportAsk(
            SheetKind(one.asked["sheet"]),
            path,
            Mode(one.asked["mode"]),
            Actor(one.staff_id),
            clock.now(),
            community,
        )
        report = await import_sheet(db, ask, told)
    return Outcome(_told(report), is_final=report.is_applied)


def _told(report: ImportReport) -> dict[str, Any]:
    return {
        "changes": list(report.changes[:MOST_LINES]),
        "change_count": len(report.changes),
        "problems": [
            [one.sheet, one.row, one.column, one.reason] for one in report.problems[:MOST_LINES]
        ],
        "problem_count": len(report.problems),
        "is_applied": report.is_applied,
    }
