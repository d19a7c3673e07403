"""The pages of every way to pay in a real Chromium: nothing is cut off, and copying copies."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.scenarios.acting import COMPUTER, MOBILE, START, Demo, running
from tests.scenarios.ways import (
    WECHAT,
    ask_back,
    by_wechat,
    fen_of,
    pressed,
    receipt,
    ticks,
)
from tests.scenarios.ways import (
    Browser as Steps,
)

pytestmark = pytest.mark.browser

NARROW: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}
SIZES = [pytest.param(NARROW, MOBILE, id="phone"), pytest.param(WIDE, COMPUTER, id="desktop")]
PATIENCE = 20_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give one running demo to the module."""
    with running(tmp_path_factory.mktemp("ways") / "demo", "--now", START) as one:
        yield one
        one.prove()


async def opened(browser: Browser, size: ViewportSize, agent: str) -> Page:
    """Open a window that may use the clipboard, and fails on what its scripts throw."""
    window = await browser.new_context(viewport=size, user_agent=agent, reduced_motion="reduce")
    await window.grant_permissions(["clipboard-read", "clipboard-write"])
    window.set_default_timeout(PATIENCE)
    page = await window.new_page()
    page.on("pageerror", lambda trouble: pytest.fail(f"the page threw: {trouble}"))
    return page


async def spill(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(("size", "agent"), SIZES)
async def test_account_and_code_of_a_transfer_are_copied_and_stay_to_be_read(
    browser: Browser, demo: Demo, size: ViewportSize, agent: str
):
    openid, _ = demo.newcomer()
    page = await opened(browser, size, agent)
    await page.goto(demo.link(openid))
    names = [await one.inner_text() for one in await page.locator("label[data-gateway]").all()]
    await page.locator("[data-gateway=bank_transfer]").click()
    await page.locator("[data-pay]").click()
    code = await page.locator("[data-remark]").get_attribute("data-remark")
    digits = await page.locator(".transfer .digits").first.inner_text()

    taken = []
    for button in await page.locator(".transfer [data-copy]").all():
        await button.click()
        await expect(button).to_have_text("已复制")
        taken.append(await page.evaluate("navigator.clipboard.readText()"))

    assert len(names) == 4
    assert taken == [digits.replace(" ", ""), code]
    assert await page.locator(".transfer .digits").first.inner_text() == digits
    assert await spill(page) <= 0
    await page.context.close()


@pytest.mark.parametrize(("size", "agent"), SIZES)
async def test_no_page_of_any_way_is_wider_than_its_window(
    browser: Browser, demo: Demo, size: ViewportSize, agent: str
):
    page = await opened(browser, size, agent)
    too_wide: dict[str, int] = {}
    for address in _addresses(demo, agent):
        await page.goto(address)
        if await spill(page) > 0:
            too_wide[address] = await spill(page)
    order = pressed(Steps(agent), *_owed(demo), "unionpay")
    await page.goto(order.url.replace("&go=1", ""))
    await page.locator("form button").click()
    await page.wait_for_url("**/_sandbox/unionpay/cashier/**")

    assert await spill(page) <= 0
    assert too_wide == {}
    await page.context.close()


@pytest.mark.parametrize("way", ["alipay", "unionpay"])
async def test_a_cashiers_page_that_is_paid_from_another_device_leads_back_to_the_order(
    browser: Browser, demo: Demo, way: str
):
    page = await opened(browser, WIDE, COMPUTER)
    await page.goto(_owed(demo)[0])
    await page.locator(f"[data-gateway={way}]").click()
    await page.locator("[data-pay]").click()
    await page.wait_for_url(f"**/_sandbox/{way}/cashier/**")
    order = demo.call("GET", f"{way}/orders")[-1]
    was_open = order["state"] == "open"
    demo.call("POST", f"{way}/pay", {"order_no": order["order_no"]})

    await page.wait_for_url("**/pay/**")
    await expect(page.locator("h1")).to_have_text("支付成功")

    assert was_open
    await page.context.close()


def _owed(demo: Demo) -> tuple[str, str]:
    """Return a newcomer's pay page, and the box of her oldest bill."""
    link = demo.link(demo.newcomer()[0])
    return link, ticks(demo, link)[0]


def _addresses(demo: Demo, agent: str) -> list[str]:
    """Return pages: guide and pass, order and cashier, receipt of what is kept, the office's."""
    guide = pressed(Steps(WECHAT), *_owed(demo), "alipay")
    order = pressed(Steps(agent), *_owed(demo), "alipay")
    openid, _ = demo.newcomer()
    link, mark = demo.link(openid), demo.mark(openid)
    tick = ticks(demo, link)[0]
    by_wechat(demo, link, tick)
    told = receipt(demo, openid, mark, fen_of(tick))
    ask_back(demo, openid, fen_of(tick), "30元")
    demo.advance(minutes=10)
    said = [told, *(demo.say(demo.staff("cashier"), word) for word in ("对账", "收款台"))]
    found = [re.search(r"https?://\S+", one) for one in said]
    return [
        guide.url,
        order.url.replace("&go=1", ""),
        order.going,
        *(one[0] for one in found if one),
    ]
