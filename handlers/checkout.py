"""A resident opens the pay page, presses pay, comes back."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from handlers.asking import ask_order, end_order
from handlers.deps import HandlerDeps
from storage import crashpoints
from storage.errors import (
    CollectionClosed,
    GatewayUnavailable,
    LinkExpired,
    NothingToPay,
    UnknownBill,
    UnknownOrder,
)
from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.operations.orders import (
    OpenOrder,
    OrderAsk,
    note_prepay,
    open_alone,
    refuse_order,
)
from storage.operations.prepay_orders import Aside, AsideView, check_aside, open_aside
from storage.periods import shanghai_day
from storage.ports.payments import (
    Collection,
    OrderRefused,
    PaymentAsk,
    PaymentGateway,
    TradeKind,
)
from storage.queries.bills import BillDetail
from storage.queries.orders import (
    OrderView,
    Payer,
    open_bills_elsewhere,
    open_bills_for,
    order_for,
    payer_of,
)
from storage.queries.payees import Payees, payees_on
from storage.queries.policies import Policy, policy_on

log = logging.getLogger(__name__)

QUIET_AT_FIRST: Final = timedelta(seconds=3)
"""An order younger than this is not asked about: its notification is on the way."""
ASK_EVERY: Final = timedelta(seconds=5)
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class PageView:
    """What an opened pay page shows."""

    payer: Payer
    bills: tuple[BillDetail, ...]
    policy: Policy
    payees: Payees
    elsewhere: tuple[BillDetail, ...] = ()
    """What is open in the viewer's other units; somebody whom the link was sent to sees none."""
    is_sent_on: bool = False
    """Somebody else than its owner has opened the link: no account of how a bill came about."""

    @property
    def closed_reason(self) -> str:
        """Why this community takes no money here now, "" where it does."""
        return self.policy.collection_closed

    @property
    def all_bills(self) -> tuple[BillDetail, ...]:
        """All that may be ticked."""
        return (*self.bills, *self.elsewhere)

    @property
    def total_fen(self) -> int:
        """All that is open, in fen."""
        return sum(one.bill.open_fen for one in self.bills)


@dataclass(frozen=True, slots=True)
class AsidePage:
    """What the page of a prepayment shows."""

    payer: Payer
    view: AsideView
    closed_reason: str = ""
    """Why this community takes no money here now, "" where it does."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """A bill that the payer ticked, and the fen that her page showed for it."""

    bill_id: int
    shown_fen: int
    part_fen: int | None = None
    """How much of it she pays, None for all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was pressed: which bills, which gateway, on what kind of device."""

    ticked: tuple[Ticked, ...]
    gateway: str
    kind: TradeKind
    openid: str = ""
    """Needed by JSAPI only."""
    address: str = ""
    """The payer's internet address, needed by H5 only."""
    page_url: str = ""
    """The whole address of the link's page: where her browser comes back to."""


class Step(StrEnum):
    """Where a started payment goes from here."""

    PAYING = "paying"
    """The platform waits for the payer."""
    UNAVAILABLE = "unavailable"
    """It gave no answer: the same order may be tried again."""
    REFUSED = "refused"
    """It said no for good, or somebody has begun anew: a new order is needed."""


@dataclass(frozen=True, slots=True)
class Started:
    """An order of ours after pay was pressed."""

    order_no: str
    step: Step


class Watch:
    """Remembers when we last asked about an order, so that a page's polling stays cheap."""

    def __init__(self) -> None:
        """Start with nothing asked."""
        self._asked_at: OrderedDict[str, datetime] = OrderedDict()

    def may_ask(self, order_no: str, now: datetime) -> bool:
        """Tell whether the platform may be asked now, and remember that it was."""
        last = self._asked_at.get(order_no)
        if last is not None and last <= now < last + ASK_EVERY:
            return False
        self._asked_at[order_no] = now
        self._asked_at.move_to_end(order_no)
        while len(self._asked_at) > _REMEMBERED:
            self._asked_at.popitem(last=False)
        return True


@dataclass(slots=True)
class Checkout:
    """The pay page's three moments, over one set of deps."""

    deps: HandlerDeps
    offered: tuple[str, ...]
    """Gateways that the page offers, the first one chosen at first."""
    watch: Watch = field(default_factory=Watch)

    async def payer(self, token: str) -> Payer:
        """Return whom a link lets in. Raises LinkExpired."""
        link = self.deps.links.read_pay(token, today=self._today())
        return await self.deps.db.read(payer_of, link)

    async def open_page(self, token: str, viewer: str = "") -> PageView:
        """Show what is open to a viewer, by her openid where it is known. Raises LinkExpired."""
        payer = await self.payer(token)
        today = self._today()
        shown = await self.deps.db.read(open_bills_for, payer, today=today)
        is_owner = bool(viewer) and viewer == payer.openid
        more = await self.deps.db.read(open_bills_elsewhere, payer) if is_owner else []
        return PageView(
            payer,
            tuple(shown),
            policy=await self.deps.db.read(policy_on, payer.community_id, today),
            payees=await self.deps.db.read(payees_on, payer.community_id, today),
            elsewhere=tuple(more),
            is_sent_on=bool(viewer) and bool(payer.openid) and not is_owner,
        )

    async def start(self, token: str, choice: Choice) -> Started:
        """Write the order down, then ask the platform to collect.

        The same choice again is the same order; any other open order over some of these bills
        (another device, another person) is ended first. Raises LinkExpired, NothingToPay,
        BillAlreadyPaid, UnknownBill (one of the bills is not open to this payer for what her page
        showed), MixedPayees, PartNotTaken, and CollectionClosed.
        """
        page = await self.check(token, choice)
        opened = await self._open_alone(self._ask(page.payer, choice))
        return await self._go(opened, page.payer, choice)

    async def check(self, token: str, choice: Choice) -> PageView:
        """Return the page that a choice is from, if it fits. Raises what `start` raises for it."""
        page = await self.open_page(token, choice.openid)
        self._check(page, choice)
        return page

    async def see_aside(self, token: str, aside: Aside) -> AsidePage:
        """Show what is put aside. Raises LinkExpired, PrepayOutOfRange, PrepayNotOffered."""
        payer = await self.payer(token)
        if not payer.binding_id:
            raise LinkExpired
        now = self.deps.clock.now()
        view = await self.deps.db.read(check_aside, payer.unit_id, aside, now=now)
        policy = await self.deps.db.read(policy_on, payer.community_id, self._today())
        return AsidePage(payer, view, policy.collection_closed)

    async def put_aside(self, token: str, choice: Choice, aside: Aside) -> Started:
        """Write down an order without bills, then ask the platform to collect.

        The same sum again is the same order. Raises what `see_aside` raises, CollectionClosed.
        """
        page = await self.see_aside(token, aside)
        self._check_gateway(choice)
        ask, now = self._ask(page.payer, choice), self.deps.clock.now()
        opened = await self.deps.db.write(open_aside, ask, aside, now=now)
        return await self._go(opened, page.payer, choice)

    def _ask(self, payer: Payer, choice: Choice) -> OrderAsk:
        gateway = self.deps.gateways[choice.gateway]
        return OrderAsk(
            unit_id=payer.unit_id,
            bill_ids=tuple(sorted(one.bill_id for one in choice.ticked)),
            gateway=choice.gateway,
            kind=choice.kind,
            merchant_id=gateway.merchant_id,
            app_id=gateway.app_id,
            # The platform wants every parameter as it was the first time, so a payer on another
            # address is another order.
            payer_id=choice.openid or choice.address,
            identity_id=payer.identity_id,
            resident_id=payer.resident_id,
            other_unit_ids=tuple(unit_id for _, unit_id in payer.other_bindings),
            parts=tuple(
                (one.bill_id, one.part_fen) for one in choice.ticked if one.part_fen is not None
            ),
        )

    async def _go(self, opened: OpenOrder, payer: Payer, choice: Choice) -> Started:
        """Ask the platform, unless it has answered for this order before.

        The address of a cashier soon grows old, so that it is asked for again.
        """
        if opened.collection is not None and not opened.collection.pay_url:
            return Started(opened.order_no, Step.PAYING)
        return await self._collect(self.deps.gateways[choice.gateway], opened, payer, choice)

    async def _open_alone(self, ask: OrderAsk) -> OpenOrder:
        """Open the only order over these bills, as far as the platforms answer in time."""
        tried: frozenset[str] = frozenset()
        while True:
            now = self.deps.clock.now()
            opened = await self.deps.db.write(open_alone, ask, now=now, despite=tried)
            if isinstance(opened, OpenOrder):
                return opened
            ends = [
                end_order(self.deps, one.order_no, one.gateway, one.created_at) for one in opened
            ]
            await asyncio.gather(*ends)
            tried |= {one.order_no for one in opened}

    def _check(self, page: PageView, choice: Choice) -> None:
        self._check_gateway(choice)
        if not choice.ticked:
            raise NothingToPay(page.payer.unit_label)
        open_fen = {one.bill.bill_id: one.bill.open_fen for one in page.all_bills}
        for one in choice.ticked:
            if open_fen.get(one.bill_id) != one.shown_fen:
                raise UnknownBill

    def _check_gateway(self, choice: Choice) -> None:
        if choice.gateway not in self.offered or choice.gateway not in self.deps.gateways:
            raise CollectionClosed(choice.gateway)

    async def _collect(
        self, gateway: PaymentGateway, opened: OpenOrder, payer: Payer, choice: Choice
    ) -> Started:
        ask = PaymentAsk(
            order_no=opened.order_no,
            asked_at=opened.created_at,
            amount_fen=opened.amount_fen,
            description=f"{payer.community_name} {payer.unit_label} 物业缴费",
            expires_at=opened.expires_at,
            kind=choice.kind,
            payer_id=choice.openid,
            payer_ip=choice.address,
            back_url=f"{choice.page_url}?order={opened.order_no}" if choice.page_url else "",
        )
        crashpoints.reach("order.before_call")
        try:
            collection = await gateway.create(ask)
        except OrderRefused as refused:
            return await self._refused(opened, refused)
        except GatewayUnavailable as trouble:
            log.warning(
                "checkout.unavailable",
                extra={"order_no": opened.order_no, "reason": trouble.reason},
            )
            return Started(opened.order_no, Step.UNAVAILABLE)
        crashpoints.reach("order.after_call")
        step = await self._keep(opened, collection)
        crashpoints.reach("order.after_save")
        return Started(opened.order_no, step)

    async def _keep(self, opened: OpenOrder, collection: Collection) -> Step:
        """Keep what the platform gave; take it back where the order was given up meanwhile."""
        now = self.deps.clock.now()
        state = await self.deps.db.write(note_prepay, opened.order_no, collection, now=now)
        if state in (OrderState.CLOSED, OrderState.FAILED):
            await end_order(self.deps, opened.order_no, opened.gateway, opened.created_at)
            return Step.REFUSED
        return Step.PAYING

    async def _refused(self, opened: OpenOrder, refused: OrderRefused) -> Started:
        order_no = opened.order_no
        log.warning("checkout.refused", extra={"order_no": order_no, "code": refused.code})
        if refused.is_paid:
            await ask_order(self.deps, order_no, opened.gateway, opened.created_at)
            return Started(order_no, Step.PAYING)
        await self.deps.db.write(refuse_order, order_no)
        return Started(order_no, Step.REFUSED)

    async def look(self, token: str, order_no: str) -> tuple[Payer, OrderView]:
        """Tell how an order stands, asking the platform now and then while it is open.

        Raises LinkExpired, and UnknownOrder for an order that is not this payer's.
        """
        payer = await self.payer(token)
        view = await self._order(payer, order_no)
        now = self.deps.clock.now()
        if not self._should_ask(view, now):
            return payer, view
        await ask_order(self.deps, order_no, view.gateway, view.created_at)
        return payer, await self._order(payer, order_no)

    async def _order(self, payer: Payer, order_no: str) -> OrderView:
        view = await self.deps.db.read(order_for, payer, order_no, today=self._today())
        if view is None:
            raise UnknownOrder
        return view

    def _should_ask(self, view: OrderView, now: datetime) -> bool:
        return (
            view.state is OrderState.OPEN
            and view.gateway in self.deps.gateways
            and now >= view.created_at + QUIET_AT_FIRST
            and self.watch.may_ask(view.order_no, now)
        )

    def _today(self) -> date:
        return shanghai_day(self.deps.clock.now())
