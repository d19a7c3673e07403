"""Which figures are asked for: those of a month of a community, a building or a fee item."""

from datetime import date
from urllib.parse import urlencode

from aiohttp import web

from bot.web.console import whole
from bot.web.parts import WebParts
from bot.web.reading import query_text
from storage.frozen import dataclass
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.debt_moves import Days, Scope
from storage.queries.desk import communities_served
from storage.queries.month_facts import Choices, choices_of

EARLIEST = BillingPeriod(2000, 1)


@dataclass(frozen=True, slots=True)
class FigureWish:
    """What an address asks for; all of it is the asker's to see."""

    served: tuple[tuple[int, str], ...]
    """(key, name) of her communities."""
    choices: Choices
    scope: Scope
    period: BillingPeriod
    today: date

    @property
    def community(self) -> str:
        """Its community's name."""
        return dict(self.served)[self.scope.community_id]

    @property
    def days(self) -> Days:
        """The month's days."""
        return Days.of(self.period)

    @property
    def cut_off(self) -> date:
        """The last Shanghai day that counts."""
        return min(self.today, self.period.last_on)

    @property
    def narrowed_to(self) -> str:
        """Say the building and the fee item, "" for everything."""
        names = (
            dict(self.choices.buildings).get(self.scope.building_id or 0, ""),
            dict(self.choices.items).get(self.scope.fee_item_id or 0, ""),
        )
        return " ".join(filter(None, names))

    def asked(self, **more: object) -> str:
        """Return the address's query of the same figures, with more in it."""
        query = {
            "community": self.scope.community_id,
            "month": self.period,
            "building": self.scope.building_id,
            "item": self.scope.fee_item_id,
        } | more
        return urlencode({name: str(one) for name, one in query.items() if one is not None})


async def wish_of(request: web.Request, parts: WebParts, session: Session) -> FigureWish | None:
    """Read what is asked for; a month that is none, or is ahead, is this one.

    None where nobody gave her a community. Raises HTTPNotFound for what is not hers.
    """
    served = tuple(await parts.db.read(communities_served, session.staff.community_ids))
    if not served:
        return None
    today = shanghai_day(parts.clock.now())
    said = query_text(request, "community")
    community_id = whole(said) if said else served[0][0]
    if community_id not in dict(served):
        raise web.HTTPNotFound
    choices = await parts.db.read(choices_of, community_id)
    building_id = _one_of(request, "building", choices.buildings)
    fee_item_id = _one_of(request, "item", choices.items)
    scope = Scope(community_id, building_id, fee_item_id)
    return FigureWish(served, choices, scope, _month(request, today), today)


def _one_of(request: web.Request, name: str, choices: tuple[tuple[int, str], ...]) -> int | None:
    said = query_text(request, name)
    if not said:
        return None
    found = whole(said)
    if found not in dict(choices):
        raise web.HTTPNotFound
    return found


def _month(request: web.Request, today: date) -> BillingPeriod:
    now = BillingPeriod.of(today)
    try:
        period = BillingPeriod.parse(query_text(request, "month"))
    except ValueError:
        return now
    return period if EARLIEST <= period <= now else now
