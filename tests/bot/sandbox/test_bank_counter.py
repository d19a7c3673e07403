"""Online banking: a payer's transfer with its slip, and the company's account."""

import re
from typing import Any

import aiohttp
import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control


class Browser:
    """Opens the pages and sends the form."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.http, self.facts = http, world.facts()["bank"]
        self.base = self.facts["transfer_url"].removesuffix("/transfer")

    async def open(self, path: str) -> str:
        async with self.http.get(self.base + path) as response:
            assert response.status == 200
            return await response.text()

    async def send(self, **filled: str) -> str:
        form = {
            "account_name": self.facts["account_name"],
            "account_no": self.facts["account_no"],
            "payer": "张三",
            "amount": "580.00",
            "memo": "K7M2 P9QX",
        } | filled
        async with self.http.post(self.facts["transfer_url"], data=form) as response:
            assert response.status == 200
            return await response.text()


@pytest.fixture
def browser(world: World, http: aiohttp.ClientSession) -> Browser:
    """A browser without a script."""
    return Browser(world, http)


async def test_a_transfer_is_booked_with_its_memo_and_has_a_slip(
    browser: Browser, control: Control
) -> None:
    slip = await browser.send()

    (order,) = await control.call("GET", "bank/orders")
    assert 'data-amount-fen="58000"' in slip
    assert f"<dd data-serial>{order['transaction_id']}</dd>" in slip
    assert (order["amount_fen"], order["memo"], order["payer"]) == (58000, "K7M2 P9QX", "张三")


async def test_the_form_knows_the_payee_and_what_the_link_says(browser: Browser) -> None:
    page = await browser.open("/transfer?amount=12.30&memo=K7M2P9QX")

    assert f'value="{browser.facts["account_no"]}"' in page
    assert 'value="12.30"' in page
    assert 'value="K7M2P9QX"' in page
    assert 'role="alert" hidden' in page


@pytest.mark.parametrize(
    ("filled", "said"),
    [
        ({"amount": "0"}, "金额应在"),
        ({"amount": "-5"}, "金额应在"),
        ({"amount": "1.234"}, "金额应在"),
        ({"amount": "1000000.01"}, "金额应在"),
        ({"amount": "５80"}, "金额应在"),
        ({"amount": "580元"}, "金额应在"),
        ({"payer": " "}, "请填写付款人户名"),
        ({"account_no": "1202026500000000000"}, "收款人账号户名不符"),
        ({"account_name": "云栖物业"}, "收款人账号户名不符"),
    ],
)
async def test_a_wrong_transfer_is_told_and_not_booked(
    browser: Browser, control: Control, filled: dict[str, str], said: str
) -> None:
    page = await browser.send(**filled)

    assert said in page
    assert 'value="K7M2 P9QX"' in page
    assert await control.call("GET", "bank/orders") == []


async def test_outsiders_words_are_words_on_every_page(browser: Browser, control: Control) -> None:
    words: dict[str, Any] = {"memo": '"><script>$rows</script>', "payer": "<b>$prefix"}
    slip = await browser.send(**words)
    pages = [slip, await browser.open("/account"), await browser.send(**words, amount="x")]

    assert not any("<script>" in page or "<b>$prefix" in page for page in pages)
    assert all("&lt;script&gt;$rows" in page for page in pages)


async def test_the_account_shows_a_day_and_gives_its_files(
    browser: Browser, control: Control
) -> None:
    await control.call("POST", "bank/pay", {"amount_fen": 123456, "memo": "物业费"})
    page = await browser.open("/account")
    other = await browser.open("/account?day=2026-11-22")

    assert 'data-balance-fen="5123456"' in page
    assert "1,234.56" in page
    assert "data-serial" not in other
    files = re.findall(r'href="/_sandbox/bank(/statements/2026-11-23\?layout=\w+)"', page)
    assert len(files) == 6
    for file in files:
        async with browser.http.get(browser.base + file) as response:
            raw = await response.read()
        assert "物业费".encode() in raw or "物业费".encode("gb18030") in raw
