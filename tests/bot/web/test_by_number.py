"""Faults of the catalogue before the whole door: a slow database, a flood, others' rights."""

import asyncio
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import func, select

from bot.channels.wechat_official import Config, WechatOfficial
from handlers import pace
from handlers.registry import INTENTS, STAFF_INTENTS
from handlers.router import Router
from storage.kinds import RefundStep
from storage.models.messages import inbox, outbox
from storage.models.notices import broadcasts
from storage.models.payments import payment_orders, refunds
from tests.bot.channels import pushed
from tests.bot.web.conftest import Open
from tests.bot.web.town import NOW, Town

OPENID = pushed.OPENID
OTHER = "oia2Tj22222jewbmiOUlr6X-2crb"
NUMBERS = count(5001)
STAFF_WORDS = (
    "今日",
    "待审批",
    "同意 R261123000001",
    "群发 全部 明天停水",
    "员工帮助",
    "同意绑定 1",
)


@pytest.fixture
async def account(town: Town):
    config = Config(
        name="demo",
        app_id=pushed.APP_ID,
        app_secret="app-secret-of-the-tests",
        original_id=pushed.ORIGINAL_ID,
        token=pushed.TOKEN,
        aes_key=pushed.AES_KEY,
    )
    async with aiohttp.ClientSession() as http:
        yield WechatOfficial(config, http=http, now=town.clock.now)


async def say(door: TestClient, text: str, openid: str = OPENID) -> str | None:
    """Say something as the platform passes it on; return the answer, None for silence."""
    inner = pushed.text(text, str(next(NUMBERS))).replace(OPENID, openid)
    query, body = pushed.push(inner, stamp=int(NOW.timestamp()))
    async with door.post("/wechat/demo", params=query, data=body) as answer:
        assert answer.status == 200
        said = await answer.read()
    return None if said == b"success" else pushed.opened_by_wechatpy(said)


def with_the_real_router(town: Town, account: WechatOfficial, **more: Any):
    router = Router(town.deps(), intents=INTENTS, staff_intents=STAFF_INTENTS)
    return town.parts({"demo": account}, router=router, **more)


async def counted(town: Town, table) -> int:
    return await town.db.read(
        lambda tx: tx.execute(select(func.count()).select_from(table)).scalar_one()
    )


class Stuck:
    """A database whose door another holds shut for a while."""

    def __init__(self, town: Town) -> None:
        self._db = town.db
        self.is_open = asyncio.Event()

    def _later(self, call: Callable[..., Any]) -> Callable[..., asyncio.Future[Any]]:
        async def wait(*args: Any, **kwargs: Any) -> Any:
            await self.is_open.wait()
            return await call(*args, **kwargs)

        return lambda *args, **kwargs: asyncio.ensure_future(wait(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._db, name)
        return self._later(found) if name in ("read", "write", "jot") else found


async def test_h10_a_database_that_is_slow_makes_a_late_answer_and_no_failure(
    town: Town, account: WechatOfficial, open_doors: Open
):
    stuck = Stuck(town)
    door = await open_doors(with_the_real_router(town, account, db=stuck, reply_seconds=0.05))

    async with asyncio.timeout(60):
        at_first = await say(door, "账单")
    stuck.is_open.set()
    await door.close()

    assert at_first is None
    assert await counted(town, inbox) == 1
    assert await counted(town, outbox) == 1


async def test_h11_a_flood_from_one_is_dropped_in_silence_and_others_are_answered(
    town: Town, account: WechatOfficial, open_doors: Open
):
    door = await open_doors(with_the_real_router(town, account))

    hers = [await say(door, "你好") for _ in range(pace.MESSAGES + 5)]
    theirs = await say(door, "你好", OTHER)

    assert [one is None for one in hers] == [False] * pace.MESSAGES + [True] * 5
    assert theirs is not None


@pytest.mark.parametrize("words", STAFF_WORDS)
async def test_i08_staff_words_of_a_resident_do_nothing_and_name_nothing(
    town: Town, account: WechatOfficial, open_doors: Open, words: str
):
    door = await open_doors(with_the_real_router(town, account))

    said = await say(door, words, f"openid-{town.first.code}")

    assert said is not None
    assert not re.search("审批|权限|收款|管理员", said)
    assert await counted(town, broadcasts) == 0
    found = await town.db.read(
        lambda tx: tx.execute(
            select(refunds.c.id).where(refunds.c.state != RefundStep.REQUESTED)
        ).all()
    )
    assert found == []


async def foreign_order(door: TestClient, town: Town) -> str:
    """Let the neighbour open an order, and return its number."""
    token = town.token(town.second)
    async with door.get(f"/pay/{token}") as answer:
        page = await answer.text()
    ticks = re.findall(r'name="bill" value="([0-9-]+)"', page)
    fields = [("bill", one) for one in ticks] + [("gateway", "wechat_pay")]
    async with door.post(f"/pay/{token}", data=fields, allow_redirects=False) as answer:
        return answer.headers["Location"].rpartition("=")[2]


async def answered(door: TestClient, ask: str, bill: str = "") -> tuple[int, bytes]:
    """Ask by "METHOD /path", with one bill ticked where one is named."""
    method, _, path = ask.partition(" ")
    form = {"bill": bill, "gateway": "wechat_pay"} if bill else None
    async with door.request(method, path, data=form, allow_redirects=False) as answer:
        return answer.status, await answer.read()


async def test_i01_what_is_anothers_reads_like_what_is_not_there(door: TestClient, town: Town):
    mine, theirs = town.token(town.first), await foreign_order(door, town)
    nobodys = "W261123" + "F" * (len(theirs) - 7)
    bill_id, fen = town.second.bill_ids[0], town.second.open_fen[0]
    before = await counted(town, payment_orders)

    pairs = [
        [await answered(door, f"GET /pay/{mine}?order={one}") for one in (theirs, nobodys)],
        [await answered(door, f"GET /pay/{mine}/state?order={one}") for one in (theirs, nobodys)],
        [await answered(door, f"POST /pay/{mine}", f"{n}-{fen}") for n in (bill_id, 999_999)],
        [await answered(door, f"GET /receipts/{one}") for one in (mine, "A" * 43)],
        [await answered(door, f"GET /statements/{one}") for one in (mine, "A" * 43)],
        [await answered(door, f"GET /statements/all/{one}") for one in (mine, "A" * 43)],
        [await answered(door, f"GET /invoices/{one}") for one in (mine, "A" * 43)],
    ]

    assert [foreign == missing for foreign, missing in pairs] == [True] * 7
    assert {foreign[0] // 100 for foreign, _ in pairs} == {4}
    assert await counted(town, payment_orders) == before


def test_i01_every_address_with_a_token_is_known_to_these_tests(door: TestClient):
    """A new address with a token has to be thought of here."""
    assert door.app is not None
    known = {
        ("GET", "/pay/{token}"),
        ("POST", "/pay/{token}"),
        ("GET", "/pay/{token}/state"),
        ("GET", "/pay/{token}/oauth"),
        ("GET", "/pay/{token}/prepay"),
        ("POST", "/pay/{token}/prepay"),
        ("GET", "/pay/{token}/prepay/oauth"),
        ("GET", "/receipts/{token}"),
        ("GET", "/clearances/{token}"),
        ("GET", "/statements/{token}"),
        ("GET", "/statements/{token}/statement.xlsx"),
        ("GET", "/statements/all/{token}"),
        ("GET", "/statements/all/{token}/statement.xlsx"),
        ("GET", "/invoices/{token}"),
        ("POST", "/invoices/{token}"),
        ("GET", "/tax-invoices/{token}"),
        ("GET", "/refunds/{token}"),
        ("POST", "/refunds/{token}"),
        ("GET", "/reconciliation/{token}"),
        ("GET", "/counter/{token}"),
        ("POST", "/counter/{token}"),
        ("GET", "/counter/{token}/order"),
        ("GET", "/counter/{token}/waiver"),
        ("POST", "/counter/{token}/waiver"),
        ("GET", "/counter/{token}/write-off"),
        ("POST", "/counter/{token}/write-off"),
        ("GET", "/counter/{token}/done"),
        ("POST", "/counter/{token}/void"),
        ("GET", "/counter/{token}/day"),
        ("POST", "/counter/{token}/day"),
        ("POST", "/counter/{token}/receive"),
        # Behind a sign-in: what is another community's is tried by the matrix of the console.
        ("GET", "/console/units/{token}"),
        ("GET", "/console/statements/{token}"),
        ("GET", "/console/statements/{token}/statement.xlsx"),
    }

    found = {
        (route.method, route.resource.canonical)
        for route in door.app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }

    assert {one for one in found if "{token}" in one[1]} == known
