"""The sandbox phone in a real Chromium: chatting, paying, moving the clock, both widths."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, FrameLocator, Page, ViewportSize, expect

from bot.sandbox.cashier import IN_WECHAT, NO_REFERER, WRONG_PAYER
from bot.sandbox.webview import NOBODY, NOT_HERE
from tests.browser.phone_stage import LATECOMER, Stage, staged

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
expect.set_options(timeout=15_000)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Run a sandbox with a scripted bot."""
    async with staged(tmp_path) as running:
        yield running


async def opened(browser: Browser, stage: Stage, who: str, size: ViewportSize = WIDE) -> Page:
    """Open the phone as a person; anything the page reports as an error fails the test."""
    # A click into a frame that still slides may miss: these tests look on without motion.
    page = await browser.new_page(viewport=size, reduced_motion="reduce")
    page.on("pageerror", lambda trouble: pytest.fail(f"the page threw: {trouble}"))
    page.on("request", lambda asked: _stays_home(asked.url, stage.base))
    await page.goto(f"{stage.base}/_sandbox/phone#{stage.openids[who]}")
    await page.wait_for_selector("html[data-ready]")
    return page


def _stays_home(url: str, base: str) -> None:
    assert url.startswith((base, "data:", "about:", "blob:")), f"asked outside: {url}"


async def say(page: Page, text: str) -> None:
    await page.fill("#composer-text", text)
    await page.press("#composer-text", "Enter")


async def page_in_chat(page: Page) -> FrameLocator:
    """Ask for the link and tap its card."""
    await say(page, "缴费")
    await page.locator(".link-card").last.click()
    return page.frame_locator("#web-frame")


async def test_what_is_typed_and_answered_stands_in_bubbles(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英")

    await say(page, "我欠多少")

    await expect(page.locator(".line.mine .bubble").last).to_have_text("我欠多少")
    await expect(page.locator(".line.theirs .bubble").last).to_contain_text("合计 ¥986.40")
    assert stage.bot.did == ["我欠多少"]


async def test_a_conversation_is_still_there_after_a_reload(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英")
    await say(page, "我欠多少")
    await expect(page.locator(".line.theirs")).to_have_count(1)

    await page.reload()

    await expect(page.locator(".line.mine .bubble")).to_have_text("我欠多少")
    await expect(page.locator(".line.theirs")).to_have_count(1)


async def test_a_long_conversation_opens_at_its_newest_message(browser: Browser, stage: Stage):
    for number in range(40):
        stage.world.account.tell(stage.openids["李秀英"], "custom", f"第 {number} 条")

    page = await opened(browser, stage, "李秀英", NARROW)

    await expect(page.locator(".line.theirs").last).to_be_in_viewport(ratio=1)


async def test_a_template_message_is_a_card_with_its_rows_and_a_link(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")
    fields = [{"key": "amount1", "label": "待缴金额", "value": "¥986.40"}]
    url = f"{stage.base}/pay/t1"

    stage.world.account.tell(
        stage.openids["李秀英"],
        "template",
        "待缴提醒\n待缴金额：¥986.40",
        kind="template",
        url=url,
        card={"title": "待缴提醒", "fields": fields},
    )

    card = page.locator(".notice")
    await expect(card.locator("h4")).to_have_text("待缴提醒")
    await expect(card.locator("dt")).to_have_text("待缴金额")
    await expect(card.locator("dd")).to_have_text("¥986.40")
    await expect(card.locator(".more")).to_have_attribute("data-url", url)


async def test_words_of_a_message_never_become_markup(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英")

    stage.world.account.tell(
        stage.openids["李秀英"], "custom", "<img src=x onerror=alert(1)><b>粗</b>"
    )

    bubble = page.locator(".line.theirs .bubble").last
    await expect(bubble).to_have_text("<img src=x onerror=alert(1)><b>粗</b>")
    await expect(bubble.locator("img, b")).to_have_count(0)


async def test_a_message_for_someone_else_shows_as_unread_until_opened(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")
    other = page.locator(f'.person[data-openid="{stage.openids["王建国"]}"]')

    stage.world.account.tell(stage.openids["王建国"], "mass", "明天停水检修。")

    await expect(other.locator(".badge")).to_have_text("1")
    await other.click()
    await expect(page.locator(".line.theirs .bubble")).to_have_text("明天停水检修。")
    await expect(other.locator(".badge")).to_have_count(0)


async def test_the_menu_sends_its_key_and_unfolds_its_lists(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英")

    await page.locator("#menu").get_by_role("button", name="我的账单").click()
    await expect(page.locator(".line.theirs .bubble").last).to_contain_text("待缴 3 笔")
    await page.locator("#menu").get_by_role("button", name="缴费服务").click()
    await page.locator(".submenu").get_by_role("button", name="缴费记录").click()
    await expect(page.locator(".submenu")).to_have_count(0)
    await expect(page.locator(".line.theirs")).to_have_count(2)

    assert stage.bot.did == ["CLICK bills", "CLICK history"]


async def test_a_link_opens_in_the_phone_as_that_person_with_the_chat_apps_browser(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")

    inside = await page_in_chat(page)

    await expect(inside.locator("#who")).to_have_text(stage.openids["李秀英"])
    await expect(page.locator("#web-title")).to_have_text("物业费缴费")
    assert all("MicroMessenger" in agent for agent in stage.pages.agents)
    await inside.locator("#receipt").click()
    await expect(inside.locator("#agent")).to_contain_text("MicroMessenger")


async def test_paying_by_finger_books_the_payment_and_tells_the_page_ok(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")
    inside = await page_in_chat(page)
    await inside.locator("[data-pay]").click()
    cashier = page.frame_locator(".cashier-frame")
    await expect(cashier.locator("#amount")).to_have_text("986.40")

    await cashier.locator("#finger").click()
    await expect(cashier.locator("#outcome")).to_contain_text("支付成功")
    await cashier.locator("#done").click()

    await expect(inside.locator("h1")).to_have_text("收据")
    trade = stage.world.pay.trade("PJSAPI0001")
    assert trade is not None
    assert (trade.state, trade.payer_openid) == ("paid", stage.openids["李秀英"])


async def test_six_digits_from_the_keyboard_pay_as_well(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英", NARROW)
    inside = await page_in_chat(page)
    await inside.locator("[data-pay]").click()
    cashier = page.frame_locator(".cashier-frame")

    await cashier.locator("#way").click()
    await page.keyboard.type("135790")

    await expect(cashier.locator("#outcome")).to_contain_text("支付成功")


async def test_leaving_the_cashier_tells_the_page_cancel_and_books_nothing(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")
    inside = await page_in_chat(page)
    await inside.locator("[data-pay]").click()

    await page.frame_locator(".cashier-frame").locator("#leave").click()

    await expect(inside.locator("#said")).to_contain_text("get_brand_wcpay_request:cancel")
    await expect(inside.locator("#said")).to_contain_text("open")


async def test_a_wrong_pay_sign_is_refused_in_the_platforms_words(browser: Browser, stage: Stage):
    stage.pages.bad_sign = True
    page = await opened(browser, stage, "李秀英")
    inside = await page_in_chat(page)
    await inside.locator("[data-pay]").click()
    cashier = page.frame_locator(".cashier-frame")
    await expect(cashier.locator("#refusal-words")).to_have_text("支付验证签名失败")

    await cashier.locator("#understood").click()

    await expect(inside.locator("#said")).to_contain_text("get_brand_wcpay_request:fail")
    await expect(inside.locator("#said")).to_contain_text("open")


async def test_a_qr_code_from_a_computer_is_paid_with_the_scanner(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "王建国")
    stage.pages.create("native", "PNATIVE001")

    await page.locator("#to-tray").click()
    await page.locator("#tray").get_by_role("button", name="扫一扫").click()
    await page.locator("#scan-codes").get_by_role("button", name=re.compile("PNATIVE001")).click()
    cashier = page.frame_locator(".cashier-frame")
    await cashier.locator("#confirm").click()
    await cashier.locator("#done").click()

    await expect(page.locator("#view-scan")).to_be_hidden()
    trade = stage.world.pay.trade("PNATIVE001")
    assert trade is not None
    assert (trade.state, trade.payer_openid) == ("paid", stage.openids["王建国"])


async def test_the_clock_moves_by_a_button_and_only_forward(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "李秀英")
    await expect(page.locator("#clock-day")).to_contain_text("2026年11月23日")

    await page.locator("#steps").get_by_role("button", name="+1个月").click()

    await expect(page.locator("#clock-day")).to_contain_text("2026年12月23日")
    await page.fill("#clock-set", "2026-12-01T09:00")
    await page.locator("#to-date button").click(force=True)
    await expect(page.locator("#clock-day")).to_contain_text("2026年12月23日")


async def test_a_new_follower_is_greeted_and_becomes_the_one_who_holds_the_phone(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英")

    await page.locator("#new-follower").click()

    await expect(page.locator(".line.theirs .bubble")).to_contain_text("欢迎关注")
    await expect(page.locator(".person")).to_have_count(len(stage.openids) + 1 + 2)


async def test_who_binds_in_chat_moves_to_the_bound_residents(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "赵晓雨")
    bound = page.locator("#people h3").first

    await expect(bound).to_contain_text("3")
    await page.locator("#chips button").first.click()

    await expect(page.locator(".line.theirs .bubble")).to_contain_text("绑定成功")
    await expect(bound).to_contain_text("4")


async def test_a_resident_who_does_not_follow_yet_follows_first(browser: Browser, stage: Stage):
    page = await opened(browser, stage, LATECOMER)
    await say(page, "我欠多少")
    await expect(page.locator("#toast")).to_contain_text("先关注")

    await page.locator("#chips .follow").click()

    await expect(page.locator(".line.theirs .bubble")).to_contain_text("欢迎关注")
    person = stage.world.account.person(stage.openids[LATECOMER])
    assert person is not None
    assert person.nickname == LATECOMER
    assert stage.bot.did == ["subscribe"]


async def test_a_group_shows_what_its_robot_said_and_takes_no_words(browser: Browser, stage: Stage):
    page = await opened(browser, stage, "林经理")
    group = stage.world.robots.groups()[0]
    said = '{"msgtype":"markdown","markdown":{"content":"## 今日收款\\n> 共 **31** 笔"}}'

    stage.world.robots.say(group, said.encode())
    row = page.locator(f'.person[data-group="{group}"]')
    await expect(row.locator(".badge")).to_have_text("1")
    await row.click()

    await expect(page.locator("#group-messages h5")).to_have_text("今日收款")
    await expect(page.locator("#group-messages strong")).to_have_text("31")
    await expect(page.locator("#view-group textarea, #view-group input")).to_have_count(0)


async def test_on_a_phone_the_chat_fills_the_screen_and_panels_are_drawers(
    browser: Browser, stage: Stage
):
    page = await opened(browser, stage, "李秀英", NARROW)
    box = await page.locator(".screen").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    await expect(page.locator("#panel-people")).to_be_hidden()

    await page.locator("[data-drawer=panel-people]").click()
    await page.locator(f'.person[data-openid="{stage.openids["王建国"]}"]').click()

    await expect(page.locator("#panel-people")).to_be_hidden()
    await expect(page.locator("#strip-name")).to_contain_text("王建国")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390


async def test_an_h5_payment_needs_an_outside_browser_that_came_from_the_merchant(
    browser: Browser, stage: Stage
):
    scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    made = stage.pages.create("h5", "PH5000001", scene_info=scene)
    url = f"{made['h5_url']}&redirect_url={stage.base}/receipts/r1"

    async with aiohttp.ClientSession() as http:
        async with http.get(url, headers={"User-Agent": "MicroMessenger"}) as got:
            assert IN_WECHAT in await got.text()
        async with http.get(url) as got:
            assert NO_REFERER in await got.text()
    page = await browser.new_page(viewport=NARROW)
    await page.goto(url, referer=f"{stage.base}/pay/t1")
    await page.locator("#confirm").click()
    await page.locator("#done").click()

    await expect(page.locator("h1")).to_have_text("收据")
    trade = stage.world.pay.trade("PH5000001")
    assert trade is not None
    assert trade.state == "paid"


async def test_another_person_cannot_pay_an_order_made_for_someone(stage: Stage):
    bridge = stage.pages._order(stage.openids["李秀英"])
    asked = {"openid": stage.openids["王建国"], "bridge": bridge}

    async with aiohttp.ClientSession(stage.base) as http:
        async with http.post("/_sandbox/cashier/tickets", json=asked) as got:
            ticket = (await got.json())["ticket"]
        async with http.post(f"/_sandbox/cashier/tickets/{ticket}/pay") as got:
            answer = await got.json()

    assert answer == {"refusal": WRONG_PAYER}


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "http://127.0.0.1:1/", "file:///etc/passwd", "http://[::1", "//x.cn/"],
)
async def test_the_phone_opens_no_page_from_elsewhere(stage: Stage, url: str):
    asked = {"openid": stage.openids["李秀英"], "url": url}

    async with (
        aiohttp.ClientSession(stage.base) as http,
        http.get("/_sandbox/webview", params=asked, allow_redirects=False) as got,
    ):
        assert NOT_HERE in await got.text()


async def test_a_stranger_has_no_browser_in_the_phone(stage: Stage):
    asked = {"openid": "nobody", "url": f"{stage.base}/pay/t1"}

    async with aiohttp.ClientSession(stage.base) as http:
        async with http.get("/_sandbox/webview", params=asked) as got:
            assert NOBODY in await got.text()
        port = stage.base.rsplit(":", 1)[1]
        async with http.get(f"/_sandbox/webview/nobody/{port}/pay/t1") as got:
            assert NOBODY in await got.text()


async def test_static_names_never_leave_their_folder(stage: Stage):
    async with aiohttp.ClientSession(stage.base) as http:
        for name in ("..%2fphone.py", "phone.py", "%2e%2e", "nothing.css"):
            async with http.get(f"/_sandbox/static/{name}") as got:
                assert got.status == 404


async def test_the_demo_may_tell_who_is_who(stage: Stage):
    openid = stage.openids["王建国"]
    told = {"staff": [{"openid": openid, "name": "王建国", "role": "steward"}]}

    async with aiohttp.ClientSession(stage.base) as http:
        async with http.post("/_sandbox/phone/people", json=told) as got:
            assert got.status == 200
        async with http.post("/_sandbox/phone/people", json={"staff": [1]}) as got:
            assert got.status == 400
        async with http.get("/_sandbox/phone/start") as got:
            people = {one["openid"]: one for one in (await got.json())["people"]}

    assert people[openid]["role"] == "steward"
