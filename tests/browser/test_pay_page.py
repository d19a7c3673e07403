"""The pay page in a real browser: ticks, total, paying, and what works without a script."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, ViewportSize, expect

from bot.web.server import build
from storage.database import Database, open_database
from storage.operations.payments import settle_payment
from tests.bot.web.test_webhooks import ordered
from tests.bot.web.town import Town, settle

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)
MOBILE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Database]:
    async with open_database(sqlite_url) as database:
        yield database


@pytest.fixture
async def town(books: Database) -> Town:
    return await settle(books)


@pytest.fixture
async def address(town: Town) -> AsyncIterator[str]:
    """Open the doors and give the address of the first flat's pay page."""
    server = TestServer(build(town.parts()))
    await server.start_server()
    yield str(server.make_url(f"/pay/{town.token(town.first)}"))
    await server.close()


async def open_page(browser: Browser, address: str, viewport: ViewportSize, **more) -> Page:
    context = await browser.new_context(viewport=viewport, **more)
    context.set_default_timeout(15_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(address)
    return page


async def test_the_total_follows_the_ticks(browser: Browser, address: str):
    page = await open_page(browser, address, PHONE)
    total = page.locator("[data-total-fen]")
    await expect(total).to_have_attribute("data-total-fen", "54441")

    await page.get_by_label("水费").uncheck()

    await expect(total).to_have_attribute("data-total-fen", "50120")
    await expect(total).to_have_text("¥501.20")
    for tick in await page.get_by_role("checkbox").all():
        await tick.uncheck()
    await expect(page.locator("[data-pay]")).to_be_disabled()


async def test_a_desk_pays_by_a_code_and_the_page_notices(
    browser: Browser, address: str, town: Town
):
    page = await open_page(browser, address, DESK)
    await page.locator('[data-gateway="wechat_pay"]').first.click()
    await page.locator("[data-pay]").first.click()
    await expect(page.get_by_alt_text("付款二维码")).to_be_visible()
    await expect(page.locator("body")).not_to_contain_text("支付成功")
    [(order_no, ask)] = town.till.asks.items()

    town.till.pay(order_no)
    town.clock.advance(seconds=10)

    await expect(page.get_by_role("heading", name="支付成功")).to_be_visible()
    assert ask.amount_fen == 54441
    await page.get_by_role("link", name="查看收据").click()
    await expect(page.locator("body")).to_contain_text("伍佰肆拾肆元肆角壹分")


async def test_without_a_script_what_is_ticked_is_what_is_paid(
    browser: Browser, address: str, town: Town
):
    page = await open_page(browser, address, PHONE, java_script_enabled=False)
    await page.get_by_label("水费").uncheck()

    await page.locator("[data-pay]").click()

    await expect(page.get_by_alt_text("付款二维码")).to_be_visible()
    [ask] = town.till.asks.values()
    assert ask.amount_fen == 50120


async def test_a_mobile_browser_is_taken_to_the_platform(
    browser: Browser, address: str, town: Town
):
    page = await open_page(browser, address, PHONE, user_agent=MOBILE)
    await page.context.route(
        "https://till.test/**",
        lambda route: route.fulfill(body="cashier", content_type="text/plain"),
    )

    await page.locator("[data-pay]").click()
    await page.wait_for_url("https://till.test/**")

    assert len(town.till.asks) == 1


async def test_nothing_is_wider_than_the_phone_and_the_button_is_large(
    browser: Browser, address: str
):
    page = await open_page(browser, address, PHONE)

    width = await page.evaluate("document.documentElement.scrollWidth")
    box = await page.locator("[data-pay]").bounding_box()

    assert width <= 390
    assert box is not None
    assert box["height"] >= 48
    assert box["y"] + box["height"] <= 844


@pytest.mark.parametrize("width", [320, 360, 390])
@pytest.mark.parametrize("number", ["W261123" + "D" * 16, "W261123" + "1" * 16])
async def test_a_receipts_numbers_are_not_cut_in_two(
    browser: Browser, address: str, town: Town, width: int, number: str
):
    order_no = await ordered(town)
    town.till.pay(order_no)
    fact = town.till.fact(order_no)
    settled = await town.db.write(settle_payment, fact, heard_at=town.clock.now())
    assert settled.payment_id is not None
    token = town.links.receipt_token(settled.payment_id)

    receipt = f"{address.partition('/pay/')[0]}/receipts/{token}"
    page = await open_page(browser, receipt, ViewportSize(width=width, height=844))
    shown = page.locator("dl .number")
    await shown.evaluate("(one, number) => { one.textContent = number }", number)
    capitals = page.locator(".capitals span").last

    for one in (shown, capitals):
        high = "one => one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight)"
        assert await one.evaluate(high) < 1.5
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", range(320, 431, 10))
async def test_the_offices_number_stays_on_one_line(browser: Browser, address: str, width: int):
    page = await open_page(browser, address, ViewportSize(width=width, height=844))

    number = page.locator('.foot a[href^="tel:"]')

    assert await number.evaluate("one => one.getClientRects().length") == 1
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
