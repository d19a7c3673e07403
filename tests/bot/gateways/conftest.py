"""A merchant, its gateway and the platform it speaks to, on a clock that stands still."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from bot.gateways.wechat_pay import Config, WechatPay
from tests.bot.gateways import wechat_platform as platforms
from tests.bot.gateways.wechat_platform import NOW, Platform


@dataclass
class StandingClock:
    """Moves only when a test says so."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return platforms.write_files(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def settings(files: dict[str, Path]) -> dict[str, object]:
    """The whole table of the configuration, for a test to change one key of."""
    return {
        "name": "main",
        "mchid": platforms.MCHID,
        "app_id": platforms.APP_ID,
        "api_v3_key": platforms.API_V3_KEY,
        "merchant_serial": platforms.MERCHANT_SERIAL,
        "merchant_private_key_file": files["merchant"],
        "platform_public_key_file": files["public"],
        "platform_public_key_id": platforms.KEY_ID,
        "platform_certificate_file": files["certificate"],
        "notify_url": "https://bot.example.com/notify/wechat_pay/main",
    }


@pytest.fixture
async def platform(clock: StandingClock) -> Platform:
    return Platform(now=clock.now)


@pytest.fixture
async def gateway(
    platform: Platform, clock: StandingClock, settings: dict[str, object]
) -> AsyncIterator[WechatPay]:
    server = TestServer(platform.app())
    await server.start_server()
    config = Config(**settings, base_url=str(server.make_url("/")))  # type: ignore[arg-type]
    async with ClientSession() as session:
        yield WechatPay(config, session, now=clock.now)
    await server.close()
