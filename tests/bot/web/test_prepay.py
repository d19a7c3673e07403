"""The page of a prepayment: it shows the sum, opens one order without bills, and follows it."""

import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import insert, select

from storage import ledger
from storage.kinds import Account
from storage.models.payments import payment_order_bills, payment_orders
from storage.models.policies import policies
from storage.ports.payments import OrderRefused, TradeKind
from storage.queries.proofs import prove
from storage.queries.receipts import receipt_of
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import PHONE, WECHAT, total
from tests.bot.web.test_payers import Account as ChatAccount
from tests.bot.web.town import Town

WHAT = {"what": "100000-0-0"}


async def see(door: TestClient, token: str, status: int = 200, what: str = "100000-0-0") -> str:
    answer = await door.get(f"/pay/{token}/prepay", params={"what": what}, allow_redirects=False)
    assert answer.status == status
    return await answer.text()


async def press(door: TestClient, token: str, what: str = "100000-0-0", **more):
    return await door.post(
        f"/pay/{token}/prepay",
        params={"what": what},
        data={"gateway": "wechat_pay"},
        allow_redirects=False,
        **more,
    )


async def test_the_page_shows_what_is_put_aside(door: TestClient, town: Town):
    page = await see(door, town.token(town.first))

    assert total(page) == 100_000
    assert "不限项目" in page
    assert 'data-gateway="wechat_pay"' in page
    assert " data-pay" in page


async def test_pressing_opens_one_order_without_bills(door: TestClient, town: Town):
    token = town.token(town.first)

    first, again = await press(door, token), await press(door, token)

    assert first.status == again.status == 303
    assert first.headers["Location"] == again.headers["Location"]
    [ask] = town.till.asks.values()
    assert ask.amount_fen == 100_000
    assert await town.db.read(lambda tx: tx.execute(select(payment_order_bills)).all()) == []


async def test_paid_it_is_said_to_be_put_aside_with_a_receipt(door: TestClient, town: Town):
    token = town.token(town.first)
    where = (await press(door, token)).headers["Location"]
    [order_no] = town.till.asks

    town.till.pay(order_no)
    town.clock.advance(seconds=4)
    page = await (await door.get(where)).text()

    assert "支付成功" in page
    assert "预存款" in page
    assert "账单已缴" not in page
    receipt = re.search(r'href="(/receipts/[A-Za-z0-9_-]+)"', page)
    assert receipt is not None
    assert "预存款" in await (await door.get(receipt[1])).text()
    assert await town.db.read(ledger.balance, Account.PREPAYMENT) == -100_000
    kept = await town.db.read(receipt_of, 1)
    assert kept is not None
    assert kept.surplus_fen == 100_000
    assert await town.db.read(prove) == []


async def test_the_same_page_pays_again_once_it_was_paid(door: TestClient, town: Town):
    token = town.token(town.first)
    await press(door, token)
    [order_no] = town.till.asks
    town.till.pay(order_no)
    where = (await press(door, token)).headers["Location"]
    town.clock.advance(seconds=4)
    await door.get(where)

    await press(door, token)

    orders = await town.db.read(lambda tx: tx.execute(select(payment_orders.c.state)).all())
    assert sorted(row.state for row in orders) == ["open", "paid"]


@pytest.mark.parametrize("what", ["", "1000", "-5-0-0", "100000-x-0", "1e5-0-0", "１00-0-0"])
async def test_a_sum_that_nobody_wrote_is_refused(door: TestClient, town: Town, what):
    await see(door, town.token(town.first), status=400, what=what)


@pytest.mark.parametrize("what", ["99-0-0", "99999999-0-0", "100000-999-0", "100000-0-12"])
async def test_a_sum_that_is_not_offered_opens_no_page(door: TestClient, town: Town, what):
    answer = await door.get(f"/pay/{town.token(town.first)}/prepay", params={"what": what})

    assert answer.status in (404, 410)
    assert "data-pay" not in await answer.text()


async def test_the_link_of_a_paper_bill_puts_nothing_aside(door: TestClient, town: Town):
    answer = await press(door, town.paper_token(town.first))

    assert answer.status in (404, 410)
    assert town.till.asks == {}


async def test_a_form_of_another_site_is_refused(door: TestClient, town: Town):
    answer = await press(door, town.token(town.first), headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 403
    assert town.till.asks == {}


async def test_where_no_money_is_taken_the_page_says_so(door: TestClient, town: Town):
    token = town.token(town.first)
    await town.change(
        insert(policies).values(
            community_id=1, effective_on=date(2020, 1, 1), collection_closed="系统升级"
        )
    )

    assert "系统升级" in await see(door, token)
    answer = await press(door, token)
    assert answer.status == 409
    assert town.till.asks == {}


async def test_a_platform_that_says_no_is_said_to_have_taken_nothing(door: TestClient, town: Town):
    town.till.refusal = OrderRefused("NO_AUTH")

    answer = await press(door, town.token(town.first))

    assert "没有扣款" in await answer.text()


async def test_on_a_phone_outside_wechat_the_cashier_opens_at_once(door: TestClient, town: Town):
    answer = await press(door, town.token(town.first), headers=PHONE)

    assert answer.headers["Location"].endswith("&go=1")


async def test_inside_wechat_she_is_asked_once_and_comes_back_to_this_page(
    town: Town, open_doors: Open
):
    door = await open_doors(town.parts({"demo": ChatAccount()}))
    token = town.token(town.first)
    path = f"/pay/{token}/prepay"
    asked = await door.get(path, params=WHAT, headers=WECHAT, allow_redirects=False)
    where = asked.headers["Location"]
    assert "/prepay/oauth?what=100000-0-0" in where
    state = parse_qs(urlsplit(where).query)["state"][0]

    back = await door.get(
        f"{path}/oauth",
        params={**WHAT, "code": "code-1", "state": state},
        headers=WECHAT,
        allow_redirects=False,
    )
    assert back.headers["Location"] == f"{path}?what=100000-0-0&asked=1"
    assert total(await (await door.get(back.headers["Location"], headers=WECHAT)).text()) == 100_000
    await press(door, token, headers=WECHAT)

    [ask] = town.till.asks.values()
    assert (ask.kind, ask.payer_id) == (TradeKind.JSAPI, "openid-of-li")


async def test_without_a_known_payer_nothing_is_ordered_inside_wechat(door: TestClient, town: Town):
    answer = await press(door, town.token(town.first), headers=WECHAT)

    assert "没能确认您的微信身份" in await answer.text()
    assert town.till.asks == {}
