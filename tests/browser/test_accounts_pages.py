"""The statement and the public page in a real browser: on a phone, at a desk, and on paper."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, ViewportSize, expect

from bot.web.server import build
from storage.database import Database, open_database
from tests.bot.web.published import publish
from tests.bot.web.test_payer_statements import all_units_of, bind_both
from tests.bot.web.test_statements import address_of, pay
from tests.bot.web.town import NOW, Town, settle

pytestmark = pytest.mark.browser

WIDE = "document.documentElement.scrollWidth"


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Database]:
    async with open_database(sqlite_url) as database:
        yield database


@pytest.fixture
async def town(books: Database) -> Town:
    town = await settle(books)
    await pay(town, town.first)
    await bind_both(town)
    return town


@pytest.fixture
async def paths(town: Town) -> dict[str, str]:
    """Give the pages' paths."""
    cost_id = await town.db.write(publish, town.community_id, now=NOW)
    public = f"/disclosure/{town.community_id}"
    return {
        "statement": address_of(town, town.first),
        "payer_statement": all_units_of(town, town.first),
        "disclosure": public,
        "shared": f"{public}/shared/{cost_id}",
    }


@pytest.fixture
async def base(town: Town) -> AsyncIterator[str]:
    """Open the doors."""
    server = TestServer(build(town.parts()))
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


async def open_page(browser: Browser, address: str, width: int) -> Page:
    context = await browser.new_context(viewport=ViewportSize(width=width, height=844))
    context.set_default_timeout(15_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: pytest.fail(said.text) if said.type == "error" else None)
    await page.goto(address)
    return page


@pytest.mark.parametrize("name", ["statement", "payer_statement", "disclosure", "shared"])
@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_page_is_wider_than_its_screen(
    browser: Browser, base: str, paths: dict[str, str], name: str, width: int
):
    page = await open_page(browser, base + paths[name], width)
    for one in await page.locator("details").all():
        await one.evaluate("one => { one.open = true }")

    assert await page.evaluate(WIDE) <= width


async def test_other_days_are_chosen_and_the_workbook_is_handed_out(
    browser: Browser, base: str, paths: dict[str, str]
):
    page = await open_page(browser, base + paths["statement"], 390)
    await expect(page.locator(".ledger li")).to_have_count(4)
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="下载表格").click()
    assert (await waiting.value).suggested_filename.endswith(".xlsx")

    await page.get_by_role("link", name="去年").click()

    await expect(page.locator("body")).to_contain_text("这段时间没有账单")
    await page.get_by_label("从").fill("2026-11-01")
    await page.get_by_label("到").fill("2026-11-23")
    await page.get_by_role("button", name="查看").click()
    await expect(page.locator("h1 + p")).to_have_text("2026年11月1日到11月23日")
    await expect(page.locator(".ledger li")).to_have_count(4)


async def test_on_paper_there_are_no_buttons_and_every_line_is_whole(
    browser: Browser, base: str, paths: dict[str, str]
):
    page = await open_page(browser, base + paths["statement"], 690)
    await page.emulate_media(media="print")

    for hidden in ("form", ".actions"):
        await expect(page.locator(hidden).first).to_be_hidden()
    await expect(page.locator(".ledger li").last).to_be_visible()
    assert await page.evaluate(WIDE) <= 690
