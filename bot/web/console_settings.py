"""A community's rules (小区规则): each choice as it holds today, changed from a day on."""

from datetime import date
from typing import Final

from aiohttp import web

from bot.choices import CHOICES, read_choice, said_as
from bot.web.console import Form, typed
from bot.web.console_office import OfficeDesk, Place
from bot.web.reading import UnfitRequest, query_text
from storage.audit import Actor
from storage.errors import NotAnAmount
from storage.kinds import StaffRole
from storage.operations.communities import change_choices
from storage.periods import shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.policies import policy_on

SAVED: Final = "已保存，从写的那一天起按新的规则办。"
SAME: Final = "没有改动，和现在的一样。"
MOVED: Final = "刚才已经有人改过其中一条，您这一步没有保存。请看下面现在的规则，需要的话再改一次。"
NOT_KEPT: Final = "没有保存：“{what}”不能是“{found}”，请核对。"
PAST: Final = "没有保存：只能从今天或者以后的一天起改。"


class ConsoleSettingsDoor(OfficeDesk):
    """The choices of a community."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show each choice as it holds today."""
        session = await self.visit(request, StaffRole.MANAGER)
        place = await self._asked_place(request, session)
        return await self._form(
            session, place, done=SAVED if query_text(request, "said") == "saved" else ""
        )

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Change the choices that read otherwise than when the page was shown."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        place = await self._place(session, typed(form, "community"))
        if typed(form, "act") != "save":
            raise UnfitRequest(400, "act")
        today, since = self._today(), _day(typed(form, "since"))
        if since is None or since < today:
            return await self._form(session, place, form=form, notice=PAST)
        changed, unfit = _changed(form)
        if unfit or not changed:
            return await self._form(session, place, form=form, notice=unfit or SAME)
        try:
            is_kept = await self._parts.db.write(
                change_choices,
                changed,
                community_id=place.community_id,
                effective_on=since,
                now=self._parts.clock.now(),
                actor=Actor(session.staff.staff_id),
            )
        except ValueError as broken:
            notice = _told(
                {ours: name for name, (ours, _, _) in CHOICES.items()}[str(broken)], form
            )
            return await self._form(session, place, form=form, notice=notice)
        if not is_kept:
            return await self._form(session, place, notice=MOVED)
        return self._back(place, "settings", said="saved")

    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _form(
        self,
        session: Session,
        place: Place,
        *,
        form: Form | None = None,
        notice: str = "",
        done: str = "",
    ) -> web.Response:
        today = self._today()
        policy = await self._parts.db.read(policy_on, place.community_id, today)
        rows = []
        for name, (ours, what, _) in CHOICES.items():
            now = said_as(ours, getattr(policy, ours))
            rows.append((name, what, now, typed(form, name) if form and name in form else now))
        return self._office_page(
            session,
            place,
            "console_settings.html",
            tab="settings",
            status=409 if notice else 200,
            rows=rows,
            since=typed(form, "since") if form else today.isoformat(),
            notice=notice,
            done=done,
        )


def _changed(form: Form) -> tuple[dict[str, tuple[object, object]], str]:
    """Return what reads otherwise than it was shown, (seen, wished), or what cannot be read."""
    changed: dict[str, tuple[object, object]] = {}
    for name in CHOICES:
        seen, wished = typed(form, f"was-{name}"), typed(form, name)
        if name not in form or seen == wished:
            continue
        try:
            ours, to_be = read_choice(name, wished)
            changed[ours] = (read_choice(name, seen)[1], to_be)
        except (KeyError, ValueError, NotAnAmount):
            return {}, _told(name, form)
    return changed, ""


def _told(name: str, form: Form) -> str:
    return NOT_KEPT.format(what=CHOICES[name][1], found=typed(form, name)[:40])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
