"""The access token: one request however many wait, one retry, and no storm when it is refused."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.channels.wechat_official import WechatOfficial
from storage.ports.chat import Route, Verdict
from tests.bot.channels.imitation import Imitation, StandingClock
from tests.bot.channels.receipts import BRIEF, sent


async def test_a_hundred_first_messages_ask_for_one_token(
    account: WechatOfficial, platform: Imitation
):
    attempts = await asyncio.gather(*(sent(account) for _ in range(100)))

    assert {attempt.verdict for attempt in attempts} == {Verdict.SENT}
    assert platform.token_calls == [False]


async def test_g03_a_hundred_messages_with_a_dead_token_refresh_it_once(
    account: WechatOfficial, platform: Imitation
):
    await sent(account)
    platform.epoch += 1

    attempts = await asyncio.gather(*(sent(account) for _ in range(100)))

    assert {attempt.verdict for attempt in attempts} == {Verdict.SENT}
    assert platform.token_calls == [False, False]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_g03_a_refused_token_is_refreshed_and_the_message_tried_once_more(
    account: WechatOfficial, platform: Imitation, code: int
):
    await sent(account)
    platform.answers.append({"errcode": code, "errmsg": "stale"})

    assert (await sent(account)).verdict is Verdict.SENT
    # The stable token was the refused one, so a new one had to be forced.
    assert platform.token_calls == [False, False, True]


async def test_g04_a_token_refused_for_ever_costs_three_token_calls_and_pauses(
    account: WechatOfficial,
    platform: Imitation,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
):
    platform.is_refusing_every_token = True

    attempts = await asyncio.gather(*(sent(account) for _ in range(50)))
    attempts += [await sent(account) for _ in range(50)]

    assert {attempt.verdict for attempt in attempts} <= {Verdict.PAUSED, Verdict.LATER}
    assert attempts[-1].verdict is Verdict.PAUSED
    assert attempts[-1].not_before == clock.now() + timedelta(minutes=10)
    assert "40001" in attempts[-1].detail
    assert len(platform.token_calls) <= 3
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == ["wechat.shut"]


@pytest.mark.parametrize("code", [40001, 40125, 40013, 40164, 40243, 61004, 89503])
async def test_g04_a_refused_secret_or_address_is_asked_once_and_again_after_ten_minutes(
    account: WechatOfficial, platform: Imitation, clock: StandingClock, code: int
):
    platform.token_answer = lambda _forced: {"errcode": code, "errmsg": "invalid ip 1.2.3.4"}

    attempts = [await sent(account) for _ in range(20)]

    assert {attempt.verdict for attempt in attempts} == {Verdict.PAUSED}
    assert platform.token_calls == [False]
    clock.advance(minutes=10)
    platform.token_answer = None
    assert (await sent(account)).verdict is Verdict.SENT


async def test_a_token_is_used_until_shortly_before_it_expires(
    account: WechatOfficial, platform: Imitation, clock: StandingClock
):
    await sent(account)
    clock.advance(seconds=7139)
    await sent(account)
    assert platform.token_calls == [False]

    clock.advance(seconds=1)
    await sent(account)

    assert platform.token_calls == [False, False]


async def test_g05_where_others_share_the_account_each_asks_for_the_stable_token_and_none_forces(
    open_account: Callable[..., WechatOfficial], platform: Imitation
):
    ours, theirs = open_account(), open_account()

    for _ in range(10):
        assert (await sent(ours)).verdict is Verdict.SENT
        assert (await sent(theirs)).verdict is Verdict.SENT

    assert platform.token_calls == [False, False]


async def test_a_second_forced_refresh_within_thirty_seconds_is_not_made(
    account: WechatOfficial, platform: Imitation, clock: StandingClock
):
    stale = {"errcode": 40014, "errmsg": "stale"}
    for _ in range(2):
        await sent(account)
        platform.answers.append(stale)
        last = await sent(account)

    assert platform.token_calls.count(True) == 1
    assert last.verdict is Verdict.PAUSED
    assert last.not_before == clock.now() + timedelta(seconds=30)
    clock.advance(seconds=30)
    assert (await sent(account)).verdict is Verdict.SENT


async def test_a_forced_refresh_that_the_platform_finds_too_soon_waits_half_a_minute(
    account: WechatOfficial, platform: Imitation, clock: StandingClock
):
    await sent(account)
    platform.answers.append({"errcode": 40001, "errmsg": "stale"})
    same: Any = {"access_token": platform.token, "expires_in": 7200}
    platform.token_answer = lambda forced: (
        {"errcode": 45011, "errmsg": "too soon"} if forced else same
    )

    waiting = [await sent(account) for _ in range(3)]
    clock.advance(seconds=30)

    assert {attempt.verdict for attempt in waiting} == {Verdict.PAUSED}
    assert waiting[-1].not_before == clock.now()
    assert platform.token_calls == [False, False, True]
    assert (await sent(account)).verdict is Verdict.SENT


@pytest.mark.parametrize("answer", ["never", "reset", "half", "html", 503, {"errcode": -1}, {}])
async def test_a_token_that_does_not_come_leaves_the_message_unsent(
    open_account: Callable[..., WechatOfficial], platform: Imitation, answer: Any
):
    platform.token_answer = lambda _forced: answer

    attempt = await sent(open_account(BRIEF), Route.TEMPLATE)

    assert attempt.verdict is Verdict.LATER
    assert attempt.detail.startswith("no token: ")
    assert platform.calls == []
