"""A notice whose answer comes late, or never arrives, or that knocks at another merchant's door."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.bot.web.conftest import Open
from tests.bot.web.test_webhooks import GENUINE, counts, ordered, told
from tests.bot.web.town import Town


@pytest.fixture
async def paid(town: Town) -> bytes:
    """The notice of an order that was paid."""
    order_no = await ordered(town)
    town.till.pay(order_no)
    return town.till.notice(order_no)


async def test_a24_nothing_is_acknowledged_before_the_commit_however_long_that_takes(
    town: Town, open_doors: Open, paid: bytes, monkeypatch: pytest.MonkeyPatch
):
    door, write, may_go = await open_doors(town.parts()), town.db.write_together, asyncio.Event()

    async def slow(*words: Any, **named: Any) -> Any:
        await may_go.wait()
        return await write(*words, **named)

    monkeypatch.setattr(town.db, "write_together", slow)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(told(door, paid), 0.2)
    before = await town.db.read(counts)
    may_go.set()
    answers = [await told(door, paid) for _ in range(2)]

    assert before == (0, 0, 0)
    assert answers == [204, 204]
    assert await town.db.read(counts) == (1, 1, 0)


async def test_a25_an_answer_that_was_lost_after_the_commit_doubles_nothing(
    town: Town, open_doors: Open, paid: bytes, monkeypatch: pytest.MonkeyPatch
):
    door, write = await open_doors(town.parts()), town.db.write_together
    is_kept, is_gone = asyncio.Event(), asyncio.Event()

    async def kept(*words: Any, **named: Any) -> Any:
        result = await write(*words, **named)
        is_kept.set()
        await is_gone.wait()
        return result

    monkeypatch.setattr(town.db, "write_together", kept)
    _, out = await asyncio.open_connection(door.host, door.port)
    head = {"Host": "bot", "Content-Length": len(paid), **GENUINE}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    out.write(f"POST /notify/wechat_pay/demo HTTP/1.1\r\n{lines}\r\n".encode() + paid)
    await asyncio.wait_for(is_kept.wait(), 10)
    out.transport.abort()
    is_gone.set()
    after = await town.db.read(counts)

    assert after == (1, 1, 0)
    assert [await told(door, paid) for _ in range(3)] == [204] * 3
    assert await town.db.read(counts) == (1, 1, 0)


@pytest.mark.parametrize("address", ["/notify/wechat_pay/another", "/notify/wechat_pay/demo?m=2"])
async def test_a26_not_the_address_but_what_is_proved_says_whose_a_notice_is(
    door: TestClient, town: Town, address: str
):
    order_no = await ordered(town)
    town.till.pay(order_no)
    foreign = town.till.notice(order_no, merchant_id="1900000999")

    async with door.post(address, data=foreign, headers=GENUINE) as answer:
        assert answer.status == 204
    nothing = await town.db.read(counts)
    async with door.post(address, data=town.till.notice(order_no), headers=GENUINE) as answer:
        assert answer.status == 204

    assert nothing == (0, 0, 1)
    assert await town.db.read(counts) == (1, 1, 1)
