"""The one clock: real until moved, then from event to event, only forward."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.sandbox.clock import ClockBackwards, VirtualClock, from_ms, to_ms
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def near(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) < 2


def test_a_new_clock_is_real(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json")

    assert clock.mode == "real"
    assert near(clock.now(), datetime.now(UTC))


def test_milliseconds_in_a_book_are_exact_and_never_ahead() -> None:
    for ms in range(1_795_399_200_000, 1_795_399_202_000):
        assert to_ms(from_ms(ms)) == ms
    late = START + timedelta(microseconds=999)
    assert from_ms(to_ms(late)) == START


async def test_a_moved_clock_is_virtual_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json", START)
    await clock.advance_to(START + DAY)
    again = VirtualClock(tmp_path / "clock.json", START)

    assert again.mode == "virtual"
    assert near(again.now(), START + DAY)


async def test_the_clock_never_goes_back(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json", START)
    await clock.advance_to(START + DAY)

    with pytest.raises(ClockBackwards):
        await clock.advance_to(START)
    assert clock.now() >= START + DAY


class Bell:
    """A timer that rings once a day and writes down when."""

    def __init__(self) -> None:
        self.due: datetime | None = START + DAY / 2
        self.rung: list[datetime] = []

    def next_due(self) -> datetime | None:
        return self.due

    async def run_due(self, now: datetime) -> int:
        if self.due is None or self.due > now:
            return 0
        self.rung.append(now)
        self.due += DAY
        return 1


async def test_advancing_stops_at_every_event_of_platforms_and_bot(tmp_path: Path) -> None:
    clock, bell = VirtualClock(tmp_path / "clock.json", START), Bell()
    ticked: list[datetime] = []

    async def tick(now: datetime) -> datetime | None:
        ticked.append(now)
        hour = timedelta(hours=6)
        return START + hour * ((now - START) // hour + 1)

    clock.timers.append(bell)
    clock.on_tick.append(tick)
    await clock.advance_to(START + 3 * DAY)

    assert len(bell.rung) == 3
    assert all(near(at, START + DAY / 2 + n * DAY) for n, at in enumerate(bell.rung))
    days = {round((at - START) / timedelta(hours=6)) for at in ticked}
    assert days == set(range(13))


async def test_what_the_bot_does_may_make_new_events_due_at_once(tmp_path: Path) -> None:
    clock, bell = VirtualClock(tmp_path / "clock.json", START), Bell()
    bell.due = None

    async def tick(now: datetime) -> datetime | None:
        if not bell.rung and bell.due is None:
            bell.due = now
        return None

    clock.timers.append(bell)
    clock.on_tick.append(tick)
    await clock.advance_to(START + timedelta(hours=1))

    assert near(bell.rung[0], START)


async def test_a_bot_that_is_never_quiet_does_not_stop_the_clock(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json", START)

    async def tick(now: datetime) -> datetime | None:
        return now

    clock.on_tick.append(tick)
    await clock.advance_to(START + timedelta(minutes=10))

    assert clock.now() >= START + timedelta(minutes=10)


async def test_platform_timers_also_run_in_real_time(world: World) -> None:
    bell = Bell()
    bell.due = world.clock.now() + timedelta(milliseconds=50)
    world.clock.timers.append(bell)
    world.clock.wake()
    for _ in range(100):
        if bell.rung:
            break
        await asyncio.sleep(0.02)

    assert bell.rung


async def test_the_control_plane_moves_the_clock(control: Control) -> None:
    before = await control.call("GET", "clock")
    by_seconds = await control.advance(90)
    by_date = await control.call("POST", "clock", {"set": "2026-11-24T00:00:00+08:00"})

    assert before == {"now": before["now"], "mode": "virtual"}
    assert by_seconds["now"].startswith("2026-11-23T10:01:3")
    assert by_date["now"].startswith("2026-11-24T00:00:0")
    back = {"set": "2026-11-01T00:00:00+08:00"}
    assert await control.refused("POST", "clock", back) == 409
    assert await control.refused("POST", "clock", {"advance_seconds": -1}) == 409
    assert await control.refused("POST", "clock", {"set": "2026-12-01T00:00:00"}) == 400
    assert await control.refused("POST", "clock", {}) == 400


async def test_a_bot_in_another_process_is_ticked_by_its_address(
    world: World, control: Control, http: aiohttp.ClientSession
) -> None:
    ticked: list[datetime] = []

    async def tick(request: web.Request) -> web.Response:
        now = datetime.fromisoformat((await request.json())["now"])
        ticked.append(now)
        return web.json_response({"next_due": (now + DAY).isoformat()})

    app = web.Application()
    app.router.add_post("/tick", tick)
    async with TestServer(app) as server:
        url = str(server.make_url("/tick"))
        await control.call("POST", "bots", {"tick_url": url, "callback_url": "http://b.test/w"})
        await control.advance(3 * 86400)
    alive = len(ticked)
    began = time.monotonic()
    moved = await control.advance(3 * 86400)

    assert alive >= 4
    assert world.account.callback_url == "http://b.test/w"
    assert moved["now"].startswith("2026-11-29")
    assert time.monotonic() - began < 5
    assert len(ticked) == alive
