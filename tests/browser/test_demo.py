"""The whole demo through the phone in the browser: bind, ask, pay, receipt, refund."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, FrameLocator, Page, ViewportSize, expect

from tests.scenarios.acting import START, Demo, running

pytestmark = pytest.mark.browser

NARROW: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}
PATIENCE = 20_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give one running demo to the module."""
    with running(tmp_path_factory.mktemp("phone") / "demo", "--now", START) as one:
        yield one
        one.prove()


async def opened(browser: Browser, demo: Demo, openid: str, size: ViewportSize) -> Page:
    """Open the phone as a person; anything that the page throws fails the test."""
    page = await browser.new_page(viewport=size, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda trouble: pytest.fail(f"the page threw: {trouble}"))
    await page.goto(f"{demo.base}/_sandbox/phone#{openid}")
    await page.wait_for_selector("html[data-ready]")
    return page


async def say(page: Page, text: str, answer: str) -> None:
    """Type a message and wait until the newest bubble has the answer."""
    await page.fill("#composer-text", text)
    await page.press("#composer-text", "Enter")
    await answered(page, answer)


async def answered(page: Page, answer: str) -> None:
    newest = page.locator(".line.theirs").last
    await expect(newest).to_contain_text(answer, timeout=PATIENCE)


async def pay_inside(page: Page) -> FrameLocator:
    """Tap the link, press the button, and pay by finger at the cashier; return the page."""
    await page.locator(".link-card").last.click()
    inside = page.frame_locator("#web-frame")
    total = inside.locator("[data-total-fen]")
    await expect(total).to_contain_text("¥", timeout=PATIENCE)
    shown = (await total.inner_text()).removeprefix("¥")
    await inside.locator("[data-pay]").click()
    cashier = page.frame_locator(".cashier-frame")
    await expect(cashier.locator("#amount")).to_have_text(shown, timeout=PATIENCE)
    await cashier.locator("#finger").click()
    await expect(cashier.locator("#outcome")).to_contain_text("支付成功", timeout=PATIENCE)
    await cashier.locator("#done").click()
    await expect(inside.locator("h1")).to_have_text("支付成功", timeout=PATIENCE)
    return inside


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "desktop"])
async def test_from_binding_to_the_money_back_in_the_phone(
    browser: Browser, demo: Demo, size: ViewportSize
):
    resident = demo.untaken()
    page = await opened(browser, demo, resident["openid"], size)
    await page.locator("#chips .follow").click()
    await answered(page, "绑定")
    await page.locator("#chips button").first.click()
    await answered(page, f"绑定成功：{resident['unit_label']}")

    await say(page, "我欠多少", "合计")
    await say(page, "为什么这么多", "㎡")
    await say(page, "缴费", "点下面的链接缴费")
    inside = await pay_inside(page)
    await inside.get_by_text("查看收据").click()
    await expect(inside.locator("body")).to_contain_text("人民币（大写）", timeout=PATIENCE)
    await page.locator("#web-close").click()
    await answered(page, "谢谢您")

    await say(page, "我要退款", "退款原因")
    await say(page, "1", "请核对")
    await page.fill("#composer-text", "确认")
    await page.press("#composer-text", "Enter")
    chat = page.locator("#messages")
    await expect(chat).to_contain_text("退款已受理", timeout=PATIENCE)
    await expect(chat).to_contain_text("已提交给微信支付", timeout=PATIENCE)
    if size is NARROW:
        await page.locator("[data-drawer=panel-desk]").click()
    await page.locator("#steps").get_by_role("button", name="+1小时").click()
    await expect(chat).to_contain_text("已到账，退回了原支付账户", timeout=PATIENCE)

    assert "success" in demo.refund_states().values()
    await page.close()


async def test_a_code_on_the_computer_is_scanned_by_the_phone_and_the_page_notices(
    browser: Browser, demo: Demo
):
    openid, _ = demo.newcomer()
    computer = await browser.new_page(viewport=WIDE)
    await computer.goto(demo.link(openid))
    await computer.locator('[data-gateway="wechat_pay"]').click()
    await computer.locator("[data-pay]").click()
    await expect(computer.locator("img.code")).to_be_visible(timeout=PATIENCE)
    number = await computer.locator(".number").inner_text()
    found = re.search(r"[0-9A-Z]{10,}", number)
    assert found

    phone = await opened(browser, demo, openid, NARROW)
    await phone.locator("#to-tray").click()
    await phone.locator("#tray").get_by_role("button", name="扫一扫").click()
    codes = phone.locator("#scan-codes")
    await codes.get_by_role("button", name=re.compile(found[0])).click()
    cashier = phone.frame_locator(".cashier-frame")
    await cashier.locator("#confirm").click()
    await cashier.locator("#done").click()

    await expect(computer.locator("h1")).to_have_text("支付成功", timeout=PATIENCE)
    await answered(phone, "谢谢您")
    await computer.close()
    await phone.close()
