"""Money that waits (挂账) in the console: a person says for which flat it came, or for none."""

from typing import Any, Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals, words
from handlers.staff.suspense import REASONS
from storage.bank_errors import UnknownBankRow
from storage.errors import Refusal
from storage.operations.reconciliation_forms import (
    assign_as_seen,
    dismiss_as_seen,
    plan_mark,
)
from storage.queries.bank_rows import (
    PlannedRow,
    WaitingRow,
    count_waiting,
    plan_of_row,
    waiting_row,
    waiting_rows,
)
from storage.queries.console_sessions import Session
from storage.queries.households import units_named

SHOWN: Final = 100
REASON_CHARS: Final = 100
NO_UNIT: Final = "没有找到这一户。请写全房号，比如 3-2-1201。"


class ConsoleSuspenseDoor(BooksDesk):
    """The rows that wait, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """List what waits, the oldest first."""
        session = await self.visit(request, *COUNTERS)
        return await self._list(session)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a row; with a flat named, what it would pay there."""
        session = await self.visit(request, *COUNTERS)
        row = await self._row(request, session)
        named = query_text(request, "unit").strip()[:40]
        unit_id = await self._unit(session, named) if named else row.suggested_unit_id
        notice = NO_UNIT if named and unit_id is None else ""
        return await self._card(session, row, unit_id, notice=notice, named=named)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Book it for the flat as the plan was shown, or take it out of suspense."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        row = await self._row(request, session)
        act, unit_id = typed(form, "act"), whole(typed(form, "unit"))
        if act not in ("assign", "dismiss") or (act == "assign" and unit_id is None):
            raise UnfitRequest(400, "act")
        write, by, now = self._parts.db.write, session.staff, self._parts.clock.now()
        try:
            if act == "dismiss":
                said = typed(form, "words")[:REASON_CHARS]
                await write(dismiss_as_seen, row.row_id, said, by=by, now=now)
                return self._go("/suspense")
            seen = typed(form, "seen")
            done = await write(assign_as_seen, row.row_id, unit_id or 0, seen=seen, by=by, now=now)
        except UnknownBankRow as refusal:
            return await self._list(session, notice=refusals.words_to_staff(refusal), status=409)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._card(session, row, unit_id, notice=notice, form=form, status=409)
        if done is None:
            return await self._card(session, row, unit_id, notice=MOVED, status=409)
        self._parts.wake()
        return self._go(f"/payments/{done.payment_id}")

    async def _row(self, request: web.Request, session: Session) -> WaitingRow:
        """Return the waiting row of the address. Another office's is none: HTTPNotFound."""
        number, served = int(request.match_info["row"]), session.staff.community_ids
        try:
            found: WaitingRow = await self._parts.db.read(waiting_row, number, served)
        except UnknownBankRow:
            raise web.HTTPNotFound from None
        return found

    async def _unit(self, session: Session, named: str) -> int | None:
        found = await self._parts.db.read(units_named, named, said=named)
        mine = [one.unit_id for one in found if one.community_id in session.staff.community_ids]
        return mine[0] if len(mine) == 1 else None

    async def _list(self, session: Session, *, notice: str = "", status: int = 200) -> web.Response:
        served = session.staff.community_ids
        found = await self._parts.db.read(waiting_rows, served, limit=SHOWN)
        count, fen = await self._parts.db.read(count_waiting, served)
        return self._shelf_page(
            session,
            "console_suspense.html",
            status=status,
            shelf="reconciliation",
            notice=notice,
            rows=[_told(one) for one in found],
            count=count,
            fen=fen,
        )

    async def _card(
        self,
        session: Session,
        row: WaitingRow,
        unit_id: int | None,
        *,
        notice: str = "",
        named: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        plan: PlannedRow | None = None
        if unit_id is not None:
            plan = await self._parts.db.read(plan_of_row, row.row_id, unit_id)
        return self._shelf_page(
            session,
            "console_suspense_row.html",
            status=status,
            shelf="reconciliation",
            told=_told(row),
            row=row,
            plan=plan,
            seen=plan_mark(plan) if plan is not None else "",
            named=named,
            notice=notice,
            said=typed(form or {}, "words"),
            most=REASON_CHARS,
        )


def _told(one: WaitingRow) -> dict[str, Any]:
    return {
        "one": one,
        "payer": words.mask_name(one.payer_name) if one.payer_name else "没有户名",
        "reasons": "、".join(REASONS[each] for each in one.reasons if each in REASONS),
    }
