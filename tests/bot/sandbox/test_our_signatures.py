"""Take away any one of our signatures and the main job fails at the platform, or at our door.

The whole way is gone on both sides: she asks in chat, opens the link inside WeChat, pays by the
bridge, reads her receipt and gets her money back. Each test takes one signature away.
"""

import html
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from sqlalchemy import select

from bot.channels.exchange import open_http
from bot.channels.wechat_codec import Codec
from bot.channels.wechat_official import Config as AccountConfig
from bot.channels.wechat_official import WechatOfficial
from bot.gateways.wechat_pay import Gateway
from bot.gateways.wechat_pay_config import Config as GatewayConfig
from bot.gateways.wechat_pay_crypto import Keyring, Signer
from bot.gateways.wechat_pay_wire import Wire
from bot.sandbox.pay_book import Trade
from bot.sandbox.wechat_push import APOLOGY
from bot.sandbox.world import World
from bot.web.seals import Seals
from bot.web.server import build, runner
from handlers import registry
from handlers.deps import HandlerDeps
from handlers.router import Router
from handlers.understanding.recogniser import Recogniser
from storage.database import Database
from storage.errors import GatewayUnavailable
from storage.links import Links
from storage.models.messages import inbox
from storage.models.payments import payments
from storage.ports.payments import RefundAsk, RefundState
from tests.bot.sandbox.clients import Control
from tests.bot.web.test_checkout import WECHAT, ticks
from tests.bot.web.town import SECRET, settle

LI = "openid-3-2-501"
OWED_FEN = 54_441


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


class Journey:
    """The main job, step by step; `at` is the step that is being tried."""

    STEPS = ("ask", "open", "be_known", "press", "bridge", "pay", "receipt", "refund")

    def __init__(self, world: World, control: Control, gateway: Gateway, db: Database) -> None:
        self.world, self.control, self.gateway, self.db = world, control, gateway, db
        self.link, self.order_no, self.receipt_url = "", "", ""
        self.bridge_fields: dict[str, str] = {}
        self.chosen: list[str] = []
        self.phone = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers=WECHAT | {"X-Sandbox-Openid": LI},
        )

    async def go(self) -> str:
        """Go all the way; return the step that failed, "" where the money came back."""
        for step in self.STEPS:
            if not await getattr(self, step)():
                return step
        return ""

    async def ask(self) -> bool:
        told = await self.control.call("POST", "wechat/messages", {"openid": LI, "text": "缴费"})
        found = re.search(r"http://\S+/pay/[\w-]+", told["reply"] or "")
        self.link = found.group() if found else ""
        assert bool(found) == (told["reply"] != APOLOGY)
        return bool(found)

    async def open(self) -> bool:
        async with self.phone.get(self.link, allow_redirects=False) as page:
            return page.status == 302 and "/connect/oauth2/authorize" in page.headers["Location"]

    async def be_known(self) -> bool:
        async with self.phone.get(self.link) as page:
            text = await page.text()
            self.chosen = ticks(text)
            return page.status == 200 and "没能确认您的微信身份" not in text

    async def press(self) -> bool:
        fields = [("bill", one) for one in self.chosen] + [("gateway", "wechat_pay")]
        async with self.phone.post(self.link, data=fields) as page:
            text = await page.text()
        shown = re.search(r'data-bridge="([^"]+)"', text)
        self.bridge_fields = json.loads(html.unescape(shown[1])) if shown else {}
        orders = self.world.pay.book.orders()
        self.order_no = orders[0]["order_no"] if orders else ""
        assert bool(orders) == bool(shown)
        return bool(orders)

    async def bridge(self) -> bool:
        found = self.world.pay.check_bridge(self.bridge_fields)
        return isinstance(found, Trade) and found.order_no == self.order_no

    async def pay(self) -> bool:
        await self.world.pay.pay_order(self.order_no, LI)
        await self.control.advance(5)
        found = await self.db.read(lambda tx: tx.execute(select(payments)).all())
        if not found:
            return False
        links = Links(SECRET, self.link.partition("/pay/")[0])
        self.receipt_url = links.receipt_url(links.receipt_token(found[0].id))
        return [one.amount_fen for one in found] == [OWED_FEN]

    async def receipt(self) -> bool:
        async with self.phone.get(self.receipt_url) as page:
            return page.status == 200 and "收据" in await page.text()

    async def refund(self) -> bool:
        ask = RefundAsk("T1", self.order_no, self.world.clock.now(), 100, OWED_FEN, "重复缴费")
        try:
            fact = await self.gateway.refund(ask)
        except GatewayUnavailable:
            return False
        booked = self.world.pay.book.refunds_of(self.order_no)
        return fact.state is RefundState.PROCESSING and [one.amount_fen for one in booked] == [100]


@pytest.fixture
async def journey(
    world: World, control: Control, db: Database, recogniser: Recogniser
) -> AsyncIterator[Journey]:
    """Give the way of one resident, with our real adapters and doors before the platforms."""
    world.account.add_person("李秀英", LI)
    base_url = f"http://127.0.0.1:{unused_port()}"
    facts = world.facts(base_url)
    town, now = await settle(db), world.clock.now
    async with open_http() as out:
        gateway = Gateway(_gateway(facts["wechat_pay"]), out, now=now)
        account = WechatOfficial(_account(facts["wechat"]), http=out, now=now)
        links = Links(SECRET, base_url)
        deps = HandlerDeps(db, world.clock, links, {"wechat_pay": gateway}, recogniser)
        parts = town.parts(
            {"demo": account},
            clock=world.clock,
            links=links,
            gateways={"wechat_pay": gateway},
            router=Router(deps, registry.INTENTS, registry.STAFF_INTENTS),
            handler_deps=deps,
            base_url=base_url,
        )
        ours = runner(build(parts))
        await ours.setup()
        await web.TCPSite(ours, "127.0.0.1", int(base_url.rpartition(":")[2])).start()
        world.account.set_callback(f"{base_url}/wechat/demo")
        made = Journey(world, control, gateway, db)
        yield made
        await made.phone.close()
        await ours.cleanup()


def _gateway(pay: dict[str, Any]) -> GatewayConfig:
    return GatewayConfig(
        name="wechat_pay",
        mchid=pay["mchid"],
        app_id=pay["appid"],
        api_v3_key=pay["api_v3_key"],
        merchant_serial=pay["merchant_serial"],
        merchant_private_key_file=Path(pay["merchant_private_key_file"]),
        platform_public_key_file=Path(pay["platform_public_key_file"]),
        platform_public_key_id=pay["platform_public_key_id"],
        platform_certificate_file=Path(pay["platform_certificate_file"]),
        base_url=pay["base_url"],
        notify_url=pay["notify_url"],
    )


def _account(wechat: dict[str, Any]) -> AccountConfig:
    return AccountConfig(
        name="demo",
        app_id=wechat["appid"],
        app_secret=wechat["app_secret"],
        original_id=wechat["original_id"],
        token=wechat["token"],
        aes_key=wechat["aes_key"],
        base_url=wechat["api_base_url"],
        oauth_url=wechat["api_base_url"],
    )


async def test_with_all_signatures_the_money_comes_back(journey: Journey):
    assert await journey.go() == ""


# What is taken away, and the step that fails then.


def _requests(patch: pytest.MonkeyPatch, where: str = "") -> None:
    signed = Signer.authorize

    def unsigned(self: Signer, method: str, path: str, body: bytes, stamp: Any) -> str:
        header = signed(self, method, path, body, stamp)
        return re.sub('signature="[^"]*"', 'signature=""', header) if where in path else header

    patch.setattr(Signer, "authorize", unsigned)


def _refund_requests(patch: pytest.MonkeyPatch) -> None:
    _requests(patch, "/refund/")


def _bridge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Wire, "sign", lambda self, *lines: "bm9ib2R5")


def _reply_signature(patch: pytest.MonkeyPatch) -> None:
    seal = Codec.seal

    def unsigned(self: Codec, xml: str, timestamp: int, nonce: str) -> bytes:
        return re.sub(rb"<MsgSignature>.*?</MsgSignature>", b"", seal(self, xml, timestamp, nonce))

    patch.setattr(Codec, "seal", unsigned)


def _reply_encryption(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Codec, "seal", lambda self, xml, timestamp, nonce: xml.encode())


def _seal(patch: pytest.MonkeyPatch, purpose: str) -> None:
    seal = Seals.seal

    def unsigned(self: Seals, about: str, text: str, **until: Any) -> str:
        sealed = seal(self, about, text, **until)
        return sealed.rpartition(".")[0] + "." if about == purpose else sealed

    patch.setattr(Seals, "seal", unsigned)


def _oauth_state(patch: pytest.MonkeyPatch) -> None:
    _seal(patch, "oauth")


def _payer_cookie(patch: pytest.MonkeyPatch) -> None:
    _seal(patch, "payer")


def _links(patch: pytest.MonkeyPatch, purpose: bytes) -> None:
    sign, mac = Links._sign, Links._mac

    def unsigned(self: Links, about: bytes, packed: bytes) -> str:
        if about != purpose:
            return sign(self, about, packed)
        with pytest.MonkeyPatch.context() as within:
            within.setattr(Links, "_mac", lambda *given: bytes(len(mac(*given))))
            return sign(self, about, packed)

    patch.setattr(Links, "_sign", unsigned)


def _pay_link(patch: pytest.MonkeyPatch) -> None:
    _links(patch, b"pay")


def _receipt_link(patch: pytest.MonkeyPatch) -> None:
    _links(patch, b"receipt")


TAKEN_AWAY = {
    "reply_signature": (_reply_signature, "ask"),
    "reply_encryption": (_reply_encryption, "ask"),
    "pay_link": (_pay_link, "open"),
    "oauth_state": (_oauth_state, "be_known"),
    "payer_cookie": (_payer_cookie, "be_known"),
    "pay_requests": (_requests, "press"),
    "bridge": (_bridge, "bridge"),
    "receipt_link": (_receipt_link, "receipt"),
    "refund_requests": (_refund_requests, "refund"),
}


@pytest.mark.parametrize("name", TAKEN_AWAY)
async def test_without_one_of_our_signatures_the_main_job_fails(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, name: str
):
    take_away, fails_at = TAKEN_AWAY[name]
    take_away(monkeypatch)

    assert await journey.go() == fails_at


# What others have to prove to us: without the proof it is refused, without our look it is believed.


def _believe_notices(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keyring, "prove", lambda *given, **more: None)


def _believe_callbacks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bot.channels.wechat_codec._same", lambda given, expected: True)


Believe = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize(("believe", "booked"), [(None, 0), (_believe_notices, 1)])
async def test_an_unproved_notice_is_booked_only_where_our_look_is_taken_away(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, believe: Believe | None, booked: int
):
    for step in Journey.STEPS[:5]:
        assert await getattr(journey, step)()
    if believe is not None:
        believe(monkeypatch)
    await journey.control.call(
        "POST", "wechat_pay/faults", {"kind": "wrong_signature", "on": "notice", "times": 99}
    )

    await journey.pay()

    found = await journey.db.read(lambda tx: tx.execute(select(payments)).all())
    assert len(found) == booked
    assert journey.world.pay.book.books()["payments"]


@pytest.mark.parametrize(("believe", "heard"), [(None, 0), (_believe_callbacks, 1)])
async def test_an_unproved_message_is_heard_only_where_our_look_is_taken_away(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, believe: Believe | None, heard: int
):
    if believe is not None:
        believe(monkeypatch)
    await journey.control.call("POST", "wechat/faults", {"kind": "wrong_signature", "on": "notice"})

    told = await journey.control.call("POST", "wechat/messages", {"openid": LI, "text": "缴费"})

    found = await journey.db.read(lambda tx: tx.execute(select(inbox)).all())
    assert len(found) == heard
    assert (told["reply"] == APOLOGY) == (heard == 0)
