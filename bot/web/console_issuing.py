"""Issuing a month in the console (出账): a preview with what is left out, then the bills."""

from collections import Counter
from datetime import date
from typing import Any, Final

from aiohttp import web

from bot.web.console import COUNTERS, typed, whole
from bot.web.console_books import BooksDesk, history
from bot.web.reading import UnfitRequest, query_text
from handlers import causes
from storage.errors import NotAllowed
from storage.operations.bill_forms import IssueForm, due_mark, issue_as_seen
from storage.operations.bills import announce
from storage.operations.issuing import IssueReport
from storage.operations.prepayments import apply_prepayments
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.bill_pages import month_issued
from storage.queries.console_sessions import Session
from storage.queries.dues import DueBills, bills_due
from storage.queries.estate import Community, all_communities
from storage.queries.prepayments import units_to_draw_for
from storage.queries.pricing import SkipReason

MONTHS_BACK: Final = 11
BILLS_SHOWN: Final = 20
LEFT_OUT_SHOWN: Final = 200
DRAWN_AT_ONCE: Final = 100_000
SILENT: Final = (SkipReason.AMOUNT_ZERO, SkipReason.NOT_OVER)
"""Why there is nothing to bill yet, which nobody has to mend."""
CHANGED: Final = "预览以后资料有变化，没有出账。请看看新的预览，再点一次。"


class ConsoleIssuingDoor(BooksDesk):
    """The preview of a month and its two buttons: issue, and tell the households."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what a month would bill in a community, and what it leaves out and why."""
        session = await self.visit(request, *COUNTERS)
        community = await self._community(session, query_text(request, "community"))
        months = _months(self._today())
        asked = query_text(request, "month")
        period = next((one for one in months if str(one) == asked), months[1])
        return await self._preview(
            session,
            community,
            period,
            issued=whole(query_text(request, "issued")),
            told=whole(query_text(request, "told")),
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Issue just what was previewed, or tell the households what was issued; each once."""
        session = await self.visit(request, *COUNTERS)
        form = await self._filled(request, session)
        community = await self._community(session, typed(form, "community"))
        months = {str(one): one for one in _months(self._today())}
        period, act = months.get(typed(form, "month")), typed(form, "act")
        if community is None or period is None or act not in ("issue", "tell"):
            raise UnfitRequest(400, "act")
        if act == "tell":
            told = await self._tell(community, period)
            return self._to(community, period, "told", told)
        ask = IssueForm(community.community_id, period, typed(form, "seen"))
        now = self._parts.clock.now()
        try:
            made = await self._parts.db.write(issue_as_seen, ask, by=session.staff, now=now)
        except NotAllowed:
            return await self._preview(session, community, period, status=409)
        if made is None:
            return await self._preview(session, community, period, notice=CHANGED, status=409)
        await self._draw(made)
        return self._to(community, period, "issued", made.issued)

    async def _draw(self, made: IssueReport) -> None:
        """Pay new bills from what was put aside, a unit at a time; the night takes what is left."""
        now, db = self._parts.clock.now(), self._parts.db
        found = await db.read(units_to_draw_for, at=now, limit=DRAWN_AT_ONCE)
        for unit_id in made.totals.keys() & set(found):
            await db.write(apply_prepayments, unit_id, now=now)

    async def _tell(self, community: Community, period: BillingPeriod) -> int:
        told: int = await self._parts.db.write(
            announce,
            community_id=community.community_id,
            period=period,
            now=self._parts.clock.now(),
        )
        self._parts.wake()
        return told

    def _to(
        self, community: Community, period: BillingPeriod, what: str, count: int
    ) -> web.Response:
        place = f"community={community.community_id}&month={period}"
        return self._go(f"/bills/issue?{place}&{what}={count}")

    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _community(self, session: Session, said: str) -> Community | None:
        """Return the community named of those she serves, or her first; another's is none."""
        mine = await self._served(session)
        if not said:
            return mine[0] if mine else None
        found = next((one for one in mine if one.community_id == whole(said)), None)
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _served(self, session: Session) -> list[Community]:
        served = session.staff.community_ids
        found = await self._parts.db.read(all_communities)
        return [one for one in found if one.community_id in served]

    async def _preview(
        self,
        session: Session,
        community: Community | None,
        period: BillingPeriod,
        *,
        notice: str = "",
        status: int = 200,
        **done: int | None,
    ) -> web.Response:
        due, issued, number = DueBills((), 0, ()), None, 0
        if community is not None:
            number = community.community_id
            due = await self._parts.db.read(
                bills_due, community_id=number, period=period, today=self._today()
            )
            issued = await self._parts.db.read(month_issued, community_id=number, period=period)
        return self._shelf_page(
            session,
            "console_issue.html",
            shelf="bills",
            status=status,
            notice=notice,
            done={"issued": None, "told": None} | done,
            communities=await self._served(session),
            community=community,
            months=_months(self._today()),
            period=period,
            issued=issued,
            history=history(issued.history if issued else ()),
            seen=due_mark(due),
            **_summed(due),
        )


def _months(today: date) -> list[BillingPeriod]:
    """Return the months that may be issued: the next one first, then this one and a year back."""
    now = BillingPeriod.of(today)
    return [now.plus(1 - back) for back in range(MONTHS_BACK + 2)]


def _summed(due: DueBills) -> dict[str, Any]:
    """Return a preview in figures: fee by fee, some bills, and what is left out by its cause."""
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for one in due.new:
        counts[one.scheme.item_name] += 1
        totals[one.scheme.item_name] += one.priced.amount_fen
    missing = [one for one in due.missing if one.reason not in SILENT]
    why = Counter(causes.SKIPS.get(one.reason, causes.OTHER_SKIP) for one in missing)
    return {
        "fees": [(name, counts[name], totals[name]) for name in sorted(counts)],
        "new_count": len(due.new),
        "new_fen": sum(totals.values()),
        "sample": [
            (one.unit_label, one.scheme.item_name, one.priced.amount_fen)
            for one in due.new[:BILLS_SHOWN]
        ],
        "why": why.most_common(),
        "left_out": [
            (one, causes.SKIPS.get(one.reason, causes.OTHER_SKIP))
            for one in missing[:LEFT_OUT_SHOWN]
        ],
        "left_out_count": len(missing),
    }
