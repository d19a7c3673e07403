"""Money put aside in tests: asked for, paid and heard of, and what is left of it."""

from sqlalchemy import Connection, select, update

from storage.kinds import FeeClass
from storage.models.bills import fee_items
from storage.models.messages import outbox
from storage.operations.orders import OpenOrder
from storage.operations.prepay_orders import Aside, open_aside
from storage.operations.prepayments import Applied, apply_prepayments
from storage.ports.payments import PaymentAsk
from storage.queries.prepayments import purses
from tests import factories
from tests.factories import Owed
from tests.storage.operations.stage import Stage


async def order_aside(stage: Stage, aside: Aside) -> OpenOrder:
    """Open an order without bills, with us and at the platform."""
    ask = stage.ask(())
    order = await stage.db.write(open_aside, ask, aside, now=stage.now)
    stage.gateway.take_order(
        PaymentAsk(
            order.order_no, order.created_at, order.amount_fen, "预存", order.expires_at, order.kind
        )
    )
    return order


async def put_aside(stage: Stage, fen: int, item_id: int | None = None, months: int = 0) -> int:
    """Order, pay and hear of it; return the payment's key."""
    order = await order_aside(stage, Aside(fen, item_id, months))
    settlement = await stage.settle(stage.gateway.pay(order.order_no))
    assert settlement.payment_id is not None
    return settlement.payment_id


async def left(stage: Stage) -> dict[str, int]:
    """Return what is left of her money by what it is for, "" for any."""
    found = await stage.db.read(purses, stage.world.unit_id)
    return {one.item_name: one.left_fen for one in found}


async def drawn(stage: Stage) -> Applied:
    """Let her bills be paid from what she has put aside."""
    return await stage.db.write(apply_prepayments, stage.world.unit_id, now=stage.now)


async def add_item(stage: Stage, name: str, fee_class: FeeClass = FeeClass.OWN) -> int:
    """Add a fee item of a class."""

    def add(tx: Connection) -> int:
        item_id = factories.add_fee_item(tx, stage.world.community_id, name, "")
        change = update(fee_items).where(fee_items.c.id == item_id).values(fee_class=fee_class)
        tx.execute(change)
        return item_id

    return await stage.db.write(add)


async def bill(stage: Stage, period: str, fen: int, item_id: int = 0, *, liable: int = 0) -> int:
    """Bill her flat; return the bill's key."""
    owed = Owed(
        stage.world.unit_id,
        item_id or stage.world.fee_item_id,
        period,
        amount_fen=fen,
        liable_id=liable or stage.world.li_id,
    )
    return await stage.db.write(factories.add_bill, owed)


async def events(stage: Stage, name: str) -> list[str]:
    """Return the facts of the messages of a kind that were decided on, as JSON."""
    wanted = select(outbox.c.facts).where(outbox.c.event == name).order_by(outbox.c.id)
    return await stage.db.read(lambda tx: list(tx.execute(wanted).scalars()))
