"""The control plane: facts for the bot, announcements, calls, live events, and a restart."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.control import is_local
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Api, Control, Merchant
from tests.bot.sandbox.conftest import OPENID

NAMES = {
    "wechat": "account appid app_secret original_id token aes_key callback_url api_base_url",
    "wecom": "corp_id agent_id secret token aes_key callback_url api_base_url robots "
    "customer_groups",
    "wechat_pay": "mchid appid api_v3_key merchant_serial merchant_private_key_file "
    "platform_public_key_file platform_public_key_id platform_certificate_file platform_serial "
    "base_url notify_url",
}


async def test_the_facts_have_the_names_that_outsiders_rely_on(
    world: World, control: Control
) -> None:
    facts = await control.call("GET", "platforms")

    for part, names in NAMES.items():
        assert set(facts[part]) == set(names.split())
    assert facts["control_url"] == world.control_url
    assert facts["wechat"]["account"] == "demo"
    assert facts["wechat_pay"]["notify_url"].endswith("/notify/wechat_pay/demo")
    assert all(Path(v).is_absolute() for k, v in facts["wechat_pay"].items() if k.endswith("file"))
    assert json.loads(world.write_platforms().read_text()) == facts


async def test_a_bot_announces_itself_and_whom_the_demo_needs(
    world: World, control: Control
) -> None:
    body: dict[str, Any] = {
        "callback_url": "http://127.0.0.1:9/wechat/demo",
        "notify_urls": {"wechat_pay": "http://127.0.0.1:9/notify/wechat_pay/demo"},
        "followers": [{"openid": "oA", "nickname": "甲"}, {"nickname": "乙"}],
        "groups": ["三号楼群"],
        "templates": [{"template_id": "T1", "title": "通知", "content": "房屋：{{thing1.DATA}}"}],
    }
    told = await control.call("POST", "bots", body)
    again = await control.call("POST", "bots", body | {"followers": body["followers"][:1]})

    assert [f["nickname"] for f in told["followers"]] == ["甲", "乙"]
    assert told["wechat"]["callback_url"] == body["callback_url"]
    assert told["wechat_pay"]["notify_url"] == body["notify_urls"]["wechat_pay"]
    assert "三号楼群" in [robot["group"] for robot in told["wecom"]["robots"]]
    assert [f["openid"] for f in again["followers"]] == ["oA"]
    assert [p["nickname"] for p in await control.call("GET", "people")] == ["李女士", "甲", "乙"]
    assert [t["template_id"] for t in await control.call("GET", "wechat/templates")] == ["T1"]


async def test_people_are_seeded_without_telling_the_bot(world: World, control: Control) -> None:
    people = [{"nickname": "丙", "openid": "oC"}]
    seeded = await control.call("POST", "people", {"people": people})

    assert (seeded[0]["openid"], seeded[0]["follows"]) == ("oC", True)
    assert world.account.inbox("oC") == []
    assert world.calls.after(0) == []


async def test_every_request_is_written_down(
    control: Control, merchant: Merchant, api: Api
) -> None:
    await merchant.create()
    await api.get("/cgi-bin/user/get")
    pay = await control.call("GET", "calls?platform=wechat_pay&after=0")
    everything = await control.call("GET", "calls?after=0")

    assert [call["path"] for call in pay] == ["/_sandbox/wechat_pay/v3/pay/transactions/jsapi"]
    assert pay[0]["code"] == 200
    assert len(everything) == 3
    assert await control.call("GET", f"calls?after={everything[-1]['seq']}") == []


async def test_the_phone_watches_what_happens(
    world: World, control: Control, http: aiohttp.ClientSession
) -> None:
    async with http.get(world.control_url + "/events") as stream:
        first = json.loads((await stream.content.readuntil(b"\n\n")).decode()[6:])
        world.account.tell(OPENID, "custom", "您好")
        second = json.loads((await stream.content.readuntil(b"\n\n")).decode()[6:])

    assert first["type"] == "clock"
    assert (second["type"], second["openid"]) == ("inbox", OPENID)
    assert second["message"]["text"] == "您好"


async def test_orders_and_payments_are_told_as_the_platform_books_them(
    control: Control, merchant: Merchant
) -> None:
    await merchant.create()
    before = await control.call("GET", "wechat_pay/orders")
    await control.call("POST", "wechat_pay/pay", {"order_no": "P0000001", "payer": "Ms Li"})
    after = await control.call("GET", "wechat_pay/orders")
    book = await control.call("GET", "wechat_pay/book")

    assert [(o["order_no"], o["amount_fen"], o["state"]) for o in before] == [
        ("P0000001", 58000, "open")
    ]
    assert after[0]["state"] == "paid"
    assert [(p["order_no"], p["amount_fen"]) for p in book["payments"]] == [("P0000001", 58000)]
    twice = {"order_no": "P0000001"}
    assert await control.refused("POST", "wechat_pay/pay", twice) == 400
    assert await control.refused("POST", "wechat_pay/pay", {"order_no": "none"}) == 404


@pytest.mark.parametrize(
    ("remote", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("10.0.0.7", False), (None, False), ("unix", False)],
)
def test_only_loopback_may_control(remote: str | None, *, allowed: bool) -> None:
    assert is_local(remote) is allowed


@pytest.mark.parametrize("body", ["[]", "{", '"x"'])
async def test_a_wrong_body_is_told_and_not_an_error_of_ours(
    world: World, http: aiohttp.ClientSession, body: str
) -> None:
    async with http.post(world.control_url + "/wechat/messages", data=body) as answer:
        assert answer.status == 400


async def test_the_books_the_keys_and_the_clock_outlive_a_restart(sandbox_folder: Path) -> None:
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    first = World.open(sandbox_folder, base_url="http://127.0.0.1:9", now=now)
    first.account.add_person("李女士", OPENID)
    first.account.tell(OPENID, "custom", "您好")
    facts = first.facts()
    first.pay.trades.create(
        "native",
        {
            "appid": facts["wechat_pay"]["appid"],
            "mchid": facts["wechat_pay"]["mchid"],
            "description": "物业费",
            "out_trade_no": "P0000001",
            "notify_url": "http://127.0.0.1:9/n",
            "amount": {"total": 1},
        },
        "certificate",
    )
    await first.pay.pay_order("P0000001")
    await first.clock.advance_to(now.replace(day=24))
    waiting = first.pay.notices.next_due()
    # No close: the process is gone, as after kill -9.
    again = World.open(sandbox_folder, base_url="http://127.0.0.1:9")

    assert again.facts() == {**facts, "clock": "virtual"}
    assert [m["text"] for m in again.account.inbox(OPENID)] == ["您好"]
    assert [p["order_no"] for p in again.pay.book.books()["payments"]] == ["P0000001"]
    assert again.clock.now() >= now.replace(day=24)
    assert again.pay.notices.next_due() == waiting
    await first.close()
    await again.close()
