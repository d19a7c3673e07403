"""The public page of a community (公示): prices, shared costs, public accounts, refund times."""

from datetime import date, timedelta
from typing import Any, Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.report_facts import public_facts
from handlers import reckonings, standards
from storage.frozen import dataclass
from storage.kinds import FeeClass
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.collection import CollectionRate, collection_rates
from storage.queries.disclosure import RefundTimes, disclosure_of, shared_proof
from storage.queries.month_reports import published_months, report_of, shows_buildings
from storage.rules.billing import Scheme, Version

CLASSES: Final = {
    FeeClass.OWN: "",
    FeeClass.AGENCY: "代收代缴",
    FeeClass.DEPOSIT: "押金",
    FeeClass.RENEWAL: "按月续费",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """One dated version of a price, in words."""

    price: str
    how: list[str]
    since_on: date
    last_on: date | None
    place: str
    """now, past or ahead."""


class DisclosureDoor:
    """Pages that anybody may open."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Read from these books."""
        self._parts = parts
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        """Show what a community publishes; its address names it by its number."""
        found = await self._parts.db.read(
            disclosure_of, _number(request, "community"), now=self._parts.clock.now()
        )
        if found is None:
            raise web.HTTPNotFound
        today = shanghai_day(self._parts.clock.now())
        rates: tuple[CollectionRate, ...] = ()
        if await self._parts.db.read(shows_buildings, found.community_id):
            rates = await self._parts.db.read(collection_rates, found.community_id, today)
        return self._pages.render(
            "disclosure.html",
            page=found,
            rates=[(_buildings(one), one.percent, one.unit_count) for one in rates],
            standards=_standards(found.schemes, today),
            shared_by=reckonings.SHARED_BY,
            refund_times=_times(found.refund_times),
            reports=await self._parts.db.read(published_months, found.community_id),
            page_url=f"{self._pages.root}/disclosure/{found.community_id}",
            today=today,
        )

    async def report(self, request: web.Request) -> web.Response:
        """Show a month's-end report that was published."""
        community_id = _number(request, "community")
        try:
            period = BillingPeriod.parse(request.match_info["month"])
        except ValueError:
            raise web.HTTPNotFound from None
        found = await self._parts.db.read(report_of, community_id, period)
        if found is None or not found.is_published:
            raise web.HTTPNotFound
        return self._pages.render(
            "month_report.html",
            **public_facts(found),
            page_url=f"{self._pages.root}/disclosure/{community_id}",
        )

    async def shared(self, request: web.Request) -> web.Response:
        """Show the proof of one shared cost, unit by unit."""
        community_id, cost_id = _number(request, "community"), _number(request, "cost")
        proof = await self._parts.db.read(shared_proof, community_id, cost_id)
        if proof is None:
            raise web.HTTPNotFound
        return self._pages.render(
            "shared.html",
            proof=proof,
            shared_by=reckonings.SHARED_BY,
            unit="㎡" if proof.cost.method == "by_area" else "",
            page_url=f"{self._pages.root}/disclosure/{community_id}",
        )


def _buildings(one: CollectionRate) -> str:
    return "、".join(label or "其他" for label in one.buildings)


def _number(request: web.Request, name: str) -> int:
    return int(request.match_info[name])


def _standards(schemes: tuple[Scheme, ...], today: date) -> list[dict[str, Any]]:
    """Put each fee's versions in words: what holds today first, what was and what comes after."""
    found = []
    for scheme in schemes:
        versions = [_shown(one, today) for one in scheme.versions]
        by_place = {
            place: [one for one in versions if one.place == place]
            for place in ("now", "ahead", "past")
        }
        notes = (scheme.name, CLASSES[scheme.fee_class])
        found.append(
            {
                "item_name": scheme.item_name,
                "kind": standards.KINDS[scheme.unit_kind],
                "notes": [one for one in notes if one],
                "now": by_place["now"],
                "others": [*by_place["ahead"], *reversed(by_place["past"])],
            }
        )
    return sorted(found, key=lambda one: not one["now"])


def _shown(version: Version, today: date) -> _Shown:
    tariff = version.tariff
    last_on = None if tariff.ends_on is None else tariff.ends_on - timedelta(days=1)
    place = "now"
    if tariff.effective_on > today:
        place = "ahead"
    elif last_on is not None and last_on < today:
        place = "past"
    how = standards.how(version)
    return _Shown(standards.price(tariff), how, tariff.effective_on, last_on, place)


def _times(times: RefundTimes | None) -> dict[str, Any] | None:
    """Say how long refunds took: their median in words, and how many took a day at most."""
    if times is None:
        return None
    hours = times.median / timedelta(hours=1)
    shown = f"{max(round(times.median / timedelta(minutes=1)), 1)} 分钟"
    if hours >= 48:
        shown = f"{round(hours / 24)} 天"
    elif hours >= 1:
        shown = f"{round(hours)} 小时"
    percent = times.within_a_day * 100 // times.count
    return {"count": times.count, "median": shown, "percent": percent}
