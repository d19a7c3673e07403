"""What both forms over a flat's open bills share (减免, 坏账核销): one is asked, others decide."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from bot.web.counter import CounterDesk, key_of, one_of
from bot.web.reading import UnfitRequest, Upload, query_text, refuse_other_sites
from handlers import refusals
from storage.errors import Refusal
from storage.queries.residents import Staff


class CounterAskDoor(CounterDesk, ABC):
    """A form on which a cashier picks an open bill and asks that less of it be asked for."""

    page: ClassVar[str]
    """The last part of its address, which names its presses too."""
    template: ClassVar[str]
    typed: ClassVar[tuple[str, ...]]
    """The fields that are typed; a refusal shows them again."""
    words: ClassVar[Mapping[str, Any]] = {}
    """What else its page shows."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form over a flat's open bills; after a press, what was asked for."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        number = query_text(request, "asked")
        asked = await self._asked(number, staff) if number else None
        return await self._form(request, staff, unit_id, asked=asked)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Ask for it; what is refused is said above what was typed."""
        staff = await self._staff(request)
        unit_id = key_of(query_text(request, "unit"))
        refuse_other_sites(request, self._parts.base_url)
        sent = await self._read(request)
        self._opened(sent.fields, staff, f"{self.page}:{unit_id}")
        typed = {name: one_of(sent.fields, name) for name in self.typed}
        flat = await self._counter.open_flat(staff, unit_id)
        meant = key_of(typed["bill"])
        if meant not in {one.bill_id for one in flat.bills}:
            raise UnfitRequest(400, "bill")
        try:
            number = await self._ask(meant, typed, sent, staff)
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
            return await self._form(request, staff, unit_id, notice=notice, typed=typed, status=409)
        return self._go(request, f"/{self.page}", unit=str(unit_id), asked=number)

    @abstractmethod
    async def _asked(self, number: str, staff: Staff) -> Any:  # noqa: ANN401 - a view of each
        """Return what was asked for under a number, for the page. Raises Refusal."""

    @abstractmethod
    async def _read(self, request: web.Request) -> Upload:
        """Return the form that was sent. Raises UnfitRequest."""

    @abstractmethod
    async def _ask(self, bill_id: int, typed: Mapping[str, str], sent: Upload, staff: Staff) -> str:
        """Ask for it; return its number. Raises Refusal, UnfitRequest."""

    async def _form(
        self,
        request: web.Request,
        staff: Staff,
        unit_id: int,
        *,
        asked: Any = None,  # noqa: ANN401 - a view of each
        notice: str = "",
        typed: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        flat = await self._counter.open_flat(staff, unit_id)
        return self._pages.render(
            self.template,
            status=status,
            page_url=self._path(request),
            page=self.page,
            flat=flat,
            asked=asked,
            typed=typed or dict.fromkeys(self.typed, ""),
            press=self._press(staff, f"{self.page}:{unit_id}"),
            notice=notice,
            **self.words,
        )
