"""Out of WeChat in a real Chromium: guide, outside browser, cashier, and the receipt in chat."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.scenarios.acting import START, Demo, running

pytestmark = pytest.mark.browser

NARROW: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36"
PATIENCE = 20_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give one running demo to the module."""
    with running(tmp_path_factory.mktemp("outside") / "demo", "--now", START) as one:
        yield one
        one.prove()


async def chosen(page: Page, demo: Demo, openid: str, gateway: str) -> None:
    """Ask for the link in chat, open it there, and choose a gateway that WeChat blocks."""
    await page.goto(f"{demo.base}/_sandbox/phone#{openid}")
    await page.wait_for_selector("html[data-ready]")
    await page.fill("#composer-text", "缴费")
    await page.press("#composer-text", "Enter")
    await page.locator(".link-card").last.click()
    inside = page.frame_locator("#web-frame")
    await inside.locator(f"[data-gateway={gateway}]").click()
    await inside.locator("[data-pay]").click()
    await expect(inside.locator("h1")).to_have_text("请到浏览器里付款", timeout=PATIENCE)


async def spill(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    ("gateway", "size", "agent"),
    [("alipay", NARROW, PHONE), ("alipay", WIDE, None), ("unionpay", NARROW, PHONE)],
)
async def test_what_wechat_blocks_is_paid_in_the_outside_browser_and_told_in_chat(
    browser: Browser, demo: Demo, gateway: str, size: ViewportSize, agent: str | None
):
    openid, _ = demo.newcomer()
    window = await browser.new_context(viewport=size, user_agent=agent, reduced_motion="reduce")
    window.set_default_timeout(PATIENCE)
    page = await window.new_page()
    page.on("pageerror", lambda trouble: pytest.fail(f"the page threw: {trouble}"))
    await chosen(page, demo, openid, gateway)
    inside = page.frame_locator("#web-frame")
    total = await inside.locator("[data-total-fen]").get_attribute("data-total-fen")
    assert total

    async with page.expect_popup() as popping:
        await page.locator("#web-outside").click()
    outside = await popping.value
    await expect(outside.locator("[data-total-fen]")).to_have_attribute(
        "data-total-fen", total or ""
    )
    once, too_wide = outside.url, await spill(outside)
    await outside.locator("[data-pay]").click()
    await outside.wait_for_url(f"**/_sandbox/{gateway}/**")
    before = demo.mark(openid)
    await outside.locator("[data-confirm], [data-pay]").first.click()
    if gateway == "alipay":
        await outside.locator("[data-return]").click()
    await expect(outside.locator("h1")).to_have_text("支付成功")
    await expect(inside.locator("h1")).to_have_text("支付成功")
    again = await outside.goto(once)

    assert too_wide <= 0
    assert again is not None
    assert again.status == 410
    assert demo.heard(openid, before, "已收到")
    book = demo.call("GET", f"{gateway}/book")["payments"]
    assert book[-1]["amount_fen"] == int(total)
    await window.close()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "desktop"])
async def test_the_guide_fits_and_points_to_the_corner(
    browser: Browser, demo: Demo, size: ViewportSize
):
    window = await browser.new_context(viewport=size, reduced_motion="reduce")
    page = await window.new_page()
    page.set_default_timeout(PATIENCE)
    await chosen(page, demo, demo.newcomer()[0], "alipay")
    copied = page.frame_locator("#web-frame").locator("[data-copy]")
    address = await copied.get_attribute("data-copy")
    alone = await browser.new_page(viewport=size, user_agent=f"{PHONE} MicroMessenger/8.0.50")

    await alone.goto(address or "")

    arrow = await alone.locator(".pointer svg").bounding_box()
    assert arrow is not None
    assert arrow["y"] < 60
    assert arrow["x"] > (size["width"] - 640) / 2 + 200 if size is WIDE else size["width"] / 2
    assert await spill(alone) <= 0
    await alone.close()
    await window.close()
