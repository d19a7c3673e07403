"""Our adapter before the sandbox's Alipay, in both modes: the whole way and the main troubles."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from bot.gateways.alipay import Alipay, Config
from bot.sandbox.world import World
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    LineKind,
    NoStatement,
    OrderRefused,
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementBroken,
    StatementLine,
    StatementNotReady,
    TradeKind,
    WebhookRejected,
    WebhookRequest,
)
from tests.bot.sandbox.clients import Control

DAY = date(2026, 11, 23)


@dataclass
class Street:
    """The sandbox, our adapter, and what came to our door."""

    world: World
    gateway: Alipay
    http: aiohttp.ClientSession
    control: Control
    heard: list[WebhookRequest] = field(default_factory=list)

    def ask(self, number: str = "W0000001", **changes: Any) -> PaymentAsk:
        now = self.world.clock.now().replace(microsecond=0)
        given: dict[str, Any] = {
            "order_no": number,
            "asked_at": now,
            "amount_fen": 98640,
            "description": "物业费 2026年11月 3栋2单元501",
            "expires_at": now + timedelta(minutes=30),
            "kind": TradeKind.H5,
            "back_url": f"{self.world.base_url}/pay/x",
        }
        return PaymentAsk(**(given | changes))

    async def pay(self, number: str = "W0000001", **changes: Any) -> None:
        """Order, follow the address to the cashier, pay by its button."""
        collection = await self.gateway.create(self.ask(number, **changes))
        async with self.http.get(collection.pay_url) as page:
            text = await page.text()
            form = re.search(r'action="([^"]+)"', text)
            assert form, text
        async with self.http.post(self.world.base_url + form[1]) as page:
            assert "支付成功" in await page.text()
        await self.control.advance(1)

    def refund_ask(self, number: str = "T0000001", fen: int = 10000) -> RefundAsk:
        now = self.world.clock.now().replace(microsecond=0)
        return RefundAsk(number, "W0000001", now, fen, 98640, "重复缴费")

    def read(self, place: int = -1) -> PaymentFact | RefundFact:
        return self.gateway.read_webhook(self.heard[place], now=self.world.clock.now())

    async def query(self) -> PaymentFact:
        return await self.gateway.query("W0000001", self.world.clock.now())


@pytest.fixture(params=["key", "certificate"])
async def street(
    request: pytest.FixtureRequest,
    world: World,
    http: aiohttp.ClientSession,
    control: Control,
) -> AsyncIterator[Street]:
    """A gateway of each mode, and a door of its own."""
    port = unused_port()
    known = world.facts()["alipay"]
    other = "alipay_public_key_file"
    files = [name for name in known if name.endswith("_certificate_file")]
    modes = {"key": [other], "certificate": files}
    config = Config(
        name="alipay",
        app_id=known["app_id"],
        seller_id=known["seller_id"],
        app_private_key_file=Path(known["app_private_key_file"]),
        gateway_url=known["gateway_url"],
        notify_url=f"http://127.0.0.1:{port}/notify",
        timeout_seconds=2.0,
        **{name: Path(known[name]) for name in modes[request.param]},
    )
    stage = Street(world, Alipay(config, http, now=world.clock.now), http, control)

    async def hear(asked: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        stage.heard.append(WebhookRequest(headers, await asked.read()))
        return web.Response(body=stage.gateway.acknowledge().body)

    app = web.Application()
    app.router.add_post("/notify", hear)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield stage
    await runner.cleanup()


async def test_the_adapter_collects_hears_and_gives_back(street: Street) -> None:
    before = await street.query()
    await street.pay()
    heard, asked = street.read(), await street.query()
    back = await street.gateway.refund(street.refund_ask())
    await street.control.advance(1)
    told = await street.gateway.query_refund("T0000001", "W0000001", street.world.clock.now())
    notice = street.read()

    assert (before.state, before.amount_fen) == (PaymentState.PENDING, 0)
    assert isinstance(heard, PaymentFact)
    assert (heard.state, heard.amount_fen) == (PaymentState.PAID, 98640)
    assert (asked.transaction_id, asked.paid_at) == (heard.transaction_id, heard.paid_at)
    assert (back.state, told.state, told.amount_fen) == (
        RefundState.SUCCESS,
        RefundState.SUCCESS,
        10000,
    )
    assert isinstance(notice, RefundFact)
    assert notice.refund_no == "T0000001"
    assert (await street.query()).state is PaymentState.PAID


async def test_the_adapter_on_a_desk_closes_and_is_refused_what_is_over(street: Street) -> None:
    desk = street.ask(kind=TradeKind.NATIVE)
    collection = await street.gateway.create(desk)
    async with street.http.get(collection.pay_url) as page:
        assert "确认付款" in await page.text()
    await street.gateway.close("W0000001", street.world.clock.now())

    assert (await street.query()).state is PaymentState.CLOSED
    with pytest.raises(OrderRefused):
        await street.gateway.create(street.ask())


async def test_the_adapter_waits_for_money_and_for_a_slow_refund(street: Street) -> None:
    await street.pay()
    await street.control.call("POST", "alipay/balance", {"balance_fen": 0})
    short = await street.gateway.refund(street.refund_ask())
    await street.control.call("POST", "alipay/balance", {"balance_fen": 98640})
    wish = {"kind": "processing", "seconds": 300}
    await street.control.call("POST", "alipay/faults", wish)
    slow = await street.gateway.refund(street.refund_ask())
    await street.control.advance(301)
    done = await street.gateway.query_refund("T0000001", "W0000001", street.world.clock.now())
    over = await street.gateway.refund(street.refund_ask("T0000002", 98640))

    states = [short.state, slow.state, done.state, over.state]
    assert states == [
        RefundState.UNFUNDED,
        RefundState.PROCESSING,
        RefundState.SUCCESS,
        RefundState.REJECTED,
    ]


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "wrong_signature"},
        {"kind": "wrong_signature", "sign_type": "RSA"},
        {"kind": "tampered"},
    ],
)
async def test_the_adapter_refuses_a_notice_that_is_not_the_platforms(
    street: Street, wish: dict[str, Any]
) -> None:
    await street.control.call("POST", "alipay/faults", wish)
    await street.pay()

    with pytest.raises(WebhookRejected):
        street.read()


async def test_the_adapter_believes_no_answer_of_a_stranger(street: Street) -> None:
    await street.pay()
    for wish in (
        {"kind": "wrong_signature", "on": "answer"},
        {"kind": "errcode", "code": "isp.unknow-error", "unsigned": True},
        {"kind": "error_5xx"},
        {"kind": "quota"},
    ):
        await street.control.call("POST", "alipay/faults", wish)
        with pytest.raises(GatewayUnavailable):
            await street.query()
    assert (await street.query()).state is PaymentState.PAID


async def test_the_adapter_reads_yesterdays_bill(street: Street, tmp_path: Path) -> None:
    await street.pay()
    await street.gateway.refund(street.refund_ask())
    await street.control.advance(4)
    await street.control.call("POST", "alipay/refund", {"order_no": "W0000001", "amount_fen": 99})
    await street.control.call("POST", "clock", {"set": "2026-11-24T08:00:00+08:00"})
    with pytest.raises(StatementNotReady):
        await street.gateway.fetch_statement(DAY, tmp_path)
    await street.control.call("POST", "clock", {"set": "2026-11-24T10:30:00+08:00"})
    lines = await fetched(street, tmp_path)

    assert [(one.kind, one.amount_fen, one.fee_fen) for one in lines] == [
        (LineKind.PAYMENT, 98640, 592),
        (LineKind.REFUND, 10000, 0),
        (LineKind.REFUND, 99, 0),
    ]
    assert [one.order_no for one in lines] == ["W0000001"] * 3
    with pytest.raises(NoStatement):
        await street.gateway.fetch_statement(DAY - timedelta(days=1), tmp_path)


async def fetched(street: Street, folder: Path) -> list[StatementLine]:
    """Return the lines of the bill, fetched and read to its end."""
    kept = await street.gateway.fetch_statement(DAY, folder)
    return list(street.gateway.read_statement(kept.path, DAY))


@pytest.mark.parametrize("what", ["hash", "summary", "date", "merchant"])
async def test_the_adapter_believes_no_bill_that_is_not_whole(
    street: Street, tmp_path: Path, what: str
) -> None:
    await street.pay()
    await street.control.call("POST", "clock", {"set": "2026-11-24T10:30:00+08:00"})
    await street.control.call("POST", "alipay/statement", {"op": "spoil", "what": what})

    with pytest.raises(StatementBroken):
        await fetched(street, tmp_path)
