"""The group robot: split on bytes, twenty a minute, nothing said twice."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.exchange import Patience
from bot.channels.wecom_robot import Config, WecomRobot, split_text
from storage.ports.chat import Attempt, OutgoingMessage, Reach, Route, Verdict
from tests.bot.channels.imitation import OK, Imitation, StandingClock

SENT = Attempt(Route.GROUP, Verdict.SENT)


@pytest.fixture
def robot(platform: Imitation, http: aiohttp.ClientSession, clock: StandingClock) -> WecomRobot:
    platform.default = OK
    groups = {
        group: f"{platform.base_url}/cgi-bin/webhook/send?key=secret-{group}"
        for group in ("值班群", "维修群")
    }
    brief = Patience(answer=0.05)
    return WecomRobot(Config("duty", groups), http=http, now=clock.now, patience=brief)


def texts(platform: Imitation) -> list[str]:
    return [body["text"]["content"] for _, _, body in platform.calls]


async def test_a_group_is_told_a_text(robot: WecomRobot, platform: Imitation):
    assert await robot.send_text("值班群", "今日实收 ¥1,200.00") == SENT

    path, query, body = platform.calls[0]
    assert (path, query) == ("/cgi-bin/webhook/send", {"key": "secret-值班群"})
    assert body == {"msgtype": "text", "text": {"content": "今日实收 ¥1,200.00"}}


async def test_it_is_a_channel_whose_only_way_is_the_group(robot: WecomRobot, platform: Imitation):
    words = OutgoingMessage("notice", "请处理", url="https://console.test/1")

    assert robot.routes_for(words, Reach(0)) == (Route.GROUP,)
    assert await robot.send("值班群", words, Route.GROUP, delivery_id="D1") == SENT
    assert texts(platform) == ["请处理\nhttps://console.test/1"]
    other = await robot.send("值班群", words, Route.CUSTOM, delivery_id="D1")
    assert other.verdict is Verdict.NOT_NOW


@given(st.text(max_size=400), st.integers(12, 60))
def test_a_split_loses_nothing_and_stays_within_its_bytes(text: str, limit: int):
    parts = split_text(text, limit)

    assert all(len(part.encode()) <= limit for part in parts)
    clean = text.encode("utf-8", "ignore").decode()
    assert "".join("".join(parts).split()) == "".join(clean.split())


def test_a_split_falls_between_lines_where_it_can():
    assert split_text("一二三\n四五六\n七八九十", 20) == ["一二三\n四五六", "七八九十"]
    assert split_text("一二三四五六七", 12) == ["一二三四", "五六七"]


async def test_a_long_text_goes_out_in_parts_of_2048_bytes(robot: WecomRobot, platform: Imitation):
    assert await robot.send_text("值班群", "停水通知😀" * 300) == SENT

    assert "".join(texts(platform)) == "停水通知😀" * 300
    assert [len(text.encode()) <= 2048 for text in texts(platform)] == [True, True, True]


async def test_the_twenty_first_message_of_a_minute_waits(
    robot: WecomRobot, platform: Imitation, clock: StandingClock
):
    attempts = await asyncio.gather(*(robot.send_text("值班群", str(n)) for n in range(25)))

    assert attempts.count(SENT) == 20
    assert {a.verdict for a in attempts} == {Verdict.SENT, Verdict.LATER}
    assert attempts[-1].not_before == clock.now() + timedelta(seconds=60)
    assert len(platform.calls) == 20
    assert await robot.send_text("维修群", "another robot has its own minute") == SENT
    clock.advance(seconds=60)
    assert await robot.send_text("值班群", "x") == SENT


async def test_a_text_whose_parts_do_not_fit_the_minute_waits_whole(
    robot: WecomRobot, platform: Imitation
):
    for number in range(19):
        await robot.send_text("值班群", str(number))

    assert (await robot.send_text("值班群", "一" * 700)).verdict is Verdict.LATER
    assert len(platform.calls) == 19
    assert (await robot.send_text("值班群", "x" * 50_000)).verdict is Verdict.BAD_CONTENT
    assert (await robot.send_text("值班群", " ")).verdict is Verdict.BAD_CONTENT


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (93000, Verdict.GONE),
        (40058, Verdict.BAD_CONTENT),
        (40008, Verdict.BAD_CONTENT),
        (-1, Verdict.UNKNOWN),
        (77777, Verdict.BAD_CONTENT),
    ],
)
async def test_an_error_code_is_acted_on(
    robot: WecomRobot, platform: Imitation, code: int, verdict: Verdict
):
    platform.answers.append({"errcode": code, "errmsg": "words, hint: [1]"})

    attempt = await robot.send_text("值班群", "x")

    assert attempt == Attempt(Route.GROUP, verdict, f"{code} words, hint: [1]")


async def test_a_minute_that_the_platform_calls_full_is_full(
    robot: WecomRobot, platform: Imitation, clock: StandingClock
):
    platform.answers.append({"errcode": 45009, "errmsg": "api freq out of limit"})

    first, second = [await robot.send_text("值班群", "x") for _ in range(2)]

    assert first.verdict is second.verdict is Verdict.LATER
    assert first.not_before == clock.now() + timedelta(seconds=60)
    assert len(platform.calls) == 1


@pytest.mark.parametrize("answer", ["never", "reset", "half", "html", 500, {}])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(
    robot: WecomRobot, platform: Imitation, answer: dict[str, str] | str | int
):
    platform.answers.append(answer)

    attempt = await robot.send_text("值班群", "x")

    assert attempt.verdict is Verdict.UNKNOWN
    assert "secret" not in attempt.detail


async def test_a_text_broken_off_goes_on_where_it_stopped(
    robot: WecomRobot, platform: Imitation, clock: StandingClock
):
    words = OutgoingMessage("notice", "一" * 600 + "\n" + "二" * 600)
    platform.answers.extend([OK, {"errcode": 45009, "errmsg": "full"}])

    first = await robot.send("值班群", words, Route.GROUP, delivery_id="D1")
    clock.advance(seconds=60)
    again = await robot.send("值班群", words, Route.GROUP, delivery_id="D1")

    assert (first.verdict, again) == (Verdict.LATER, SENT)
    assert texts(platform) == ["一" * 600, "二" * 600, "二" * 600]


async def test_a_text_broken_off_for_good_is_not_tried_again(
    robot: WecomRobot, platform: Imitation
):
    platform.answers.extend([OK, 502])

    attempt = await robot.send_text("值班群", "一" * 1200)

    assert attempt.verdict is Verdict.UNKNOWN
    assert "1 parts sent" in attempt.detail


async def test_a_group_without_a_robot_is_gone(robot: WecomRobot, platform: Imitation):
    assert (await robot.send_text("no such group", "x")).verdict is Verdict.GONE
    assert platform.calls == []


@pytest.mark.parametrize(
    "build",
    [
        lambda: Config("", {}),
        lambda: Config("duty", {"值班群": ""}),
        lambda: Config("d", {"": "https://x"}),
    ],
)
def test_an_empty_key_refuses_to_start(build: Callable[[], Config]):
    with pytest.raises(ValueError, match=r"name|groups"):
        build()


def test_a_configuration_does_not_show_its_addresses():
    assert "secret" not in repr(Config("duty", {"值班群": "https://x/?key=secret"}))
