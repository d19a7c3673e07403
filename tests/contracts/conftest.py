"""Stands: each gateway of the registry before a platform that answers for it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from bot.gateways.registry import GATEWAYS
from storage.lazy import load
from storage.ports.bank import BankFeed
from storage.ports.payments import (
    Collection,
    OrderRefused,
    PaymentAsk,
    PaymentGateway,
    PaymentState,
    RefundAsk,
    RefundFact,
    WebhookRequest,
)
from tests.bot.gateways import alipay_platform as alipay
from tests.bot.gateways import bank_platform as bank
from tests.bot.gateways import unionpay_platform as bank_cards
from tests.bot.gateways import wechat_platform as wechat


class Way(StrEnum):
    """How we hear that an order was paid."""

    ASKED = "asked"
    """The platform knows our orders: it answers for each, closes it, and notifies."""
    ROWS = "rows"
    """It knows accounts, not orders: payments are rows of one, with our code in the memo."""


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
        name="wechat_pay",
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


def _heard_of_by_no_notice(order_no: str) -> WebhookRequest:
    raise AssertionError(f"a bank notifies nobody, of {order_no} neither")


@asynccontextmanager
async def bank_transfer_stand(folder: Path) -> AsyncIterator[Stand]:
    """Every payer copies the code that her order got into the memo of her transfer.

    The bank wants to be told which of its rows goes back, which our books always have.
    """
    files = bank.write_files(folder)
    platform = bank.Bank(now=lambda: bank.NOW)
    server = TestServer(platform.app())
    await server.start_server()
    module = load(GATEWAYS["bank_transfer"])
    config = module.Config(
        name="bank_transfer",
        account_name="安心物业",
        account_no=bank.ACCOUNT_NO,
        bank_name="工商银行",
        base_url=str(server.make_url("/direct")),
        merchant_private_key_file=files["merchant"],
        bank_public_key_file=files["bank"],
    )
    asked: dict[str, tuple[str, int]] = {}

    class Copied(module.Gateway):  # type: ignore[misc, name-defined]
        async def create(self, ask: PaymentAsk) -> Collection:
            collection: Collection = await super().create(ask)
            asked[ask.order_no] = (collection.prepay_id, ask.amount_fen)
            return collection

        async def refund(self, ask: RefundAsk) -> RefundFact:
            code, _ = asked.get(ask.order_no, ("", 0))
            serials = [one["serial"] for one in platform.rows if one["memo"] == code]
            fact: RefundFact = await super().refund(
                replace(ask, transaction_id="".join(serials[:1]))
            )
            return fact

    def pay(order_no: str) -> None:
        code, fen = asked[order_no]
        platform.receive(fen, code)

    def lose_answers(is_lost: bool) -> None:
        platform.loses_answers = is_lost

    @asynccontextmanager
    async def go_away() -> AsyncIterator[None]:
        await server.close()
        yield

    async with ClientSession() as session:
        gateway = Copied(config, session, now=lambda: bank.NOW)
        assert isinstance(gateway, BankFeed)
        yield Stand(
            gateway=gateway,
            now=bank.NOW,
            pay=pay,
            notice_of=_heard_of_by_no_notice,
            change=lambda request: request,
            collected=lambda: {
                order_no: one["amount_fen"]
                for order_no, (code, _) in asked.items()
                for one in platform.rows
                if one["memo"] == code
            },
            given_back=platform.given_back,
            empty_account=lambda: setattr(platform, "balance_fen", 0),
            lose_answers=lose_answers,
            go_away=go_away,
        )
    await server.close()


@asynccontextmanager
async def alipay_stand(folder: Path) -> AsyncIterator[Stand]:
    """Every payer goes to the cashier at once: only there a trade begins."""
    files = alipay.write_files(folder)
    platform = alipay.Platform(now=lambda: alipay.NOW)
    server = TestServer(platform.app())
    await server.start_server()
    module = load(GATEWAYS["alipay"])
    config = module.Config(
        name="wechat_pay",
        app_id=alipay.APP_ID,
        seller_id=alipay.SELLER_ID,
        app_private_key_file=files["merchant"],
        alipay_public_key_file=files["alipay"],
        gateway_url=str(server.make_url("/gateway.do")),
        notify_url="http://127.0.0.1/notify/alipay/main",
    )

    class Visited(module.Gateway):  # type: ignore[misc, name-defined]
        async def create(self, ask: PaymentAsk) -> Collection:
            collection: Collection = await super().create(ask)
            async with session.get(URL(collection.pay_url, encoded=True)) as page:
                assert await page.text() == "收银台"
            return collection

    def lose_answers(is_lost: bool) -> None:
        platform.loses_answers = is_lost

    @asynccontextmanager
    async def go_away() -> AsyncIterator[None]:
        await server.close()
        yield

    async with ClientSession() as session:
        yield Stand(
            gateway=Visited(config, session, now=lambda: alipay.NOW),
            now=alipay.NOW,
            pay=platform.pay,
            notice_of=alipay.notice,
            change=lambda request: WebhookRequest(
                request.headers, request.body.replace(b"=580.00", b"=580.01")
            ),
            collected=lambda: {
                order_no: trade["fen"] for order_no, trade in platform.trades.items()
            },
            given_back=lambda: {
                refund_no: refund["fen"] for refund_no, refund in platform.refunds.items()
            },
            empty_account=lambda: setattr(platform, "balance_fen", 0),
            lose_answers=lose_answers,
            go_away=go_away,
        )
    await server.close()


@asynccontextmanager
async def unionpay_stand(folder: Path) -> AsyncIterator[Stand]:
    """Every payer's browser posts its form at once: only there an order becomes known.

    The platform has no call that closes an order, so to close is to let its time pass; and it
    wants to be told the number of a payment that goes back, which our books always have.
    """
    files = bank_cards.write_files(folder)
    platform = bank_cards.Platform(now=lambda: bank_cards.NOW)
    server = TestServer(platform.app())
    await server.start_server()
    module = load(GATEWAYS["unionpay"])
    config = module.Config(
        name="unionpay",
        merchant_id=bank_cards.MERCHANT,
        sign_certificate_file=files["pfx"],
        sign_certificate_password=bank_cards.PASSWORD,
        root_certificate_file=files["root"],
        middle_certificate_file=files["middle"],
        signer_name=bank_cards.NAME,
        base_url=str(server.make_url("/")),
        file_url=str(server.make_url("/")),
        notify_url="http://127.0.0.1/notify/unionpay/main",
    )

    class Visited(module.Gateway):  # type: ignore[misc, name-defined]
        async def create(self, ask: PaymentAsk) -> Collection:
            collection: Collection = await super().create(ask)
            if code := platform.arrive(json.loads(collection.form)["fields"]):
                raise OrderRefused(code)
            return collection

        async def close(self, order_no: str, asked_at: datetime) -> None:
            await super().close(order_no, asked_at)
            if (await self.query(order_no, asked_at)).state is PaymentState.PENDING:
                platform.pay(order_no, "02")

        async def refund(self, ask: RefundAsk) -> RefundFact:
            paid = platform.trades.get(ask.order_no)
            number = paid.query_id if paid is not None else ""
            fact: RefundFact = await super().refund(replace(ask, transaction_id=number))
            return fact

    def lose_answers(is_lost: bool) -> None:
        platform.loses_answers = is_lost

    @asynccontextmanager
    async def go_away() -> AsyncIterator[None]:
        await server.close()
        yield

    async with ClientSession() as session:
        yield Stand(
            gateway=Visited(config, session, now=lambda: bank_cards.NOW),
            now=bank_cards.NOW,
            pay=platform.pay,
            notice_of=platform.notice,
            change=lambda request: WebhookRequest(
                request.headers, request.body.replace(b"=58000", b"=58001")
            ),
            collected=lambda: {
                order_no: int(form["txnAmt"]) for order_no, form in platform.orders.items()
            },
            given_back=platform.given_back,
            empty_account=lambda: setattr(platform, "balance_fen", 0),
            lose_answers=lose_answers,
            go_away=go_away,
        )
    await server.close()


STANDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Stand]]] = {
    "wechat_pay": wechat_pay_stand,
    "alipay": alipay_stand,
    "unionpay": unionpay_stand,
    "bank_transfer": bank_transfer_stand,
}
HEARS = {
    "wechat_pay": Way.ASKED,
    "alipay": Way.ASKED,
    "unionpay": Way.ASKED,
    "bank_transfer": Way.ROWS,
}
"""Which way each of them is heard of; a new gateway has to say."""


def hearing(way: Way) -> list[str]:
    """Return the gateways that are heard of in a way."""
    return [name for name in sorted(GATEWAYS) if HEARS[name] is way]


@pytest.fixture(params=sorted(GATEWAYS))
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    async with STANDS[request.param](tmp_path) as made:
        yield made
