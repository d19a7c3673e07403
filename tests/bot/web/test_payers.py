"""Paying inside WeChat: who the browser is, asked once, bound to one link, never believed."""

import re
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient

from bot.web.seals import Seals, lasting
from storage.errors import ChannelUnavailable
from storage.ports.payments import TradeKind
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import WECHAT, open_page, press, ticks
from tests.bot.web.town import NOW, SECRET, Town


class Account:
    """An official account whose OAuth a test answers."""

    name = "demo"

    def __init__(self) -> None:
        self.codes = {"code-1": "openid-of-li"}
        self.is_away = False

    async def authorize_url(self, redirect_uri: str, state: str) -> str:
        return f"https://open.test/authorize?redirect_uri={redirect_uri}&state={state}"

    async def openid_from_code(self, code: str) -> str:
        if self.is_away:
            raise ChannelUnavailable("demo", "away")
        return self.codes.pop(code, "")


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
async def door(town: Town, account: Account, open_doors: Open) -> TestClient:
    return await open_doors(town.parts({"demo": account}))


async def asked_state(door: TestClient, token: str) -> str:
    answer = await door.get(f"/pay/{token}", headers=WECHAT, allow_redirects=False)
    assert answer.status == 302
    where = urlsplit(answer.headers["Location"])
    assert where.netloc == "open.test"
    return parse_qs(where.query)["state"][0]


async def come_back(door: TestClient, token: str, code: str, state: str):
    return await door.get(
        f"/pay/{token}/oauth",
        params={"code": code, "state": state},
        headers=WECHAT,
        allow_redirects=False,
    )


async def test_inside_wechat_the_payer_is_asked_once_and_pays_by_the_bridge(
    door: TestClient, town: Town
):
    token = town.token(town.first)
    back = await come_back(door, token, "code-1", await asked_state(door, token))
    cookie = SimpleCookie(back.headers["Set-Cookie"])["payer"]

    page = await open_page(door, token, headers=WECHAT)
    answer = await press(door, token, ticks(page), headers=WECHAT)
    waiting = await (await door.get(answer.headers["Location"], headers=WECHAT)).text()

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        True,
        "Lax",
        f"/pay/{token}",
    )
    [ask] = town.till.asks.values()
    assert (ask.kind, ask.payer_id) == (TradeKind.JSAPI, "openid-of-li")
    assert "prepay_id=prepay-1" in waiting
    assert "openid-of-li" not in waiting


async def test_a_state_that_is_not_ours_teaches_nothing(door: TestClient, town: Town):
    token, other = town.token(town.first), town.token(town.second)
    foreign = await asked_state(door, other)

    for state in ("", "x", foreign, foreign[:-1] + "0", "é"):
        back = await come_back(door, token, "code-1", state)
        assert "Set-Cookie" not in back.headers

    page = await open_page(door, f"{token}?asked=1", headers=WECHAT)
    assert "没能确认您的微信身份" in page


async def test_a_code_used_twice_or_a_silent_platform_leads_back_to_the_page(
    door: TestClient, town: Town, account: Account
):
    token = town.token(town.first)
    state = await asked_state(door, token)

    await come_back(door, token, "code-1", state)
    door.session.cookie_jar.clear()
    again = await come_back(door, token, "code-1", state)
    account.is_away = True
    away = await come_back(door, token, "code-2", state)

    for back in (again, away):
        assert back.status == 303
        assert "Set-Cookie" not in back.headers


async def test_a_cookie_of_another_link_is_worth_nothing(door: TestClient, town: Town):
    token, other = town.token(town.first), town.token(town.second)
    back = await come_back(door, token, "code-1", await asked_state(door, token))
    sealed = SimpleCookie(back.headers["Set-Cookie"])["payer"].value

    answer = await door.get(
        f"/pay/{other}", headers=WECHAT, cookies={"payer": sealed}, allow_redirects=False
    )

    assert answer.status == 302


async def test_without_an_identity_nothing_is_started(door: TestClient, town: Town):
    token = town.token(town.first)
    page = await open_page(door, token)

    answer = await press(door, token, ticks(page), headers=WECHAT)

    assert "没能确认您的微信身份" in await answer.text()
    assert town.till.asks == {}


def test_a_seal_holds_for_its_purpose_and_its_time_only():
    seals = Seals(SECRET)
    sealed = seals.seal("payer", "李|openid", until=lasting(NOW, minutes=10))

    assert seals.open("payer", sealed, now=NOW) == "李|openid"
    assert seals.open("oauth", sealed, now=NOW) is None
    assert seals.open("payer", sealed, now=lasting(NOW, minutes=11)) is None
    assert seals.open("payer", "A" + sealed, now=NOW) is None
    assert Seals(SECRET[::-1]).open("payer", sealed, now=NOW) is None
    for junk in ("", ".", "..", "a.b.c", "é.1.é", "\ud800"):
        assert seals.open("payer", junk, now=NOW) is None


def test_a_paper_code_is_the_same_each_time_until_its_epoch_is_raised():
    seals = Seals(SECRET)

    code = seals.paper_code(7, 0)

    assert re.fullmatch("[0-9]{6}", code)
    assert code == Seals(SECRET).paper_code(7, 0)
    assert len({seals.paper_code(unit, epoch) for unit in range(5) for epoch in range(5)}) > 20


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Seals(b"short")
