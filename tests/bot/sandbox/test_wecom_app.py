"""The WeCom app of the sandbox: tokens, messages and group chats, each refusal with its code."""

import aiohttp
import pytest

from bot.sandbox.wecom import PREFIX
from bot.sandbox.world import World
from tests.bot.sandbox.clients import Control


class App:
    """A caller of the app's API."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world, self.http, self.token = world, http, ""

    async def get(self, path: str, **query: str) -> dict:
        url = f"{self.world.base_url}{PREFIX}/cgi-bin/{path}"
        async with self.http.get(url, params=query) as answer:
            return dict(await answer.json())

    async def sign_in(self, **wrong: str) -> dict:
        facts = self.world.facts()["wecom"]
        asked = {"corpid": facts["corp_id"], "corpsecret": facts["secret"]} | wrong
        found = await self.get("gettoken", **asked)
        self.token = found.get("access_token", "")
        return found

    async def post(self, path: str, body: object) -> int:
        url = f"{self.world.base_url}{PREFIX}/cgi-bin/{path}"
        async with self.http.post(url, params={"access_token": self.token}, json=body) as answer:
            return int((await answer.json())["errcode"])

    async def tell(self, touser: str, content: object = "在吗", **more: object) -> int:
        text = {"touser": touser, "msgtype": "text", "text": {"content": content}}
        return await self.post("message/send", {"agentid": 1000002, **text, **more})


@pytest.fixture
def app(world: World, http: aiohttp.ClientSession) -> App:
    world.office.add_member("zhou", "周明远")
    world.office.add_member("lin", "林涛")
    return App(world, http)


async def test_a_token_is_the_same_while_it_lasts_and_each_refusal_has_its_code(
    app: App, control: Control
) -> None:
    wrong = [await app.sign_in(corpid="ww0"), await app.sign_in(corpsecret="x")]
    missing = await app.tell("zhou")
    first, second = await app.sign_in(), await app.sign_in()
    app.token = "none"
    invalid = await app.tell("zhou")
    app.token = first["access_token"]
    await control.advance(7201)

    assert [one["errcode"] for one in wrong] == [40013, 40001]
    assert (missing, invalid, await app.tell("zhou")) == (41001, 40014, 42001)
    assert (first["access_token"], first["expires_in"]) == (second["access_token"], 7200)
    assert (await app.sign_in())["access_token"] != first["access_token"]


async def test_a_message_reaches_members_and_an_ill_formed_one_is_refused(
    app: App, control: Control
) -> None:
    await app.sign_in()

    codes = [
        await app.tell("zhou|nobody"),
        await app.tell("nobody"),
        await app.tell("zhou", agentid=7),
        await app.tell("zhou", ""),
        await app.tell("zhou", msgtype="smell"),
        await app.tell("LIN", "物" * 700),
        await app.post("smell", {}),
    ]

    assert codes == [0, 81013, 40056, 44004, 40008, 0, 40066]
    seen = await control.call("GET", "wecom/inbox/zhou")
    assert [one["text"] for one in seen] == ["在吗"]
    assert [len(one["text"]) for one in app.world.office.inbox("lin")] == [682]


async def test_a_group_chat_is_made_told_and_changed(app: App) -> None:
    await app.sign_in()
    made = {"name": "工程群", "chatid": "wy1", "userlist": ["zhou", "lin"]}
    said = {"chatid": "wy1", "msgtype": "text", "text": {"content": "巡查"}}

    codes = [
        await app.post("appchat/send", said),
        await app.post("appchat/create", made | {"userlist": ["zhou"]}),
        await app.post("appchat/create", made | {"userlist": ["zhou", "nobody"]}),
        await app.post("appchat/create", made | {"chatid": "不行"}),
        await app.post("appchat/create", made),
        await app.post("appchat/create", made),
        await app.post("appchat/update", {"chatid": "wy1", "del_user_list": ["lin"]}),
        await app.post("appchat/send", said),
    ]

    assert codes == [86003, 86006, 40003, 86001, 0, 86001, 86006, 0]
    told = await app.get("appchat/get", access_token=app.token, chatid="wy1")
    assert told["chat_info"]["userlist"] == ["zhou", "lin"]
    assert [one["text"] for one in app.world.robots.messages("工程群")] == ["巡查"]
    assert "工程群" in app.world.robots.seen_groups()
    assert "工程群" not in app.world.robots.groups()


async def test_a_member_stands_on_the_phone_beside_those_of_the_account(
    app: App, control: Control, http: aiohttp.ClientSession
) -> None:
    await app.sign_in()
    await app.tell("zhou", "新工单")
    phone = f"{app.world.base_url}/_sandbox/phone"

    async with http.get(f"{phone}/start") as answer:
        start = await answer.json()
    async with http.get(f"{phone}/conversation/wecom:zhou") as answer:
        spoken = await answer.json()
    async with http.get(f"{phone}/conversation/wecom:nobody") as answer:
        assert answer.status == 404
    said = {"userid": "nobody", "text": "在吗"}
    assert await control.refused("POST", "wecom/messages", said) == 400

    shown = next(one for one in start["people"] if one["openid"] == "wecom:zhou")
    assert (shown["name"], shown["at_work"], shown["bound"]) == ("周明远", True, False)
    assert start["last"]["wecom:zhou"]["text"] == "新工单"
    assert [one["route"] for one in spoken] == ["app"]
