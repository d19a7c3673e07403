"""The door of the WeCom app: proof before anything, each message once, in whatever order."""

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from bot.channels.wecom import Config, Wecom
from bot.sandbox.wechat_crypto import SafeMode, xml_of
from bot.web.devices import kind_of
from storage.models.messages import inbox
from storage.ports.payments import TradeKind
from tests.bot.channels import pushed
from tests.bot.web.conftest import Open
from tests.bot.web.town import NOW, Town

STAMP = str(int(NOW.timestamp()))
CORP = "ww1234567890abcdef"
SAFE = SafeMode(pushed.TOKEN, pushed.AES_KEY, CORP)


@pytest.fixture
async def door(town: Town, open_doors: Open):
    config = Config("office", CORP, "1000002", "s", pushed.TOKEN, pushed.AES_KEY)
    async with aiohttp.ClientSession() as http:
        app = Wecom(config, http=http, now=town.clock.now)
        yield await open_doors(town.parts(work_channels={"office": app}))


def signed(sealed: str) -> dict[str, str]:
    signature = SAFE.signature(STAMP, "1", sealed)
    return {"msg_signature": signature, "timestamp": STAMP, "nonce": "1"}


async def say(door: TestClient, text: str, number: int, path: str = "/wecom/office", **wrong: str):
    fields: dict[str, str | int] = {
        "ToUserName": CORP,
        "FromUserName": "zhou",
        "CreateTime": int(STAMP),
    }
    fields |= {"MsgType": "text", "Content": text, "MsgId": number, "AgentID": 1000002}
    sealed = SAFE.encrypt(xml_of(fields))
    body = xml_of({"ToUserName": CORP, "Encrypt": sealed, "AgentID": "1000002"})
    async with door.post(path, params=signed(sealed) | wrong, data=body.encode()) as answer:
        return answer.status, await answer.text()


async def test_a_member_is_answered_in_the_apps_cipher_and_heard_once(door: TestClient, town: Town):
    later, earlier = await say(door, "工单", 1002), await say(door, "今日", 1001)
    again = [await say(door, "今日", 1001) for _ in range(2)]

    replies = [SAFE.open_reply(body)["Content"] for _, body in (later, earlier)]
    assert replies == ["收到：工单", "收到：今日"]
    assert again == [earlier] * 2
    assert town.router.heard == ["工单", "今日"]
    wanted = select(inbox.c.account, inbox.c.openid, inbox.c.said).order_by(inbox.c.id)
    taken = await town.db.read(lambda tx: [tuple(row) for row in tx.execute(wanted)])
    assert taken == [("office", "zhou", "工单"), ("office", "zhou", "今日")]


async def test_nobody_else_is_heard_and_only_wecoms_own_check_is_echoed(
    door: TestClient, town: Town
):
    refused = [
        await say(door, "今日", 1, msg_signature="0" * 40),
        await say(door, "今日", 2, timestamp=str(int(STAMP) + 1)),
        await say(door, "今日", 3, path="/wecom/other"),
        await say(door, "今日", 4, path="/wechat/office"),
    ]
    echo = SAFE.encrypt("1616140317555161061")
    checks = []
    for query in (signed(echo), signed("forged"), {}):
        async with door.get("/wecom/office", params=query | {"echostr": echo}) as answer:
            checks.append((answer.status, await answer.text()))

    assert [status for status, _ in refused] == [401, 401, 404, 404]
    assert checks == [(200, "1616140317555161061"), (401, ""), (401, "")]
    assert town.router.heard == []


def test_wecoms_browser_is_not_asked_for_wechats_own_way_to_pay():
    phone = "Mozilla/5.0 (iPhone) Mobile wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh"

    assert kind_of(phone) is TradeKind.H5
    assert kind_of(phone.replace("wxwork/4.1.22 ", "")) is TradeKind.JSAPI
