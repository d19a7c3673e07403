"""A stage for stories of money: our books here, a platform with a book of its own there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from storage.audit import Actor
from storage.database import Database
from storage.kinds import Account
from storage.ledger import balance
from storage.models.bills import bills
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments, receipts, refunds
from storage.operations.orders import OpenOrder, OrderAsk, open_order
from storage.operations.payments import Heard, Settlement, settle_payments
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, RefundView, request_refund
from storage.ports.payments import PaymentAsk, PaymentFact, RefundAsk, RefundFact, TradeKind
from storage.queries.book import book
from storage.queries.proofs import prove
from tests import factories
from tests.fakes import APP, MERCHANT, FakeGateway, FixedClock, in_figures


@dataclass
class Stage:
    """Ms Li's world, a platform, and the steps that a payer, the platform and we take."""

    db: Database
    world: factories.World
    identity_id: int
    clock: FixedClock = field(default_factory=lambda: FixedClock(factories.NOW))

    def __post_init__(self) -> None:
        self.gateway = FakeGateway(self.clock)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def both(self) -> tuple[int, int]:
        """Her two bills."""
        return self.world.october_id, self.world.november_id

    def ask(self, bill_ids: Sequence[int], *, payer: str = "oLi") -> OrderAsk:
        return OrderAsk(
            unit_id=self.world.unit_id,
            bill_ids=tuple(bill_ids),
            gateway="wechat_pay",
            kind=TradeKind.JSAPI,
            merchant_id=MERCHANT,
            app_id=APP,
            payer_id=payer,
            identity_id=self.identity_id,
        )

    async def order(self, bill_ids: Sequence[int], *, payer: str = "oLi") -> OpenOrder:
        """Open an order with us and at the platform."""
        return await self.order_as(self.ask(bill_ids, payer=payer))

    async def order_as(self, ask: OrderAsk) -> OpenOrder:
        """Open an order, as it is asked for, with us and at the platform."""
        order = await self.db.write(open_order, ask, now=self.now)
        self.gateway.take_order(
            PaymentAsk(
                order.order_no,
                order.created_at,
                order.amount_fen,
                "物业费",
                order.expires_at,
                order.kind,
            )
        )
        return order

    async def settle(self, fact: PaymentFact) -> Settlement:
        return await self.db.write_together(settle_payments, Heard(fact, self.now))

    async def settle_all(self, *facts: PaymentFact) -> list[Settlement]:
        """Hear several in the same instant, in this order."""
        return list(await asyncio.gather(*map(self.settle, facts)))

    async def paid(self, bill_ids: Sequence[int], *, payer: str = "oLi") -> int:
        """Order, pay and hear of it; return the payment's key."""
        order = await self.order(bill_ids, payer=payer)
        settlement = await self.settle(self.gateway.pay(order.order_no))
        assert settlement.payment_id is not None
        return settlement.payment_id

    async def request(
        self, payment_id: int, fen: int, *, key: str = "ask:1", actor: Actor | None = None
    ) -> RefundView:
        asked = RefundAskedFor(payment_id, fen, "paid_too_much", "多缴了", key, self.identity_id)
        actor = actor or Actor(identity_id=self.identity_id)
        return await self.db.write(request_refund, asked, actor=actor, now=self.now)

    async def submit(self, refund_no: str) -> RefundFact:
        """Send a refund to the platform as the clock does; return what it answers."""

        def what(tx: Connection) -> RefundAsk:
            row = tx.execute(
                select(refunds, payments.c.amount_fen.label("total_fen"))
                .join(payments, payments.c.id == refunds.c.payment_id)
                .where(refunds.c.refund_no == refund_no)
            ).one()
            sent_fen = row.amount_fen - row.kept_fen
            return RefundAsk(
                row.refund_no, row.order_no, row.requested_at, sent_fen, row.total_fen, ""
            )

        fact = await self.gateway.refund(await self.db.read(what))
        await self.hear(fact)
        return fact

    async def hear(self, fact: RefundFact) -> str:
        heard = await self.db.write(note_refund, fact, heard_at=self.now)
        return heard.outcome

    async def given_back(self, refund_no: str) -> None:
        """Have a refund submitted and paid out."""
        await self.submit(refund_no)
        await self.hear(self.gateway.end_refund(refund_no))

    async def open_fen(self) -> list[int]:
        """Return what is left of each of her bills."""
        return await self.db.read(
            lambda tx: [
                row.amount_fen - row.paid_fen
                for row in tx.execute(
                    select(bills)
                    .where(bills.c.unit_id == self.world.unit_id)
                    .order_by(bills.c.period, bills.c.id)
                )
            ]
        )

    async def prepaid_fen(self) -> int:
        """Return what she has with us that is on no bill: prepayment, and what is due back."""
        accounts = (Account.PREPAYMENT, Account.REFUND_DUE)
        return -sum(
            [await self.db.read(balance, one, self.world.unit_id) for one in accounts],
        )

    async def rows(self, table) -> list:
        return await self.db.read(lambda tx: list(tx.execute(select(table).order_by(table.c.id))))

    async def trouble(self) -> list[str]:
        """Return the kinds of all contradictions that wait for an operator."""
        return [row.kind for row in await self.rows(discrepancies)]

    async def told(self) -> list[str]:
        """Return the events that wait to be told to anybody, in order."""
        found = await self.db.read(
            lambda tx: tx.exec_driver_sql("SELECT event FROM outbox ORDER BY id").scalars().all()
        )
        return list(found)

    async def counts(self) -> tuple[int, int]:
        """Return how many payments and receipts there are."""
        return len(await self.rows(payments)), len(await self.rows(receipts))

    async def order_states(self) -> list[str]:
        return [row.state for row in await self.rows(payment_orders)]

    async def books_hold(self) -> None:
        """Prove our books, and compare them with the platform's own, row by row."""
        assert await self.db.read(prove) == []
        assert in_figures(await self.db.read(book)) == self.gateway.book()

    async def at_once(self, *works) -> list:
        return await asyncio.gather(*works, return_exceptions=True)


async def staged(db: Database, **choices) -> Stage:
    """Set the stage in a fresh database."""

    def set_up(tx: Connection) -> tuple[factories.World, int]:
        world = factories.build(tx, **choices)
        factories.add_binding(tx, "oLi", world.unit_id, world.li_id)
        return world, factories.meet(tx, "oLi")

    world, identity_id = await db.write(set_up)
    return Stage(db, world, identity_id)
