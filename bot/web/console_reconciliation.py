"""Reconciliation (对账) in the console: each day's statements, and differences that are closed."""

from datetime import date, timedelta
from typing import Final

from aiohttp import web

from bot.web.console import COUNTERS, Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk
from bot.web.reading import UnfitRequest, query_text
from bot.web.reconciliation import difference_told, statement_told
from handlers import causes, refusals
from storage.errors import Refusal
from storage.operations.reconciliation_forms import close_as_seen
from storage.periods import shanghai_day
from storage.queries.bank_rows import count_waiting
from storage.queries.console_sessions import Session
from storage.queries.differences import (
    BOOKS,
    Difference,
    DifferenceNote,
    history_of,
    open_differences,
)
from storage.queries.reconciliation_results import DayPage, page_of

WAITING_SHOWN: Final = 100
REASON_CHARS: Final = 100
Found = tuple[Difference, tuple[DifferenceNote, ...]]


class ConsoleReconciliationDoor(BooksDesk):
    """The days with their files, and each difference with its history."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what waits for a person, and a day's statements: yesterday's unless one is named."""
        session = await self.visit(request, *COUNTERS)
        served = session.staff.community_ids
        today = shanghai_day(self._parts.clock.now())
        day = _day(query_text(request, "day"), otherwise=today - timedelta(days=1))
        db = self._parts.db
        page: DayPage = await db.read(page_of, day, today=today, community_ids=served)
        waiting = await db.read(open_differences, community_ids=served, limit=WAITING_SHOWN)
        count, fen = await db.read(count_waiting, served)
        return self._shelf_page(
            session,
            "console_reconciliation.html",
            shelf="reconciliation",
            day=day,
            days=page.days,
            statements=[statement_told(one) for one in page.statements],
            waiting=[difference_told(one, ()) for one in waiting],
            open_count=page.open_count,
            of_day=[difference_told(*one) for one in page.differences],
            row_count=count,
            row_fen=fen,
        )

    async def show_one(self, request: web.Request) -> web.StreamResponse:
        """Show a difference with its history."""
        session = await self.visit(request, *COUNTERS)
        return self._card(session, await self._difference(request, session))

    async def close(self, request: web.Request) -> web.StreamResponse:
        """Close a difference with what came out; no money moves by it."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        found = await self._difference(request, session)
        seen, number = whole(typed(form, "seen")), found[0].number
        if seen is None:
            raise UnfitRequest(400, "seen")
        said = typed(form, "words")[:REASON_CHARS]
        now = self._parts.clock.now()
        try:
            is_done = await self._parts.db.write(
                close_as_seen, number, said, seen_notes=seen, by=session.staff, now=now
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, found, notice=notice, form=form, status=409)
        if not is_done:
            found = await self._difference(request, session)
            return self._card(session, found, notice=MOVED, form=form, status=409)
        return self._go(f"/differences/{number}")

    async def _difference(self, request: web.Request, session: Session) -> Found:
        """Return the difference of the address. Another office's is none: HTTPNotFound."""
        number, served = int(request.match_info["difference"]), session.staff.community_ids
        found: Found | None = await self._parts.db.read(history_of, number, community_ids=served)
        if found is None:
            raise web.HTTPNotFound
        return found

    def _card(
        self,
        session: Session,
        found: Found,
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        one, notes = found
        return self._shelf_page(
            session,
            "console_difference.html",
            status=status,
            shelf="reconciliation",
            told=difference_told(one, notes),
            one=one,
            steps=[
                (note.noted_at, causes.ACTS.get(note.act, "有变动"), note.staff_name, note.note)
                for note in notes
            ],
            seen=len(notes),
            is_books=one.kind == BOOKS,
            notice=notice,
            said=typed(form or {}, "words"),
            most=REASON_CHARS,
        )


def _day(text: str, *, otherwise: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return day if 2000 <= day.year < 2100 else otherwise
