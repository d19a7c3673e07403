"""The counter's page (收款台): who stands there, whom she means, money taken or asked by a code."""

import asyncio
from dataclasses import field
from datetime import date, timedelta
from typing import Final

from handlers.asking import end_order
from handlers.checkout import Checkout, Choice, Started, Ticked
from handlers.deps import HandlerDeps
from storage.errors import LinkExpired, UnknownOrder
from storage.frozen import dataclass
from storage.links import PayLink
from storage.operations.offline import Recorded, take_money
from storage.periods import shanghai_day
from storage.ports.payments import TradeKind
from storage.queries.counter import CASHIERS, CounterAsk, CounterBill, bills_at_counter
from storage.queries.finding import UnitAtCounter, find_at_counter, unit_at_counter
from storage.queries.orders import OrderView
from storage.queries.policies import Policy, policy_on
from storage.queries.residents import Staff, staff_member
from storage.queries.work import OrderWork, open_orders

FOUND_MOST: Final = 9
RIVALS_SINCE: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Flat:
    """What the counter shows of a unit."""

    unit: UnitAtCounter
    bills: tuple[CounterBill, ...]
    policy: Policy
    today: date

    @property
    def hers(self) -> frozenset[int]:
        """The bills that are ticked at first: those of whoever lives there now."""
        return frozenset(one.bill_id for one in self.bills if not one.is_former)


@dataclass(slots=True)
class Counter:
    """What a cashier does at the page, over one set of deps."""

    deps: HandlerDeps
    offered: tuple[str, ...]
    """Gateways that can show a code, the first one taken."""
    checkout: Checkout = field(init=False)

    def __post_init__(self) -> None:
        """Share the pay page's way to start a payment."""
        self.checkout = Checkout(self.deps, self.offered)

    async def staff(self, token: str) -> Staff:
        """Return who stands at the counter. Raises LinkExpired for who may not, any more."""
        staff_id = self.deps.links.read_counter(token, today=self.today())
        found: Staff | None = await self.deps.db.read(staff_member, staff_id)
        if found is None or found.role not in CASHIERS:
            raise LinkExpired
        return found

    async def find(self, staff: Staff, said: str) -> list[UnitAtCounter]:
        """Return the units that a room, a phone or a plate may mean."""
        return await self.deps.db.read(
            find_at_counter,
            said,
            community_ids=staff.community_ids,
            today=self.today(),
            limit=FOUND_MOST,
        )

    async def open_flat(self, staff: Staff, unit_id: int) -> Flat:
        """Return what is open on a unit of hers. Raises UnknownOrder for any other."""
        unit: UnitAtCounter | None = await self.deps.db.read(
            unit_at_counter, unit_id, community_ids=staff.community_ids
        )
        if unit is None:
            raise UnknownOrder
        today = self.today()
        bills = await self.deps.db.read(bills_at_counter, unit_id, today=today)
        policy = await self.deps.db.read(policy_on, unit.community_id, today)
        return Flat(unit, tuple(bills), policy, today)

    async def take(self, staff: Staff, ask: CounterAsk) -> Recorded:
        """Book the money, then end what else is open for the unit at the platforms.

        A platform that gives no answer keeps nobody waiting: should it be paid there too, the
        second payment goes back by itself.
        """
        now = self.deps.clock.now()
        taken: Recorded = await self.deps.db.write(take_money, ask, by=staff, now=now)
        found: list[OrderWork] = await self.deps.db.read(
            open_orders, identity_id=0, unit_id=ask.unit_id, since=now - RIVALS_SINCE, limit=20
        )
        ends = [end_order(self.deps, one.order_no, one.gateway, one.created_at) for one in found]
        await asyncio.gather(*ends)
        return taken

    async def ask_by_code(
        self, unit: UnitAtCounter, ticked: tuple[Ticked, ...], gateway: str
    ) -> Started:
        """Open an order whose code the payer scans at the counter. Raises as the pay page."""
        choice = Choice(ticked=ticked, gateway=gateway, kind=TradeKind.NATIVE)
        return await self.checkout.start(self.pay_token(unit), choice)

    async def look(self, unit: UnitAtCounter, order_no: str) -> OrderView:
        """Tell how such an order stands. Raises UnknownOrder."""
        _, view = await self.checkout.look(self.pay_token(unit), order_no)
        return view

    def pay_token(self, unit: UnitAtCounter) -> str:
        """Return the token of the unit's own pay page, as on its paper bill, for today."""
        link = PayLink(unit.unit_id, 0, unit.link_epoch, self.today())
        return self.deps.links.pay_url(link).rpartition("/")[2]

    def today(self) -> date:
        """Return the Shanghai day."""
        return shanghai_day(self.deps.clock.now())
