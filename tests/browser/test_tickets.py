"""A ticket in the phone: reported by a resident, answered by the steward, closed and rated."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.test_demo import NARROW, PATIENCE, WIDE, answered, opened, say
from tests.scenarios.acting import START, Demo, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give one running demo to the module."""
    with running(tmp_path_factory.mktemp("tickets") / "demo", "--now", START) as one:
        yield one
        one.prove()


async def told(page: Page, words: str) -> None:
    """Wait until something that was sent unasked stands in the chat."""
    await expect(page.locator("#messages")).to_contain_text(words, timeout=PATIENCE)


async def nothing_sticks_out(page: Page) -> None:
    """Prove that the page is no wider than its window."""
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


async def shot(page: Page, name: str) -> None:
    """Keep a picture where SHOTS names a folder."""
    if folder := os.environ.get("SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


def kept(demo: Demo) -> list[tuple[str, str, str, int | None, str]]:
    """Return every ticket's state and outcome with its rating, out of the books."""
    with sqlite3.connect(f"file:{demo.folder}/wuyebot.db?mode=ro", uri=True) as books:
        return books.execute(
            "SELECT t.ticket_no, t.state, t.outcome, r.stars, r.words FROM tickets t"
            " LEFT JOIN ratings r ON r.reference = t.ticket_no ORDER BY t.id"
        ).fetchall()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "desktop"])
async def test_from_a_leak_to_five_stars_in_the_phone(
    browser: Browser, demo: Demo, size: ViewportSize
):
    openid, _ = demo.newcomer()
    resident = await opened(browser, demo, openid, size)
    steward = await opened(browser, demo, demo.staff("steward"), size)
    wide = size["width"]

    await say(steward, "工单", "没有等着办的工单")
    await say(resident, "厨房水管漏水，地上都是水", "G2611")
    number = sorted(one[0] for one in kept(demo))[-1]
    await shot(resident, f"resident_reported_{wide}")
    await told(steward, number)
    await shot(steward, f"steward_card_{wide}")
    await say(steward, f"接单 {number}", number)
    await told(resident, "已有人处理")
    await say(steward, f"回复 {number} 师傅下午三点到", number)
    await told(resident, "师傅下午三点到")
    await say(resident, "报修到哪了", number)
    await say(steward, f"结单 {number} 水管已换好", number)
    await told(resident, "水管已换好")
    await shot(resident, f"resident_closed_{wide}")
    await say(resident, "5 师傅很快", "谢谢")
    await shot(resident, f"resident_rated_{wide}")
    await expect(steward.locator(".line.theirs").last).to_contain_text("已办结")
    await steward.locator("#chips").get_by_role("button", name="工单", exact=True).click()
    await answered(steward, "没有等着办的工单")
    await shot(steward, f"steward_done_{wide}")

    assert (number, "closed", "水管已换好", 5, "师傅很快") in kept(demo)
    for page in (resident, steward):
        await nothing_sticks_out(page)
        await page.close()
