"""The results of reconciliation (对账结果), opened by the link that a member of staff was sent."""

from collections.abc import Sequence
from datetime import date, timedelta

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import query_text
from handlers import causes, reconciling, words
from storage.errors import LinkExpired
from storage.kinds import StaffRole
from storage.periods import shanghai_day
from storage.queries.differences import Difference, DifferenceNote
from storage.queries.reconciliation import Statement
from storage.queries.reconciliation_results import DayPage, page_of
from storage.queries.residents import Staff, staff_member

COUNTERS = (StaffRole.CASHIER, StaffRole.MANAGER)


class ReconciliationDoor:
    """Days, what each statement came to, and each difference with its history."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show a day, yesterday unless the address names one. Raises LinkExpired.

        The link opens only while its holder works at the counter; it shows her offices' tasks.
        """
        today = shanghai_day(self._parts.clock.now())
        token = request.match_info["token"]
        staff_id = self._parts.links.read_reconciliation(token, today=today)
        member: Staff | None = await self._parts.db.read(staff_member, staff_id)
        if member is None or member.role not in COUNTERS:
            raise LinkExpired
        day = _day(query_text(request, "day"), otherwise=today - timedelta(days=1))
        page: DayPage = await self._parts.db.read(
            page_of, day, today=today, community_ids=member.community_ids
        )
        return self._pages.render(
            "reconciliation.html",
            day=day,
            days=page.days,
            statements=[statement_told(one) for one in page.statements],
            differences=[difference_told(*one) for one in page.differences],
            open_count=page.open_count,
            page_url=f"{self._pages.root}/reconciliation/{token}",
        )


def _day(text: str, *, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        return otherwise


def statement_told(one: Statement) -> dict[str, object]:
    """Say what a platform's statement of a day came to."""
    state = reconciling.STATES.get(one.state, "已对账" if one.agreed_at else "已取到，等着对账")
    return {
        "gateway": words.gateway(one.gateway),
        "state": state,
        "one": one,
        "settled": _settled(one),
    }


def _settled(one: Statement) -> str:
    """Say what of a day's money the bank has credited."""
    if one.settled_fen:
        is_all = one.settled_fen == one.net_fen
        return "已到账" if is_all else f"银行到账 {words.money(one.settled_fen)}"
    return "还没有到银行" if one.net_fen > 0 else "没有要到账的"


def difference_told(one: Difference, notes: Sequence[DifferenceNote]) -> dict[str, object]:
    """Say a difference with its history."""
    return {
        "one": one,
        "cause": causes.DIFFERENCES.get(one.kind, causes.OTHER_DIFFERENCE),
        "about": reconciling.about(one.reference, one.gateway, one.day_on),
        "sides": causes.sides(one.kind),
        "notes": [
            (note.noted_at, causes.ACTS.get(note.act, note.act), _said(note)) for note in notes
        ],
    }


def _said(note: DifferenceNote) -> str:
    return f"{note.staff_name}：{note.note}" if note.staff_name else ""
