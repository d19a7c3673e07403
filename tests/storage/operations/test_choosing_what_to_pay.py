"""One order: bills of several units, a part of a bill, one payee, ways that are closed."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.errors import CollectionClosed, MixedPayees, PartNotTaken, UnknownBill
from storage.models.bills import bills, fee_items
from storage.models.messages import outbox
from storage.models.payments import payments, receipts
from storage.models.policies import policies
from storage.operations.orders import OrderAsk
from storage.operations.payees import PayeeFacts, choose_payee, write_payee
from storage.periods import shanghai_day
from storage.queries.proofs import prove
from tests import factories
from tests.factories import NOW, Owed
from tests.storage.operations.stage import Stage

TODAY = shanghai_day(NOW)


async def choose(stage: Stage, **values) -> None:
    """Let the community have chosen so."""
    await stage.db.write(lambda tx: tx.execute(update(policies).values(**values)) and None)


async def pay(stage: Stage, ask: OrderAsk) -> int:
    """Open, pay at the platform, hear of it; return the payment's key."""
    order = await stage.order_as(ask)
    settlement = await stage.settle(stage.gateway.pay(order.order_no))
    assert settlement.payment_id is not None
    return settlement.payment_id


async def another_flat(stage: Stage) -> tuple[int, int]:
    """Let her own 599 too, which owes 88.00; return the unit and its bill."""

    def build(tx: Connection) -> tuple[int, int]:
        unit_id = factories.add_unit(tx, stage.world.community_id, "3-2-599")
        owed = Owed(unit_id, stage.world.fee_item_id, "2026-11", amount_fen=8_800)
        return unit_id, factories.add_bill(tx, owed)

    return await stage.db.write(build)


async def paid_fen(stage: Stage, *bill_ids: int) -> list[int]:
    def read(tx: Connection) -> list[int]:
        found = dict(tx.execute(select(bills.c.id, bills.c.paid_fen)).all())
        return [found[one] for one in bill_ids]

    return await stage.db.read(read)


async def separate_payees(stage: Stage) -> None:
    """Let the item of her November bill be collected by a company of its own."""

    def build(tx: Connection) -> None:
        row = tx.execute(select(bills).where(bills.c.id == stage.world.november_id)).one()
        item_id = tx.execute(
            insert(fee_items)
            .values(community_id=row.community_id, name="停车费", code="parking")
            .returning(fee_items.c.id)
        ).scalar_one()
        tx.execute(update(bills).where(bills.c.id == row.id).values(fee_item_id=item_id))
        write_payee(tx, PayeeFacts("安居物业"), now=NOW)
        parking = write_payee(tx, PayeeFacts("安居停车", gateways=("alipay",)), now=NOW)
        choose_payee(
            tx,
            parking,
            community_id=row.community_id,
            fee_item_id=item_id,
            effective_on=TODAY,
            now=NOW,
        )

    await stage.db.write(build)


async def test_bills_of_two_flats_are_paid_by_one_order_and_told_with_their_flats(stage: Stage):
    unit_id, bill_id = await another_flat(stage)
    ask = replace(stage.ask([stage.world.october_id, bill_id]), other_unit_ids=(unit_id,))

    await pay(stage, ask)

    assert await paid_fen(stage, bill_id) == [8_800]
    assert (await stage.rows(payments))[0].surplus_fen == 0
    [told] = [row.facts for row in await stage.rows(outbox) if row.event == "PaymentSettled"]
    assert "3栋2单元599 物业费" in json.loads(told)["bills"][1]


async def test_a_bill_of_a_flat_that_is_not_the_payers_is_not_taken(stage: Stage):
    _, bill_id = await another_flat(stage)

    with pytest.raises(UnknownBill):
        await stage.order_as(stage.ask([stage.world.october_id, bill_id]))


async def test_a_part_of_a_bill_pays_that_part_and_leaves_the_rest_open(stage: Stage):
    await choose(stage, takes_parts=1)
    october = stage.world.october_id
    ask = replace(stage.ask(stage.both), parts=((october, 10_000),))

    payment_id = await pay(stage, ask)

    [paid] = await paid_fen(stage, october)
    row = next(one for one in await stage.rows(payments) if one.id == payment_id)
    assert paid == 10_000
    assert row.amount_fen == row.allocated_fen
    assert await stage.db.read(prove) == []


@pytest.mark.parametrize(("takes_parts", "part_fen"), [(0, 10_000), (1, 0), (1, -5), (1, 10**9)])
async def test_a_part_is_taken_only_where_it_may_be_and_where_it_is_one(
    stage: Stage, takes_parts: int, part_fen: int
):
    await choose(stage, takes_parts=takes_parts)
    ask = replace(stage.ask(stage.both), parts=((stage.world.october_id, part_fen),))

    with pytest.raises(PartNotTaken):
        await stage.order_as(ask)


async def test_the_rest_of_a_part_can_be_paid_by_another_order(stage: Stage):
    await choose(stage, takes_parts=1)
    october = stage.world.october_id
    await pay(stage, replace(stage.ask([october]), parts=((october, 10_000),)))

    await pay(stage, stage.ask([october]))

    assert (await stage.open_fen())[0] == 0
    assert await stage.db.read(prove) == []


async def test_an_order_never_mixes_payees(stage: Stage):
    await separate_payees(stage)

    with pytest.raises(MixedPayees) as refused:
        await stage.order_as(stage.ask(stage.both))

    assert refused.value.payees == ("安居停车", "安居物业")


async def test_a_gateway_that_does_not_collect_for_the_payee_is_not_taken(stage: Stage):
    await separate_payees(stage)

    await stage.order_as(stage.ask([stage.world.october_id]))
    with pytest.raises(CollectionClosed):
        await stage.order_as(stage.ask([stage.world.november_id]))


async def test_a_way_that_is_closed_says_why_and_the_others_go_on(stage: Stage):
    await choose(stage, closed_gateways="alipay=维护到周五")
    await stage.order_as(stage.ask([stage.world.october_id]))

    await choose(stage, closed_gateways="wechat_pay=换商户号；alipay=维护到周五")
    with pytest.raises(CollectionClosed) as refused:
        await stage.order_as(stage.ask([stage.world.november_id]))

    assert refused.value.reason == "换商户号"


async def test_who_pays_for_another_gets_the_receipt_too(stage: Stage):
    await stage.db.write(lambda tx: factories.meet(tx, "oChen") and None)

    await pay(stage, stage.ask([stage.world.october_id], payer="oChen"))

    heard = {row.recipient for row in await stage.rows(outbox) if row.event == "PaymentSettled"}
    assert "oChen" in heard
    assert len(heard) == 2
    assert len(await stage.rows(receipts)) == 1
