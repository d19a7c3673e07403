"""The console in a real browser: from a chat link to a closed ticket, on a phone and at a desk."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, expect
from sqlalchemy import select

from bot.web.server import build
from storage.database import Database, open_database
from storage.kinds import StaffRole
from storage.models.payments import refunds
from storage.models.tickets import tickets
from storage.operations.console_sessions import issue_console_pass
from storage.operations.tickets import answer_ticket
from storage.queries.residents import staff_member
from tests import factories
from tests.bot.web.console import Desk, furnish
from tests.bot.web.town import NOW, Town, settle

pytestmark = pytest.mark.browser

WIDE = "document.documentElement.scrollWidth"


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Database]:
    async with open_database(sqlite_url) as database:
        yield database


@pytest.fixture
async def town(books: Database) -> Town:
    return await settle(books)


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def base(town: Town) -> AsyncIterator[str]:
    """Open the doors."""
    server = TestServer(build(town.parts()))
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


async def come_in(browser: Browser, base: str, town: Town, staff_id: int, width: int) -> Page:
    """Open a link from chat and press its button."""
    secret = await town.db.write(issue_console_pass, staff_id, now=NOW)
    context = await browser.new_context(viewport=ViewportSize(width=width, height=844))
    context.set_default_timeout(15_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: pytest.fail(said.text) if _is_error(said) else None)
    await page.goto(f"{base}/console/enter/{secret}")
    await page.locator("[data-enter]").click()
    await page.wait_for_selector("[data-figure=open]")
    return page


def _is_error(said: ConsoleMessage) -> bool:
    return said.type == "error"


@pytest.mark.parametrize("width", [390, 1440])
async def test_a_steward_signs_in_from_chat_reads_today_finds_a_flat_and_closes_a_ticket(
    browser: Browser, base: str, town: Town, desk: Desk, width: int
):
    page = await come_in(browser, base, town, desk.ours[StaffRole.STEWARD], width)
    await expect(page.locator("[data-figure=open]")).to_contain_text("¥844.41")
    widths = [await page.evaluate(WIDE)]

    await page.get_by_role("link", name="房屋与住户").click()
    await page.locator("#q").fill("0501")
    await page.keyboard.press("Enter")
    await page.locator("[data-unit]").click()
    await expect(page.locator("[data-open-fen]")).to_have_text("¥544.41")
    widths.append(await page.evaluate(WIDE))

    await page.get_by_role("link", name="厨房漏水").click()
    await page.get_by_role("button", name="我来办").click()
    await expect(page.locator("[data-state=assigned]")).to_be_visible()
    await page.locator("#words").fill("水管已换好")
    await page.get_by_role("button", name="办结").click()
    await expect(page.locator("[data-state=closed]")).to_be_visible()
    widths.append(await page.evaluate(WIDE))

    rows = await town.db.read(lambda tx: tx.execute(select(tickets)).all())
    assert [(one.state, one.outcome) for one in rows] == [("closed", "水管已换好")]
    assert max(widths) <= width


async def test_an_open_inbox_shows_what_a_colleague_did(
    browser: Browser, base: str, town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.web.console_tickets.EVERY_MS", 100)
    page = await come_in(browser, base, town, desk.ours[StaffRole.MANAGER], 1440)
    await page.get_by_role("link", name="工单", exact=True).click()
    row = page.locator("[data-ticket]")
    await expect(row).to_contain_text("没有人接")
    await row.focus()

    steward = await town.db.read(staff_member, desk.ours[StaffRole.STEWARD])
    assert steward is not None
    await town.db.write(answer_ticket, desk.ticket_no, "三点到", by=steward, now=NOW)

    await expect(row).to_contain_text(steward.name)
    await expect(row).to_be_focused()


@pytest.mark.parametrize("width", [390, 1440])
async def test_a_payment_arrives_live_goes_back_with_four_eyes_and_stands_behind_its_figure(
    browser: Browser,
    base: str,
    town: Town,
    desk: Desk,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("bot.web.console_today.EVERY_MS", 100)
    monkeypatch.setattr("bot.web.console_payments.EVERY_MS", 100)
    today = await come_in(browser, base, town, desk.ours[StaffRole.CASHIER], width)
    listed = await today.context.new_page()
    await listed.goto(f"{base}/console/payments")
    await expect(listed.get_by_role("status")).to_contain_text("还没有收到过钱")
    await expect(today.locator("[data-figure=received]")).to_have_text("¥0.00")

    await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids)

    await expect(listed.locator("[data-payment]")).to_contain_text("¥544.41")
    await expect(today.locator("[data-figure=open]")).to_have_text("¥300.00")
    widths = [await one.evaluate(WIDE) for one in (today, listed)]

    await listed.locator("[data-payment]").click()
    await listed.get_by_text("申请退款", exact=True).click()
    await listed.locator("[name=cause]").first.check()
    await listed.locator("#amount").fill("100")
    await listed.locator("#reason").fill("搬走了")
    await listed.get_by_role("button", name="下一步").click()
    await listed.get_by_role("button", name="确认提交").click()
    await listed.wait_for_url("**/console/refunds/*")
    widths.append(await listed.evaluate(WIDE))
    manager = await come_in(browser, base, town, desk.ours[StaffRole.MANAGER], width)
    await expect(manager.locator("[data-figure=refunds]")).to_have_text("1 笔")
    await manager.goto(listed.url)
    await manager.get_by_role("button", name="同意退款 ¥100.00").click()
    await expect(manager.get_by_role("button", name="同意退款")).to_have_count(0)
    widths.append(await manager.evaluate(WIDE))

    await manager.goto(f"{base}/console/figures")
    widths.append(await manager.evaluate(WIDE))
    await manager.locator("a:has([data-figure=takings]), tr:has([data-figure=takings]) a").click()
    await expect(manager.locator("[data-row]").first).to_contain_text("3栋2单元501")
    widths.append(await manager.evaluate(WIDE))

    rows = await town.db.read(lambda tx: tx.execute(select(refunds)).all())
    assert [(one.amount_fen, one.requested_by, one.decided_by) for one in rows] == [
        (10_000, desk.ours[StaffRole.CASHIER], desk.ours[StaffRole.MANAGER])
    ]
    assert max(widths) <= width


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_no_page_of_the_console_is_wider_than_its_screen(
    browser: Browser, base: str, town: Town, desk: Desk, width: int
):
    page = await come_in(browser, base, town, desk.ours[StaffRole.MANAGER], width)
    wide = {}
    for where in (
        "",
        "units",
        f"units/{town.first.unit_id}",
        "tickets",
        "money",
        "refunds",
        "meters",
    ):
        await page.goto(f"{base}/console/{where}")
        wide[where] = await page.evaluate(WIDE)
    await page.goto(f"{base}/console/tickets/{desk.ticket_no}")
    wide["ticket"] = await page.evaluate(WIDE)

    assert {where: one for where, one in wide.items() if one > width} == {}
