"""The line that a chat platform keeps open: answers in order, in full, and closed when asked."""

import asyncio
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import TestClient

from bot.channels.wechat_codec import Codec
from bot.channels.wechat_official import Config, WechatOfficial
from tests.bot.channels import pushed
from tests.bot.web.conftest import Open
from tests.bot.web.town import NOW, Town

STAMP = int(NOW.timestamp())
PATIENCE_SECONDS = 20
"""How long a line may stay open that should be closed, before a test says so."""


@pytest.fixture
async def door(town: Town, open_doors: Open) -> TestClient:
    config = Config("demo", pushed.APP_ID, "s", pushed.ORIGINAL_ID, pushed.TOKEN, pushed.AES_KEY)
    account = WechatOfficial(config, http=None, now=town.clock.now)  # type: ignore[arg-type]
    return await open_doors(town.parts({"demo": account}))


def request(number: int, *, version: str = "1.1", more: str = "") -> bytes:
    query, body = pushed.push(pushed.text(f"第{number}句", str(number)), stamp=STAMP)
    head = f"POST /wechat/demo?{urlencode(query)} HTTP/{version}\r\nHost: x\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def hear(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.rstrip().split("\r\n")
    told = dict(line.split(": ", 1) for line in lines)
    return status, told, await reader.readexactly(int(told.get("Content-Length", 0)))


def said(body: bytes) -> str:
    codec = Codec(pushed.TOKEN, pushed.AES_KEY, pushed.APP_ID)
    start, end = body.index(b"<Encrypt><![CDATA[") + 18, body.index(b"]]></Encrypt>")
    return codec.decrypt(body[start:end]).decode()


async def test_calls_in_a_row_on_one_line_are_answered_in_their_order(door: TestClient):
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    writer.write(request(1) + request(2) + request(1) + request(3, more="Connection: close\r\n"))

    heard = [await hear(reader) for _ in range(4)]

    assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    writer.close()
    assert {status for status, _, _ in heard} == {"HTTP/1.1 200 OK"}
    assert [said(body).partition("收到：")[2][:3] for _, _, body in heard] == [
        *("第1句", "第2句", "第1句", "第3句")
    ]
    for _, told, _ in heard:
        assert told["Content-Type"] == "application/xml"
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Date"].endswith(" GMT")


async def test_an_old_line_and_a_careful_caller_are_answered_as_they_expect(door: TestClient):
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    careful = request(1, more="Expect: 100-continue\r\n")
    head, gap, body = careful.partition(b"\r\n\r\n")
    writer.write(head + gap)

    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body + request(2, version="1.0"))

    careful_one, old = await hear(reader), await hear(reader)
    assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    writer.close()
    assert "第1句" in said(careful_one[2])
    assert old[0] == "HTTP/1.0 200 OK"
    assert "第2句" in said(old[2])


async def test_a_fault_of_ours_is_answered_and_logged_under_its_trace(
    door: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(town.clock, "now", lambda: 1 / 0)

    async with door.post("/wechat/demo", data=b"<xml/>") as answer:
        status, body, nosniff = answer.status, await answer.read(), "X-Content-Type-Options"
        assert (status, body, answer.headers[nosniff]) == (500, b"", "nosniff")

    [logged] = [one for one in caplog.records if one.name == "bot.web.middleware"]
    assert (logged.message, logged.__dict__["route"]) == ("web.bug", "/wechat/")
