"""The pay page: what it shows, what pressing pay does, and how it follows the payment."""

import re
from datetime import timedelta

from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, func, select, update

from storage.links import PayLink
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.payments import payment_orders, payments, refunds
from storage.models.people import bindings
from storage.operations.payments import settle_payment
from storage.ports.payments import OrderRefused, TradeKind
from tests.bot.web.town import NOW, Town

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile"}
WECHAT = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile MicroMessenger/8.0"}


def ticks(page: str) -> list[str]:
    return re.findall(r'name="bill" value="([0-9-]+)"', page)


def total(page: str) -> int:
    found = re.search(r'data-total-fen="([0-9]+)"', page)
    assert found is not None
    return int(found[1])


async def open_page(door: TestClient, token: str, status: int = 200, **more) -> str:
    answer = await door.get(f"/pay/{token}", allow_redirects=False, **more)
    assert answer.status == status
    return await answer.text()


async def press(door: TestClient, token: str, chosen: list[str], **more):
    fields = [("bill", one) for one in chosen] + [("gateway", "wechat_pay")]
    return await door.post(f"/pay/{token}", data=fields, allow_redirects=False, **more)


async def start(door: TestClient, token: str, **more) -> str:
    """Press pay for everything and return the address of the order's page."""
    answer = await press(door, token, ticks(await open_page(door, token)), **more)
    assert answer.status == 303
    return str(answer.headers["Location"])


async def test_the_page_itemises_what_is_open_and_its_total(door: TestClient, town: Town):
    page = await open_page(door, town.token(town.first))

    assert total(page) == 25060 + 25060 + 4321
    assert len(ticks(page)) == 3
    assert "2026年10月" in page
    assert "89.50㎡ × 2.80元 × 1个月 = 250.60元" in page
    assert 'data-gateway="wechat_pay"' in page
    assert " data-pay" in page


async def test_j14_the_page_shows_neither_name_nor_phone(door: TestClient, town: Town):
    page = await open_page(door, town.token(town.first))

    assert "李秀英" not in page
    assert "李" not in page.replace("桂花苑", "")
    assert "13800000501" not in page


async def test_pressing_pay_opens_an_order_for_what_the_page_showed(door: TestClient, town: Town):
    token = town.token(town.first)

    where = await start(door, token)
    page = await (await door.get(where)).text()

    [ask] = town.till.asks.values()
    assert (ask.amount_fen, ask.kind) == (54441, TradeKind.NATIVE)
    assert "data:image/svg+xml" in page
    assert "支付成功" not in page
    assert "已支付" not in page


async def test_without_a_script_only_what_is_ticked_is_paid(door: TestClient, town: Town):
    token = town.token(town.first)
    shown = ticks(await open_page(door, token))

    await press(door, token, shown[1:])

    [ask] = town.till.asks.values()
    assert ask.amount_fen == 25060 + 4321


async def test_pressing_twice_is_one_order(door: TestClient, town: Town):
    token = town.token(town.first)

    assert await start(door, token) == await start(door, token)

    assert len(town.till.asks) == 1


async def test_the_page_follows_the_payment_to_its_receipt(door: TestClient, town: Town):
    where = await start(door, town.token(town.first))
    [order_no] = town.till.asks
    state_url = where.replace("?", "/state?")
    assert await (await door.get(state_url)).json() == {"state": "paying"}

    town.till.pay(order_no)
    town.clock.advance(seconds=4)

    assert await (await door.get(state_url)).json() == {"state": "paid"}
    page = await (await door.get(where)).text()
    assert "支付成功" in page
    receipt = re.search(r'href="(/receipts/[A-Za-z0-9_-]+)"', page)
    assert receipt is not None
    text = await (await door.get(receipt[1])).text()
    assert "伍佰肆拾肆元肆角壹分" in text
    assert "544.41" in text


async def test_polling_asks_the_platform_at_most_every_five_seconds(door: TestClient, town: Town):
    where = await start(door, town.token(town.first))

    for _ in range(20):
        await door.get(where.replace("?", "/state?"))
        town.clock.advance(seconds=1)

    assert 3 <= town.till.queries <= 4


async def test_a_paid_flat_reads_that_all_is_settled(door: TestClient, town: Town):
    token = town.token(town.second)
    where = await start(door, token)
    [order_no] = town.till.asks
    town.till.pay(order_no)
    town.clock.advance(seconds=4)
    await door.get(where)

    assert "已全部缴清" in await open_page(door, token)


async def test_an_old_order_page_says_that_it_is_over(door: TestClient, town: Town):
    where = await start(door, town.token(town.first))
    town.clock.advance(hours=3)

    page = await (await door.get(where)).text()

    assert "已超时关闭" in page


async def test_paying_from_an_old_page_opens_a_new_order(door: TestClient, town: Town):
    token = town.token(town.first)
    first = await start(door, token)
    town.clock.advance(hours=3)

    second = await start(door, token)

    assert first != second
    assert len(town.till.asks) == 2


async def test_j10_an_amount_from_the_browser_is_never_taken(door: TestClient, town: Town):
    token = town.token(town.first)

    for amount in ("0", "-5", "1" + "0" * 20, "１００", "1e2", "NaN", "", "25061"):
        answer = await press(door, token, [f"{town.first.bill_ids[0]}-{amount}"])
        assert 400 <= answer.status < 500

    assert town.till.asks == {}


async def test_a_bill_that_changed_since_the_page_was_shown_is_shown_again(
    door: TestClient, town: Town
):
    token = town.token(town.first)
    shown = ticks(await open_page(door, token))
    await town.db.write(
        lambda tx: (
            tx.execute(
                update(bills).where(bills.c.id == town.first.bill_ids[0]).values(amount_fen=26000)
            )
            and None
        )
    )

    answer = await press(door, token, shown)

    assert answer.status == 409
    assert "账单刚刚有变化" in await answer.text()
    assert town.till.asks == {}


async def test_another_flats_bill_cannot_be_added(door: TestClient, town: Town):
    token = town.token(town.first)

    foreign = f"{town.second.bill_ids[0]}-30000"
    missing = "999999-30000"
    answers = [await press(door, token, [one]) for one in (foreign, missing)]

    assert [one.status for one in answers] == [409, 409]
    assert await answers[0].text() == await answers[1].text()
    assert town.till.asks == {}


async def test_nothing_ticked_is_said_and_opens_nothing(door: TestClient, town: Town):
    answer = await press(door, town.token(town.first), [])

    assert answer.status == 400
    assert "至少勾选一笔" in await answer.text()


async def test_a_gateway_that_is_not_offered_is_refused(door: TestClient, town: Town):
    tick = f"{town.first.bill_ids[0]}-25060"

    for fields in ({}, {"gateway": "alipay"}, {"gateway": "../etc"}):
        answer = await door.post(f"/pay/{town.token(town.first)}", data={"bill": tick} | fields)
        assert answer.status == 400


async def test_no_answer_from_the_platform_keeps_the_same_number(door: TestClient, town: Town):
    token = town.token(town.first)
    town.till.loses_answers = True
    first = await press(door, token, ticks(await open_page(door, token)))
    town.till.loses_answers = False

    await start(door, token)

    assert first.status == 200
    assert "支付平台暂时没有回应" in await first.text()
    assert len(town.till.asks) == 1
    assert town.till.creates == 2


async def test_a_refusal_for_good_is_said_and_the_next_press_is_a_new_order(
    door: TestClient, town: Town
):
    token = town.token(town.first)
    town.till.refusal = OrderRefused("NO_AUTH")
    answer = await press(door, token, ticks(await open_page(door, token)))
    town.till.refusal = None

    await start(door, token)

    assert "没能发起支付" in await answer.text()
    states = await town.db.read(
        lambda tx: list(tx.execute(select(payment_orders.c.state)).scalars())
    )
    assert sorted(states) == ["failed", "open"]


async def test_a_platform_that_says_paid_already_is_believed_only_by_its_query(
    door: TestClient, town: Town
):
    token = town.token(town.first)
    town.till.loses_answers = True
    await press(door, token, ticks(await open_page(door, token)))
    [order_no] = town.till.asks
    town.till.loses_answers = False
    town.till.pay(order_no)
    town.till.refusal = OrderRefused("ORDERPAID", is_paid=True)

    where = await start(door, token)

    assert "支付成功" in await (await door.get(where)).text()


async def test_two_orders_for_one_bill_fill_it_once_and_return_the_rest(
    door: TestClient, town: Town
):
    town.till.shrugs = True
    await start(door, town.token(town.second))
    await start(door, town.token(town.second), headers=PHONE)
    orders = list(town.till.asks)
    for order_no in orders:
        town.till.pay(order_no)

    for order_no in orders:
        await town.db.write(settle_payment, town.till.fact(order_no), heard_at=NOW)

    def books(tx: Connection) -> tuple[int, int, int]:
        received = tx.execute(select(func.sum(payments.c.amount_fen))).scalar_one()
        returned = tx.execute(select(func.sum(refunds.c.amount_fen))).scalar_one()
        paid = tx.execute(
            select(bills.c.paid_fen).where(bills.c.id == town.second.bill_ids[0])
        ).scalar_one()
        return received, returned, paid

    assert await town.db.read(books) == (sum(town.till.paid.values()), 30000, 30000)
    page = await (await door.get(f"/pay/{town.token(town.second)}?order={orders[1]}")).text()
    assert "自动原路退回" in page


async def test_what_was_opened_on_another_device_is_said_on_the_first(door: TestClient, town: Town):
    where = await start(door, town.token(town.second))
    await start(door, town.token(town.second), headers=PHONE)

    page = await (await door.get(where)).text()

    assert await (await door.get(where.replace("?", "/state?"))).json() == {"state": "closed"}
    assert "在别处重新发起了缴费" in page
    assert "超时" not in page


async def test_bills_that_somebody_has_just_paid_are_said_to_be_paid(door: TestClient, town: Town):
    token = town.token(town.first)
    await press(door, token, ticks(await open_page(door, token))[:1])
    [order_no] = town.till.asks
    shown = ticks(await open_page(door, token))
    town.till.pay(order_no)

    answer = await press(door, token, shown, headers=PHONE)

    page = await answer.text()
    assert answer.status == 409
    assert "有刚刚缴清的" in page
    assert total(page) == 25060 + 4321


async def test_a_mobile_browser_goes_to_the_platforms_page_and_may_come_back(
    door: TestClient, town: Town
):
    where = await start(door, town.token(town.first), headers=PHONE)

    going = await door.get(where, headers=PHONE)
    back = await door.get(where.replace("&go=1", ""), headers=PHONE)

    assert going.headers["Refresh"].startswith("0; url=https://till.test/h5?prepay_id=1&redirect_")
    assert going.headers["Referrer-Policy"] == "strict-origin"
    assert "Refresh" not in back.headers
    [ask] = town.till.asks.values()
    assert (ask.kind, ask.payer_ip) == (TradeKind.H5, "127.0.0.1")


async def test_a_form_of_another_site_is_refused(door: TestClient, town: Town):
    token = town.token(town.first)
    shown = ticks(await open_page(door, token))

    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Origin": "https://evil.example"},
    ):
        answer = await press(door, token, shown, headers=headers)
        assert answer.status == 403

    assert town.till.asks == {}


async def test_forged_foreign_and_expired_links_read_alike(door: TestClient, town: Town):
    token = town.token(town.first)
    forged = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    expired = town.token(town.first, days=-1)

    pages = [await open_page(door, one, 404) for one in (forged, expired, "a" * 43)]

    assert len(set(pages)) == 1
    assert "没有扣款" in pages[0]


async def test_who_came_from_paper_is_not_sent_to_an_account_that_she_does_not_follow(
    door: TestClient, town: Town
):
    link = PayLink(town.first.unit_id, 0, 0, NOW.date() - timedelta(days=1))

    page = await open_page(door, town.links.pay_url(link).rpartition("/")[2], 404)

    assert "纸质通知单来的，请向物业要一张新的" in page
    assert "从公众号来的，请回复“缴费”" in page


async def test_a_link_ends_with_its_binding_and_with_its_epoch(door: TestClient, town: Town):
    first, second = town.token(town.first), town.token(town.second)
    await town.db.write(
        lambda tx: (
            tx.execute(
                update(bindings)
                .where(bindings.c.id == town.first.binding_id)
                .values(state="removed")
            )
            and None
        )
    )
    await town.db.write(
        lambda tx: (
            tx.execute(update(units).where(units.c.id == town.second.unit_id).values(link_epoch=1))
            and None
        )
    )

    await open_page(door, first, 404)
    await open_page(door, second, 404)


async def test_anothers_order_is_as_unknown_as_none(door: TestClient, town: Town):
    where = await start(door, town.token(town.first))
    order_no = where.rpartition("=")[2]
    token = town.token(town.second)

    foreign = await door.get(f"/pay/{token}?order={order_no}")
    missing = await door.get(f"/pay/{token}?order=W261123FFFFFFFFFFFFFFFF")
    polled = await door.get(f"/pay/{token}/state?order={order_no}")

    assert (foreign.status, missing.status, polled.status) == (404, 404, 404)
    assert await foreign.text() == await missing.text()


async def test_the_paper_bill_opens_what_the_present_owner_owes(door: TestClient, town: Town):
    await town.db.write(
        lambda tx: (
            tx.execute(
                update(bills)
                .where(bills.c.id == town.first.bill_ids[0])
                .values(liable_id=town.second.owner_id)
            )
            and None
        )
    )
    token = town.paper_token(town.first)

    page = await open_page(door, token)
    where = await start(door, token)

    assert total(page) == 25060 + 4321
    assert (await door.get(where)).status == 200


async def test_opening_the_page_changes_nothing(door: TestClient, town: Town):
    await open_page(door, town.token(town.first))
    await open_page(door, f"{town.token(town.first)}")
    answer = await door.get(f"/pay/{town.token(town.first)}?paid=1&order=")

    assert answer.status == 404
    count = await town.db.read(
        lambda tx: tx.execute(select(func.count(payment_orders.c.id))).scalar_one()
    )
    assert count == 0
