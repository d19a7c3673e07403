"""A sandbox on a port of its own, with a resident, a bot that answers, and clients."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from bot.sandbox.app import add_routes
from bot.sandbox.world import World
from tests.bot.sandbox import unionpay_client
from tests.bot.sandbox.alipay_shop import Shop
from tests.bot.sandbox.clients import Api, Bot, Codec, Control, Merchant

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
OPENID = "oResident000000000000000001"


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of every platform, made once for all tests."""
    folder = tmp_path_factory.mktemp("sandbox")
    world = World.open(folder, base_url="http://127.0.0.1:9", now=START)
    for till in world.tills.values():
        till.close()
    world.account.book.close()
    world.robots.book.close()
    world.office.book.close()
    return folder / "keys"


@pytest.fixture
def sandbox_folder(tmp_path: Path, key_folder: Path) -> Path:
    """A folder for a sandbox that has its keys already."""
    shutil.copytree(key_folder, tmp_path / "box" / "keys")
    return tmp_path / "box"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for the tests' own calls."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def world(sandbox_folder: Path) -> AsyncIterator[World]:
    """A sandbox at 10:00 on 23 November 2026 in Shanghai, one resident following."""
    port = unused_port()
    world = World.open(sandbox_folder, base_url=f"http://127.0.0.1:{port}", now=START)
    world.account.add_person("李女士", OPENID)
    app = web.Application()
    add_routes(app, world)
    bot = Bot(Codec(world.facts()["wechat"]), world)
    app.router.add_post("/wechat/demo", bot.callback)
    app.router.add_post("/notify/wechat_pay/demo", bot.notice)
    world.account.set_callback(f"{world.base_url}/wechat/demo")
    world.test_bot = bot  # type: ignore[attr-defined]
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield world
    await runner.cleanup()


@pytest.fixture
def bot(world: World) -> Bot:
    """The bot that the sandbox calls."""
    found: Bot = world.test_bot  # type: ignore[attr-defined]
    return found


@pytest.fixture
def merchant(world: World, http: aiohttp.ClientSession) -> Merchant:
    """A merchant that signs."""
    return Merchant(world, http)


@pytest.fixture
async def shop(world: World, http: aiohttp.ClientSession) -> AsyncIterator[Shop]:
    """A merchant of Alipay, who hears notices on a port of his own."""
    port = unused_port()
    merchant = Shop(world, http, notify_url=f"http://127.0.0.1:{port}/notices")
    app = web.Application()
    app.router.add_post("/notices", merchant.hear)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield merchant
    await runner.cleanup()


@pytest.fixture
def api(world: World, http: aiohttp.ClientSession) -> Api:
    """A caller of the official account's API."""
    return Api(world, http)


@pytest.fixture
def control(world: World, http: aiohttp.ClientSession) -> Control:
    """A caller of the control plane."""
    return Control(world, http)


@pytest.fixture
async def unionpay_shop(world: World, tmp_path: Path) -> AsyncIterator[unionpay_client.Shop]:
    """A shop that hears UnionPay's notices and takes its payers back."""
    port = unused_port()
    verifier = unionpay_client.Verifier(world.facts()["unionpay"], tmp_path / "openssl")
    shop = unionpay_client.Shop(world, verifier, f"http://127.0.0.1:{port}")
    app = web.Application()
    app.add_routes([web.post("/notice", shop.notice), web.post("/front", shop.front)])
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield shop
    await runner.cleanup()


@pytest.fixture
def unionpay(
    world: World, http: aiohttp.ClientSession, unionpay_shop: unionpay_client.Shop
) -> unionpay_client.Merchant:
    """A merchant of UnionPay that signs."""
    return unionpay_client.Merchant(world, http, unionpay_shop)
