"""The payment platforms' door: proof, books, and only then "heard"."""

import asyncio
import gzip

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, func, select

from storage.errors import StorageUnavailable
from storage.models.operating import discrepancies
from storage.models.payments import payments, receipts
from storage.operations.orders import OrderAsk, open_order
from storage.ports.payments import PaymentAsk, PaymentState, TradeKind
from tests.bot.web.conftest import Open
from tests.bot.web.town import NOW, Town

GENUINE = {"Signature": "genuine"}
HOSTILE = [
    b"",
    b"{" * 50_000,
    b"[" * 60_000,
    b'{"id":' + b"9" * 5000 + b"}",
    b"\x00\xff\xfe",
    b"<xml><a></b>",
    b"null",
]


async def ordered(town: Town) -> str:
    """Open an order for the second flat's bill at us and at the till."""
    ask = OrderAsk(
        unit_id=town.second.unit_id,
        bill_ids=town.second.bill_ids,
        gateway=town.till.name,
        kind=TradeKind.NATIVE,
        merchant_id=town.till.merchant_id,
        app_id=town.till.app_id,
    )
    opened = await town.db.write(open_order, ask, now=NOW)
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
    return opened.order_no


async def told(door: TestClient, body: bytes, headers: dict[str, str] = GENUINE) -> int:
    async with door.post("/notify/wechat_pay/demo", data=body, headers=headers) as answer:
        return answer.status


def counts(tx: Connection) -> tuple[int, int, int]:
    tables = (payments, receipts, discrepancies)
    found = [tx.execute(select(func.count(table.c.id))).scalar_one() for table in tables]
    return found[0], found[1], found[2]


async def test_a_payment_told_ten_times_at_once_is_one_payment(door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)

    answers = await asyncio.gather(*(told(door, town.till.notice(order_no)) for _ in range(10)))

    assert answers == [204] * 10
    assert await town.db.read(counts) == (1, 1, 0)


async def test_an_unknown_order_is_written_down_and_asked_for_again(door: TestClient, town: Town):
    notice = town.till.notice("W261123AAAAAAAAAAAAAAAA", state=PaymentState.PAID, amount_fen=1)

    assert await told(door, notice) == 404
    assert await town.db.read(counts) == (0, 0, 1)


@pytest.mark.parametrize(
    "lie",
    [
        {"amount_fen": 1},
        {"merchant_id": "1900000999"},
        {"app_id": "wx0000000000000000"},
        {"currency": "USD"},
    ],
)
async def test_what_the_books_deny_is_acknowledged_and_booked_nowhere(
    door: TestClient, town: Town, lie: dict[str, object]
):
    order_no = await ordered(town)
    town.till.pay(order_no)

    assert await told(door, town.till.notice(order_no, **lie)) == 204
    assert await town.db.read(counts) == (0, 0, 1)


async def test_a_notice_that_is_not_of_a_payment_books_nothing(door: TestClient, town: Town):
    order_no = await ordered(town)

    assert await told(door, town.till.notice(order_no, state=PaymentState.FAILED)) == 204
    assert await town.db.read(counts) == (0, 0, 0)


async def test_an_unproved_notice_is_refused_whatever_it_says_of_itself(
    door: TestClient, town: Town
):
    order_no = await ordered(town)
    town.till.pay(order_no)

    for headers in (
        {},
        {"Signature": "forged"},
        {"Host": "localhost"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Signature": "WECHATPAY/SIGNTEST/abc"},
    ):
        assert await told(door, town.till.notice(order_no), headers) == 401

    assert await town.db.read(counts) == (0, 0, 0)


async def test_a_hostile_body_never_breaks_the_door(door: TestClient):
    odd = {"Content-Type": "application/json; charset=no-such"}
    for body in HOSTILE:
        assert await told(door, body, {}) == 401
        assert await told(door, body, odd) == 401
        assert await told(door, body, {**GENUINE, **odd}) == 400


async def test_a_packed_notice_is_refused_unread(door: TestClient):
    packed = gzip.compress(b"0" * 1_000_000)

    assert await told(door, packed, {**GENUINE, "Content-Encoding": "gzip"}) == 415


async def test_what_could_not_be_kept_is_asked_for_again(
    town: Town, open_doors: Open, monkeypatch: pytest.MonkeyPatch
):
    order_no = await ordered(town)
    town.till.pay(order_no)
    door = await open_doors(town.parts())

    async def full(*_args, **_kwargs):
        raise StorageUnavailable("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(town.db, "write_together", full)
        first = await told(door, town.till.notice(order_no))
    second = await told(door, town.till.notice(order_no))

    assert (first, second) == (503, 204)
    assert await town.db.read(counts) == (1, 1, 0)


async def test_a_gateway_that_we_do_not_have_is_not_found(door: TestClient):
    async with door.post("/notify/alipay/demo", data=b"x") as answer:
        assert answer.status == 404
