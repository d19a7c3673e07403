"""What all pages of the settings (设置) share: the community that is meant, and their frame."""

from typing import Any, Final

from aiohttp import web

from bot.web.console import ConsoleDesk, whole
from bot.web.reading import query_text
from storage.frozen import dataclass
from storage.queries.console_sessions import Session
from storage.queries.desk import communities_served

TABS: Final = (
    ("texts", "问答和说法"),
    ("tariffs", "收费标准"),
    ("imports", "导入表格"),
    ("settings", "小区规则"),
)
"""Pages of the settings, by their addresses."""


@dataclass(frozen=True, slots=True)
class Place:
    """The community that a page is about, and all that she serves as (key, name)."""

    community_id: int
    name: str
    served: tuple[tuple[int, str], ...]


class OfficeDesk(ConsoleDesk):
    """A door of the settings."""

    async def _place(self, session: Session, asked: str) -> Place:
        """Return the community that is asked for, the first of hers where none is.

        One that is not hers is none: HTTPNotFound.
        """
        served = await self._parts.db.read(communities_served, session.staff.community_ids)
        wanted = whole(asked) if asked else next((key for key, _ in served), None)
        for community_id, name in served:
            if community_id == wanted:
                return Place(community_id, name, tuple(served))
        raise web.HTTPNotFound

    async def _asked_place(self, request: web.Request, session: Session) -> Place:
        return await self._place(session, query_text(request, "community"))

    def _office_page(
        self,
        session: Session,
        place: Place,
        template: str,
        *,
        tab: str,
        status: int = 200,
        **facts: Any,  # noqa: ANN401 - a template's values
    ) -> web.Response:
        """Render a page of the settings: its neighbours, and the communities to choose from."""
        return self._page(
            session,
            template,
            room="texts",
            status=status,
            place=place,
            tab=tab,
            tabs=[(f"{self._home}/{name}", label, name == tab) for name, label in TABS],
            **facts,
        )

    def _back(self, place: Place, where: str, *, said: str = "") -> web.Response:
        """Go to a page of the settings after an act, so that looking again acts no more."""
        return self._go(f"/{where}?community={place.community_id}{f'&said={said}' if said else ''}")
