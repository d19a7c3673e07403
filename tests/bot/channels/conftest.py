"""Fixtures of the channels' tests: an imitated platform, a standing clock, an account."""

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from bot.channels.exchange import Patience
from bot.channels.wechat_official import Config, WechatOfficial
from bot.channels.wechat_templates import TemplateMapping
from tests.bot.channels.imitation import Imitation, StandingClock, imitated
from tests.bot.channels.pushed import AES_KEY, APP_ID, ORIGINAL_ID, TOKEN

SECRET = "app-secret-of-the-tests"


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def street() -> AsyncIterator[tuple[Imitation, aiohttp.ClientSession]]:
    async with imitated() as both:
        yield both


@pytest.fixture
def platform(street: tuple[Imitation, aiohttp.ClientSession]) -> Imitation:
    return street[0]


@pytest.fixture
def http(street: tuple[Imitation, aiohttp.ClientSession]) -> aiohttp.ClientSession:
    return street[1]


@pytest.fixture
def open_account(
    platform: Imitation, http: aiohttp.ClientSession, clock: StandingClock
) -> Callable[..., WechatOfficial]:
    def build(patience: Patience | None = None, base_url: str = "") -> WechatOfficial:
        config = Config(
            name="demo",
            app_id=APP_ID,
            app_secret=SECRET,
            original_id=ORIGINAL_ID,
            token=TOKEN,
            aes_key=AES_KEY,
            base_url=base_url or platform.base_url,
            templates={
                "PaymentSettled": TemplateMapping("T1", {"thing1": "unit", "amount2": "amount"})
            },
            subscribe_templates={"PaymentSettled": TemplateMapping("S1", {"thing1": "unit"})},
        )
        return WechatOfficial(config, http=http, now=clock.now, patience=patience)

    return build


@pytest.fixture
def account(open_account: Callable[..., WechatOfficial]) -> WechatOfficial:
    return open_account()
