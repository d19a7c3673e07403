"""What arrives on the wire as no browser sends it: answered or cut, and gone after."""

import asyncio
import os

import pytest
from aiohttp.test_utils import TestClient

from tests.bot.channels import pushed
from tests.bot.web.town import Town
from tests.factories import NOW

MANY = 400


async def exchange(door: TestClient, sent: bytes) -> bytes:
    """Send raw bytes and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    try:
        writer.write(sent)
        await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    """Return the status of every answer in a stream."""
    return [int(one[:3]) for one in answer.split(b"HTTP/1.1 ")[1:]]


async def test_l03_requests_without_waiting_are_answered_one_by_one(door: TestClient):
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert statuses(await exchange(door, one * MANY + last)) == [200] * (MANY + 1)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="long"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n", id="headers"
        ),
        pytest.param(
            b"POST /wechat/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
            id="two_lengths",
        ),
        pytest.param(
            b"POST /wechat/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Content-Length: 6\r\nConnection: close\r\n\r\n<xml/>",
            id="lengths_that_differ",
        ),
        pytest.param(b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", id="folded"),
        pytest.param(b"GE\0T / HTTP/1.1\r\nHost: x\r\n\r\n", id="nul_in_method"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="tls"),
        pytest.param(b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", id="trace"),
    ],
)
async def test_j12_what_is_no_request_is_refused_and_nothing_is_smuggled(
    door: TestClient, sent: bytes
):
    answered = statuses(await exchange(door, sent))

    assert len(answered) <= 1
    assert all(400 <= one < 500 for one in answered)
    async with door.get("/healthz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/house.css%00.js",
        "/static//etc/passwd",
        "/static/%252e%252e/x.css",
    ],
)
async def test_j07_no_file_beside_the_pages_own_is_served(door: TestClient, path: str):
    sent = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    assert statuses(await exchange(door, sent)) == [404]


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/debug",
        "/_sandbox/phone",
        "/admin",
        "/.git/config",
        "/config.toml",
        "/console/_debug",
        "/metrics/../config",
    ],
)
async def test_n05_nothing_for_developers_is_open(door: TestClient, path: str):
    async with door.get(path) as answer:
        page = await answer.text()

    assert answer.status == 404
    assert "Traceback" not in page
    assert "aiohttp" not in answer.headers.get("Server", "").lower()


async def test_l09_who_hangs_up_half_way_leaves_nothing_behind(door: TestClient, town: Town):
    query, body = pushed.push(pushed.text("账单"), stamp=int(NOW.timestamp()))
    head = (
        f"POST /wechat/demo?{'&'.join(f'{k}={v}' for k, v in query.items())} HTTP/1.1\r\n"
        f"Host: x\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    await exchange(door, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))

    for number in range(MANY):
        _, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
        writer.write(head + body[: number % len(body)])
        await writer.drain()
        writer.transport.abort()
    async with door.get("/healthz") as answer:
        assert answer.status == 200
    for _ in range(200):
        if len(asyncio.all_tasks()) <= tasks + 2:
            break
        await asyncio.sleep(0)

    assert len(asyncio.all_tasks()) <= tasks + 2
    assert len(os.listdir("/proc/self/fd")) <= files + 4
