"""What WeChat blocks: a guide out of it, and a pass that begins one payment, once."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Row, func, select

from storage.links import Links
from storage.models.payments import browser_passes, payment_orders, payments
from storage.operations.payments import settle_payment
from storage.ports.payments import Collection, PaymentAsk
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import PHONE, WECHAT, open_page, ticks
from tests.bot.web.town import NOW, Till, Town

DESK = {"User-Agent": "Mozilla/5.0 (Macintosh)"}
CASHIER = "https://till.test/cashier?sign=" + "a%2Bb" * 400
"""As long as signed addresses are."""


class Outside(Till):
    """A platform whose cashier is an address, or a form, for other browsers than WeChat's."""

    name = "alipay"
    form = ""

    async def create(self, ask: PaymentAsk) -> Collection:
        await super().create(ask)
        return Collection(form=self.form) if self.form else Collection(pay_url=CASHIER)


@pytest.fixture
async def door(town: Town, open_doors: Open) -> TestClient:
    town.till = Outside()
    return await open_doors(town.parts())


async def press(door: TestClient, token: str, chosen: Sequence[str], **more: Any) -> Any:
    fields = [("bill", one) for one in chosen] + [("gateway", "alipay")]
    return await door.post(f"/pay/{token}", data=fields, allow_redirects=False, **more)


async def guided(door: TestClient, town: Town) -> str:
    """Choose the first bill of three inside WeChat; return the address of the guide."""
    token = town.token(town.first)
    chosen = ticks(await open_page(door, token))[:1]
    answer = await press(door, token, chosen, headers=WECHAT)
    assert answer.status == 303
    address = str(answer.headers["Location"])
    assert re.fullmatch(r"/pay/outside/[A-Za-z0-9_-]{32}", address)
    return address


async def seen(door: TestClient, address: str, agent: dict[str, str], status: int = 200) -> str:
    answer = await door.get(address, headers=agent, allow_redirects=False)
    assert answer.status == status
    return await answer.text()


async def used(door: TestClient, address: str, agent: dict[str, str] = PHONE) -> Any:
    return await door.post(address, headers=agent, allow_redirects=False)


async def state(door: TestClient, address: str) -> str:
    return str((await (await door.get(f"{address}/state")).json())["state"])


async def orders(town: Town) -> Sequence[Row[Any]]:
    return await town.db.read(lambda tx: tx.execute(select(payment_orders)).all())


async def test_inside_wechat_the_choice_leads_to_a_guide_and_to_no_blocked_page(
    door: TestClient, town: Town
):
    page = await seen(door, await guided(door, town), WECHAT)

    assert "在浏览器打开" in page
    assert 'data-total-fen="25060"' in page
    assert "till.test" not in page
    assert town.token(town.first) not in page
    assert await orders(town) == []
    assert town.till.creates == 0


async def test_a_look_uses_nothing_up_whoever_looks(door: TestClient, town: Town):
    address = await guided(door, town)

    for agent in (WECHAT, PHONE, DESK, PHONE):
        await seen(door, address, agent)

    assert await state(door, address) == "ready"
    assert (await used(door, address)).status == 303


@pytest.mark.parametrize(("agent", "kind"), [(PHONE, "h5"), (DESK, "native")])
async def test_outside_it_opens_exactly_this_choice_without_signing_in(
    door: TestClient, town: Town, agent: dict[str, str], kind: str
):
    address = await guided(door, town)
    door.session.cookie_jar.clear()

    answer = await used(door, address, agent)

    (order,) = await orders(town)
    assert (order.gateway, order.kind, order.amount_fen) == ("alipay", kind, 25060)
    location = answer.headers["Location"]
    assert location == f"/pay/{town.token(town.first)}?order={order.order_no}&go=1"
    (ask,) = town.till.asks.values()
    back = f"http://pay.test/pay/{town.token(town.first)}?order={order.order_no}"
    assert ask.back_url == back
    page = await door.get(location, headers=agent)
    assert page.headers["Refresh"] == f"0; url={CASHIER}"


async def test_a_pass_is_used_once_even_by_many_at_once(door: TestClient, town: Town):
    address = await guided(door, town)

    answers = await asyncio.gather(*(used(door, address) for _ in range(6)))

    assert sorted(one.status for one in answers) == [303, *[410] * 5]
    assert len(await orders(town)) == 1
    assert "用过了" in await seen(door, address, PHONE, 410)


async def test_after_a_quarter_of_an_hour_it_is_over(door: TestClient, town: Town):
    address = await guided(door, town)
    town.clock.advance(minutes=15)

    assert "过期" in await (await used(door, address)).text()
    assert "过期" in await seen(door, address, PHONE, 410)
    assert "过期" in await seen(door, address, WECHAT)
    assert await orders(town) == []


async def test_what_nobody_gave_out_opens_nothing(door: TestClient, town: Town):
    address = "/pay/outside/" + "A" * 32

    assert (await used(door, address)).status == 404
    await seen(door, address, PHONE, 404)
    assert await orders(town) == []


async def test_only_a_hash_of_its_secret_is_kept(door: TestClient, town: Town):
    secret = (await guided(door, town)).rpartition("/")[2]

    kept = await town.db.read(lambda tx: tx.execute(select(browser_passes)).one())

    assert secret not in str(kept)


async def test_inside_wechat_it_cannot_be_used_up(door: TestClient, town: Town):
    address = await guided(door, town)

    assert "在浏览器打开" in await (await used(door, address, WECHAT)).text()

    assert await state(door, address) == "ready"


async def test_another_site_cannot_use_it(door: TestClient, town: Town):
    address = await guided(door, town)

    answer = await used(door, address, PHONE | {"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 403
    assert await state(door, address) == "ready"


async def test_where_the_platform_gave_no_answer_it_may_be_used_again(door: TestClient, town: Town):
    address = await guided(door, town)
    town.till.is_away = True

    answer = await used(door, address)
    assert "没有回应" in await answer.text()

    town.till.is_away = False
    assert (await used(door, address)).status == 303
    assert len(await orders(town)) == 1


async def test_what_was_paid_meanwhile_is_not_begun(door: TestClient, town: Town):
    address, again = await guided(door, town), await guided(door, town)
    order_no = (await used(door, address)).headers["Location"].partition("order=")[2][:23]
    town.till.pay(order_no.partition("&")[0])
    fact = town.till.fact(order_no.partition("&")[0])
    await town.db.write(settle_payment, fact, heard_at=NOW)

    answer = await used(door, again)

    assert answer.status == 409
    assert "没有扣款" in await answer.text()
    count = select(func.count(payments.c.id))
    assert await town.db.read(lambda tx: tx.execute(count).scalar_one()) == 1


async def test_the_guide_follows_the_payment_to_its_end(door: TestClient, town: Town):
    address = await guided(door, town)
    said = [await state(door, address)]

    order_no = re.findall("order=([0-9A-Z]+)", (await used(door, address)).headers["Location"])[0]
    said.append(await state(door, address))
    assert "请在刚才打开的浏览器里" in await seen(door, address, WECHAT)
    town.till.pay(order_no)
    await town.db.write(settle_payment, town.till.fact(order_no), heard_at=NOW)
    said.append(await state(door, address))

    assert said == ["ready", "used", "paid"]
    assert "支付成功" in await seen(door, address, WECHAT)


async def test_nothing_ticked_is_said_at_once(door: TestClient, town: Town):
    answer = await press(door, town.token(town.first), [], headers=WECHAT)

    assert answer.status == 400
    assert "还没有勾选" in await answer.text()


async def test_money_put_aside_is_carried_as_well(door: TestClient, town: Town):
    token = town.token(town.first)
    answer = await door.post(
        f"/pay/{token}/prepay?what=100000-0-0",
        data={"gateway": "alipay"},
        headers=WECHAT,
        allow_redirects=False,
    )
    address = answer.headers["Location"]

    assert 'data-total-fen="100000"' in await seen(door, address, PHONE)
    assert (await used(door, address)).status == 303
    assert [one.amount_fen for one in await orders(town)] == [100000]


async def test_the_orders_page_inside_wechat_goes_nowhere(door: TestClient, town: Town):
    location = (await used(door, await guided(door, town))).headers["Location"]

    inside = await door.get(location, headers=WECHAT, allow_redirects=False)

    assert "Refresh" not in inside.headers
    assert "till.test" not in await inside.text()


async def test_a_form_is_posted_to_the_platforms_own_address_and_nowhere_else(
    door: TestClient, town: Town
):
    fields = {"orderId": "W1", 'sign"><script>': "a&b"}
    assert isinstance(town.till, Outside)
    town.till.form = json.dumps({"action": "https://bank.test/front.do", "fields": fields})
    location = (await used(door, await guided(door, town))).headers["Location"]

    answer = await door.get(location, headers=PHONE)

    page = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert "form-action 'self' https://bank.test;" in policy
    assert '<form method="post" action="https://bank.test/front.do"' in page
    assert " data-post>" in page
    assert 'name="orderId" value="W1"' in page
    assert "<script>" not in page


async def test_a_payer_who_is_sent_back_by_a_form_sees_the_order_and_nothing_is_believed(
    door: TestClient, town: Town
):
    location = (await used(door, await guided(door, town))).headers["Location"]
    page_url = location.partition("&go")[0]
    posted = {"respCode": "00", "trade_status": "TRADE_SUCCESS", "bill": "1-1"}

    answer = await door.post(
        page_url, data=posted, headers={"Origin": "https://bank.test"}, allow_redirects=False
    )

    assert (answer.status, answer.headers["Location"]) == (303, page_url)
    assert 'data-state="paying"' in await seen(door, page_url, PHONE)


async def test_a23_an_address_that_says_paid_is_not_believed(door: TestClient, town: Town):
    location = (await used(door, await guided(door, town))).headers["Location"]
    told = "&trade_status=TRADE_SUCCESS&total_amount=250.60&sign=AAAA&paid=1"

    assert 'data-state="paying"' in await seen(door, location.partition("&go")[0] + told, PHONE)
    count = select(func.count(payments.c.id))
    assert await town.db.read(lambda tx: tx.execute(count).scalar_one()) == 0


async def test_a_pass_is_good_on_every_replica(door: TestClient, town: Town, open_doors: Open):
    other = await open_doors(town.parts(links=Links(b"a secret of the tests, 32 bytes+", "")))
    address = await guided(door, town)

    assert (await used(other, address)).status == 303
    assert (await used(door, address)).status == 410
