"""The official account's API refuses what is ill-formed with exactly WeChat's code."""

import re
from typing import Any

import aiohttp
import pytest

from bot.sandbox.world import World
from tests.bot.sandbox.clients import Api, Control
from tests.bot.sandbox.conftest import OPENID

TEXT = {"touser": OPENID, "msgtype": "text", "text": {"content": "您好"}}
CUSTOM, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"
BIZSEND, TAGS = "/cgi-bin/message/subscribe/bizsend", "/cgi-bin/tags"
CONTENT = "房屋：{{thing1.DATA}}\n金额：{{amount2.DATA}}\n时间：{{time3.DATA}}"
FIELDS = {
    "thing1": {"value": "3栋2单元1201"},
    "amount2": {"value": "580.00元"},
    "time3": {"value": "2026年11月30日"},
}
GOOD: dict[str, Any] = {
    "touser": OPENID,
    "template_id": "TM1",
    "data": FIELDS,
    "url": "https://x.test/a",
}


@pytest.fixture(autouse=True)
def templates(world: World) -> None:
    world.account.add_template("TM1", "物业缴费通知", CONTENT)
    world.account.add_template("SUB1", "缴费提醒", CONTENT, family="subscribe")


def with_field(name: str, value: str) -> dict[str, Any]:
    return GOOD | {"data": FIELDS | {name: {"value": value}}}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (CUSTOM, TEXT, 45015),
        (CUSTOM, TEXT | {"touser": "oNobody"}, 40003),
        (CUSTOM, {"msgtype": "text"}, 40003),
        (CUSTOM, TEXT | {"msgtype": "smell"}, 40008),
        (CUSTOM, TEXT | {"text": {"content": ""}}, 44004),
        (CUSTOM, TEXT | {"text": {"content": "物" * 683}}, 45002),
        (CUSTOM, {"touser": OPENID, "msgtype": "image", "image": {}}, 40007),
        (CUSTOM, b"", 44002),
        (CUSTOM, b"{", 47001),
        (CUSTOM, b"[]", 47001),
        ("/cgi-bin/message/custom/typing", {"touser": OPENID, "command": "Typing"}, 45015),
        (TEMPLATE, GOOD | {"touser": "oNobody"}, 40003),
        (TEMPLATE, GOOD | {"template_id": "TM2"}, 40037),
        (TEMPLATE, GOOD | {"data": {}}, 47003),
        (TEMPLATE, with_field("thing1", ""), 47003),
        (TEMPLATE, with_field("thing1", "一" * 21), 47003),
        (TEMPLATE, with_field("amount2", "很多"), 47003),
        (TEMPLATE, with_field("time3", "明天"), 47003),
        (BIZSEND, GOOD | {"template_id": "SUB1"}, 43101),
        (BIZSEND, GOOD | {"template_id": "TM1"}, 40037),
        (BIZSEND, GOOD | {"touser": "oNobody", "template_id": "SUB1"}, 40003),
        ("/cgi-bin/template/api_add_template", {}, 40037),
        ("/cgi-bin/template/del_private_template", {"template_id": "none"}, 40037),
        ("/cgi-bin/user/info/batchget", {"user_list": []}, 40032),
        ("/cgi-bin/user/info/batchget", {"user_list": [{"openid": "oNobody"}]}, 40003),
        ("/cgi-bin/user/info/updateremark", {"openid": "oNobody", "remark": "a"}, 40003),
        (TAGS + "/create", {"tag": {"name": "业" * 11}}, 45158),
        (TAGS + "/delete", {"tag": {"id": 2}}, 45058),
        (TAGS + "/delete", {"tag": {"id": 999}}, 45159),
        (TAGS + "/members/batchtagging", {"tagid": 999, "openid_list": [OPENID]}, 45159),
        (TAGS + "/members/batchtagging", {"tagid": 999, "openid_list": [OPENID] * 51}, 40032),
        ("/cgi-bin/qrcode/create", {"action_name": "QR_STR_SCENE"}, 40053),
        ("/cgi-bin/menu/create", {"button": []}, 40016),
        ("/cgi-bin/menu/create", {"button": [{"name": "a", "type": "shout"}]}, 40017),
        ("/cgi-bin/menu/create", {"button": [{"name": "物" * 6, "type": "click"}]}, 40018),
        ("/cgi-bin/menu/create", {"button": [{"name": "a", "type": "click"}]}, 40019),
        ("/cgi-bin/menu/create", {"button": [{"name": "a", "type": "view", "url": "x"}]}, 40020),
        ("/cgi-bin/menu/create", {"button": [{"name": "a", "sub_button": [{}] * 6}]}, 40023),
        ("/cgi-bin/menu/create", {"button": [{"name": "a", "sub_button": [{}]}]}, 40024),
        ("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/nothing"}, 76021),
        ("/cgi-bin/clear_quota", {"appid": "wx0"}, 40013),
        ("/cgi-bin/message/mass/sendall", {"filter": {"tag_id": 999}}, 45159),
        ("/cgi-bin/message/mass/send", TEXT | {"touser": [OPENID]}, 40032),
        ("/cgi-bin/message/mass/send", TEXT | {"touser": ["oA", "oB"]}, 40031),
        ("/cgi-bin/message/mass/get", {"msg_id": 999}, 40059),
        ("/cgi-bin/message/mass/delete", {"msg_id": 999}, 40059),
        ("/cgi-bin/media/upload", b"", 40004),
        ("/cgi-bin/no/such/thing", {}, 40066),
        ("/cgi-bin/menu/get", {}, 43001),
    ],
)
async def test_an_ill_formed_post_is_refused_with_its_own_code(
    api: Api, path: str, body: object, code: int
) -> None:
    answer = await api.post(path, body)

    assert answer["errcode"] == code
    assert re.search(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", answer["errmsg"])


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/cgi-bin/menu/get", {}, 46003),
        ("/cgi-bin/media/get", {"media_id": "none"}, 40007),
        ("/cgi-bin/user/info", {"openid": "oNobody"}, 40003),
        ("/cgi-bin/user/get", {"next_openid": "oNobody"}, 40003),
        ("/cgi-bin/message/custom/send", {}, 43002),
    ],
)
async def test_an_ill_formed_get_is_refused_with_its_own_code(
    api: Api, path: str, query: dict[str, str], code: int
) -> None:
    assert (await api.get(path, **query))["errcode"] == code


async def test_the_refused_field_is_named_as_wechat_misspells_it(api: Api) -> None:
    empty = await api.post(TEMPLATE, with_field("thing1", ""))
    long = await api.post(TEMPLATE, with_field("thing1", "一" * 21))

    assert "data.thing1.value is emtpy" in empty["errmsg"]
    assert "data.thing1.value invalid" in long["errmsg"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"grant_type": "password"}, 40002),
        ({"appid": "wx0"}, 40013),
        ({"secret": "no"}, 40125),
    ],
)
async def test_a_token_is_given_only_to_the_account_itself(
    api: Api, wrong: dict[str, str], code: int
) -> None:
    right = {
        "grant_type": "client_credential",
        "appid": api.facts["appid"],
        "secret": api.facts["app_secret"],
    }

    stable = await api.raw("POST", "/cgi-bin/stable_token", right | wrong)
    plain = await api.raw("GET", "/cgi-bin/token", **(right | wrong))

    assert (stable["errcode"], plain["errcode"]) == (code, code)


async def test_calls_without_a_living_token_are_refused(
    api: Api, world: World, control: Control
) -> None:
    token = await api.log_in()
    codes = [
        (await api.raw("GET", "/cgi-bin/user/get"))["errcode"],
        (await api.raw("GET", "/cgi-bin/user/get", access_token="junk"))["errcode"],
        (await api.raw("GET", "/cgi-bin/user/get", access_token="86_" + "a" * 118))["errcode"],
    ]
    await control.advance(7300)
    codes.append((await api.raw("GET", "/cgi-bin/user/get", access_token=token))["errcode"])
    await api.log_in()
    world.account.kill_tokens()
    codes.append((await api.get("/cgi-bin/user/get"))["errcode"])

    assert codes == [41001, 40014, 40001, 42001, 40001]


async def test_the_stable_token_stays_until_five_minutes_before_its_end(
    api: Api, control: Control
) -> None:
    first = await api.log_in()
    again = await api.log_in()
    await control.advance(6901)
    late = await api.log_in()
    api.token = first
    overlapping = await api.get("/cgi-bin/user/get")

    assert first == again != late
    assert "errcode" not in overlapping


async def test_a_forced_refresh_needs_half_a_minute_between_and_twenty_a_day(
    api: Api, control: Control
) -> None:
    body = {
        "grant_type": "client_credential",
        "appid": api.facts["appid"],
        "secret": api.facts["app_secret"],
        "force_refresh": True,
    }
    path = "/cgi-bin/stable_token"
    first = await api.raw("POST", path, body)
    soon = await api.raw("POST", path, body)
    for _ in range(19):
        await control.advance(31)
        assert "access_token" in await api.raw("POST", path, body)
    await control.advance(31)
    over = await api.raw("POST", path, body)

    assert "access_token" in first
    assert soon["errcode"] == 45011
    assert over["errcode"] == 45009


async def test_each_plain_token_call_ends_the_one_before_after_five_minutes(
    api: Api, control: Control
) -> None:
    query = {
        "grant_type": "client_credential",
        "appid": api.facts["appid"],
        "secret": api.facts["app_secret"],
    }
    api.token = (await api.raw("GET", "/cgi-bin/token", **query))["access_token"]
    await api.raw("GET", "/cgi-bin/token", **query)
    before = await api.get("/cgi-bin/user/get")
    await control.advance(301)
    later = await api.get("/cgi-bin/user/get")

    assert "errcode" not in before
    assert later["errcode"] == 40001


async def test_the_daily_quota_ends_at_midnight_in_shanghai_or_is_cleared(
    api: Api, world: World, control: Control
) -> None:
    world.account.limits["/cgi-bin/user/get"] = 2
    codes = [(await api.get("/cgi-bin/user/get")).get("errcode") for _ in range(3)]
    quota = await api.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/user/get"})
    await api.post("/cgi-bin/clear_quota", {"appid": api.facts["appid"]})
    cleared = await api.get("/cgi-bin/user/get")
    await api.get("/cgi-bin/user/get")
    await control.call("POST", "clock", {"set": "2026-11-24T00:00:01+08:00"})
    await api.log_in()
    next_day = await api.get("/cgi-bin/user/get")

    assert codes == [None, None, 45009]
    assert quota["quota"] == {"daily_limit": 2, "used": 3, "remain": 0}
    assert "errcode" not in cleared
    assert "errcode" not in next_day


async def test_the_quota_can_be_cleared_ten_times_a_month(api: Api) -> None:
    body = {"appid": api.facts["appid"]}
    codes = [(await api.post("/cgi-bin/clear_quota", body))["errcode"] for _ in range(11)]

    assert codes == [0] * 10 + [48006]


async def test_a_template_reaches_who_follows_and_is_shown_line_by_line(
    api: Api, world: World
) -> None:
    answer = await api.post(TEMPLATE, with_field("thing1", "3栋2单元\n1201"))

    assert answer["errcode"] == 0
    message = world.account.inbox(OPENID)[-1]
    assert message["text"] == (
        "物业缴费通知\n房屋：3栋2单元1201\n金额：580.00元\n时间：2026年11月30日"
    )
    assert (message["route"], message["url"]) == ("template", "https://x.test/a")


async def test_a_template_to_who_left_is_refused(api: Api, world: World) -> None:
    world.account.unfollow(OPENID)

    assert (await api.post(TEMPLATE, GOOD))["errcode"] == 43004


async def test_the_same_client_msg_id_is_sent_once_in_ten_minutes(
    api: Api, world: World, control: Control
) -> None:
    named = GOOD | {"client_msg_id": "D1"}
    first, again = await api.post(TEMPLATE, named), await api.post(TEMPLATE, named)
    await control.advance(601)
    later = await api.post(TEMPLATE, named)

    assert first["msgid"] == again["msgid"] != later["msgid"]
    assert len(world.account.inbox(OPENID)) == 2


async def test_a_subscription_notice_costs_one_credit(
    api: Api, control: Control, world: World
) -> None:
    accept = {"openid": OPENID, "template_id": "SUB1", "action": "accept"}
    await control.call("POST", "wechat/subscriptions", accept)
    body = GOOD | {"template_id": "SUB1"}
    codes = [(await api.post(BIZSEND, body))["errcode"] for _ in range(2)]

    assert codes == [0, 43101]
    assert world.account.inbox(OPENID)[-1]["route"] == "subscribe"


async def test_twenty_five_templates_are_the_most(api: Api) -> None:
    body = {"template_id_short": "43216", "keyword_name_list": ["房屋"]}
    path = "/cgi-bin/template/api_add_template"
    codes = [(await api.post(path, body))["errcode"] for _ in range(25)]
    listed = await api.get("/cgi-bin/template/get_all_private_template")

    assert codes == [0] * 24 + [45026]
    assert len(listed["template_list"]) == 25
    assert "errcode" not in listed


async def test_tags_are_named_once_and_hold_at_most_twenty_on_a_person(api: Api) -> None:
    made = [await api.post(TAGS + "/create", {"tag": {"name": f"{n}栋"}}) for n in range(21)]
    twice = await api.post(TAGS + "/create", {"tag": {"name": "0栋"}})
    codes = []
    for tag in made:
        body = {"tagid": tag["tag"]["id"], "openid_list": [OPENID]}
        codes.append((await api.post(TAGS + "/members/batchtagging", body))["errcode"])
    held = await api.post(TAGS + "/getidlist", {"openid": OPENID})

    assert twice["errcode"] == 45157
    assert codes == [0] * 20 + [45059]
    assert len(held["tagid_list"]) == 20


async def test_a_hundred_tags_are_the_most(api: Api) -> None:
    for n in range(100):
        await api.post(TAGS + "/create", {"tag": {"name": f"t{n}"}})

    assert (await api.post(TAGS + "/create", {"tag": {"name": "more"}}))["errcode"] == 45056


async def test_a_menu_comes_back_as_it_was_made(api: Api, control: Control) -> None:
    buttons = [
        {"type": "click", "name": "我的账单", "key": "BILLS"},
        {"name": "服务", "sub_button": [{"type": "view", "name": "官网", "url": "https://x.test"}]},
    ]
    assert (await api.post("/cgi-bin/menu/create", {"button": buttons}))["errcode"] == 0

    assert (await api.get("/cgi-bin/menu/get")) == {"menu": {"button": buttons}}
    assert await control.call("GET", "menu") == buttons
    assert (await api.get("/cgi-bin/menu/delete"))["errcode"] == 0


async def test_media_come_back_for_three_days(
    api: Api, control: Control, http: aiohttp.ClientSession
) -> None:
    def form(content: bytes) -> aiohttp.FormData:
        made = aiohttp.FormData()
        made.add_field("media", content, filename="a.png", content_type="image/png")
        return made

    token, path = await api.log_in(), "/cgi-bin/media/upload"
    sent = await api.raw("POST", path, form(b"\x89PNG12"), access_token=token, type="image")
    large = await api.raw("POST", path, form(b"x" * 65537), access_token=token, type="thumb")
    empty = await api.raw("POST", path, b"x", access_token=token, type="image")
    fresh = await api.get("/cgi-bin/media/get", media_id=sent["media_id"])
    await control.advance(4 * 86400)
    await api.log_in()
    gone = await api.get("/cgi-bin/media/get", media_id=sent["media_id"])

    assert fresh == b"\x89PNG12"
    assert (large["errcode"], empty["errcode"]) == (45001, 41005)
    assert gone["errcode"] == 40007


async def test_a_scene_gives_a_picture_of_a_code(api: Api, http: aiohttp.ClientSession) -> None:
    body = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "unit:1"}}}
    made = await api.post("/cgi-bin/qrcode/create", body)
    url = api.facts["api_base_url"] + "/cgi-bin/showqrcode"
    async with http.get(url, params={"ticket": made["ticket"]}) as drawn:
        picture = await drawn.read()
    async with http.get(url, params={"ticket": "none"}) as missing:
        assert missing.status == 404

    assert made["expire_seconds"] == 60
    assert picture.startswith(b"\x89PNG")


async def oauth(api: Api, http: aiohttp.ClientSession, **query: str) -> tuple[int, str]:
    asked = {
        "appid": api.facts["appid"],
        "redirect_uri": "http://127.0.0.1:9/pay/T?x=1",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "S",
        "sandbox_openid": OPENID,
    } | query
    url = api.facts["api_base_url"] + "/connect/oauth2/authorize"
    async with http.get(url, params=asked, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def test_oauth_sends_back_a_code_that_works_once(
    api: Api, http: aiohttp.ClientSession, control: Control
) -> None:
    status, where = await oauth(api, http)
    found = re.fullmatch(r"http://127\.0\.0\.1:9/pay/T\?x=1&code=(\w+)&state=S", where)
    assert status == 302
    assert found is not None
    asked = {
        "appid": api.facts["appid"],
        "secret": api.facts["app_secret"],
        "grant_type": "authorization_code",
        "code": found[1],
    }
    path = "/sns/oauth2/access_token"
    told = await api.raw("GET", path, **asked)
    codes = [
        (await api.raw("GET", path, **(asked | wrong)))["errcode"]
        for wrong in ({}, {"code": "0none"}, {"secret": "no"}, {"appid": "wx0"}, {"code": ""})
    ]
    _, late = await oauth(api, http)
    old_code = late.split("code=")[1].split("&")[0]
    await control.advance(301)
    codes.append((await api.raw("GET", path, **(asked | {"code": old_code})))["errcode"])

    assert (told["openid"], told["scope"]) == (OPENID, "snsapi_base")
    assert codes == [40163, 40029, 40125, 40013, 41008, 42003]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sandbox_openid": "oNobody"}, "请在微信客户端打开链接"),
        ({"appid": "wx0"}, "10012"),
        ({"redirect_uri": "https://evil.test/"}, "10003"),
        ({"scope": "all"}, "10005"),
    ],
)
async def test_oauth_shows_its_refusal_on_a_page(
    api: Api, http: aiohttp.ClientSession, wrong: dict[str, str], words: str
) -> None:
    status, shown = await oauth(api, http, **wrong)

    assert status == 200
    assert words in shown


@pytest.mark.parametrize("code", [-1, 40164, 43019, 48001, 48004, 50002])
async def test_any_other_code_can_be_ordered(api: Api, control: Control, code: int) -> None:
    await api.log_in()
    await control.call("POST", "wechat/faults", {"kind": "errcode", "code": code})

    assert (await api.post(CUSTOM, TEXT))["errcode"] == code
    assert (await api.post(CUSTOM, TEXT))["errcode"] == 45015
