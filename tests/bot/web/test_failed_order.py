"""The page of an order that the platform refused: no money is gone, and there is a way on."""

from aiohttp.test_utils import TestClient
from sqlalchemy import select

from storage.models.payments import payment_orders
from storage.ports.payments import OrderRefused
from tests.bot.web.test_checkout import open_page, press, ticks
from tests.bot.web.town import Town


async def test_a_refused_order_says_that_nothing_was_charged_and_leads_back(
    door: TestClient, town: Town
):
    token = town.token(town.first)
    town.till.refusal = OrderRefused("NO_AUTH")
    await press(door, token, ticks(await open_page(door, token)))
    order_no = await town.db.read(lambda tx: tx.execute(select(payment_orders.c.order_no)).scalar())

    page = await (await door.get(f"/pay/{token}?order={order_no}")).text()
    state = await (await door.get(f"/pay/{token}/state?order={order_no}")).json()

    assert state == {"state": "failed"}
    assert 'data-state="failed"' in page
    assert "没有扣款" in page
    assert f'href="/pay/{token}"' in page
