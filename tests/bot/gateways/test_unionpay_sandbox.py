"""The adapter before the sandbox, which others wrote: the whole way, and every trouble on order."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port

from bot.gateways.unionpay import Config, UnionPay
from bot.sandbox.app import add_routes
from bot.sandbox.world import World
from storage.errors import GatewayUnavailable
from storage.ports.payments import (
    LineKind,
    NoStatement,
    OrderRefused,
    PaymentFact,
    PaymentState,
    RefundAsk,
    RefundFact,
    RefundState,
    StatementBroken,
    StatementLine,
    StatementNotReady,
    WebhookRejected,
    WebhookRequest,
)
from tests.bot.gateways.unionpay_asks import ask, form_of

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
DAY = date(2026, 11, 23)
ORDER_NO = "W261123000001"
REFUND_NO = "T261123000001"


@pytest.fixture(scope="module")
def platform_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("platforms")
    world = World.open(folder, base_url="http://127.0.0.1:9", now=START)
    closed(world)
    return folder / "keys"


def closed(world: World) -> None:
    for till in world.tills.values():
        till.close()
    world.account.book.close()
    world.robots.book.close()
    world.office.book.close()


@dataclass
class Street:
    """The sandbox, our adapter before it, and what came to our door."""

    world: World
    session: ClientSession
    gateway: UnionPay
    heard: list[WebhookRequest] = field(default_factory=list)

    async def call(self, path: str, body: dict[str, Any]) -> Any:
        url = f"{self.world.control_url}/{path}"
        async with self.session.post(url, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def pass_time(self, **by: float) -> None:
        seconds = timedelta(**by).total_seconds()
        await self.call("clock", {"advance_seconds": seconds})

    async def trouble(self, **told: Any) -> None:
        await self.call("unionpay/faults", told)

    async def begin(self, order_no: str = ORDER_NO, **changes: Any) -> datetime:
        """The form goes to the cashier; when it was asked."""
        asked_at = self.world.clock.now().replace(microsecond=0)
        wanted = ask(
            **{
                "order_no": order_no,
                "asked_at": asked_at,
                "expires_at": asked_at + timedelta(minutes=15),
                **changes,
            }
        )
        form = form_of(await self.gateway.create(wanted))
        async with self.session.post(
            form["action"], data=form["fields"], allow_redirects=False
        ) as page:
            assert page.status == 302, await page.text()
        return asked_at

    async def pay(self, order_no: str = ORDER_NO, **changes: Any) -> datetime:
        asked_at = await self.begin(order_no, **changes)
        await self.call("unionpay/pay", {"order_no": order_no})
        return asked_at

    def refund_ask(self, paid: PaymentFact, amount_fen: int, refund_no: str) -> RefundAsk:
        at = self.world.clock.now().replace(microsecond=0)
        return RefundAsk(
            refund_no, paid.order_no, at, amount_fen, 58000, "重复缴费", paid.transaction_id
        )

    def read(self, request: WebhookRequest) -> PaymentFact | RefundFact:
        return self.gateway.read_webhook(request, now=self.world.clock.now())


@pytest.fixture
async def street(tmp_path: Path, platform_keys: Path) -> AsyncIterator[Street]:
    shutil.copytree(platform_keys, tmp_path / "keys")
    port = unused_port()
    world = World.open(tmp_path, base_url=f"http://127.0.0.1:{port}", now=START)
    known = world.facts()["unionpay"]
    config = Config(
        name="unionpay",
        merchant_id=known["merchant_id"],
        sign_certificate_file=Path(known["sign_certificate_file"]),
        sign_certificate_password=known["sign_certificate_password"],
        root_certificate_file=Path(known["root_certificate_file"]),
        middle_certificate_file=Path(known["middle_certificate_file"]),
        signer_name=known["signer_name"],
        base_url=known["base_url"],
        file_url=known["file_url"],
        notify_url=f"http://127.0.0.1:{port}/notify/unionpay/demo",
        timeout_seconds=2.0,
    )
    async with ClientSession() as session:
        gateway = UnionPay(config, session, now=world.clock.now)
        stage = Street(world, session, gateway)

        async def hear(request: web.Request) -> web.Response:
            stage.heard.append(WebhookRequest({}, await request.read()))
            return web.Response(text="ok")

        app = web.Application()
        add_routes(app, world)
        app.router.add_post("/notify/unionpay/demo", hear)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield stage
        await runner.cleanup()


async def test_a_payment_is_told_alike_by_notice_by_answer_and_by_the_platforms_book(
    street: Street,
):
    asked_at = await street.pay()

    (notice,) = street.heard
    heard, asked = street.read(notice), await street.gateway.query(ORDER_NO, asked_at)
    assert isinstance(heard, PaymentFact)
    assert (asked.state, asked.amount_fen) == (PaymentState.PAID, 58000)
    assert asked.paid_at is not None
    assert heard == PaymentFact(
        **{name: getattr(asked, name) for name in PaymentFact.__slots__ if name != "event_id"},
        event_id=heard.event_id,
    )
    (booked,) = street.world.tills["unionpay"].books()["payments"]
    assert (booked["order_no"], booked["transaction_id"], booked["amount_fen"]) == (
        *(ORDER_NO, asked.transaction_id, 58000),
    )


async def test_an_order_goes_from_never_seen_over_begun_to_ended_by_its_own_time(street: Street):
    at = START
    assert (await street.gateway.query(ORDER_NO, at)).amount_fen == 0

    asked_at = await street.begin()
    begun = await street.gateway.query(ORDER_NO, asked_at)
    assert (begun.state, begun.amount_fen) == (PaymentState.PENDING, 58000)
    await street.gateway.close(ORDER_NO, asked_at)
    assert (await street.gateway.query(ORDER_NO, asked_at)).state is PaymentState.PENDING

    await street.pass_time(minutes=16)
    assert (await street.gateway.query(ORDER_NO, asked_at)).state is PaymentState.FAILED


async def test_a04_money_after_its_time_is_never_ours_and_goes_back_by_itself(street: Street):
    asked_at = await street.begin()

    await street.call("unionpay/pay", {"order_no": ORDER_NO, "late": True})

    assert (await street.gateway.query(ORDER_NO, asked_at)).state is PaymentState.FAILED
    assert street.heard == []
    assert street.world.tills["unionpay"].books()["payments"] == []


async def test_b02_a_begun_order_may_be_begun_again_but_a_paid_one_not(street: Street):
    asked_at = await street.begin()
    assert await street.begin(asked_at=asked_at, expires_at=asked_at + timedelta(minutes=15))

    await street.call("unionpay/pay", {"order_no": ORDER_NO})

    with pytest.raises(OrderRefused) as refused:
        await street.begin(asked_at=asked_at, expires_at=asked_at + timedelta(minutes=15))
    assert refused.value.is_paid


@pytest.mark.parametrize(
    "kind",
    [
        "wrong_signature",
        "tampered",
        "wrong_chain",
        "expired_certificate",
        "wrong_name",
    ],
)
async def test_a22_a_notice_that_proves_nothing_is_refused(street: Street, kind: str):
    await street.trouble(kind=kind, on="notice")
    await street.pay()

    (notice,) = street.heard
    with pytest.raises(WebhookRejected) as rejected:
        street.read(notice)
    assert rejected.value.reply.status == 401


async def test_a07_a_wrong_amount_and_a09_a_wrong_merchant_are_reported_as_said(street: Street):
    await street.trouble(kind="wrong_amount", on="notice")
    await street.pay()
    await street.trouble(kind="wrong_merchant", on="notice")
    await street.pay("W261123000002")

    amount, merchant = (street.read(one) for one in street.heard)
    assert isinstance(amount, PaymentFact)
    assert isinstance(merchant, PaymentFact)
    assert amount.amount_fen != 58000
    assert merchant.merchant_id != street.gateway.merchant_id


@pytest.mark.parametrize(
    "kind",
    [
        "wrong_signature",
        "wrong_chain",
        "expired_certificate",
        "wrong_name",
        "error_5xx",
        "quota",
        "drop",
    ],
)
async def test_an_answer_that_proves_nothing_leaves_the_order_unknown(street: Street, kind: str):
    asked_at = await street.pay()
    await street.trouble(kind=kind, on="answer")

    with pytest.raises(GatewayUnavailable):
        await street.gateway.query(ORDER_NO, asked_at)
    assert (await street.gateway.query(ORDER_NO, asked_at)).state is PaymentState.PAID


async def paid(street: Street, order_no: str = ORDER_NO) -> PaymentFact:
    return await street.gateway.query(order_no, await street.pay(order_no))


async def test_a_refund_is_accepted_and_told_again_when_it_arrived(street: Street):
    wanted = street.refund_ask(await paid(street), 20000, REFUND_NO)

    accepted = await street.gateway.refund(wanted)
    assert accepted.state is RefundState.PROCESSING
    await street.pass_time(minutes=10)

    told = await street.gateway.query_refund(REFUND_NO, ORDER_NO, wanted.asked_at)
    assert (told.state, told.amount_fen) == (RefundState.SUCCESS, 20000)
    heard = street.read(street.heard[-1])
    assert isinstance(heard, RefundFact)
    assert (heard.refund_no, heard.state, heard.order_no) == (
        *(REFUND_NO, RefundState.SUCCESS, ORDER_NO),
    )
    (booked,) = street.world.tills["unionpay"].books()["refunds"]
    assert (booked["refund_no"], booked["amount_fen"], booked["state"]) == (
        *(REFUND_NO, 20000, "success"),
    )


@pytest.mark.parametrize(
    ("ending", "state"),
    [("closed", RefundState.CLOSED), ("abnormal", RefundState.ABNORMAL)],
)
async def test_b11_a_refund_that_fails_later_says_how(
    street: Street, ending: str, state: RefundState
):
    wanted = street.refund_ask(await paid(street), 20000, REFUND_NO)
    await street.gateway.refund(wanted)

    await street.call("unionpay/refund_result", {"refund_no": REFUND_NO, "state": ending})

    assert (await street.gateway.query_refund(REFUND_NO, ORDER_NO, wanted.asked_at)).state is state


async def test_b10_a_refund_whose_answer_was_lost_is_one_refund(street: Street):
    wanted = street.refund_ask(await paid(street), 20000, REFUND_NO)
    await street.trouble(kind="timeout_after", on="answer")
    with pytest.raises(GatewayUnavailable):
        await street.gateway.refund(wanted)

    again = await street.gateway.refund(wanted)

    assert again.state is RefundState.PROCESSING
    (booked,) = street.world.tills["unionpay"].books()["refunds"]
    assert booked["amount_fen"] == 20000


async def test_b14_without_money_a_refund_waits_under_its_number(street: Street):
    wanted = street.refund_ask(await paid(street), 20000, REFUND_NO)
    await street.call("unionpay/balance", {"balance_fen": 0})

    assert (await street.gateway.refund(wanted)).state is RefundState.UNFUNDED
    await street.call("unionpay/balance", {"balance_fen": 58000})
    assert (await street.gateway.refund(wanted)).state is RefundState.PROCESSING


async def test_all_of_todays_payment_is_undone_and_yesterdays_is_refunded(street: Street):
    first, second = await paid(street), await paid(street, "W261123000002")
    await street.gateway.refund(street.refund_ask(first, 58000, REFUND_NO))
    await street.pass_time(hours=14)
    await street.gateway.refund(street.refund_ask(second, 58000, "T261123000002"))

    kinds = [one["kind"] for one in street.world.tills["unionpay"].books()["refunds"]]
    assert kinds == ["undo", "refund"]


async def test_b09_more_than_is_left_is_rejected(street: Street):
    fact = await paid(street)
    await street.gateway.refund(street.refund_ask(fact, 40000, REFUND_NO))

    second = await street.gateway.refund(street.refund_ask(fact, 40000, "T261123000002"))

    assert second.state is RefundState.REJECTED


# ---- the statement


async def traded(street: Street) -> None:
    """A payment with a part refunded, one undone, and the next morning."""
    first = await paid(street)
    await street.gateway.refund(street.refund_ask(first, 20000, REFUND_NO))
    second = await paid(street, "W261123000002")
    await street.gateway.refund(street.refund_ask(second, 58000, "T261123000002"))
    await street.pass_time(hours=23, minutes=30)


async def fetched(street: Street, folder: Path) -> list[StatementLine]:
    kept = await street.gateway.fetch_statement(DAY, folder)
    return list(street.gateway.read_statement(kept.path, DAY))


async def test_the_statement_of_a_day_tells_what_the_platforms_book_tells(
    street: Street, tmp_path: Path
):
    with pytest.raises(StatementNotReady):
        await street.gateway.fetch_statement(DAY, tmp_path)
    await traded(street)

    lines = await fetched(street, tmp_path)

    book = street.world.tills["unionpay"].books()
    told = {line.order_no: line for line in lines if line.kind is LineKind.PAYMENT}
    assert {no: line.amount_fen for no, line in told.items()} == {
        one["order_no"]: one["amount_fen"] for one in book["payments"]
    }
    back = {line.refund_no: line for line in lines if line.kind is LineKind.REFUND}
    assert {no: line.amount_fen for no, line in back.items()} == {
        one["refund_no"]: one["amount_fen"] for one in book["refunds"]
    }
    assert back[REFUND_NO].transaction_id == told[ORDER_NO].transaction_id
    assert told[ORDER_NO].fee_fen > 0
    assert all(START <= line.at <= START + timedelta(hours=1) for line in lines)


async def test_a_day_without_trades_is_none_only_after_noon(street: Street, tmp_path: Path):
    await street.pass_time(hours=25)
    with pytest.raises(StatementNotReady):
        await street.gateway.fetch_statement(DAY, tmp_path)

    await street.pass_time(hours=1)

    with pytest.raises(NoStatement):
        await street.gateway.fetch_statement(DAY, tmp_path)


@pytest.mark.parametrize("what", ["hash", "summary", "date", "merchant"])
async def test_c04_a_spoilt_statement_is_refused_as_a_whole(
    street: Street, tmp_path: Path, what: str
):
    await traded(street)
    await street.call("unionpay/statement", {"op": "spoil", "what": what})

    with pytest.raises((StatementBroken, GatewayUnavailable)):
        await fetched(street, tmp_path)


async def test_c03_planted_differences_are_read_as_they_stand(street: Street, tmp_path: Path):
    await traded(street)
    added = {"op": "add", "day": "2026-11-23", "order_no": "W261123000009", "amount_fen": 777}
    await street.call("unionpay/statement", added)
    changed = {"op": "change", "order_no": ORDER_NO, "set": {"amount_fen": 57999}}
    await street.call("unionpay/statement", changed)
    await street.call("unionpay/statement", {"op": "drop", "refund_no": REFUND_NO})

    lines = await fetched(street, tmp_path)

    amounts = {line.order_no or line.refund_no: line.amount_fen for line in lines}
    assert amounts["W261123000009"] == 777
    assert amounts[ORDER_NO] == 57999
    assert REFUND_NO not in amounts


async def test_b12_money_given_back_in_the_merchants_console_stands_in_the_statement(
    street: Street, tmp_path: Path
):
    fact = await paid(street)
    await street.call("unionpay/refund", {"order_no": ORDER_NO, "amount_fen": 1000})
    await street.pass_time(hours=23, minutes=30)

    lines = await fetched(street, tmp_path)

    (back,) = [line for line in lines if line.kind is LineKind.REFUND]
    assert (back.amount_fen, back.transaction_id) == (1000, fact.transaction_id)
    assert not back.refund_no.startswith("T")
