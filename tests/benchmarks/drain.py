"""The sending process of the outbox benchmark: the durable outbox, or a bare client.

Started as `tests.benchmarks.child drain HOW DATABASE PORT COUNT CONCURRENCY`; prints JSON.
"""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import uvloop
from yarl import URL

from bot.channels.exchange import JSON_HEADERS, open_http
from bot.channels.wechat_official import Config, WechatOfficial
from handlers.composer import Composer
from scheduler.deps import JobDeps
from scheduler.jobs import deliver_outbox
from storage.database import open_database
from storage.inbox import Forgotten
from storage.links import Links
from tests.benchmarks.account import AES_KEY, APP_ID, APP_SECRET, ORIGINAL_ID, TOKEN
from tests.benchmarks.estate import ACCOUNT, openid


class _Noon:
    """A clock that stands at noon in Shanghai, tomorrow: no quiet hours, windows still open."""

    def __init__(self) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        self._noon = tomorrow.replace(hour=4, minute=0, second=0, microsecond=0)

    def now(self) -> datetime:
        """Return that instant."""
        return self._noon


def main(words: list[str]) -> None:
    """Send all once and print how long it took."""
    how, database, *numbers = words
    port, count, concurrency = map(int, numbers)
    _settle_memory()
    sending = (
        _ours(Path(database), port, concurrency)
        if how == "ours"
        else _bare(port, count, concurrency)
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the bot itself runs
        seen = runner.run(sending)
    print(json.dumps(seen))


def _settle_memory() -> None:
    """Do for both ways what a running bot does at its start: what lasts is not collected."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _ours(database: Path, port: int, concurrency: int) -> dict[str, float]:
    # The product's own setting is 50; the other one is measured for the comparison.
    deliver_outbox.AT_ONCE = concurrency  # type: ignore[misc]
    async with _deps(database, port) as deps:
        cpu, began = time.process_time(), time.perf_counter()
        report = await deliver_outbox.run(deps, deps.clock.now())
        seconds = time.perf_counter() - began
        return {
            "sent": report.get("sent", 0),
            "seconds": seconds,
            "cpu": time.process_time() - cpu,
        }


@asynccontextmanager
async def _deps(database: Path, port: int) -> AsyncIterator[JobDeps]:
    clock = _Noon()
    links = Links(b"benchmarks-benchmarks-benchmarks", "https://wy.example.com")
    config = Config(
        name=ACCOUNT,
        app_id=APP_ID,
        app_secret=APP_SECRET,
        original_id=ORIGINAL_ID,
        token=TOKEN,
        aes_key=AES_KEY,
        base_url=f"http://127.0.0.1:{port}",
    )
    async with open_database(f"sqlite+aiosqlite:///{database}") as db, open_http() as http:
        yield JobDeps(
            db=db,
            clock=clock,
            links=links,
            channels={ACCOUNT: WechatOfficial(config, http=http, now=clock.now)},
            gateways={},
            compose=Composer(links, clock).compose,
            answer_late=_nothing_late,
            backup_dir=database.parent,
            sqlite_file=database,
        )


async def _nothing_late(_one: Forgotten, _now: datetime) -> None:
    """Answer nobody: there is no inbox here."""


async def _bare(port: int, count: int, concurrency: int) -> dict[str, float]:
    """Post the very bodies that ours composes, byte for byte: the platform compares them."""
    url = URL(f"http://127.0.0.1:{port}/cgi-bin/message/custom/send?access_token=benchtoken")
    people = iter(range(1, count + 1))

    async def sender(http: aiohttp.ClientSession) -> int:
        sent = 0
        for number in people:
            text = {"content": f"【云栖花园】通知\n第{number}户：明天清洗水箱。"}
            body = {"touser": openid(number), "msgtype": "text", "text": text}
            sealed = json.dumps(body, ensure_ascii=False).encode()
            async with http.post(url, data=sealed, headers=JSON_HEADERS) as answer:
                sent += json.loads(await answer.read())["errcode"] == 0
        return sent

    async with open_http() as http:
        cpu, began = time.process_time(), time.perf_counter()
        sent = await asyncio.gather(*(sender(http) for _ in range(concurrency)))
        seconds = time.perf_counter() - began
        return {"sent": sum(sent), "seconds": seconds, "cpu": time.process_time() - cpu}
