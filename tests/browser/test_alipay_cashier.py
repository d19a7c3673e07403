"""Alipay's cashier in a real Chromium, and the way there out of the chat app's browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, ViewportSize, expect

from tests.bot.sandbox.alipay_shop import PAGE, WAP, Shop
from tests.browser.phone_stage import Stage, staged

NARROW: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Run a sandbox with a scripted bot."""
    async with staged(tmp_path) as running:
        yield running


@pytest.fixture
async def shop(stage: Stage) -> AsyncIterator[Shop]:
    """A merchant of Alipay on the stage, who hears of nothing."""
    async with aiohttp.ClientSession() as http:
        yield Shop(stage.world, http)


@pytest.mark.parametrize(("method", "size"), [(WAP, NARROW), (PAGE, WIDE)])
async def test_a_buyer_pays_by_the_button_and_is_taken_back_to_the_merchant(
    browser: Browser, stage: Stage, shop: Shop, method: str, size: ViewportSize
):
    product = "QUICK_WAP_WAY" if method == WAP else "FAST_INSTANT_TRADE_PAY"
    biz = shop.order(subject="物业费 2026年11月 3栋2单元501", product_code=product)
    url = shop.pay_url(biz, method, return_url=f"{stage.base}/receipts/r1")
    page = await browser.new_page(viewport=size)
    await page.goto(url)
    await expect(page.locator("[data-amount]")).to_contain_text("986.40")
    width = await page.evaluate("document.documentElement.scrollWidth")
    box = await page.locator("[data-confirm]").bounding_box()
    await page.locator("[data-confirm]").click()
    await expect(page.locator("h1")).to_have_text("支付成功")
    state = stage.world.tills["alipay"].orders()[0]["state"]
    await page.locator("[data-return]").click()
    await expect(page.locator("h1")).to_have_text("收据")

    assert width <= size["width"]
    assert box is not None
    assert box["y"] + box["height"] <= size["height"]
    assert state == "paid"
    assert "trade_no=" in page.url


async def test_the_chat_apps_browser_hands_a_page_to_the_outside_browser(
    browser: Browser, stage: Stage
):
    page = await browser.new_page(viewport=NARROW, reduced_motion="reduce")
    await page.goto(f"{stage.base}/_sandbox/phone#{stage.openids['李秀英']}")
    await page.wait_for_selector("html[data-ready]")
    await page.fill("#composer-text", "缴费")
    await page.press("#composer-text", "Enter")
    await page.locator(".link-card").last.click()
    await expect(page.frame_locator("#web-frame").locator("h1")).to_be_visible()
    async with page.expect_popup() as popping:
        await page.locator("#web-outside").click()
    outside = await popping.value
    await outside.wait_for_load_state()
    agent = await outside.evaluate("navigator.userAgent")

    assert outside.url.startswith(f"{stage.base}/")
    assert "/_sandbox/webview" not in outside.url
    assert "MicroMessenger" not in agent
