"""One statement for all units of a payer (合并往来明细), as a page and as a workbook."""

from datetime import date
from typing import Any

from bot.web.statements import StatementDoor, line
from storage.queries.payer_statements import PayerStatement, statement_for_holder


class PayerStatementDoor(StatementDoor):
    """Statements over many units, opened by their own links."""

    template = "payer_statement.html"
    folder = "/statements/all"
    workbook = "workbook_of_payer"

    async def _statement(self, token: str, first_on: date, last_on: date) -> PayerStatement:
        link = self._parts.links.read_all_units(token, today=self._today)
        return await self._parts.db.read(
            statement_for_holder, link, first_on=first_on, last_on=last_on
        )

    def _facts(self, statement: PayerStatement) -> dict[str, Any]:
        return {
            "whose": f"{len(statement.parts)} 处房屋",
            "head": statement.parts[0],
            "lines": [line(one.row, one.unit_label) for one in statement.rows],
        }
