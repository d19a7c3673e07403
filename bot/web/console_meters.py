"""Meters (抄表) in the console: a month by building, what is odd or missing, and each meter."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from aiohttp import web

from bot.web.console import Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from storage.charge_errors import UnknownMeter
from storage.errors import Refusal
from storage.kinds import ReadingKind, ReadingState
from storage.operations.reading_forms import ReadingForm, ReadingPress, act_on_meter
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.desk import communities_served
from storage.queries.meter_pages import (
    MeterInFull,
    MeterState,
    MeterWish,
    meter_in_full,
    page_of_meters,
    tally_of_buildings,
    waiting_readings,
)
from storage.rules.figures import figure

ON_A_PAGE: Final = 50
WAITING_SHOWN: Final = 50
READINGS_SHOWN: Final = 36
OLDEST_DAYS: Final = 731
MOST_TURNS: Final = 9
VALUE_CHARS: Final = 24
STATES: Final = {MeterState.MISSING: "还没抄", MeterState.READ: "已抄"}
KINDS: Final = {
    ReadingKind.READ: "实抄",
    ReadingKind.ESTIMATED: "估抄",
    ReadingKind.CORRECTED: "更正",
}
STANDS: Final = {
    ReadingState.ASKED: "等着确认",
    ReadingState.ACCEPTED: "有效",
    ReadingState.REPLACED: "已被代替",
}
NO_DAY: Final = "没看懂抄表日期，没有保存。请选今天或以前两年里的日子。"
NO_VALUE: Final = "没看懂读数，没有保存。请照表盘写数字，例如 1234.5。"


class ConsoleMetersDoor(BooksDesk):
    """The month's meters, and each of them."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Show a month's meters of a community: by building, what waits, and the list."""
        session = await self.visit(request)
        db, today = self._parts.db, shanghai_day(self._parts.clock.now())
        served = await db.read(communities_served, session.staff.community_ids)
        wish = _wish(request, BillingPeriod.of(today))
        asked = query_text(request, "community")
        wanted = whole(asked) if asked else next((number for number, _ in served), 0)
        if asked and wanted not in dict(served):
            raise web.HTTPNotFound
        number = wanted or 0
        found = await db.read(page_of_meters, wish, community_id=number, limit=ON_A_PAGE + 1)
        shown = found[:ON_A_PAGE]
        kept = {
            "community": number,
            "month": wish.period,
            "building": wish.building_id,
            "state": wish.state,
            "q": wish.fragment,
        }
        after = f"{shown[-1].unit_id}-{shown[-1].meter_id}" if found[ON_A_PAGE:] else ""
        return self._shelf_page(
            session,
            "console_meters.html",
            shelf="meters",
            wish=wish,
            served=served,
            number=number,
            states=STATES,
            kinds=KINDS,
            figure=figure,
            tally=await db.read(tally_of_buildings, number, wish.period),
            waiting=await db.read(waiting_readings, number, limit=WAITING_SHOWN),
            most=WAITING_SHOWN,
            rows=shown,
            is_filtered=bool(wish.building_id or wish.state or wish.fragment),
            plain_url=self._address("/meters", community=number, month=wish.period),
            next_url=self._address("/meters", **kept, after=after) if after else "",
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a meter: what waits for a word, the form, and what it showed."""
        session = await self.visit(request)
        return self._card(session, await self._meter(request, session))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Note, correct, estimate or confirm; what is refused is said above what was typed."""
        session = await self.visit(request)
        form = await self._filled(request, session)
        one = await self._meter(request, session)
        act = typed(form, "act")
        if act not in set(ReadingPress):
            raise UnfitRequest(400, "act")
        now = self._parts.clock.now()
        ask = _asked(form, one.meter_id, ReadingPress(act), shanghai_day(now))
        if isinstance(ask, str):
            return self._card(session, one, notice=ask, form=form, status=409)
        try:
            is_done = await self._parts.db.write(act_on_meter, ask, by=session.staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return self._card(session, one, notice=notice, form=form, status=409)
        if not is_done:
            one = await self._meter(request, session)
            return self._card(session, one, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/meters/{one.meter_id}")

    async def _meter(self, request: web.Request, session: Session) -> MeterInFull:
        """Return the meter of the address. Another office's is none: HTTPNotFound."""
        number, served = int(request.match_info["meter"]), session.staff.community_ids
        try:
            found: MeterInFull = await self._parts.db.read(
                meter_in_full, number, community_ids=served, limit=READINGS_SHOWN
            )
        except UnknownMeter:
            raise web.HTTPNotFound from None
        return found

    def _card(
        self,
        session: Session,
        one: MeterInFull,
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        said, today = form or {}, shanghai_day(self._parts.clock.now())
        return self._shelf_page(
            session,
            "console_meter.html",
            status=status,
            shelf="meters",
            one=one,
            waiting=[told for told in one.readings if told.kept.state is ReadingState.ASKED],
            kinds=KINDS,
            stands=STANDS,
            figure=figure,
            notice=notice,
            said={name: typed(said, name) for name in ("value", "read_on", "turns")},
            today=today,
            most=READINGS_SHOWN,
            most_turns=MOST_TURNS,
            value_chars=VALUE_CHARS,
        )


def _asked(form: Form, meter_id: int, act: ReadingPress, today: date) -> ReadingForm | str:
    """Read a form; a text says why it can not be meant."""
    seen, turns = typed(form, "seen"), whole(typed(form, "turns")) or 0
    turns = min(turns, MOST_TURNS)
    if act is ReadingPress.CONFIRM:
        number = whole(typed(form, "reading")) or 0
        return ReadingForm(meter_id, act, seen, today, reading_id=number, turns=turns)
    day = _day(typed(form, "read_on"), today)
    if day is None:
        return NO_DAY
    if act is ReadingPress.ESTIMATE:
        return ReadingForm(meter_id, act, seen, day)
    try:
        value = Decimal(typed(form, "value")[:VALUE_CHARS].replace(",", ""))
    except InvalidOperation:
        return NO_VALUE
    if not value.is_finite():
        return NO_VALUE
    return ReadingForm(meter_id, act, seen, day, value, turns=turns)


def _day(text: str, today: date) -> date | None:
    """Return a day of the last two years, None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if today - timedelta(days=OLDEST_DAYS) <= day <= today else None


def _wish(request: web.Request, now: BillingPeriod) -> MeterWish:
    state, text = query_text(request, "state"), query_text(request, "month")
    unit, _, meter = query_text(request, "after").partition("-")
    try:
        period = BillingPeriod.parse(text)
    except ValueError:
        period = now
    return MeterWish(
        period,
        building_id=whole(query_text(request, "building")) or 0,
        state=MeterState(state) if state in set(MeterState) else None,
        fragment=query_text(request, "q").strip()[:40],
        after=(whole(unit) or 0, whole(meter) or 0),
    )
