"""Dunning (催缴) in the console: the plan, households on hold, promises, and letters that wait."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from aiohttp import web

from bot.web.console import Form, typed, whole
from bot.web.console_books import MOVED, BooksDesk
from bot.web.letters import render_letter
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from handlers.staff.hold import ACTS, CALLED, CHECKED
from storage.errors import NotAnAmount, Refusal
from storage.kinds import HoldKind, StaffRole, Tone
from storage.money import from_yuan
from storage.operations.dunning import (
    LEAST_TERM_DAYS,
    MOST_STEPS,
    MOST_TERM_DAYS,
    letter_again,
)
from storage.operations.dunning_forms import (
    HOLDERS,
    DunningForm,
    DunningPress,
    act_on_debt,
    plan_mark,
    set_plan_as_seen,
)
from storage.periods import shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.desk import communities_served
from storage.queries.dunning import acts_of, letters_due, plan_on
from storage.queries.dunning_pages import held_units, last_act_id, letters_of, open_promises
from storage.queries.finding import UnitAtCounter, unit_at_counter
from storage.queries.holds import dunned_bills_of_unit
from storage.rules.dunning import DunningStep, Route

SHOWN: Final = 100
ACTS_SHOWN: Final = 50
MOST_HOLD_DAYS: Final = 366
REASON_CHARS: Final = 60
SPARE: Final = 2
"""So many empty lines a plan's form has for steps to come."""
ROUTES: Final = {Route.CHAT: "公众号提醒", Route.TASK: "请管家联系", Route.LETTER: "书面催告函"}
TONES: Final = {Tone.KIND: "温和", Tone.PLAIN: "平实", Tone.FIRM: "郑重"}
KINDS: Final = {
    HoldKind.OFFICE: "物业暂停",
    HoldKind.HARDSHIP: "住户有困难",
    HoldKind.DISPUTE: "有争议（违约金也停）",
}
UNFIT: Final = {
    "count": "至少留一步，最多12步，没有保存。",
    "days": "天数在应缴日前60天到后1095天之间，没有保存。",
    "twice": "同一天只能有一步，没有保存。",
    "minimum": "最低金额不能小于0，没有保存。",
    "letter": "催告函只能在应缴日以后，没有保存。",
    "term_days": f"期限要在 {LEAST_TERM_DAYS} 到 {MOST_TERM_DAYS} 天之间，没有批准。",
    "last_on": "没看懂暂停到哪天，没有暂停。请选今天以后一年以内的日子。",
    "step": "有一步没看懂，没有保存。天数写整数，应缴日以前写负数；最低金额写数字。",
}
CHANGED_DEBT: Final = (
    "批准以后这一户的欠费有变化，这封催告函的金额不对了，请不要再用。需要的话请重新批准一封。"
)


class ConsoleDunningDoor(BooksDesk):
    """The lists, and what is done about one household's debt."""

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Show the plans, what waits for a person, who is on hold, and who promised."""
        session = await self.visit(request)
        served = session.staff.community_ids
        today = shanghai_day(self._parts.clock.now())
        db = self._parts.db
        named = await db.read(communities_served, served)
        return self._shelf_page(
            session,
            "console_dunning.html",
            shelf="dunning",
            plans=[
                (number, name, _steps(await db.read(plan_on, number, today)))
                for number, name in named
            ],
            letters=[one for number, _ in named for one in await db.read(letters_due, number)],
            held=await db.read(held_units, community_ids=served, day=today, limit=SHOWN),
            agreed=await db.read(open_promises, community_ids=served, limit=SHOWN),
            called=CALLED,
            most=SHOWN,
            today=today,
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a household's debt, what was done about it, and its buttons."""
        session = await self.visit(request)
        return await self._card(session, await self._unit(request, session))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Hold reminders, let them go on, approve a letter, or note that it arrived."""
        session = await self.visit(request)
        form = await self._filled(request, session)
        unit = await self._unit(request, session)
        act, seen = typed(form, "act"), whole(typed(form, "seen"))
        if act not in set(DunningPress) or seen is None:
            raise UnfitRequest(400, "act")
        ask, now = self._asked(form, unit, DunningPress(act), seen), self._parts.clock.now()
        try:
            is_done = await self._parts.db.write(act_on_debt, ask, by=session.staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._card(session, unit, notice=notice, form=form, status=409)
        except ValueError as unfit:
            notice = UNFIT[str(unfit)]
            return await self._card(session, unit, notice=notice, form=form, status=409)
        if not is_done:
            return await self._card(session, unit, notice=MOVED, form=form, status=409)
        self._parts.wake()
        return self._go(f"/dunning/{unit.unit_id}")

    def _asked(self, form: Form, unit: UnitAtCounter, act: DunningPress, seen: int) -> DunningForm:
        today = shanghai_day(self._parts.clock.now())
        kind = typed(form, "kind")
        return DunningForm(
            unit.unit_id,
            act,
            seen,
            CHECKED if act is DunningPress.RELEASE else typed(form, "words")[:REASON_CHARS],
            kind=HoldKind(kind) if kind in KINDS else HoldKind.OFFICE,
            last_on=_day(typed(form, "until"), today),
            hold_id=whole(typed(form, "hold")) or 0,
            term_days=whole(typed(form, "days")) or 0,
            letter_no=typed(form, "letter")[:24],
        )

    async def letter(self, request: web.Request) -> web.StreamResponse:
        """Hand out an approved letter to be printed, while its sum is still what is owed."""
        session = await self.visit(request, StaffRole.MANAGER)
        unit = await self._unit(request, session)
        number = request.match_info["letter"]
        found = await self._parts.db.read(letter_again, unit.unit_id, number)
        if found is None:
            return await self._card(session, unit, notice=CHANGED_DEBT, status=409)
        return web.Response(
            body=render_letter(found).encode(),
            headers={
                "Content-Type": "text/html; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{number}.html"',
                "Cache-Control": "private, no-store",
            },
        )

    async def plan(self, request: web.Request) -> web.StreamResponse:
        """Show a community's plan to its manager, to be changed."""
        session = await self.visit(request, StaffRole.MANAGER)
        return await self._plan_page(session, whole(query_text(request, "community")))

    async def set(self, request: web.Request) -> web.StreamResponse:
        """Set the plan from today on."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        number, seen = whole(typed(form, "community")) or 0, typed(form, "seen")
        now = self._parts.clock.now()
        try:
            is_done = await self._parts.db.write(
                set_plan_as_seen,
                _read_steps(form),
                community_id=number,
                seen=seen,
                by=session.staff,
                now=now,
            )
        except ValueError as unfit:
            notice = UNFIT[str(unfit)]
            return await self._plan_page(session, number, notice=notice, status=409)
        except Refusal:
            raise web.HTTPNotFound from None
        if not is_done:
            return await self._plan_page(session, number, notice=MOVED, status=409)
        return self._go("/dunning")

    async def _plan_page(
        self, session: Session, number: int | None, *, notice: str = "", status: int = 200
    ) -> web.Response:
        named = dict(await self._parts.db.read(communities_served, session.staff.community_ids))
        number = number or next(iter(named), 0)
        if number not in named:
            raise web.HTTPNotFound
        today = shanghai_day(self._parts.clock.now())
        plan = await self._parts.db.read(plan_on, number, today)
        spare = min(SPARE, MOST_STEPS - len(plan))
        return self._shelf_page(
            session,
            "console_plan.html",
            status=status,
            shelf="dunning",
            number=number,
            community_name=named[number],
            steps=[*plan, *(None for _ in range(spare))],
            routes=ROUTES,
            tones=TONES,
            seen=plan_mark(plan),
            notice=notice,
        )

    async def _unit(self, request: web.Request, session: Session) -> UnitAtCounter:
        """Return the unit of the address. Another office's is none: HTTPNotFound."""
        number, served = int(request.match_info["unit"]), session.staff.community_ids
        found: UnitAtCounter | None = await self._parts.db.read(
            unit_at_counter, number, community_ids=served
        )
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _card(
        self,
        session: Session,
        unit: UnitAtCounter,
        *,
        notice: str = "",
        form: Form | None = None,
        status: int = 200,
    ) -> web.Response:
        db, today, number = self._parts.db, shanghai_day(self._parts.clock.now()), unit.unit_id
        served, said = session.staff.community_ids, form or {}
        owed = await db.read(dunned_bills_of_unit, number, today)
        late = [one for one in owed if one.bill.due_on < today]
        acts = await db.read(acts_of, number, limit=ACTS_SHOWN)
        return self._shelf_page(
            session,
            "console_debt.html",
            status=status,
            shelf="dunning",
            unit=unit,
            late=late,
            late_fen=sum(one.open_fen for one in late),
            held=await db.read(
                held_units, community_ids=served, day=today, unit_id=number, limit=SHOWN
            ),
            agreed=await db.read(open_promises, community_ids=served, unit_id=number, limit=SHOWN),
            letters=await db.read(letters_of, number),
            acts=[(one, ACTS.get(one.act, "有变动")) for one in acts],
            seen=await db.read(last_act_id, number),
            may_hold=session.staff.role in HOLDERS,
            called=CALLED,
            kinds=KINDS,
            notice=notice,
            said={name: typed(said, name) for name in ("act", "words", "until", "days", "kind")},
            today=today,
            farthest=today + timedelta(days=MOST_HOLD_DAYS),
            terms=(LEAST_TERM_DAYS, MOST_TERM_DAYS),
            most=REASON_CHARS,
        )


def _day(text: str, today: date) -> date | None:
    """Return a day up to a year ahead, None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if today <= day <= today + timedelta(days=MOST_HOLD_DAYS) else None


def _steps(plan: Sequence[DunningStep]) -> list[dict[str, Any]]:
    """Say a plan step by step."""
    return [
        {
            "when": _when(one.days_from_due),
            "route": ROUTES[one.route],
            "tone": TONES[one.tone],
            "least_fen": one.minimum_fen,
        }
        for one in plan
    ]


def _when(days: int) -> str:
    return "应缴日当天" if not days else f"应缴日{'前' if days < 0 else '后'} {abs(days)} 天"


def _read_steps(form: Form) -> list[DunningStep]:
    """Read a plan's form; a line without days is left out. Raises ValueError("step")."""
    columns = [form.get(name, []) for name in ("days", "route", "tone", "least")]
    try:
        return [
            DunningStep(int(days), Route(route), Tone(tone), from_yuan(least) if least else 0)
            for days, route, tone, least in zip(*columns, strict=True)
            if days.strip()
        ]
    except (ValueError, NotAnAmount):
        raise ValueError("step") from None
