"""The group robot: what a group sees, and what WeCom refuses with which code."""

import base64
import hashlib
import io
import json
from typing import Any

import aiohttp
import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control

GROUP = "物业值班群"
PICTURE = b"\x89PNG-picture"


async def send(world: World, http: aiohttp.ClientSession, body: object) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(world.robots.webhook_url(GROUP), data=raw) as answer:
        assert answer.status == 200
        return await answer.json()


def text(content: str, **more: object) -> dict[str, object]:
    return {"msgtype": "text", "text": {"content": content} | more}


async def test_a_group_sees_what_its_robot_says(
    world: World, http: aiohttp.ClientSession, control: Control
) -> None:
    answer = await send(world, http, text("3栋漏水", mentioned_list=["@all"]))

    assert answer == {"errcode": 0, "errmsg": "ok"}
    seen = await control.call("GET", f"wecom/groups/{GROUP}/messages?after=0")
    assert [(m["text"], m["mentioned"]) for m in seen] == [("3栋漏水", ["@all"])]
    assert await control.call("GET", "wecom/groups/收费对账群/messages") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 47001),
        ({"msgtype": "smell", "smell": {}}, 40008),
        ({"msgtype": "text"}, 40008),
        (text(""), 44004),
        (text("物" * 683), 40058),
        ({"msgtype": "markdown", "markdown": {"content": "x" * 4097}}, 40058),
        ({"msgtype": "image", "image": {"base64": "%", "md5": ""}}, 40009),
        (
            {"msgtype": "image", "image": {"base64": base64.b64encode(PICTURE).decode()}},
            301019,
        ),
        ({"msgtype": "news", "news": {"articles": []}}, 40058),
        ({"msgtype": "file", "file": {}}, 40007),
        ({"msgtype": "template_card", "template_card": {}}, 42045),
    ],
)
async def test_an_ill_formed_message_is_refused_with_its_own_code(
    world: World, http: aiohttp.ClientSession, body: object, code: int
) -> None:
    answer = await send(world, http, body)

    assert answer["errcode"] == code
    assert f"https://open.work.weixin.qq.com/devtool/query?e={code}" in answer["errmsg"]


async def test_a_long_text_is_refused_in_wecoms_words(
    world: World, http: aiohttp.ClientSession
) -> None:
    answer = await send(world, http, text("x" * 2049))

    assert answer["errmsg"].startswith(
        "text.content exceed max length 2048. invalid Request Parameter, hint: ["
    )


async def test_an_unknown_key_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    url = world.robots.webhook_url(GROUP).split("key=")[0] + "key=none"
    async with http.post(url, json=text("a")) as answer:
        assert (await answer.json())["errcode"] == 93000


async def test_twenty_messages_a_minute_are_the_most(
    world: World, http: aiohttp.ClientSession, control: Control
) -> None:
    codes = [(await send(world, http, text(f"{n}")))["errcode"] for n in range(21)]
    await control.advance(61)
    codes.append((await send(world, http, text("later")))["errcode"])

    assert codes == [0] * 20 + [45009, 0]


async def test_pictures_and_files_are_taken(world: World, http: aiohttp.ClientSession) -> None:
    picture = {
        "base64": base64.b64encode(PICTURE).decode(),
        "md5": hashlib.md5(PICTURE).hexdigest(),
    }
    assert (await send(world, http, {"msgtype": "image", "image": picture}))["errcode"] == 0
    url = world.robots.webhook_url(GROUP).replace("webhook/send", "webhook/upload_media")
    async with http.post(url + "&type=file", data={"media": io.BytesIO(b"content")}) as answer:
        made = await answer.json()
    async with http.post(url + "&type=smell", data={"media": io.BytesIO(b"content")}) as answer:
        assert (await answer.json())["errcode"] == 40004

    body = {"msgtype": "file", "file": {"media_id": made["media_id"]}}
    assert (await send(world, http, body))["errcode"] == 0


async def test_a_quota_trouble_is_for_the_next_message_only(
    world: World, http: aiohttp.ClientSession, control: Control
) -> None:
    await control.call("POST", "wecom/faults", {"kind": "quota"})

    assert (await send(world, http, text("a")))["errcode"] == 45009
    assert (await send(world, http, text("a")))["errcode"] == 0
