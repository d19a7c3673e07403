"""Who knocks too often waits; the others, and whatever proves itself, notice nothing of it."""

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, make_mocked_request

from bot.channels.wechat_official import Config, WechatOfficial
from bot.web.visitors import Visitors, address_of
from storage.ports.payments import TradeKind
from tests.bot.channels import pushed
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import PHONE, start
from tests.bot.web.test_webhooks import ordered, told
from tests.bot.web.town import NOW, Town

STAMP = int(NOW.timestamp())


class Seconds:
    """A clock of monotonic seconds that stands until moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def coming_from(address: str):
    return make_mocked_request("GET", "/", headers={"X-Real-Ip": address})


def visitors(per_minute: int) -> tuple[Visitors, Seconds]:
    clock = Seconds()
    return Visitors(per_minute, header="X-Real-Ip", clock=clock), clock


def test_a_minutes_worth_may_come_at_once_and_then_one_by_one():
    count, clock = visitors(6)
    one = coming_from("203.0.113.9")

    assert [count.knock(one) for _ in range(7)] == [0] * 6 + [10]
    clock.at += 10
    assert [count.knock(one) for _ in range(2)] == [0, 10]
    clock.at += 60
    assert [count.knock(one) for _ in range(7)] == [0] * 6 + [10]


def test_who_goes_on_knocking_does_not_lengthen_the_wait():
    count, clock = visitors(6)
    one = coming_from("203.0.113.9")
    for _ in range(100):
        count.knock(one)

    clock.at += 10

    assert count.knock(one) == 0


def test_others_are_counted_by_themselves():
    count, _ = visitors(1)

    assert [count.knock(coming_from(f"203.0.113.{n}")) for n in (1, 2, 1)] == [0, 0, 60]


def test_the_addresses_of_one_network_of_ipv6_are_one_visitor():
    count, _ = visitors(1)

    knocks = [count.knock(coming_from(one)) for one in ("2001:db8::1", "2001:db8:0:0:ffff::2")]
    elsewhere = count.knock(coming_from("2001:db8:0:1::1"))

    assert (knocks, elsewhere) == ([0, 60], 0)


def test_the_same_address_in_another_spelling_is_the_same_visitor():
    count, _ = visitors(1)

    assert count.knock(coming_from("203.0.113.9")) == 0
    assert count.knock(coming_from("::ffff:203.0.113.9")) == 60


def test_l05_memory_is_bounded_and_the_longest_silent_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.web.visitors.KEPT_MOST", 500)
    count, clock = visitors(1)
    first = coming_from("198.51.100.1")
    count.knock(first)
    for number in range(500):
        clock.at += 0.001
        count.knock(coming_from(f"10.0.{number >> 8}.{number & 255}"))

    assert len(count) == 500
    assert count.knock(first) == 0


def test_no_limit_counts_nobody():
    count, _ = visitors(0)

    assert [count.knock(coming_from("203.0.113.9")) for _ in range(1000)] == [0] * 1000
    assert len(count) == 0


@pytest.mark.parametrize(
    ("header", "written", "address"),
    [
        ("", ["203.0.113.9"], "198.51.100.7"),
        ("X-Forwarded-For", [], "198.51.100.7"),
        ("X-Forwarded-For", ["203.0.113.9"], "203.0.113.9"),
        ("X-Forwarded-For", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("X-Forwarded-For", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("x-forwarded-for", ["2001:DB8:0::1"], "2001:db8::1"),
        ("X-Forwarded-For", ["1.2.3.4, rubbish"], "198.51.100.7"),
        ("X-Forwarded-For", ["1.2.3.4,"], "198.51.100.7"),
        ("X-Forwarded-For", ["２０３.0.113.9"], "198.51.100.7"),
        ("X-Forwarded-For", ["9" * 9000], "198.51.100.7"),
    ],
)
def test_only_what_the_proxy_wrote_last_into_the_configured_header_is_believed(
    header: str, written: list[str], address: str
):
    headers = [("X-Forwarded-For", one) for one in written]
    request = make_mocked_request("GET", "/", headers=headers)
    request = request.clone(remote="198.51.100.7")

    assert address_of(request, header) == address


@pytest.fixture
async def narrow_door(town: Town, open_doors: Open):
    """Open the doors for three requests a minute from each address that the proxy names."""
    config = Config(
        name="demo",
        app_id=pushed.APP_ID,
        app_secret="app-secret-of-the-tests",
        original_id=pushed.ORIGINAL_ID,
        token=pushed.TOKEN,
        aes_key=pushed.AES_KEY,
    )
    async with aiohttp.ClientSession() as http:
        account = WechatOfficial(config, http=http, now=town.clock.now)
        parts = town.parts(
            {"demo": account}, requests_per_minute=3, address_header="X-Forwarded-For"
        )
        yield await open_doors(parts)


def by_way_of(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def statuses(door: TestClient, path: str, times: int, address: str) -> list[int]:
    found = []
    for _ in range(times):
        async with door.get(path, headers=by_way_of(address), allow_redirects=False) as answer:
            found.append(answer.status)
    return found


@pytest.mark.parametrize("page", ["pay", "state", "oauth", "receipts", "guessed", "/", "nowhere"])
async def test_every_page_is_limited_by_address(narrow_door: TestClient, town: Town, page: str):
    token = town.token(town.first)
    path = {
        "pay": f"/pay/{token}",
        "state": f"/pay/{token}/state?order=W261123FFFFFFFFFFFFFFFF",
        "oauth": f"/pay/{token}/oauth?code=x&state=y",
        "receipts": f"/receipts/{'a' * 32}",
        "guessed": f"/pay/{'a' * 43}",
    }.get(page, f"/{page}".replace("//", "/"))

    found = await statuses(narrow_door, path, 5, "203.0.113.9")

    assert 429 not in found[:3]
    assert found[3:] == [429, 429]
    assert 429 not in await statuses(narrow_door, path, 3, "203.0.113.10")


async def test_who_is_turned_away_reads_why_and_when_to_come_back(
    narrow_door: TestClient, town: Town
):
    path = f"/pay/{town.token(town.first)}"
    await statuses(narrow_door, path, 3, "203.0.113.9")

    async with narrow_door.get(path, headers=by_way_of("203.0.113.9")) as answer:
        page = await answer.text()

    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert "点得太快了" in page
    assert "没有扣款" in page
    assert answer.headers["Content-Security-Policy"]


async def test_a_press_that_is_turned_away_opens_no_order(narrow_door: TestClient, town: Town):
    path = f"/pay/{town.token(town.first)}"
    await statuses(narrow_door, path, 3, "203.0.113.9")

    fields = {"bill": f"{town.first.bill_ids[0]}-25060", "gateway": "wechat_pay"}
    async with narrow_door.post(path, data=fields, headers=by_way_of("203.0.113.9")) as answer:
        assert answer.status == 429

    assert town.till.asks == {}


async def test_invented_addresses_before_the_proxys_word_do_not_help(
    narrow_door: TestClient, town: Town
):
    path = f"/pay/{town.token(town.first)}"

    found = [
        (await statuses(narrow_door, path, 1, f"10.0.0.{number}, 203.0.113.9"))[0]
        for number in range(5)
    ]

    assert found == [200, 200, 200, 429, 429]


async def test_a_proved_notice_is_never_told_to_come_later(narrow_door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)
    notice = town.till.notice(order_no)
    for _ in range(10):
        await told(narrow_door, notice, {"Signature": "forged"} | by_way_of("203.0.113.9"))

    genuine = {"Signature": "genuine"} | by_way_of("203.0.113.9")

    assert await told(narrow_door, notice, {"Signature": "x"} | by_way_of("203.0.113.9")) == 429
    assert [await told(narrow_door, notice, genuine) for _ in range(20)] == [204] * 20
    unknown = town.till.notice("W261123AAAAAAAAAAAAAAAA", state="paid", amount_fen=1)
    assert [await told(narrow_door, unknown, genuine) for _ in range(5)] == [404] * 5


async def test_a_proved_message_is_never_told_to_come_later(narrow_door: TestClient):
    async def push(number: int, *, forged: bool = False) -> int:
        query, body = pushed.push(pushed.text("账单", str(number)), stamp=STAMP)
        if forged:
            query = dict(query) | {"msg_signature": "0" * 40}
        proxied = by_way_of("203.0.113.9")
        async with narrow_door.post(
            "/wechat/demo", params=query, data=body, headers=proxied
        ) as answer:
            return answer.status

    forgeries = [await push(number, forged=True) for number in range(6)]
    genuine = [await push(number) for number in range(100, 110)]

    assert forgeries == [401, 401, 401, 429, 429, 429]
    assert genuine == [200] * 10


async def test_whoever_watches_our_health_is_never_turned_away(narrow_door: TestClient):
    assert await statuses(narrow_door, "/healthz", 9, "203.0.113.9") == [200] * 9
    assert await statuses(narrow_door, "/readyz", 9, "203.0.113.9") == [200] * 9


async def test_the_platform_hears_the_address_that_the_proxy_wrote(town: Town, open_doors: Open):
    door = await open_doors(town.parts(address_header="X-Real-IP"))

    await start(door, town.token(town.first), headers=PHONE | {"X-Real-IP": "203.0.113.9"})

    [ask] = town.till.asks.values()
    assert (ask.kind, ask.payer_ip) == (TradeKind.H5, "203.0.113.9")
