"""A merchant, its gateway and the platform it speaks to, on a clock that stands still."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from bot.gateways import unionpay as unionpay_adapter
from bot.gateways.alipay import Alipay
from bot.gateways.alipay import Config as AlipayConfig
from bot.gateways.wechat_pay import Config, WechatPay
from tests.bot.gateways import alipay_platform as alipay_platforms
from tests.bot.gateways import unionpay_platform as bank_cards
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
        "name": "wechat_pay",
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


@pytest.fixture(scope="session")
def unionpay_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return bank_cards.write_files(tmp_path_factory.mktemp("unionpay"))


@pytest.fixture
def unionpay_settings(unionpay_files: dict[str, Path]) -> dict[str, object]:
    """The whole table of the configuration, for a test to change one key of."""
    return {
        "name": "unionpay",
        "merchant_id": bank_cards.MERCHANT,
        "sign_certificate_file": unionpay_files["pfx"],
        "sign_certificate_password": bank_cards.PASSWORD,
        "root_certificate_file": unionpay_files["root"],
        "middle_certificate_file": unionpay_files["middle"],
        "signer_name": bank_cards.NAME,
        "notify_url": "https://bot.example.com/notify/unionpay/main",
    }


@pytest.fixture
async def unionpay_platform(clock: StandingClock) -> bank_cards.Platform:
    return bank_cards.Platform(now=clock.now)


@pytest.fixture
async def unionpay(
    unionpay_platform: bank_cards.Platform,
    clock: StandingClock,
    unionpay_settings: dict[str, object],
) -> AsyncIterator[unionpay_adapter.UnionPay]:
    server = TestServer(unionpay_platform.app())
    await server.start_server()
    url = str(server.make_url("/"))
    config = unionpay_adapter.Config(**unionpay_settings, base_url=url, file_url=url)  # type: ignore[arg-type]
    async with ClientSession() as session:
        yield unionpay_adapter.UnionPay(config, session, now=clock.now)
    await server.close()


@pytest.fixture
def alipay_settings(tmp_path: Path) -> dict[str, object]:
    """The whole table of the configuration in key mode, for a test to change one key of."""
    files = alipay_platforms.write_files(tmp_path)
    return {
        "name": "alipay",
        "app_id": alipay_platforms.APP_ID,
        "seller_id": alipay_platforms.SELLER_ID,
        "app_private_key_file": files["merchant"],
        "alipay_public_key_file": files["alipay"],
        "notify_url": "https://bot.example.com/notify/alipay/main",
    }


@pytest.fixture
async def alipay_platform(clock: StandingClock) -> AsyncIterator[alipay_platforms.Platform]:
    platform = alipay_platforms.Platform(now=clock.now)
    server = TestServer(platform.app())
    await server.start_server()
    platform.base_url = str(server.make_url("/")).rstrip("/")
    yield platform
    await server.close()


@pytest.fixture
async def alipay(
    alipay_platform: alipay_platforms.Platform,
    clock: StandingClock,
    alipay_settings: dict[str, object],
) -> AsyncIterator[Alipay]:
    gateway_url = f"{alipay_platform.base_url}/gateway.do"
    config = AlipayConfig(**alipay_settings, gateway_url=gateway_url)  # type: ignore[arg-type]
    async with ClientSession() as session:
        yield Alipay(config, session, now=clock.now)
