"""Writing a broadcast (写群发) by clicks: whom it is for, a count by reason, and the draft."""

from typing import Any, Final

from aiohttp import web

from bot.web.console import ConsoleDesk, Form, typed, whole
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from handlers.staff.audience import BOUND, PLAIN, ROLES, label, read_audience
from handlers.staff.categories import LABELS, MEANS, category_of
from handlers.staff.preview import SKIPS
from storage import money
from storage.errors import Refusal, UnknownAudience
from storage.kinds import BroadcastCategory, OccupancyRole, StaffRole
from storage.operations.notices import MAX_CHARS, SENDERS, Writing, draft
from storage.queries.audiences import Audience, preview, resolve
from storage.queries.broadcast_pages import building_labels
from storage.queries.console_sessions import Session
from storage.queries.desk import communities_served
from storage.rules.audiences import Condition

AGES: Final = (1, 31, 61, 91, 181, 366)
"""At least so many days late: over 0, 30, 60 … days."""


class ConsoleWritingDoor(ConsoleDesk):
    """The form of a new broadcast."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the empty form of one of her communities."""
        session = await self.visit(request, *SENDERS)
        asked = whole(query_text(request, "community")) or 0
        return await self._form(session, await self._community(session, asked), {})

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Count whom the form names, or write the draft and go on to its page."""
        session = await self.visit(request, *SENDERS)
        form = await self._filled(request, session)
        act = typed(form, "act")
        if act not in ("count", "draft"):
            raise UnfitRequest(400, "act")
        community_id = await self._community(session, whole(typed(form, "community")) or 0)
        now = self._parts.clock.now()
        try:
            audience = await self._audience(form, community_id)
            category = _category(form)
            counts = await self._parts.db.read(preview, audience, category=category, now=now)
            if act == "count":
                return await self._form(session, community_id, form, counts, audience)
            writing = Writing(audience, label(audience.condition), category, typed(form, "text"))
            view = await self._parts.db.write(draft, writing, by=session.staff, now=now)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._form(session, community_id, form, notice=notice)
        return self._go(f"/broadcasts/{view.broadcast_no}")

    async def _community(self, session: Session, asked: int) -> int:
        """Return the community asked for, else her first. HTTPNotFound where it is not hers."""
        served = session.staff.community_ids
        if not served or (asked and asked not in served):
            raise web.HTTPNotFound
        return asked or served[0]

    async def _audience(self, form: Form, community_id: int) -> Audience:
        """Return the audience that was clicked. Raises UnknownAudience, NotAnAmount."""
        fen = money.from_yuan(typed(form, "yuan")) if typed(form, "yuan") else 0
        days = whole(typed(form, "days")) or 0
        rooms, entrance = typed(form, "rooms")[:400], typed(form, "entrance")[:10]
        named = read_audience(rooms) if rooms else Condition()
        if named is None or (rooms and not named.rooms):
            raise UnknownAudience(rooms)
        role, bound = typed(form, "role"), typed(form, "bound")
        condition = Condition(
            buildings=() if rooms else tuple(one[:20] for one in form.get("building", [])[:200]),
            entrance="" if rooms else entrance,
            rooms=named.rooms,
            role=OccupancyRole(role) if role in set(OccupancyRole) else None,
            is_bound={"yes": True, "no": False}.get(bound),
            is_plain=bool(typed(form, "plain")),
            only_arrears=bool(days or fen),
            min_fen=fen,
            min_days=days if days in AGES[1:] else 0,
        )
        if condition.entrance and not condition.buildings:
            raise UnknownAudience(entrance)
        found: Audience = await self._parts.db.read(
            resolve, condition, community_id, words=label(condition)
        )
        return found

    async def _form(
        self,
        session: Session,
        community_id: int,
        form: Form,
        counts: Any = None,  # noqa: ANN401 - a Preview, where it was asked for
        audience: Audience | None = None,
        *,
        notice: str = "",
    ) -> web.Response:
        db, member = self._parts.db, session.staff
        is_manager = member.role is StaffRole.MANAGER
        kinds = [one for one in LABELS if is_manager or one is not BroadcastCategory.LEGAL]
        return self._page(
            session,
            "console_broadcast_new.html",
            room="broadcasts",
            status=409 if notice else 200,
            notice=notice,
            communities=await db.read(communities_served, member.community_ids),
            community_id=community_id,
            buildings=await db.read(building_labels, community_id),
            picked=form.get("building", []),
            said={name: typed(form, name) for name in FIELDS},
            roles=ROLES,
            bound=(("yes", BOUND[True]), ("no", BOUND[False])),
            plain=PLAIN,
            ages=[(days, f"超过{days - 1}天" if days > 1 else "只要过了应缴日") for days in AGES],
            kinds=[(one, LABELS[one], MEANS[one]) for one in kinds],
            counts=counts,
            skips=SKIPS,
            named=label(audience.condition) if audience else "",
            is_urgent=_category(form) is BroadcastCategory.URGENT,
            most=MAX_CHARS,
        )


FIELDS: Final = (
    *("entrance", "rooms", "role", "bound", "plain", "days", "yuan", "category", "text"),
)


def _category(form: Form) -> BroadcastCategory:
    """Return the category that was clicked, or the one that the text speaks of."""
    said = typed(form, "category")
    return (
        BroadcastCategory(said)
        if said in set(BroadcastCategory)
        else category_of(typed(form, "text"))
    )
