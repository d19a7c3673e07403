"""PyPI python-alipay-sdk drives the sandbox's Alipay, and its verifier judges both sides."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import alipay
import pytest
from alipay import AliPay, DCAliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from yarl import URL

from bot.gateways.alipay import Alipay, Config
from storage.ports.payments import (
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    TradeKind,
    WebhookRequest,
)
from tests.peers.stage import Sandbox, Sent, sandbox

# The client reads certificates by calls of pyOpenSSL that are going out of use.
pytestmark = pytest.mark.filterwarnings("ignore:X509.*:DeprecationWarning")

BROWSER = {"User-Agent": "Mozilla/5.0 Chrome/126.0 Mobile"}


class BeijingTime(datetime):
    """The client writes its machine's time as if it were that of Beijing."""

    @classmethod
    def now(cls, tz: Any = None) -> "BeijingTime":
        return super().now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)


class Peer:
    """The other author's client, in one of its two modes, before the sandbox."""

    def __init__(self, stage: Sandbox, mode: str) -> None:
        facts = stage.world.facts()["alipay"]
        self.stage, self.facts, self.mode = stage, facts, mode
        common = {
            "appid": facts["app_id"],
            "app_notify_url": stage.world.base_url + "/notify",
            "app_private_key_string": self.text("app_private_key_file"),
        }
        if mode == "key":
            self.client: Any = AliPay(
                **common, alipay_public_key_string=self.text("alipay_public_key_file")
            )
        else:
            self.client = DCAliPay(
                **common,
                app_public_key_cert_string=self.text("app_certificate_file"),
                alipay_public_key_cert_string=self.text("alipay_certificate_file"),
                alipay_root_cert_string=self.text("alipay_root_certificate_file"),
            )
        self.client._gateway = facts["gateway_url"]

    def text(self, name: str) -> str:
        return Path(self.facts[name]).read_text()

    async def call(self, name: str, **words: Any) -> dict[str, Any]:
        """Have the client make a call; return what it read once it believed the signature."""
        found: dict[str, Any] = await self.stage.of(
            getattr(self.client, f"api_alipay_{name}"), **words
        )
        return found

    async def open_cashier(self, query: str) -> str:
        """Open what the client signed in a browser; return the cashier's address."""
        url = URL(f"{self.facts['gateway_url']}?{query}", encoded=True)
        async with self.stage.http.get(url, headers=BROWSER) as page:
            assert "580.00" in await page.text()
            return str(page.url)

    async def pay(self, number: str = "PEER0001") -> dict[str, str]:
        """Order, reach the cashier and pay by its button; return the notice's form."""
        words = {"subject": "物业费 2026年11月", "total_amount": "580.00"}
        query = self.client.api_alipay_trade_wap_pay(
            **words,
            out_trade_no=number,
            product_code="QUICK_WAP_WAY",
            return_url=self.stage.world.base_url + "/back",
        )
        address = await self.open_cashier(query)
        async with self.stage.http.post(address + "/pay") as response:
            assert "支付成功" in await response.text()
        return form_of(await self.stage.notice())


def form_of(sent: Sent) -> dict[str, str]:
    return dict(parse_qsl(sent.body.decode(), strict_parsing=True))


def is_genuine(client: Any, form: dict[str, str]) -> bool:
    told = dict(form)
    return bool(client.verify(told, told.pop("sign")))


@pytest.fixture(params=["key", "certificate"])
async def peer(
    request: pytest.FixtureRequest, sandbox_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Peer]:
    monkeypatch.setattr(alipay, "datetime", BeijingTime)
    async with sandbox(sandbox_folder, answer="success") as stage:
        yield Peer(stage, request.param)


async def test_the_peer_pays_queries_and_gives_back(peer: Peer) -> None:
    before = await peer.call("trade_query", out_trade_no="PEER0001")
    await peer.pay()
    found = await peer.call("trade_query", out_trade_no="PEER0001")
    asked = {"out_trade_no": "PEER0001", "refund_amount": "80.00", "out_request_no": "R1"}
    back = await peer.call("trade_refund", **asked, refund_reason="多缴")
    again = await peer.call("trade_refund", **asked, refund_reason="多缴")
    told = await peer.call(
        "trade_fastpay_refund_query", out_trade_no="PEER0001", out_request_no="R1"
    )

    assert (before["code"], before["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (found["code"], found["trade_status"]) == ("10000", "TRADE_SUCCESS")
    assert found["total_amount"] == "580.00"
    assert (back["fund_change"], back["refund_fee"]) == ("Y", "80.00")
    assert again["fund_change"] == "N"
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "80.00")


async def test_the_peer_closes_an_order_that_was_opened(peer: Peer) -> None:
    query = peer.client.api_alipay_trade_page_pay(
        subject="物业费", out_trade_no="PEER0002", total_amount="580.00"
    )
    await peer.open_cashier(query)
    closed = await peer.call("trade_close", out_trade_no="PEER0002")
    after = await peer.call("trade_query", out_trade_no="PEER0002")

    assert (closed["code"], closed["out_trade_no"]) == ("10000", "PEER0002")
    assert after["trade_status"] == "TRADE_CLOSED"


async def test_the_peer_accepts_our_notices_and_refuses_forged_ones(peer: Peer) -> None:
    paid = await peer.pay()
    await peer.stage.plant("alipay", kind="wrong_signature")
    stranger = await peer.pay("PEER0003")

    assert is_genuine(peer.client, paid)
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "580.00")
    assert not is_genuine(peer.client, paid | {"total_amount": "0.01"})
    assert not is_genuine(peer.client, paid | {"unsigned": "1"})
    assert not is_genuine(peer.client, stranger)
    with pytest.raises(AliPayException, match="Unknown sign type"):
        is_genuine(peer.client, paid | {"sign_type": "RSA"})


async def test_an_answer_signed_by_a_stranger_is_refused_by_the_peer(peer: Peer) -> None:
    await peer.stage.plant("alipay", kind="wrong_signature", on="answer")

    with pytest.raises(AliPayValidationError):
        await peer.call("trade_query", out_trade_no="PEER0001")


@pytest.fixture
def ours(peer: Peer) -> Alipay:
    """Our own adapter before the same sandbox, in the peer's mode."""
    facts = peer.facts
    trust: dict[str, Any] = {"alipay_public_key_file": Path(facts["alipay_public_key_file"])}
    if peer.mode == "certificate":
        trust = {
            name: Path(facts[name])
            for name in (
                "app_certificate_file",
                "alipay_certificate_file",
                "alipay_root_certificate_file",
            )
        }
    config = Config(
        name="demo",
        app_id=facts["app_id"],
        seller_id=facts["seller_id"],
        app_private_key_file=Path(facts["app_private_key_file"]),
        gateway_url=facts["gateway_url"],
        notify_url=peer.stage.world.base_url + "/notify",
        **trust,
    )
    return Alipay(config, peer.stage.http, now=lambda: datetime.now(UTC))


def asked_for(number: str) -> PaymentAsk:
    now = datetime.now(UTC)
    words = '金桂苑 3+2 {"1": 100%} 物业费'
    return PaymentAsk(number, now, 58000, words, now + timedelta(hours=1), TradeKind.H5)


async def test_the_peer_signs_each_request_of_ours_as_we_did(peer: Peer, ours: Alipay) -> None:
    now = datetime.now(UTC)
    address = (await ours.create(asked_for("OURS0001"))).pay_url
    async with peer.stage.http.get(URL(address, encoded=True), headers=BROWSER) as page:
        cashier = str(page.url)
    async with peer.stage.http.post(cashier + "/pay"):
        pass
    await ours.query("OURS0001", now)
    await ours.refund(RefundAsk("ROURS0001", "OURS0001", now, 8000, 58000, "多缴了"))
    await ours.query_refund("ROURS0001", "OURS0001", now)

    path = urlsplit(peer.facts["gateway_url"]).path
    sent = [one for one in peer.stage.asked if urlsplit(one.target).path == path]
    forms = [dict(parse_qsl(urlsplit(one.target).query + "&" + one.body.decode())) for one in sent]
    methods = [form["method"].removeprefix("alipay.trade.") for form in forms]
    assert methods == ["query", "wap.pay", "query", "refund", "fastpay.refund.query"]
    for form in forms:
        signature = form.pop("sign")
        resigned = dict(parse_qsl(peer.client.sign_data(dict(form))))
        assert signature == resigned["sign"], form["method"]
        touched = dict(parse_qsl(peer.client.sign_data(form | {"version": "1.1"})))
        assert signature != touched["sign"]
        assert ("app_cert_sn" in form) == (peer.mode == "certificate")
        if peer.mode == "certificate":
            assert form["app_cert_sn"] == peer.client.app_cert_sn
            assert form["alipay_root_cert_sn"] == peer.client.alipay_root_cert_sn
        assert json.loads(form["biz_content"])["out_trade_no"] == "OURS0001"


async def test_we_hear_what_the_peer_was_told(peer: Peer, ours: Alipay) -> None:
    words = {"subject": "物业费", "total_amount": "580.00", "product_code": "QUICK_WAP_WAY"}
    query = peer.client.api_alipay_trade_wap_pay(**words, out_trade_no="PEER0001")
    address = await peer.open_cashier(query)
    async with peer.stage.http.post(address + "/pay"):
        pass
    notice = await peer.stage.notice()
    theirs = form_of(notice)
    headers = {name.lower(): one for name, one in notice.headers.items()}
    fact = ours.read_webhook(WebhookRequest(headers, notice.body), now=datetime.now(UTC))

    assert is_genuine(peer.client, theirs)
    assert isinstance(fact, PaymentFact)
    assert (fact.order_no, fact.state) == (theirs["out_trade_no"], PaymentState.PAID)
    assert f"{fact.amount_fen / 100:.2f}" == theirs["total_amount"]
    assert fact.transaction_id == theirs["trade_no"]
