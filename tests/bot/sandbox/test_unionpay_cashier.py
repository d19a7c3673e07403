"""UnionPay's cashier in a real browser: from the merchant's form to the card and back."""

import html

import pytest
from playwright.async_api import Browser, Page

from tests.bot.sandbox.unionpay_client import Merchant, Shop

SIZES = [(390, 844), (1440, 900)]


async def opened(browser: Browser, size: tuple[int, int]) -> tuple[Page, list[str]]:
    width, height = size
    page = await browser.new_page(viewport={"width": width, "height": height})
    troubles: list[str] = []
    page.on("pageerror", lambda wrong: troubles.append(str(wrong)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    return page, troubles


async def send(page: Page, unionpay: Merchant, form: dict[str, str]) -> None:
    """Post a merchant's form from the payer's browser."""
    action = unionpay.facts["base_url"] + "/gateway/api/frontTransReq.do"
    fields = "".join(
        f'<input name="{name}" value="{html.escape(value)}">' for name, value in form.items()
    )
    await page.set_content(f'<form method="post" action="{action}">{fields}</form>')
    await page.evaluate("document.forms[0].submit()")


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
async def test_a_payer_is_refused_pays_with_another_card_and_comes_back(
    browser: Browser, unionpay: Merchant, unionpay_shop: Shop, size: tuple[int, int]
) -> None:
    page, troubles = await opened(browser, size)
    await send(page, unionpay, unionpay.signed(unionpay.order(txnAmt="123456")))
    await page.wait_for_selector("[data-pay]")
    shown = await page.inner_text("[data-amount]")
    width = await page.evaluate("document.documentElement.scrollWidth")
    button = await page.locator("[data-pay]").bounding_box()
    await page.fill("#card", "6221558812340064")
    await page.click("[data-pay]")
    trouble = await page.inner_text("[role=alert]")
    await page.fill("#card", "")
    await page.locator("#card").press_sequentially("6216261000000000018")
    grouped = await page.input_value("#card")
    await page.click("[data-pay]")
    await page.wait_for_url("**/front")

    assert shown.replace("\n", "") == "¥1,234.56"
    assert width == size[0]
    assert button is not None
    assert button["y"] + button["height"] <= size[1]
    assert trouble == "卡上的余额不足"
    assert grouped == "6216 2610 0000 0000 018"
    assert unionpay_shop.fronts[0]["orderId"] == "UP000001"
    assert [one["txnAmt"] for one in await unionpay_shop.heard(1)] == ["123456"]
    assert troubles == []


async def test_a_payer_with_a_form_nobody_signed_reads_why(
    browser: Browser, unionpay: Merchant
) -> None:
    page, _ = await opened(browser, SIZES[0])
    await send(page, unionpay, unionpay.signed(unionpay.order()) | {"txnAmt": "1"})

    assert await page.inner_text("#respCode") == "11"
    assert await page.inner_text("h1") == "验证签名失败"
