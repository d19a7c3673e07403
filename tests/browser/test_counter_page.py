"""The counter in a real browser: keys alone, in seconds, once; and on the paper that is there."""

import re
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, expect
from sqlalchemy import select

from bot.web.server import build
from storage.database import Database, open_database
from storage.kinds import Account
from storage.ledger import balance
from storage.models.offline import cashier_days, vouchers
from storage.queries.proofs import prove
from tests.bot.web.test_counter import choose, employ, path
from tests.bot.web.town import Town, settle

pytestmark = pytest.mark.browser

SECONDS = 20
WIDE = "document.documentElement.scrollWidth"


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Database]:
    async with open_database(sqlite_url) as database:
        yield database


@pytest.fixture
async def town(books: Database) -> Town:
    town = await settle(books)
    await choose(town, rounding_limit_fen=100)
    return town


@pytest.fixture
async def address(town: Town) -> AsyncIterator[str]:
    """Open the doors; give a cashier's counter."""
    server = TestServer(build(town.parts()))
    await server.start_server()
    yield str(server.make_url(path(town, await employ(town))))
    await server.close()


async def open_page(browser: Browser, address: str, width: int = 1440) -> Page:
    context = await browser.new_context(viewport=ViewportSize(width=width, height=844))
    context.set_default_timeout(15_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: pytest.fail(said.text) if _is_error(said) else None)
    await page.goto(address)
    return page


def _is_error(said: ConsoleMessage) -> bool:
    """Tell an error from a refusal, which is an answer of 409 and told in words."""
    return said.type == "error" and "409" not in said.text


async def keys(page: Page, *pressed: str) -> None:
    for one in pressed:
        await page.keyboard.press(one)


async def find(page: Page, said: str) -> None:
    await page.keyboard.type(said)
    await keys(page, "Enter")
    await page.wait_for_selector("[data-take]")


async def taken(town: Town) -> list[tuple[str, int]]:
    rows = await town.db.read(lambda tx: tx.execute(select(vouchers)).all())
    return [(row.method, row.amount_fen) for row in rows]


async def test_cash_is_taken_and_its_slip_ready_by_keys_alone_in_twenty_seconds(
    browser: Browser, town: Town, address: str
):
    page = await open_page(browser, address)
    began = time.monotonic()

    await find(page, "3-2-501")
    await keys(page, "KeyL", "Enter")
    await page.wait_for_selector(".slip")
    took = time.monotonic() - began

    assert took < SECONDS
    await expect(page.locator("[data-print]")).to_be_focused()
    assert await taken(town) == [("cash", 54_400)]
    assert await town.db.read(balance, Account.WAIVER) == 41
    assert await town.db.read(prove) == []
    await keys(page, "KeyN")
    await expect(page.locator("#q")).to_be_focused()


async def test_numbers_tick_letters_choose_and_arrows_walk(
    browser: Browser, town: Town, address: str
):
    page = await open_page(browser, address)
    await find(page, "501")

    await keys(page, "ArrowUp", "1", "KeyS")
    slip = page.locator("[name=reference]")
    await expect(slip).to_be_focused()
    await expect(page.locator("[data-amount]")).to_have_value("293.81")
    await page.keyboard.type("000123")
    await keys(page, "Enter")
    await page.wait_for_selector(".slip")

    assert await taken(town) == [("pos", 29_381)]


async def test_two_enters_at_once_are_one_payment(browser: Browser, town: Town, address: str):
    page = await open_page(browser, address)
    await find(page, "501")

    await keys(page, "Enter", "Enter")
    await page.wait_for_selector(".slip")

    assert await taken(town) == [("cash", 54_441)]


async def test_change_is_told_and_a_wrong_sum_is_not_booked(
    browser: Browser, town: Town, address: str
):
    page = await open_page(browser, address)
    await find(page, "501")

    await keys(page, "KeyG")
    await page.keyboard.type("600")
    await expect(page.locator("[data-rest]")).to_contain_text("找零 ¥55.59")
    await page.locator("[data-amount]").focus()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("5")
    await expect(page.locator("[data-rest]")).to_contain_text("少 ¥539.41")
    await keys(page, "Enter")
    await expect(page.get_by_role("alert")).to_contain_text("不收账单的一部分")
    assert await taken(town) == []


async def test_a_code_to_scan_is_two_keys_away_and_the_page_follows_the_payment(
    browser: Browser, town: Town, address: str
):
    page = await open_page(browser, address)
    await find(page, "501")

    await keys(page, "KeyD", "Enter")
    await expect(page.locator("img.code")).to_be_visible()
    [order_no] = town.till.asks
    town.till.pay(order_no)
    town.clock.advance(seconds=10)

    await expect(page.get_by_text("已收到")).to_be_visible()


async def test_escape_starts_over_from_anywhere(browser: Browser, address: str):
    page = await open_page(browser, address)
    await find(page, "501")

    await keys(page, "Escape")

    await expect(page.locator("#q")).to_be_focused()


async def test_the_day_is_closed_by_keys_and_says_what_is_missing(
    browser: Browser, town: Town, address: str
):
    page = await open_page(browser, address)
    await find(page, "501")
    await keys(page, "Enter")
    await page.wait_for_selector(".slip")

    await keys(page, "KeyJ")
    await page.wait_for_selector("[data-close]")
    await page.keyboard.type("544")
    await expect(page.locator("[data-close] [data-rest]")).to_contain_text("少 ¥0.41")
    await keys(page, "Enter")
    await page.wait_for_selector(".sheet")

    [row] = await town.db.read(lambda tx: tx.execute(select(cashier_days)).all())
    assert (row.cash_due_fen, row.handed_in_fen) == (54_441, 54_400)


@pytest.mark.parametrize(("paper", "size"), [("241", (241, 140)), ("80", (80, 220))])
async def test_a_slip_is_one_page_of_the_desks_paper(
    browser: Browser, address: str, paper: str, size: tuple[int, int]
):
    page = await open_page(browser, address)
    await find(page, "501")
    await keys(page, "Enter")
    await page.wait_for_selector(".slip")

    await page.goto(f"{page.url}&paper={paper}")
    printed = await page.pdf(prefer_css_page_size=True)

    boxes = re.findall(rb"/MediaBox ?\[([^\]]*)\]", printed)
    sizes = [tuple(round(float(one) / 72 * 25.4) for one in box.split()[2:]) for box in boxes]
    assert sizes == [size]


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_page_of_the_counter_is_wider_than_its_screen(
    browser: Browser, address: str, width: int
):
    page = await open_page(browser, address, width)
    widths = [await page.evaluate(WIDE)]
    await find(page, "501")
    widths.append(await page.evaluate(WIDE))
    await keys(page, "Enter")
    await page.wait_for_selector(".slip")
    widths.append(await page.evaluate(WIDE))
    await page.goto(f"{address}/day")
    widths.append(await page.evaluate(WIDE))

    assert max(widths) <= width
