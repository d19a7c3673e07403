"""Stands: each gateway of the registry before a platform that answers for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from bot.gateways.registry import GATEWAYS
from storage.lazy import load
from storage.ports.payments import PaymentGateway, WebhookRequest
from tests.bot.gateways import wechat_platform as wechat


@dataclass
class Stand:
    """One gateway and the hands that a test needs at its platform."""

    gateway: PaymentGateway
    now: datetime
    pay: Callable[[str], None]
    """The payer pays this order."""
    notice_of: Callable[[str], WebhookRequest]
    """The platform's own notification of that payment."""
    change: Callable[[WebhookRequest], WebhookRequest]
    """The same, with its content changed on the way."""
    collected: Callable[[], dict[str, int]]
    """The platform's book: {order: fen}."""
    given_back: Callable[[], dict[str, int]]
    """The platform's book: {refund: fen}."""
    empty_account: Callable[[], None]
    """The merchant has no money for refunds."""
    lose_answers: Callable[[bool], None]
    """The platform works, but its answers do not arrive."""
    go_away: Callable[[], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def wechat_pay_stand(folder: Path) -> AsyncIterator[Stand]:
    files = wechat.write_files(folder)
    platform = wechat.Platform(now=lambda: wechat.NOW)
    server = TestServer(platform.app())
    await server.start_server()
    module = load(GATEWAYS["wechat_pay"])
    config = module.Config(
        name="main",
        mchid=wechat.MCHID,
        app_id=wechat.APP_ID,
        api_v3_key=wechat.API_V3_KEY,
        merchant_serial=wechat.MERCHANT_SERIAL,
        merchant_private_key_file=files["merchant"],
        platform_public_key_file=files["public"],
        platform_public_key_id=wechat.KEY_ID,
        base_url=str(server.make_url("/")),
        notify_url="http://127.0.0.1/notify/wechat_pay/main",
    )

    def lose_answers(is_lost: bool) -> None:
        platform.loses_answers = is_lost

    @asynccontextmanager
    async def go_away() -> AsyncIterator[None]:
        await server.close()
        yield

    async with ClientSession() as session:
        yield Stand(
            gateway=module.Gateway(config, session, now=lambda: wechat.NOW),
            now=wechat.NOW,
            pay=platform.pay,
            notice_of=lambda order_no: wechat.notice(platform.said_of(order_no)),
            change=lambda request: WebhookRequest(request.headers, request.body + b"\n"),
            collected=lambda: {
                order_no: order["asked"]["amount"]["total"]
                for order_no, order in platform.orders.items()
            },
            given_back=lambda: {
                refund_no: refund["amount"]["refund"]
                for refund_no, refund in platform.refunds.items()
            },
            empty_account=lambda: setattr(platform, "balance_fen", 0),
            lose_answers=lose_answers,
            go_away=go_away,
        )
    await server.close()


STANDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Stand]]] = {
    "wechat_pay": wechat_pay_stand,
}


@pytest.fixture(params=sorted(GATEWAYS))
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    async with STANDS[request.param](tmp_path) as made:
        yield made
