"""The settling process of the benchmark: proves, opens and books a file of notices.

Started as `tests.benchmarks.child settle URL FILE FOLDER AT_ONCE`; prints JSON.
"""

import asyncio
import gc
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import uvloop

from bot.gateways.wechat_pay import Config, Gateway
from handlers.deps import HandlerDeps
from handlers.understanding.recogniser import Recogniser
from handlers.webhooks.payments import Hearing, hear
from storage.database import Database, open_database
from storage.gate import Call
from storage.links import Links
from storage.ports.payments import WebhookRequest
from tests.benchmarks.settle_town import API_V3_KEY, APP_ID, KEY_FILE, KEY_ID, MCHID, NOW
from tests.fakes import FixedClock


def main(words: list[str]) -> None:
    """Settle all once and print how long it took and what it used."""
    url, file, folder, at_once = words
    requests = [_request(line) for line in Path(file).read_bytes().splitlines()]
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as a running bot has it
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(_settle(url, requests, Path(folder), int(at_once)))
    print(json.dumps(told))


def _request(line: bytes) -> WebhookRequest:
    headers, body = json.loads(line)
    return WebhookRequest(headers, body.encode())


async def _settle(
    url: str, requests: list[WebhookRequest], folder: Path, at_once: int
) -> dict[str, Any]:
    async with open_database(url) as db, aiohttp.ClientSession() as http:
        deps = _deps(db)
        gateway = Gateway(_config(folder), http, now=deps.clock.now)
        transactions = _counting(db)
        waiting = iter(requests)
        before, began = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
        heard = await asyncio.gather(*(_hear(waiting, gateway, deps) for _ in range(at_once)))
        seconds = perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
    assert sum(heard) == len(requests), "some were not acknowledged"
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "acknowledged": sum(heard),
        "seconds": seconds,
        "cpu_seconds": used,
        "transactions": transactions[0],
    }


async def _hear(waiting: Iterator[WebhookRequest], gateway: Gateway, deps: HandlerDeps) -> int:
    """Take one notice after the other, each to its acknowledgement."""
    acknowledged = 0
    for request in waiting:
        fact = gateway.read_webhook(request, now=deps.clock.now())
        if await hear(fact, deps) is Hearing.HEARD:
            acknowledged += gateway.acknowledge().status in (200, 204)
    return acknowledged


def _counting(db: Database) -> list[int]:
    """Count the transactions that go through the write door."""
    carry, count = db._writes._run, [0]

    async def counted(calls: list[Call]) -> None:
        count[0] += 1
        await carry(calls)

    db._writes._run = counted
    return count


def _config(folder: Path) -> Config:
    return Config(
        name="wechat_pay",
        mchid=MCHID,
        app_id=APP_ID,
        api_v3_key=API_V3_KEY,
        merchant_serial="3775B6A45ACD588826D15E583A95F5DD0AB1C2D3",
        merchant_private_key_file=folder / "merchant.pem",
        platform_public_key_file=folder / KEY_FILE,
        platform_public_key_id=KEY_ID,
        notify_url="https://wy.example.com/notify/wechat_pay/bench",
    )


def _deps(db: Database) -> HandlerDeps:
    clock = FixedClock(NOW)
    links = Links(b"benchmarks-benchmarks-benchmarks", "https://wy.example.com")
    return HandlerDeps(db, clock, links, {}, Recogniser())
