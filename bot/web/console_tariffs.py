"""Prices (收费标准): all with their days, and a further one, tried on real units first."""

from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import date
from typing import Any, Final

from aiohttp import web

from bot.spreadsheets import fields
from bot.spreadsheets.estate import KINDS
from bot.spreadsheets.fields import Unreadable
from bot.spreadsheets.tariff_terms import CYCLES, TIMINGS, first_words, tiers, tiers_text
from bot.spreadsheets.tariffs import BASES
from bot.web.console import typed, whole
from bot.web.console_office import OfficeDesk, Place
from bot.web.reading import UnfitRequest, query_text
from handlers import refusals
from storage.audit import Actor
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import Basis, StaffRole, UnitKind
from storage.operations.tariffs import TariffFact, check_tariff, set_seen_tariff
from storage.periods import shanghai_day
from storage.queries.console_sessions import Session
from storage.queries.tariff_trials import TariffTrial
from storage.queries.tariffs import TariffTerms, mark_of, schemes_of
from storage.rules.billing import Scheme, Version
from storage.rules.tariffs import price_text

MOVED: Final = (
    "刚才已经有人改过这个收费标准，您这一步没有保存。请看下面现在的价格，需要的话再试一次。"
)
SAVED: Final = "已保存。已经出的账单不变，从生效的那一天起按新的价格算。"
NO_TARIFF: Final = "这样的价格不能保存：{why}"
FIELDS: Final = ("price", "tiers", "formula", "since", "due_day")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a unit is billed now and would be billed, in fen, or why nothing; how it comes about."""

    unit_label: str
    before: str
    after: str
    sum: str
    fen: tuple[int | None, int | None]


class ConsoleTariffsDoor(OfficeDesk):
    """The list, and one fee's prices with the form for a further one."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """List each fee with the price in force today and the next one."""
        session = await self.visit(request, StaffRole.MANAGER)
        place = await self._asked_place(request, session)
        found = await self._parts.db.read(schemes_of, place.community_id)
        today = self._today()
        return self._office_page(
            session,
            place,
            "console_tariffs.html",
            tab="tariffs",
            rows=[
                (one, named(one), told(in_force(one, today)), _next(one, today))
                for of_kind in found.values()
                for one in of_kind.values()
            ],
        )

    async def show_one(self, request: web.Request) -> web.StreamResponse:
        """Show a fee's prices, the newest first, and the form for a further one."""
        session = await self.visit(request, StaffRole.MANAGER)
        place, scheme = await self._scheme(request, session)
        done = SAVED if query_text(request, "said") == "saved" else ""
        return self._card(session, place, scheme, done=done)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Try a further price on real units, or save it where nobody was quicker."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        place, scheme = await self._scheme(request, session)
        act = typed(form, "act")
        if act not in ("try", "save"):
            raise UnfitRequest(400, "act")
        said = {name: typed(form, name)[:400] for name in FIELDS}
        try:
            fact = drafted(scheme, said)
            tried = await self._tried(place, scheme, fact)
            if act == "try":
                return self._card(session, place, scheme, said=said, tried=tried)
            is_kept = await self._parts.db.write(
                set_seen_tariff,
                fact,
                seen=typed(form, "seen"),
                community_id=place.community_id,
                actor=Actor(session.staff.staff_id),
                now=self._parts.clock.now(),
            )
        except Refusal as refusal:
            notice = refusals.words_to_staff(refusal)
        except Unreadable as unfit:
            notice = NO_TARIFF.format(why=unfit)
        except ValueError:
            notice = NO_TARIFF.format(why="数字太大或者太小，请核对")
        else:
            if is_kept:
                return self._back(place, f"tariffs/{request.match_info['tariff']}", said="saved")
            place, scheme = await self._scheme(request, session)
            notice = MOVED
        return self._card(session, place, scheme, said=said, notice=notice)

    def _today(self) -> date:
        return shanghai_day(self._parts.clock.now())

    async def _scheme(self, request: web.Request, session: Session) -> tuple[Place, Scheme]:
        """Return the prices that a version belongs to. Another community's is HTTPNotFound."""
        tariff_id = whole(request.match_info["tariff"])
        for community_id in session.staff.community_ids:
            found = await self._parts.db.read(schemes_of, community_id)
            for of_kind in found.values():
                for scheme in of_kind.values():
                    if any(one.tariff_id == tariff_id for one in scheme.versions):
                        return await self._place(session, str(community_id)), scheme
        raise web.HTTPNotFound

    async def _tried(self, place: Place, scheme: Scheme, fact: TariffFact) -> list[Tried]:
        """Price real units by the price in force and by the new one. Raises Refusal."""
        asked: dict[str, Any] = {"community_id": place.community_id, "today": self._today()}
        db, now = self._parts.db, in_force(scheme, self._today())
        after = await db.read(check_tariff, fact, **asked)
        before: Mapping[str, TariffTrial] = {}
        if now is not None:
            trials = await db.read(check_tariff, fact_of(scheme, now), **asked)
            before = {one.unit_label: one for one in trials}
        return [_compared(before.get(one.unit_label), one) for one in after]

    def _card(
        self,
        session: Session,
        place: Place,
        scheme: Scheme,
        *,
        said: Mapping[str, str] | None = None,
        tried: list[Tried] | None = None,
        notice: str = "",
        done: str = "",
    ) -> web.Response:
        last = scheme.versions[-1]
        return self._office_page(
            session,
            place,
            "console_tariff.html",
            tab="tariffs",
            status=409 if notice else 200,
            one=scheme,
            called=named(scheme),
            versions=[(one, told(one)) for one in reversed(scheme.versions)],
            basis=last.tariff.basis,
            said=said or _fields(last),
            seen=mark_of(scheme),
            tried=tried,
            notice=notice,
            done=done,
            today=self._today(),
        )


_KINDS: Final = first_words(KINDS)
_BASES: Final = first_words(BASES)
_CYCLES: Final = first_words(CYCLES)
_TIMINGS: Final = first_words(TIMINGS)


def named(scheme: Scheme) -> str:
    """Say which prices they are: the fee, the kind of unit, and the scheme's own name."""
    return " ".join(
        one for one in (scheme.item_name, _KINDS[UnitKind(scheme.unit_kind)], scheme.name) if one
    )


def told(version: Version | None) -> str:
    """Say a price in one line, "" where there is none."""
    if version is None:
        return ""
    tariff = version.tariff
    price = f"{price_text(tariff.price_e4)}元"
    if tariff.basis == Basis.TIERED:
        price = tiers_text(tariff.tiers)
    if tariff.basis == Basis.FORMULA:
        price = tariff.formula
    when = f"{_CYCLES[version.cycle]}{_TIMINGS[version.timing]}"
    return f"{_BASES[tariff.basis]} {price}，{when}，{version.due_day}日应缴"


def in_force(scheme: Scheme, day: date) -> Version | None:
    """Return the price in force on a Shanghai day, or None."""
    for one in scheme.versions:
        ends_on = one.tariff.ends_on
        if one.tariff.effective_on <= day and (ends_on is None or day < ends_on):
            return one
    return None


def _next(scheme: Scheme, day: date) -> str:
    later = next((one for one in scheme.versions if one.tariff.effective_on > day), None)
    return "" if later is None else f"从 {later.tariff.effective_on} 起：{told(later)}"


def fact_of(scheme: Scheme, version: Version) -> TariffFact:
    """Return a price as it would be set."""
    tariff = version.tariff
    terms = TariffTerms(**{one.name: getattr(tariff, one.name) for one in fields_of(TariffTerms)})
    return TariffFact(
        fee_item=scheme.item_name,
        unit_kind=UnitKind(scheme.unit_kind),
        basis=tariff.basis,
        price_e4=tariff.price_e4,
        effective_on=tariff.effective_on,
        ends_on=tariff.ends_on,
        due_day=version.due_day,
        scheme=scheme.name,
        cycle=version.cycle,
        timing=version.timing,
        terms=terms,
        fee_class=scheme.fee_class,
    )


def drafted(scheme: Scheme, said: Mapping[str, str]) -> TariffFact:
    """Read a further price: what the form does not ask for stays as it was last.

    Raises Unreadable and ValueError, whose texts say in Chinese what is wrong; and Refusal.
    """
    last = fact_of(scheme, scheme.versions[-1])
    price_e4, terms = last.price_e4, last.terms
    if last.basis == Basis.TIERED:
        terms = replace(terms, tiers=tiers(said["tiers"]))
    elif last.basis == Basis.FORMULA:
        terms = replace(terms, formula=said["formula"])
    else:
        price_e4 = fields.price_e4(said["price"])
    fact = replace(
        last,
        price_e4=price_e4,
        terms=terms,
        effective_on=fields.day(said["since"]),
        ends_on=None,
        due_day=fields.whole_number(1, 31)(said["due_day"]),
    )
    _ = fact.tariff  # its bounds and steps are looked at when it is built
    return fact


def _fields(version: Version) -> dict[str, str]:
    tariff = version.tariff
    return {
        "price": price_text(tariff.price_e4),
        "tiers": tiers_text(tariff.tiers),
        "formula": tariff.formula,
        "since": "",
        "due_day": str(version.due_day),
    }


def _compared(before: TariffTrial | None, after: TariffTrial) -> Tried:
    return Tried(
        after.unit_label,
        "" if before is None else _why_not(before),
        _why_not(after),
        after.sum,
        (None if before is None else before.amount_fen, after.amount_fen),
    )


def _why_not(one: TariffTrial) -> str:
    """Say why a unit is billed nothing, "" where it is billed."""
    if one.amount_fen is not None:
        return ""
    if isinstance(one.refusal, Refusal):
        return refusals.words_to_staff(one.refusal)
    return "不用出账"
