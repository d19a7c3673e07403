"""The office of 梧桐里: does what the year's script says, by the operations of the house."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from storage.kinds import (
    Account,
    DiscountReason,
    HoldKind,
    LateFeeMode,
    OccupancyRole,
    Payer,
    ReadingKind,
    ReadingState,
    ShareMethod,
    ShareScope,
    UnitKind,
)
from storage.models.bills import bills, fee_items
from storage.models.estate import buildings, entrances
from storage.models.late_fees import holds
from storage.operations.assignments import assign, grant_discount, note_vacancy
from storage.operations.corrections import correct_bill
from storage.operations.deposit_returns import OfflineReturn, return_offline
from storage.operations.deposits import Inspection, inspect
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.holds import NewHold, end_hold, place_hold
from storage.operations.late_fee_terms import set_late_fee
from storage.operations.meters import MeterFact, install_meter, replace_meter
from storage.operations.occupancies import Stay, import_people
from storage.operations.opening import OpeningRow, import_opening, opening_totals, sign_opening
from storage.operations.orders import OpenOrder, OrderAsk, open_order
from storage.operations.prepay_orders import Aside, open_aside
from storage.operations.readings import Noted, ReadingFact, confirm_reading, note_reading
from storage.operations.sharing import CostFact, draft_cost, issue_cost, publish_cost, set_factor
from storage.operations.tariffs import fee_item_ids
from storage.periods import BillingPeriod
from storage.ports.payments import PaymentAsk, TradeKind
from storage.queries.discounts import DiscountFact
from storage.queries.late_fees import Terms
from storage.queries.sharing import Scope
from storage.rules.billing import Assignment
from storage.rules.late_fees import LateFeePolicy
from tests.fakes import APP, MERCHANT
from tests.scenarios import year
from tests.scenarios.year import Event
from tests.scenarios.year_desk import Desk, instant


class Office(Desk):
    """Hears of what happens and enters it."""

    # What happens

    async def play(self, event: Event) -> None:
        """Do what the script says, at its minute."""
        moment = instant(event.on, event.at)
        self.clock.advance(seconds=max((moment - self.now).total_seconds(), 0))
        await getattr(self, event.verb)(event, *event.args, **event.more)

    async def reprices(self, _: Event, item: str, kind: str, price_e4: int, from_on: date) -> None:
        fee = next(one for one in year.FEES if (one.item, one.kind) == (item, kind))
        await self.price(fee, price_e4, from_on)

    async def exempts(self, _: Event, code: str, item: str, until_on: date) -> None:
        free = Assignment(is_charged=False, from_on=year.OPENS_ON, until_on=until_on)
        await self._assign(code, item, free)

    async def assigns(
        self, _: Event, code: str, item: str, scheme: str, from_on: date, **more: Any
    ) -> None:
        payer = Payer(more.pop("payer", "owner"))
        await self._assign(code, item, Assignment(scheme, from_on=from_on, payer=payer, **more))

    async def _assign(self, code: str, item: str, assigned: Assignment) -> None:
        await self.db.write(
            assign,
            assigned,
            unit_id=self.units[code],
            fee_item_id=self.items[item],
            actor=self.staff,
            now=self.now,
        )

    async def installs(
        self, event: Event, code: str, item: str, no: str, start: int, more: Any = None
    ) -> None:
        more = more or {}
        fact = MeterFact(
            no,
            event.on,
            Decimal(start),
            more.get("digits"),
            Decimal(more.get("multiplier", "1")),
            more.get("loss_e4", 0),
        )
        await self.db.write(
            install_meter, self.units[code], self.items[item], fact, actor=self.staff, now=self.now
        )

    async def replaces(
        self, event: Event, code: str, item: str, no: str, last: int, start: int
    ) -> None:
        fact = MeterFact(no, event.on, Decimal(start))
        meter_id = await self.meter_id(code, item)
        await self.db.write(
            replace_meter, meter_id, fact, last=Decimal(last), actor=self.staff, now=self.now
        )

    async def reads(
        self,
        event: Event,
        code: str,
        item: str,
        shown: int,
        *,
        kind: str = "read",
        read_on: Any = None,
    ) -> None:
        noted = await self._note(event, code, item, shown, kind, read_on)
        assert noted.state == ReadingState.ACCEPTED, (event, noted.verdict)

    async def turns(self, event: Event, code: str, item: str, shown: int) -> None:
        noted = await self._note(event, code, item, shown, "read", None)
        assert noted.state == ReadingState.ASKED
        await self.db.write(
            confirm_reading, noted.reading_id, turns=1, actor=self.staff, now=self.now
        )

    async def _note(
        self, event: Event, code: str, item: str, shown: int, kind: str, read_on: date | None
    ) -> Noted:
        meter_id = await self.meter_id(code, item)
        fact = ReadingFact(meter_id, read_on or event.on, Decimal(shown), ReadingKind(kind))
        return await self.db.write(note_reading, fact, actor=self.staff, now=self.now)

    async def _people(self, stay: Stay) -> None:
        plan = await self.db.write(import_people, [stay], actor=self.staff, now=self.now)
        assert not plan.objections, plan

    async def moves_in(self, _: Event, code: str, name: str, role: str, from_on: date) -> None:
        await self._people(
            Stay(year.COMMUNITY, code, name, role=OccupancyRole(role), from_on=from_on)
        )

    async def moves_out(self, event: Event, code: str, name: str) -> None:
        tenant = OccupancyRole.TENANT
        since = date(2024, 4, 11)
        await self._people(
            Stay(year.COMMUNITY, code, name, role=tenant, from_on=since, until_on=event.on)
        )

    async def sells(self, event: Event, code: str, name: str, from_on: date) -> None:
        home = next(one for one in year.HOMES if one.code == code)
        at = year.HOMES.index(home)
        old = Stay(
            year.COMMUNITY,
            code,
            home.owner,
            f"1380000{at:04d}",
            from_on=home.from_on,
            until_on=from_on,
        )
        await self._people(old)
        await self._people(Stay(year.COMMUNITY, code, name, from_on=from_on))

    async def reduces(self, event: Event, code: str, item: str, name: str, **more: int) -> None:
        percent, fen, uses = more.get("percent"), more.get("amount_fen"), more.get("uses")
        fact = DiscountFact(
            DiscountReason.PERSON_GROUP if percent else DiscountReason.COUPON,
            name,
            event.on,
            percent=None if percent is None else Decimal(percent),
            amount_fen=fen,
            unit_id=self.units[code],
            fee_item_id=self.items[item],
            uses_left=uses,
        )
        await self.db.write(
            grant_discount, fact, community_id=self.community_id, actor=self.staff, now=self.now
        )

    async def stands_empty(
        self, _: Event, code: str, percent: int, from_on: date, until_on: date
    ) -> None:
        await self.db.write(
            note_vacancy,
            unit_id=self.units[code],
            percent=Decimal(percent),
            from_on=from_on,
            until_on=until_on,
            reason="空置减免",
            actor=self.staff,
            now=self.now,
        )

    async def late_fees(self, _: Event, from_on: date, ppm: int) -> None:
        policy = LateFeePolicy(from_on, LateFeeMode.CHARGED, ppm, 5, Decimal(3))
        terms = Terms(policy, "物业服务合同第十二条")
        await self.db.write(
            set_late_fee, terms, community_id=self.community_id, actor=self.staff, now=self.now
        )

    async def brings_along(self, _: Event, code: str, item: str, period: str, fen: int) -> None:
        row = OpeningRow(
            year.COMMUNITY, code, item, "", BillingPeriod.parse(period), fen, {"sum": "期初"}
        )
        plan = await self.db.write(import_opening, [row], actor=self.staff, now=self.now)
        assert not plan.objections

    async def signs(self, _: Event) -> None:
        totals = await self.db.read(opening_totals, self.community_id)
        await self.db.write(
            sign_opening,
            community_id=self.community_id,
            totals=totals,
            actor=self.staff,
            now=self.now,
        )

    async def corrects_area(self, _: Event, code: str, area: str, which: Any) -> None:
        home = next(one for one in year.HOMES if one.code == code)
        row = EstateRow(
            year.COMMUNITY, code, home.label, UnitKind(home.kind), floor_area_m2=Decimal(area)
        )
        plan = await self.db.write(import_estate, [row], actor=self.staff, now=self.now)
        assert not plan.objections
        for item, period in which:
            bill_id = await self.bill_id(code, item, period)
            await self.db.write(
                correct_bill, bill_id=bill_id, reason="面积更正", actor=self.staff, now=self.now
            )

    async def disputes(self, _: Event, code: str, item: str, period: str) -> None:
        bill_id = await self.bill_id(code, item, period)
        hold = NewHold(self.units[code], HoldKind.DISPUTE, "面积有争议", bill_id=bill_id)
        await self.db.write(place_hold, hold, actor=self.staff, now=self.now)

    async def settles_dispute(self, _: Event, code: str) -> None:
        hold_id = await self.one(select(holds.c.id).where(holds.c.unit_id == self.units[code]))
        assert await self.db.write(end_hold, hold_id, actor=self.staff, now=self.now)

    async def inspects(self, _: Event, code: str, fen: int) -> None:
        bill_id = await self.bill_id(code, year.DEPOSIT, "2026-03")
        bill_no = await self.one(select(bills.c.bill_no).where(bills.c.id == bill_id))
        found = Inspection(bill_no, fen, "墙面照片三张", "业主签字")
        left = await self.db.write(inspect, found, actor=self.staff, now=self.now)
        given = OfflineReturn(bill_no, left, Account.BANK, "V1")
        assert await self.db.write(return_offline, given, actor=self.staff, now=self.now) == 0

    async def shares(self, event: Event, entrance: str, fen: int, percents: dict[str, int]) -> None:
        """Draft a cost, publish its proof, and bill it."""
        more: dict[str, Any] = {"actor": self.staff, "now": self.now}
        items = await self.db.write(fee_item_ids, self.community_id, {year.LIFT: ""})
        for code, percent in percents.items():
            of_unit = more | {"fee_item_id": items[year.LIFT], "unit_id": self.units[code]}
            await self.db.write(set_factor, percent=percent, **of_unit)
        building_id = select(buildings.c.id).where(buildings.c.label == entrance[:2])
        scope_id = await self.one(
            select(entrances.c.id).where(
                entrances.c.label == entrance[2:],
                entrances.c.building_id == building_id.scalar_subquery(),
            )
        )
        period = BillingPeriod.of(event.on)
        fact = CostFact(
            items[year.LIFT],
            period,
            Scope(ShareScope.ENTRANCE, scope_id, entrance),
            ShareMethod.BY_AREA,
            fen,
            period.day(25),
        )
        cost_id = await self.db.write(draft_cost, fact, community_id=self.community_id, **more)
        assert await self.db.write(publish_cost, cost_id, **more)
        assert await self.db.write(issue_cost, cost_id, **more)

    # Money

    async def goes_deaf(self, _: Event) -> None:
        self.gateway.is_deaf = True

    async def hears_again(self, event: Event) -> None:
        self.gateway.is_deaf = False
        await self.tick(event.on, "10:05")

    def _ask(self, code: str, bill_ids: tuple[int, ...] = ()) -> OrderAsk:
        return OrderAsk(
            self.units[code], bill_ids, "wechat_pay", TradeKind.JSAPI, MERCHANT, APP, f"o-{code}"
        )

    async def puts_aside(self, event: Event, code: str, fen: int, item: str | None = None) -> None:
        aside = Aside(fen, None if item is None else self.items[item])
        order = await self.db.write(open_aside, self._ask(code), aside, now=self.now)
        await self._collect(order, event)

    async def pays(
        self, event: Event, code: str, *, but: Any = None, only_late: bool = False
    ) -> None:
        rows = await self.rows(
            select(bills, fee_items.c.name)
            .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
            .where(
                bills.c.unit_id == self.units[code],
                bills.c.voided_at.is_(None),
                bills.c.paid_fen < bills.c.amount_fen,
            )
        )
        chosen = tuple(
            row.id
            for row in rows
            if (row.name, row.period) != but
            and (row.due_on < event.on or row.name == year.LATE_FEE or not only_late)
        )
        if chosen:
            order = await self.db.write(open_order, self._ask(code, chosen), now=self.now)
            await self._collect(order, event)

    async def _collect(self, order: OpenOrder, event: Event) -> None:
        """Have the payer pay; nobody calls us, we ask: at the latest at the next tick."""
        ask = PaymentAsk(
            order.order_no, order.created_at, order.amount_fen, "缴费", order.expires_at, order.kind
        )
        self.gateway.take_order(ask)
        self.gateway.pay(order.order_no)
