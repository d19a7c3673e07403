"""Broadcasts (群发): the list, one with its count, progress and steps, and person by person."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from bot.web.console import ConsoleDesk, typed, whole
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from handlers.staff.broadcast_report import (
    FAILED,
    OWNER_WAITS,
    UNDER_WAY,
    reason,
    state_of,
    task_words,
    who,
)
from handlers.staff.categories import LABELS
from handlers.staff.preview import GROUP, SKIPS, limit_words, people
from storage.errors import Refusal, UnknownBroadcast
from storage.kinds import BroadcastCategory, BroadcastState, OutboxState
from storage.operations import notices
from storage.operations.broadcast_pauses import pause, resume
from storage.operations.broadcast_previews import send_to_writer
from storage.operations.notices import SENDERS
from storage.periods import SHANGHAI, shanghai_instant
from storage.queries.audiences import Audience, preview
from storage.queries.broadcast_pages import (
    page_of_broadcasts,
    page_of_left_out,
    paid_after,
    writer_of,
)
from storage.queries.console_sessions import Session
from storage.queries.group_tasks import all_group_limits, group_limits
from storage.queries.notices import BroadcastReport, BroadcastView, deliveries, figures
from storage.queries.notices import find_broadcast as find
from storage.queries.policies import policy_on
from storage.queries.quiet import end_of_quiet
from storage.rules.broadcasts import comes_at_night

Row = tuple[str, str, datetime | None]
"""Who, what became of her message, and when it was sent."""
ON_A_PAGE: Final = 30
PEOPLE_ON_A_PAGE: Final = 100
EVERY_MS: Final = 3000
WAITS: Final = (OutboxState.WAITING, OutboxState.CLAIMED)
GROUPS: Final = {
    "sent": ("已送达", (OutboxState.SENT,)),
    "waiting": ("排队", WAITS),
    "held": ("等下次来说话", (OutboxState.HELD,)),
    "failed": ("没有送达", FAILED),
}
"""Which people a page shows: its word, and where their messages stand."""
BEGUN: Final = (BroadcastState.SENDING, BroadcastState.DONE, BroadcastState.CANCELLED)
NO_PHONE: Final = "没有找到您的手机：请先在公众号里发“员工绑定”，再回来预览。"
SHOWN: Final = "已经发到您自己的手机上，住户还没有收到。看过以后再确认。"
NO_TIME: Final = "没看懂这个时间，或者它已经过了，没有改动。请再选一次。"


class ConsoleBroadcastsDoor(ConsoleDesk):
    """All broadcasts of her communities; who may not write to many looks on."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """List broadcasts, the newest first."""
        session = await self.visit(request)
        found: list[BroadcastView] = await self._parts.db.read(
            page_of_broadcasts,
            community_ids=session.staff.community_ids,
            staff_id=session.staff.staff_id,
            before_id=whole(query_text(request, "before")) or 0,
            limit=ON_A_PAGE + 1,
        )
        shown = found[:ON_A_PAGE]
        groups = await self._parts.db.read(all_group_limits, now=self._parts.clock.now())
        last = shown[-1].broadcast_id if found[ON_A_PAGE:] else 0
        return self._page(
            session,
            "console_broadcasts.html",
            room="broadcasts",
            rows=[(one, state_of(one), LABELS[BroadcastCategory(one.category)]) for one in shown],
            may_write=session.staff.role in SENDERS,
            people=people,
            groups=[(one.group, limit_words(one)) for one in groups],
            next_url=f"{self._home}/broadcasts?before={last}" if last else "",
        )

    async def show_one(self, request: web.Request) -> web.StreamResponse:
        """Show a broadcast: whom it reaches or reached, and what may be done with it now."""
        session = await self.visit(request)
        notice = SHOWN if query_text(request, "told") == "phone" else ""
        return await self._card(session, await self._view(request, session), notice=notice)

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Tell an open page whether something happened; no visit that keeps a session alive."""
        session = await self._session(request)
        if session is None:
            return web.json_response({"state": ""}, status=401)
        view = await self._view(request, session)
        return web.json_response({"state": _mark(await self._parts.db.read(figures, view))})

    async def people(self, request: web.Request) -> web.StreamResponse:
        """List person by person what became of a broadcast, or the households left out."""
        session = await self.visit(request)
        view = await self._view(request, session)
        group, after = query_text(request, "of"), whole(query_text(request, "after")) or 0
        limit = PEOPLE_ON_A_PAGE + 1
        if group == "left":
            left = await self._parts.db.read(page_of_left_out, view, after_id=after, limit=limit)
            rows: list[Row] = [(one.unit_label, SKIPS[one.why], None) for one in left]
            keys = [one.skip_id for one in left]
        else:
            states = GROUPS[group][1] if group in GROUPS else tuple(OutboxState)
            found = await self._parts.db.read(
                deliveries, view, states=states, after_id=after, limit=limit
            )
            report = await self._parts.db.read(figures, view)
            rows = [(who(one), _became(one, report), one.sent_at) for one in found]
            keys = [one.outbox_id for one in found]
        here = f"{self._home}/broadcasts/{view.broadcast_no}/people?of={group}"
        return self._page(
            session,
            "console_broadcast_people.html",
            room="broadcasts",
            one=view,
            group=group,
            groups=[("", "全部"), *((key, word) for key, (word, _) in GROUPS.items())],
            rows=rows[:PEOPLE_ON_A_PAGE],
            next_url=f"{here}&after={keys[-2]}" if len(keys) == limit else "",
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Take one step; what is refused is said on the page."""
        session = await self.visit(request, *SENDERS)
        form = await self._filled(request, session)
        view = await self._view(request, session)
        act = typed(form, "act")
        if act not in ACTS:
            raise UnfitRequest(400, "act")
        now = self._parts.clock.now()
        send_at = _moment(typed(form, "send_at"))
        is_late = send_at is None or send_at <= now
        if (act == "schedule" or typed(form, "send_at")) and act in TIMED and is_late:
            return await self._card(session, view, notice=NO_TIME, status=409)
        more = {"send_at": send_at} if act in TIMED and send_at else {}
        try:
            done = await self._parts.db.write(
                ACTS[act], view.broadcast_no, by=session.staff, now=now, **more
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            view = await self._view(request, session)
            return await self._card(session, view, notice=notice, status=409)
        if act == "preview" and not done:
            return await self._card(session, view, notice=NO_PHONE, status=409)
        self._parts.wake()
        told = "?told=phone" if act == "preview" else ""
        return self._go(f"/broadcasts/{view.broadcast_no}{told}")

    async def _view(self, request: web.Request, session: Session) -> BroadcastView:
        """Return the broadcast of the address; another's draft is none: HTTPNotFound."""
        number, member = request.match_info["broadcast"], session.staff
        try:
            found: BroadcastView = await self._parts.db.read(
                find, number, community_ids=member.community_ids
            )
        except UnknownBroadcast:
            raise web.HTTPNotFound from None
        if found.state is BroadcastState.DRAFT and found.created_by != member.staff_id:
            raise web.HTTPNotFound
        return found

    async def _card(
        self, session: Session, view: BroadcastView, *, notice: str = "", status: int = 200
    ) -> web.Response:
        db, now = self._parts.db, self._parts.clock.now()
        report = await db.read(figures, view)
        is_begun = view.state in BEGUN and view.started_at is not None
        audience, counts, quiet = Audience.load(view.audience), None, None
        policy = await db.read(policy_on, view.community_id, now.astimezone(SHANGHAI).date())
        if not is_begun and view.state is not BroadcastState.CANCELLED:
            counts = await db.read(preview, audience, category=view.category, now=now)
            if not comes_at_night(view.category):
                quiet = end_of_quiet(view.send_at or now, policy.quiet_from, policy.quiet_until)
        limits = await db.read(group_limits, audience.group, now=now) if audience.group else None
        is_owing = audience.condition.only_arrears
        return self._page(
            session,
            "console_broadcast.html",
            status=status,
            room="broadcasts",
            one=view,
            state=state_of(view),
            kind=LABELS[BroadcastCategory(view.category)],
            writer=await db.read(writer_of, view),
            counts=counts,
            limits=limit_words(limits) if limits and counts else "",
            task=task_words(report.task) if report.task else "",
            is_group=view.audience_label.endswith(GROUP),
            is_urgent=view.category == BroadcastCategory.URGENT,
            quiet=quiet,
            approval_over=policy.broadcast_approval_over,
            figures=_figures(report) if is_begun and report.task is None else [],
            left_out=[(SKIPS[why], count) for why, count in report.skipped.items()],
            skips=SKIPS,
            paid=await db.read(paid_after, view) if is_begun and is_owing else None,
            steps=_steps(view, report, session),
            timed=[one for one in TIMED if one in _steps(view, report, session)],
            is_live=view.state in UNDER_WAY and not view.is_paused,
            mark=_mark(report),
            every_ms=EVERY_MS,
            notice=notice,
            now=now,
        )


ACTS: Final[dict[str, Callable[..., Any]]] = {
    "preview": send_to_writer,
    "confirm": notices.confirm,
    "approve": notices.approve,
    "schedule": notices.schedule,
    "pause": pause,
    "resume": resume,
    "resend": notices.resend_failed,
    "cancel": notices.cancel,
}
TIMED: Final = ("confirm", "schedule")


def _steps(view: BroadcastView, report: BroadcastReport, session: Session) -> list[str]:
    """Return what she may do with a broadcast now.

    A draft's preview comes first: a browser takes the first button where somebody presses Enter.
    """
    if session.staff.role not in SENDERS:
        return []
    if view.is_paused and view.state in UNDER_WAY:
        return ["resume", "cancel"]
    is_hers = view.created_by == session.staff.staff_id
    again = ["resend"] if report.count(OutboxState.DEAD) else []
    others = [] if is_hers else ["approve", "preview"]
    return {
        BroadcastState.DRAFT: ["preview", "confirm", "cancel"],
        BroadcastState.AWAITING_APPROVAL: [*others, "cancel"],
        BroadcastState.SCHEDULED: ["schedule", "pause", "cancel"],
        BroadcastState.SENDING: [*again, "pause", "cancel"],
        BroadcastState.DONE: again,
        BroadcastState.CANCELLED: [],
    }[view.state]


def _figures(report: BroadcastReport) -> list[tuple[str, str, int]]:
    return [(key, word, report.count(*states)) for key, (word, states) in GROUPS.items()]


def _became(one: Any, report: BroadcastReport) -> str:  # noqa: ANN401 - a Delivery
    """Say what became of one message: the state, and the reason where it did not arrive."""
    if report.task is not None and report.task.outbox_id == one.outbox_id:
        return OWNER_WAITS
    if one.state in FAILED:
        return reason(one)
    return next(word for word, states in GROUPS.values() if one.state in states)


def _mark(report: BroadcastReport) -> str:
    """Return what changes whenever the page would."""
    counts = ".".join(str(report.by_state.get(one, 0)) for one in OutboxState)
    counts += f".{report.task.reminders}" if report.task else ""
    return f"{report.broadcast.state}.{report.broadcast.is_paused:d}.{counts}"


def _moment(text: str) -> datetime | None:
    """Read what a browser's field of day and time gives, as Shanghai's clocks show it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo else shanghai_instant(at.date(), at.time())
