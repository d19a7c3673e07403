"""UnionPay's notifications at our door and in our books: each payment once, no forgery at all."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Connection, func, select

from bot.gateways.unionpay import Config, UnionPay
from bot.web.server import build
from storage.database import Database
from storage.kinds import OrderState
from storage.models.base import metadata
from storage.models.operating import discrepancies
from storage.models.payments import payment_orders, payments, receipts
from storage.operations.orders import OpenOrder, OrderAsk, open_order
from storage.operations.payments import note_answer, note_last_answer
from storage.ports.payments import PaymentAsk, TradeKind
from tests.bot.gateways import test_unionpay_forgeries as forgeries
from tests.bot.gateways.unionpay_asks import form_of
from tests.bot.gateways.unionpay_platform import Platform, posted, refunded_words, sealed
from tests.bot.web.conftest import Doors
from tests.bot.web.town import NOW, Town, settle


@dataclass
class Counter:
    """The town whose pay page takes bank cards, the platform, and our door."""

    town: Town
    gateway: UnionPay
    platform: Platform
    door: TestClient

    async def ordered(self) -> OpenOrder:
        """An order whose form has gone to the cashier."""
        flat = self.town.second
        ask = OrderAsk(
            unit_id=flat.unit_id,
            bill_ids=flat.bill_ids,
            gateway="unionpay",
            kind=TradeKind.H5,
            merchant_id=self.gateway.merchant_id,
            app_id=self.gateway.app_id,
        )
        opened = await self.town.db.write(open_order, ask, now=NOW)
        collection = await self.gateway.create(
            PaymentAsk(
                opened.order_no,
                opened.created_at,
                opened.amount_fen,
                "",
                opened.expires_at,
                opened.kind,
            )
        )
        assert self.platform.arrive(form_of(collection)["fields"]) == ""
        return opened

    async def paid(self) -> OpenOrder:
        opened = await self.ordered()
        self.platform.pay(opened.order_no)
        return opened

    async def told(self, body: bytes) -> int:
        headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8"}
        path = "/notify/unionpay/demo"
        async with self.door.post(path, data=body, headers=headers) as answer:
            return answer.status

    async def hear_of(self, order_no: str, **lies: str) -> int:
        if lies:
            self.platform.seal = lambda words: sealed({**words, **lies})
        return await self.told(self.platform.notice(order_no).body)

    async def counts(self) -> tuple[int, int, int]:
        def count(tx: Connection) -> list[int]:
            tables = (payments, receipts, discrepancies)
            return [tx.execute(select(func.count(one.c.id))).scalar_one() for one in tables]

        found = await self.town.db.read(count)
        return found[0], found[1], found[2]

    async def state(self, order_no: str) -> OrderState:
        of_order = select(payment_orders.c.state).where(payment_orders.c.order_no == order_no)
        return OrderState(await self.town.db.read(lambda tx: tx.execute(of_order).scalar_one()))


@pytest.fixture
async def counter(db: Database, unionpay_settings: dict[str, object]) -> AsyncIterator[Counter]:
    town = await settle(db)
    platform = Platform(now=town.clock.now)
    server = TestServer(platform.app())
    await server.start_server()
    url = str(server.make_url("/"))
    config = Config(**unionpay_settings, base_url=url, file_url=url)  # type: ignore[arg-type]
    async with ClientSession() as session:
        gateway = UnionPay(config, session, now=town.clock.now)
        town.till = gateway  # type: ignore[assignment]
        async with TestClient(Doors(build(town.parts(requests_per_minute=0)))) as door:
            yield Counter(town, gateway, platform, door)
    await server.close()


async def test_a01_a_payment_told_ten_times_is_one_payment(counter: Counter):
    order = await counter.paid()

    answers = [await counter.hear_of(order.order_no) for _ in range(10)]

    assert answers == [200] * 10
    assert await counter.counts() == (1, 1, 0)


async def test_a02_a_payment_told_ten_times_at_once_is_one_payment(counter: Counter):
    order = await counter.paid()

    answers = await asyncio.gather(*(counter.hear_of(order.order_no) for _ in range(10)))

    assert answers == [200] * 10
    assert await counter.counts() == (1, 1, 0)


async def test_a04_a_payment_of_a_closed_order_is_still_taken(counter: Counter):
    order = await counter.ordered()
    never_seen = await counter.gateway.query(order.order_no, order.created_at)
    late = order.expires_at + timedelta(minutes=6)
    await counter.town.db.write(note_last_answer, never_seen, heard_at=late)
    assert await counter.state(order.order_no) is OrderState.CLOSED

    counter.platform.pay(order.order_no)

    assert await counter.hear_of(order.order_no) == 200
    assert await counter.state(order.order_no) is OrderState.PAID
    assert await counter.counts() == (1, 1, 0)


async def test_a06_an_unknown_order_is_written_down_and_asked_for_again(counter: Counter):
    order = await counter.paid()

    assert await counter.hear_of(order.order_no, orderId="W261123AAAAAAAAAAAAAAAA") == 404
    assert await counter.counts() == (0, 0, 1)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"txnAmt": "1"}, id="a07"),
        pytest.param({"currencyCode": "840"}, id="a08"),
        pytest.param({"merId": "777290058110097"}, id="a09"),
    ],
)
async def test_what_the_books_deny_is_acknowledged_and_booked_nowhere(
    counter: Counter, lie: dict[str, str]
):
    order = await counter.paid()

    assert await counter.hear_of(order.order_no, **lie) == 200
    assert await counter.counts() == (0, 0, 1)
    assert await counter.state(order.order_no) is OrderState.OPEN


async def test_a11_five_hundred_forgeries_leave_every_table_as_it_was(counter: Counter):
    order = await counter.paid()

    def snapshot(tx: Connection) -> dict[str, int]:
        return {
            name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }

    before = await counter.town.db.read(snapshot)
    chance = random.Random("door")
    forged = [posted(forge(chance)).body for forge in forgeries.FORGERS for _ in range(50)]

    statuses = {await counter.told(body) for body in forged}

    assert statuses <= {400, 401}
    assert await counter.town.db.read(snapshot) == before
    assert await counter.state(order.order_no) is OrderState.OPEN
    assert await counter.hear_of(order.order_no) == 200
    assert await counter.counts() == (1, 1, 0)


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=365)])
async def test_a15_a_notice_replayed_later_gives_no_second_credit(
    counter: Counter, later: timedelta
):
    order = await counter.paid()
    body = counter.platform.notice(order.order_no).body
    assert await counter.told(body) == 200

    counter.town.clock.at = NOW + later

    assert await counter.told(body) == 200
    assert await counter.counts() == (1, 1, 0)


async def test_a19_a_success_with_a_defect_is_booked_by_the_question_not_by_the_notice(
    counter: Counter,
):
    order = await counter.ordered()
    counter.platform.pay(order.order_no, "A6")

    assert await counter.hear_of(order.order_no) == 200
    assert await counter.counts() == (0, 0, 0)

    fact = await counter.gateway.query(order.order_no, order.created_at)
    assert await counter.town.db.write(note_answer, fact, heard_at=NOW) == "settled"
    assert await counter.counts() == (1, 1, 0)


async def test_a22_a_certificate_of_somebody_else_is_refused_at_the_door(counter: Counter):
    order = await counter.paid()
    chance = random.Random(0)
    counter.platform.seal = lambda words: sealed(words, owner="stranger")

    assert await counter.hear_of(order.order_no) == 401
    assert await counter.told(posted(forgeries.a_strangers_own(chance)).body) == 401
    assert await counter.told(posted(forgeries.a_merchants_own(chance)).body) == 401
    assert await counter.counts() == (0, 0, 0)


async def test_b12_a_refund_that_nobody_here_asked_for_is_put_before_the_office(
    counter: Counter,
):
    words = refunded_words("CONSOLE20261123000001")

    assert await counter.told(posted(sealed(words)).body) == 404
    assert await counter.counts() == (0, 0, 1)


async def test_b16_never_seen_when_asked_and_paid_a_second_later_is_paid(counter: Counter):
    order = await counter.ordered()
    asked = await counter.gateway.query(order.order_no, order.created_at)
    assert await counter.town.db.write(note_answer, asked, heard_at=NOW) == "open"

    counter.platform.pay(order.order_no)

    assert await counter.hear_of(order.order_no) == 200
    assert await counter.state(order.order_no) is OrderState.PAID


async def test_query_and_notice_and_notice_again_settle_once(counter: Counter):
    order = await counter.paid()
    fact = await counter.gateway.query(order.order_no, order.created_at)
    assert await counter.town.db.write(note_answer, fact, heard_at=NOW) == "settled"

    assert await counter.hear_of(order.order_no) == 200

    again = replace(fact, event_id="")
    await counter.town.db.write(note_answer, again, heard_at=NOW)
    assert await counter.counts() == (1, 1, 0)
