"""Every chat channel keeps the same promises against its sandbox, which shares no code with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bot.channels.exchange import Patience, open_http
from bot.channels.registry import CHANNELS, load_channel
from bot.channels.wechat_codec import BadCallback
from bot.channels.wechat_official import WechatOfficial
from bot.channels.wechat_templates import TemplateMapping
from bot.channels.wecom import Wecom
from bot.sandbox.clock import VirtualClock
from bot.sandbox.ground import CallLog, Ground
from bot.sandbox.keys import Names
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.wechat import PREFIX, WechatApi
from bot.sandbox.wechat_push import WechatPush
from bot.sandbox.wecom import PREFIX as WECOM_PREFIX
from bot.sandbox.wecom import WecomRobots
from bot.sandbox.wecom_app import WecomApp
from bot.sandbox.wecom_push import WecomPush
from storage.errors import ChannelUnavailable
from storage.ports.chat import (
    ChatChannel,
    IncomingKind,
    IncomingMessage,
    OutgoingMessage,
    Reach,
    Route,
    Verdict,
)

BRIEF = Patience(answer=0.4)
TEMPLATE = "缴费成功通知"
TEMPLATE_LINES = "房屋：{{thing1.DATA}}\n金额：{{amount2.DATA}}\n时间：{{time3.DATA}}"
RECEIPT = OutgoingMessage(
    "PaymentSettled",
    "收到您的缴费 ¥1,580.00。",
    url="https://pay.test/receipts/abc",
    fields={"unit": "3栋2单元501", "amount": "¥1,580.00", "paid_at": "2026年11月23日 12:00"},
)


class Street:
    """The platforms, and a bot's callback that says what it is told to."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.names = Names.invent()
        self.account = OfficialAccount(ground, self.names)
        self.robots = WecomRobots(ground)
        self.office = WecomApp(ground, self.names, self.robots)
        self.office_push = WecomPush(self.office)
        self.push = WechatPush(self.account)
        self.heard: list[IncomingMessage] = []
        self.says: OutgoingMessage | None = None
        self.channel: WechatOfficial | Wecom | None = None

    async def callback(self, request: web.Request) -> web.Response:
        assert self.channel is not None
        try:
            incoming = self.channel.receive(
                request.query, await request.read(), now=self.ground.clock.now()
            )
        except BadCallback as refused:
            return web.Response(status=refused.status)
        self.heard.append(incoming)
        reply = self.channel.reply(
            incoming,
            self.says,
            timestamp=int(request.query["timestamp"]),
            nonce=request.query["nonce"],
        )
        return web.Response(body=reply)

    async def address(self, request: web.Request) -> web.Response:
        assert self.channel is not None
        echo = self.channel.verify_url(request.query)
        return web.Response(status=200 if echo else 401, body=echo)


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    clock = VirtualClock(tmp_path / "clock.json")
    street = Street(Ground(tmp_path, "", clock, CallLog(clock)))
    application = web.Application()
    application.add_routes(WechatApi(street.account).routes() + street.robots.routes())
    application.add_routes(street.office.routes())
    application.router.add_post("/wechat/demo", street.callback)
    application.router.add_post("/wecom/office", street.callback)
    application.router.add_get("/wecom/office", street.address)
    server = TestServer(application)
    await server.start_server(access_log=None)
    street.ground.base_url = str(server.make_url("")).rstrip("/")
    street.account.set_callback(f"{street.ground.base_url}/wechat/demo")
    street.office.set_callback(f"{street.ground.base_url}/wecom/office")
    yield street
    await street.ground.close()
    await server.close()
    street.account.book.close()
    street.robots.book.close()
    street.office.book.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_http() as session:
        yield session


@dataclass
class Contract:
    """One channel, somebody whom it reaches, and what she saw."""

    channel: ChatChannel
    platform: str
    recipient: str
    route: Route
    seen: Callable[[], list[str]]


class Build(Protocol):
    """Opens one kind of channel on the street."""

    def __call__(self, street: Street, http: aiohttp.ClientSession) -> Contract: ...


def open_official(street: Street, http: aiohttp.ClientSession) -> Contract:
    module, class_name = load_channel("wechat_official")
    street.account.add_template("T1", TEMPLATE, TEMPLATE_LINES)
    street.account.add_template("S1", TEMPLATE, TEMPLATE_LINES, family="subscribe")
    openid = street.account.add_person("李女士").openid
    fields = {"thing1": "unit", "amount2": "amount", "time3": "paid_at"}
    config = module.Config(
        name="demo",
        app_id=street.names.appid,
        app_secret=street.names.app_secret,
        original_id=street.names.original_id,
        token=street.names.token,
        aes_key=street.names.aes_key,
        base_url=street.ground.base_url + PREFIX,
        oauth_url=street.ground.base_url + PREFIX,
        templates={"PaymentSettled": TemplateMapping("T1", fields)},
        subscribe_templates={"PaymentSettled": TemplateMapping("S1", fields)},
    )
    now = street.ground.clock.now
    street.channel = getattr(module, class_name)(config, http=http, now=now, patience=BRIEF)

    def seen() -> list[str]:
        return [f"{m['text']}\n{m['url'] or ''}" for m in street.account.inbox(openid)]

    return Contract(street.channel, "wechat", openid, Route.TEMPLATE, seen)


def open_robot(street: Street, http: aiohttp.ClientSession) -> Contract:
    module, class_name = load_channel("wecom_robot")
    config = module.Config("duty", {"值班群": street.robots.add_group("值班群")})
    now = street.ground.clock.now
    channel = getattr(module, class_name)(config, http=http, now=now, patience=BRIEF)

    def seen() -> list[str]:
        return [message["text"] for message in street.robots.messages("值班群")]

    return Contract(channel, "wecom", "值班群", Route.GROUP, seen)


def open_wecom(street: Street, http: aiohttp.ClientSession) -> Contract:
    module, class_name = load_channel("wecom")
    street.office.add_member("zhou", "周明远")
    config = module.Config(
        name="office",
        corp_id=street.names.corp_id,
        agent_id=street.names.agent_id,
        secret=street.office.secret,
        token=street.names.wecom_token,
        aes_key=street.names.wecom_aes_key,
        base_url=street.ground.base_url + WECOM_PREFIX,
    )
    now = street.ground.clock.now
    street.channel = getattr(module, class_name)(config, http=http, now=now, patience=BRIEF)

    def seen() -> list[str]:
        return [message["text"] for message in street.office.inbox("zhou")]

    return Contract(street.channel, "wecom", "zhou", Route.APP, seen)


BUILDS: dict[str, Build] = {
    "wechat_official": open_official,
    "wecom": open_wecom,
    "wecom_robot": open_robot,
}


@pytest.fixture(params=[kind for kind, _, _ in CHANNELS])
def contract(
    request: pytest.FixtureRequest, street: Street, http: aiohttp.ClientSession
) -> Contract:
    return BUILDS[request.param](street, http)


# What every channel promises


async def test_a_message_reaches_the_person_with_its_address(contract: Contract):
    channel = contract.channel

    attempt = await channel.send(contract.recipient, RECEIPT, contract.route, delivery_id="D1")

    assert attempt.verdict is Verdict.SENT, attempt.detail
    assert attempt.route is contract.route
    assert len(contract.seen()) == 1
    assert "https://pay.test/receipts/abc" in contract.seen()[0]
    assert channel.name
    assert contract.route in channel.routes_for(RECEIPT, Reach(0))


async def test_nobody_is_reached_under_an_unknown_name(contract: Contract):
    attempt = await contract.channel.send("nobody", RECEIPT, contract.route, delivery_id="D1")

    assert attempt.verdict is Verdict.GONE
    assert contract.seen() == []


async def test_a_quota_that_is_used_up_says_until_when(contract: Contract, street: Street):
    only_sending = {} if contract.route is Route.GROUP else {"path": "/send"}
    street.ground.faults.add(contract.platform, {"kind": "quota"} | only_sending)

    attempt = await contract.channel.send(
        contract.recipient, RECEIPT, contract.route, delivery_id="D1"
    )

    assert attempt.verdict in (Verdict.PAUSED, Verdict.LATER)
    assert attempt.not_before is not None
    assert attempt.not_before > street.ground.clock.now()
    assert "45009" in attempt.detail
    assert contract.seen() == []


@pytest.mark.parametrize(("kind", "arrived"), [("timeout_after", 1), ("5xx", 0), ("drop", 0)])
async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    contract: Contract, street: Street, kind: str, arrived: int
):
    street.ground.faults.add(contract.platform, {"kind": kind, "on": "answer", "path": "/send"})

    attempt = await contract.channel.send(
        contract.recipient, RECEIPT, contract.route, delivery_id="D1"
    )

    assert attempt.verdict is Verdict.UNKNOWN
    assert len(contract.seen()) == arrived


@pytest.mark.parametrize("text", ["]]>\x00\ud800😀<a href='x'>", "费" * 3000, "\n\n \n"])
async def test_no_text_makes_a_channel_raise(contract: Contract, text: str):
    route = Route.CUSTOM if contract.route is Route.TEMPLATE else contract.route

    attempt = await contract.channel.send(
        contract.recipient, OutgoingMessage("notice", text), route, delivery_id="D1"
    )

    assert attempt.verdict in (Verdict.SENT, Verdict.NOT_NOW, Verdict.BAD_CONTENT)


async def test_a_route_that_is_not_the_channels_is_not_tried(contract: Contract):
    for route in (Route.PASSIVE, Route.GROUP, Route.CUSTOM):
        if route is contract.route or (route is Route.CUSTOM and contract.platform == "wechat"):
            continue
        attempt = await contract.channel.send(contract.recipient, RECEIPT, route, delivery_id="D1")
        assert attempt.verdict is Verdict.NOT_NOW


# What the official account promises besides


@pytest.fixture
def official(street: Street, http: aiohttp.ClientSession) -> WechatOfficial:
    open_official(street, http)
    assert isinstance(street.channel, WechatOfficial)
    return street.channel


@pytest.fixture
def openid(official: WechatOfficial, street: Street) -> str:
    return street.account.people()[0].openid


async def test_a_conversation_goes_there_and_back_encrypted(street: Street, openid: str):
    street.says = OutgoingMessage("bills", "合计 ]]> ¥580.00", url="https://pay.test/pay/abc")

    delivery = await street.push.text(openid, "查账单")

    assert delivery.reply == "合计 ]]> ¥580.00\nhttps://pay.test/pay/abc"
    assert (delivery.attempts, delivery.trouble) == (1, None)
    heard = street.heard[0]
    assert (heard.kind, heard.text, heard.sender) == (IncomingKind.TEXT, "查账单", openid)


async def test_events_are_heard_and_answered_with_success(street: Street, openid: str):
    for event, key in (("unsubscribe", ""), ("subscribe", "qrscene_7"), ("CLICK", "bills")):
        delivery = await street.push.event(openid, event, key)
        assert (delivery.reply, delivery.trouble) == (None, None)

    kinds = [IncomingKind.UNFOLLOW, IncomingKind.FOLLOW, IncomingKind.CLICK]
    assert [heard.kind for heard in street.heard] == kinds
    assert [heard.text for heard in street.heard] == ["", "7", "bills"]


async def test_a_push_with_a_wrong_signature_is_not_heard(street: Street, openid: str):
    street.push.attempts = 1
    street.ground.faults.add("wechat", {"kind": "wrong_signature", "on": "notice"})

    delivery = await street.push.text(openid, "查账单")

    assert delivery.trouble == "HTTP 401"
    assert street.heard == []


async def test_the_window_of_five_messages_is_the_platforms(
    official: WechatOfficial, street: Street, openid: str
):
    async def custom() -> Verdict:
        return (await official.send(openid, RECEIPT, Route.CUSTOM, delivery_id="D1")).verdict

    before = await custom()
    await street.push.text(openid, "在吗")
    within = [await custom() for _ in range(6)]

    assert before is Verdict.NOT_NOW
    assert within == [Verdict.SENT] * 5 + [Verdict.NOT_NOW]


@pytest.mark.parametrize("delivery_id", ["D1", "delivery:" + "7" * 60])
async def test_a_template_sent_again_under_its_id_is_shown_once(
    official: WechatOfficial, street: Street, openid: str, delivery_id: str
):
    street.ground.faults.add("wechat", {"kind": "timeout_after", "path": "/template/send"})

    attempts = [
        await official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id=delivery_id)
        for _ in range(2)
    ]
    other = await official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id=delivery_id + "8")

    assert [a.verdict for a in attempts] == [Verdict.UNKNOWN, Verdict.SENT]
    assert other.platform_message_id != attempts[1].platform_message_id
    assert len(street.account.inbox(openid)) == 2


async def test_the_report_on_a_template_names_the_message_it_is_about(
    official: WechatOfficial, street: Street, openid: str
):
    attempt = await official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id="D1")
    due = street.push.next_due()
    assert due is not None

    await street.push.run_due(due)

    heard = street.heard[0]
    assert heard.kind is IncomingKind.DELIVERY
    assert heard.report == {"message_id": attempt.platform_message_id, "state": "success"}


async def test_a_subscription_notice_uses_up_its_credit(
    official: WechatOfficial, street: Street, openid: str
):
    async def notice() -> Verdict:
        return (await official.send(openid, RECEIPT, Route.SUBSCRIBE, delivery_id="D1")).verdict

    street.account.grant(openid, "S1", 1)
    verdicts = [await notice(), await notice()]
    due = street.push.next_due()
    assert due is not None
    await street.push.run_due(due)

    assert verdicts == [Verdict.SENT, Verdict.NOT_NOW]
    assert street.heard[0].kind is IncomingKind.DELIVERY
    assert street.heard[0].report["state"] == "success"


async def test_who_left_is_gone(official: WechatOfficial, street: Street, openid: str):
    street.account.unfollow(openid)

    attempt = await official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id="D1")

    assert attempt.verdict is Verdict.GONE


async def test_fifty_messages_survive_a_token_that_is_revoked(
    official: WechatOfficial, street: Street, openid: str
):
    await official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id="first")
    clock = street.ground.clock
    await clock.advance_to(clock.now() + timedelta(minutes=1))
    street.account.kill_tokens()

    attempts = await asyncio.gather(
        *(official.send(openid, RECEIPT, Route.TEMPLATE, delivery_id=f"D{n}") for n in range(50))
    )

    assert {attempt.verdict for attempt in attempts} == {Verdict.SENT}
    asked = [call for call in street.ground.calls.after(0) if call["path"].endswith("stable_token")]
    assert len(asked) == 3


async def test_a_menu_is_published_and_a_bad_one_is_refused(
    official: WechatOfficial, street: Street
):
    buttons = [{"type": "click", "name": "我的账单", "key": "bills"}]

    assert await official.menu() == []
    await official.publish_menu(buttons)

    assert await official.menu() == buttons == street.account.menu()
    with pytest.raises(ChannelUnavailable, match="40018"):
        await official.publish_menu([{"type": "click", "name": "名" * 40, "key": "x"}])


async def test_a_visitor_of_the_pay_page_is_known_by_her_code_once(
    official: WechatOfficial, street: Street, openid: str, http: aiohttp.ClientSession
):
    url = await official.authorize_url(street.ground.base_url + "/pay/abc?x=1", "s1")
    async with http.get(
        url, headers={"X-Sandbox-Openid": openid}, allow_redirects=False
    ) as redirect:
        location = URL(redirect.headers["Location"])

    assert location.query["state"] == "s1"
    assert await official.openid_from_code(location.query["code"]) == openid
    assert await official.openid_from_code(location.query["code"]) == ""
    assert await official.openid_from_code("no such code") == ""


# What the WeCom app promises besides


@pytest.fixture
def office(street: Street, http: aiohttp.ClientSession) -> Wecom:
    open_wecom(street, http)
    assert isinstance(street.channel, Wecom)
    return street.channel


def codes_of(street: Street, path: str) -> list[str]:
    return [call["path"] for call in street.ground.calls.after(0) if call["path"].endswith(path)]


async def test_a_member_talks_to_the_app_and_is_answered_encrypted(office: Wecom, street: Street):
    street.says = OutgoingMessage("today", "今天 ]]> 3 件事", url="https://pay.test/console")

    assert await street.office_push.check_address()
    delivery = await street.office_push.text("zhou", "今日")
    silent = [
        await street.office_push.event("zhou", name) for name in ("enter_agent", "unsubscribe")
    ]

    assert (delivery.reply, delivery.trouble) == ("今天 ]]> 3 件事\nhttps://pay.test/console", None)
    assert [(one.reply, one.trouble) for one in silent] == [(None, None)] * 2
    heard = [(one.kind, one.text, one.sender, one.account) for one in street.heard]
    assert heard[0] == (IncomingKind.TEXT, "今日", "zhou", "office")
    assert [kind for kind, *_ in heard[1:]] == [IncomingKind.VIEW, IncomingKind.UNFOLLOW]


async def test_a_forged_a_stale_and_a_foreign_call_are_not_heard(office: Wecom, street: Street):
    push = street.office_push
    push.attempts = 1
    street.ground.faults.add("wecom", {"kind": "wrong_signature", "on": "notice"})
    forged = await push.text("zhou", "今日")
    whole: dict[str, str | int] = {
        "FromUserName": "zhou",
        "MsgType": "text",
        "Content": "今日",
        "MsgId": 1,
    }
    whole |= {"ToUserName": street.names.corp_id, "CreateTime": 1_790_000_000}
    now = street.ground.clock.now()

    def refusal(query: dict[str, str], body: str, hours: int = 0) -> int:
        with pytest.raises(BadCallback) as refused:
            office.receive(query, body.encode(), now=now + timedelta(hours=hours))
        return refused.value.status

    assert forged.trouble == "unreadable: HTTP 401"
    assert refusal(*push.sealed(whole | {"AgentID": 7})) == 400
    mine, theirs = push.sealed(whole), push.sealed(whole | {"Content": "待审批"})
    assert refusal(mine[0], theirs[1]) == 401
    assert refusal(*mine, hours=1) == 403
    other = WecomPush(street.office)
    other.safe = replace(push.safe, receiver="ww0000000000000000")
    assert refusal(*other.sealed(whole)) == 400
    assert office.verify_url(mine[0] | {"echostr": "abc"}) is None
    assert street.heard == []


async def test_a_refused_token_is_fetched_once_and_what_is_repeated_is_shown_once(
    office: Wecom, street: Street
):
    async def round_of_duty() -> Verdict:
        message = OutgoingMessage("notice", "巡查")
        return (await office.send("zhou", message, Route.APP, delivery_id="D2")).verdict

    await office.send("zhou", RECEIPT, Route.APP, delivery_id="D1")
    street.ground.faults.add("wecom", {"kind": "timeout_after", "path": "/message/send"})
    lost = await round_of_duty()
    street.office.kill_tokens()
    again = await round_of_duty()

    assert (lost, again) == (Verdict.UNKNOWN, Verdict.SENT)
    assert [one["text"] for one in street.office.inbox("zhou")].count("巡查") == 1
    assert len(codes_of(street, "gettoken")) == 2


@pytest.mark.parametrize(
    ("code", "verdict", "waits"),
    [
        (60011, Verdict.PAUSED, True),
        (60020, Verdict.PAUSED, True),
        (40056, Verdict.PAUSED, True),
        (45009, Verdict.PAUSED, True),
        (45033, Verdict.LATER, True),
        (81013, Verdict.GONE, False),
        (60111, Verdict.GONE, False),
        (44004, Verdict.BAD_CONTENT, False),
        (99999, Verdict.BAD_CONTENT, False),
        (-1, Verdict.UNKNOWN, False),
    ],
)
async def test_each_code_of_the_app_says_what_is_done_next(
    office: Wecom, street: Street, code: int, verdict: Verdict, *, waits: bool
):
    street.ground.faults.add("wecom", {"kind": "errcode", "code": code, "path": "/message/send"})

    attempt = await office.send("zhou", RECEIPT, Route.APP, delivery_id="D1")
    after = await office.send("zhou", RECEIPT, Route.APP, delivery_id="D1")

    assert (attempt.verdict, str(code) in attempt.detail) == (verdict, True)
    assert (attempt.not_before is not None) is waits
    assert after.verdict is (Verdict.PAUSED if verdict is Verdict.PAUSED else Verdict.SENT)


async def test_a_member_is_told_at_most_thirty_times_a_minute_and_nothing_is_dropped(
    office: Wecom, street: Street
):
    notes = [OutgoingMessage("notice", f"第{n}条") for n in range(31)]
    attempts = [await office.send("zhou", one, Route.APP, delivery_id="D") for one in notes]
    last = attempts[-1]
    assert last.not_before is not None
    await street.ground.clock.advance_to(last.not_before)
    late = await office.send("zhou", notes[-1], Route.APP, delivery_id="D")

    assert [one.verdict for one in attempts] == [Verdict.SENT] * 30 + [Verdict.LATER]
    assert late.verdict is Verdict.SENT
    assert len(street.office.inbox("zhou")) == 31


async def test_a_wrong_secret_is_asked_with_once(street: Street, http: aiohttp.ClientSession):
    open_wecom(street, http)
    channel = street.channel
    assert isinstance(channel, Wecom)
    street.office.book.keep("secret", "another")

    attempts = [await channel.send("zhou", RECEIPT, Route.APP, delivery_id="D") for _ in range(5)]

    assert {one.verdict for one in attempts} == {Verdict.PAUSED}
    assert len(codes_of(street, "gettoken")) == 1
