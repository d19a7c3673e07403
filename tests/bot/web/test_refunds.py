"""The refund page: what can go back, a last look, one request for one yes."""

import re
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, insert, select

from storage.links import PayLink
from storage.models.payments import payments, refunds
from storage.models.policies import policies
from storage.operations.orders import OrderAsk, open_order
from storage.operations.payments import settle_payment
from storage.ports.payments import PaymentAsk, TradeKind
from storage.queries.orders import payer_of
from tests.bot.web.town import NOW, TODAY, Town


def token_of(town: Town, *, days: int = 7, binding: bool = True) -> str:
    flat = town.first
    link = PayLink(flat.unit_id, flat.binding_id if binding else 0, 0, TODAY + timedelta(days=days))
    return town.links.refund_url(link).rpartition("/")[2]


async def paid(town: Town) -> int:
    """Let Ms Li have paid her first bill; return the payment's key."""

    def ask(tx: Connection) -> OrderAsk:
        link = PayLink(town.first.unit_id, town.first.binding_id, 0, TODAY)
        payer = payer_of(tx, link)
        return OrderAsk(
            unit_id=town.first.unit_id,
            bill_ids=town.first.bill_ids[:1],
            gateway="wechat_pay",
            kind=TradeKind.JSAPI,
            merchant_id=town.till.merchant_id,
            app_id=town.till.app_id,
            payer_id=payer.openid,
            identity_id=payer.identity_id,
        )

    def choose(tx: Connection) -> None:
        tx.execute(
            insert(policies).values(
                community_id=town.community_id,
                effective_on=TODAY.replace(year=2020),
                refund_automatic_fen=100_000,
                refund_any_cause=1,
            )
        )

    await town.db.write(choose)
    opened = await town.db.write(open_order, await town.db.read(ask), now=NOW)
    await town.till.create(
        PaymentAsk(
            opened.order_no,
            opened.created_at,
            opened.amount_fen,
            "",
            opened.expires_at,
            opened.kind,
        )
    )
    town.till.pay(opened.order_no)
    await town.db.write(settle_payment, town.till.fact(opened.order_no), heard_at=NOW)
    return int(await town.db.read(lambda tx: tx.execute(select(payments.c.id)).scalar_one()))


async def press(door: TestClient, token: str, **fields: str) -> tuple[int, str]:
    answer = await door.post(f"/refunds/{token}", data=fields)
    return answer.status, await answer.text()


async def rows(town: Town) -> list:
    return await town.db.read(lambda tx: list(tx.execute(select(refunds))))


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


async def test_nothing_is_asked_for_before_the_last_look_is_confirmed(door, town: Town):
    payment_id = await paid(town)
    token = token_of(town)

    status, look = await press(door, token, payment=str(payment_id), cause="paid_twice")
    before = await rows(town)
    _, done = await press(door, token, **hidden(look), confirm="1")

    assert (status, before) == (200, [])
    assert "请核对退款申请" in look
    assert "退款申请已受理" in done
    [row] = await rows(town)
    assert (row.amount_fen, row.cause, row.payment_id) == (25_060, "paid_twice", payment_id)


async def test_the_same_yes_twice_is_one_refund(door, town: Town):
    payment_id = await paid(town)
    token = token_of(town)
    _, look = await press(door, token, payment=str(payment_id), cause="paid_twice", amount="100")

    for _ in range(2):
        await press(door, token, **hidden(look), confirm="1")

    assert [one.amount_fen for one in await rows(town)] == [10_000]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "还没有选好"),
        ({"cause": "none"}, "还没有选好"),
        ({"cause": "asked"}, "用一句话写写为什么要退"),
        ({"cause": "paid_twice", "amount": "一百"}, "金额没看懂"),
        ({"cause": "paid_twice", "amount": "-5"}, "金额没看懂"),
        ({"cause": "paid_twice", "amount": "999999"}, "最多还能退"),
    ],
)
async def test_what_cannot_be_is_told_and_nothing_is_asked_for(door, town: Town, fields, told):
    payment_id = await paid(town)

    status, page = await press(door, token_of(town), payment=str(payment_id), **fields)

    assert status in (400, 409)
    assert told in page
    assert await rows(town) == []


async def test_another_flats_payment_is_not_found(door, town: Town):
    payment_id = await paid(town)
    flat = town.second
    link = PayLink(flat.unit_id, flat.binding_id, 0, TODAY + timedelta(days=7))
    theirs = town.links.refund_url(link).rpartition("/")[2]

    status, _ = await press(door, theirs, payment=str(payment_id), cause="paid_twice")

    assert status == 409
    assert await rows(town) == []


async def test_a_pay_link_a_paper_link_and_one_that_is_over_open_no_refunds(door, town: Town):
    over = token_of(town, days=-1)
    for token in (town.token(town.first), over, token_of(town, binding=False)):
        assert (await door.get(f"/refunds/{token}")).status in (404, 410)


async def test_a_form_of_another_site_is_refused(door, town: Town):
    payment_id = await paid(town)

    answer = await door.post(
        f"/refunds/{token_of(town)}",
        data={"payment": str(payment_id), "cause": "paid_twice"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status == 403


async def test_a_refund_under_way_is_shown_with_its_steps(door, town: Town):
    payment_id = await paid(town)
    token = token_of(town)
    _, look = await press(door, token, payment=str(payment_id), cause="paid_twice")
    await press(door, token, **hidden(look), confirm="1")

    page = await (await door.get(f"/refunds/{token}")).text()

    assert "已受理" in page
    assert (await rows(town))[0].refund_no in page
    assert "现在没有可以退的缴费" in page


async def test_i01_no_other_token_opens_an_invoices_file(door, town: Town):
    for token in (town.token(town.first), token_of(town), "A" * 32):
        assert (await door.get(f"/tax-invoices/{token}")).status in (404, 410)
