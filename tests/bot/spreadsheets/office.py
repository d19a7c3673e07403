"""An office with its files: writes them, imports them, exports the books again."""

from pathlib import Path

from sqlalchemy import Connection, Select, insert, select

from bot.spreadsheets.exporting import ExportKind, export_sheet
from bot.spreadsheets.importing import ImportAsk, ImportReport, Mode, SheetKind, import_sheet
from bot.spreadsheets.writing import Parts, write_table
from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import UnitKind
from storage.models.bills import fee_items, tariffs
from storage.models.estate import communities
from tests.factories import NOW

HOME = "云栖花园"


class Office:
    """Brings files in and takes them out, as the commands do."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder

    async def bring(
        self,
        kind: SheetKind,
        headers: tuple,
        *rows: tuple,
        mode: Mode = Mode.APPLY,
        community: str = HOME,
    ) -> ImportReport:
        path = self.folder / f"{kind}.xlsx"
        write_table(path, title="2026 年台账", headers=headers, rows=rows)
        return await self.bring_file(kind, path, mode=mode, community=community)

    async def bring_file(
        self, kind: SheetKind, path: Path, *, mode: Mode = Mode.APPLY, community: str = ""
    ) -> ImportReport:
        return await import_sheet(self.db, ImportAsk(kind, path, mode, CLOCK, NOW, community))

    async def take(self, kind: ExportKind, name: str = "out.xlsx", community: str = "") -> Parts:
        return await self.db.read(export_sheet, kind, self.folder / name, community=community)

    async def rows(self, *tables) -> list[list[tuple]]:
        """Return all rows of some tables."""

        def read(tx: Connection) -> list[list[tuple]]:
            wanted = [one if isinstance(one, Select) else select(one) for one in tables]
            return [[tuple(row) for row in tx.execute(one).all()] for one in wanted]

        return await self.db.read(read)

    async def price(self, item: str, scheme: str = "", kind: UnitKind = UnitKind.HOME) -> None:
        """Have a fee item with a price."""

        def write(tx: Connection) -> None:
            community_id = tx.execute(
                select(communities.c.id).where(communities.c.name == HOME)
            ).scalar_one()
            known = tx.execute(
                select(fee_items.c.id).where(fee_items.c.name == item)
            ).scalar_one_or_none()
            item_id = (
                known
                or tx.execute(
                    insert(fee_items)
                    .values(community_id=community_id, name=item, code="")
                    .returning(fee_items.c.id)
                ).scalar_one()
            )
            tx.execute(
                insert(tariffs).values(
                    community_id=community_id,
                    fee_item_id=item_id,
                    unit_kind=kind,
                    scheme=scheme,
                    basis="fixed",
                    price_e4=1_000_000,
                    effective_on=NOW.date().replace(month=1, day=1),
                )
            )

        await self.db.write(write)


def said(report: ImportReport) -> list[str]:
    return [str(problem) for problem in report.problems]
