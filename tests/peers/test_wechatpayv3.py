"""PyPI wechatpayv3 drives the sandbox's WeChat Pay, reads its notices and judges our requests."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import SignType, WeChatPay, WeChatPayType
from wechatpayv3.utils import load_private_key, rsa_verify

from bot.gateways.wechat_pay import Config, Gateway
from storage.ports.payments import (
    PaymentAsk,
    PaymentFact,
    PaymentState,
    RefundAsk,
    TradeKind,
    WebhookRequest,
)
from tests.peers.stage import Sandbox, Sent, sandbox

OPENID = "oPeer0000000000000000000001"
AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


class Peer:
    """The other author's client, in one of its two modes, before the sandbox."""

    def __init__(self, stage: Sandbox, mode: str, folder: Path) -> None:
        facts = stage.world.facts()["wechat_pay"]
        self.stage, self.facts = stage, facts
        self.merchant_key = Path(facts["merchant_private_key_file"]).read_text()
        trust: dict[str, Any] = {"cert_dir": str(folder)}
        if mode == "public_key":
            public = Path(facts["platform_public_key_file"]).read_text()
            trust = {"public_key": public, "public_key_id": facts["platform_public_key_id"]}
        else:  # with a certificate at hand it asks for none while it is made
            kept = folder / f"{facts['platform_serial']}.pem"
            kept.write_bytes(Path(facts["platform_certificate_file"]).read_bytes())
        self.client = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=facts["mchid"],
            private_key=self.merchant_key,
            cert_serial_no=facts["merchant_serial"],
            appid=facts["appid"],
            apiv3_key=facts["api_v3_key"],
            notify_url=stage.world.base_url + "/notify",
            timeout=(5, 10),
            **trust,
        )
        self.client._core._gate_way = facts["base_url"].rstrip("/")

    async def call(self, name: str, **words: Any) -> tuple[int, Any]:
        """Have the client make a call; return the status and what it read."""
        status, text = await self.stage.of(getattr(self.client, name), **words)
        return status, json.loads(text) if text else None

    async def order(self, number: str = "PEER0001", fen: int = 58000) -> tuple[int, Any]:
        return await self.call(
            "pay",
            description="物业费 2026年11月",
            out_trade_no=number,
            amount={"total": fen, "currency": "CNY"},
            payer={"openid": OPENID},
        )

    async def pay(self, number: str = "PEER0001") -> Sent:
        """Let the payer pay; return the notice of it."""
        await self.stage.world.pay.pay_order(number)
        await self.stage.world.clock.settle_platforms()
        return await self.stage.notice()


@pytest.fixture(params=["certificate", "public_key"])
async def peer(
    request: pytest.FixtureRequest, sandbox_folder: Path, tmp_path: Path
) -> AsyncIterator[Peer]:
    folder = tmp_path / "certificates"
    folder.mkdir()
    async with sandbox(sandbox_folder) as stage:
        stage.world.account.add_person("李女士", OPENID)
        yield Peer(stage, request.param, folder)


async def test_the_peer_orders_queries_and_closes(peer: Peer) -> None:
    made = await peer.order()
    found = await peer.call("query", out_trade_no="PEER0001")
    closed = await peer.call("close", out_trade_no="PEER0001")
    after = await peer.call("query", out_trade_no="PEER0001")

    assert made[0] == 200
    assert made[1]["prepay_id"].startswith("wx")
    assert (found[0], found[1]["trade_state"]) == (200, "NOTPAY")
    assert closed == (204, None)
    assert after[1]["trade_state"] == "CLOSED"


async def test_the_peer_is_refused_as_by_wechat(peer: Peer) -> None:
    unknown = await peer.call("query", out_trade_no="PEER0009")
    nothing = await peer.order(fen=0)
    await peer.order()
    other = await peer.order(fen=57999)

    assert (unknown[0], unknown[1]["code"]) == (404, "ORDER_NOT_EXIST")
    assert (nothing[0], nothing[1]["code"]) == (400, "PARAM_ERROR")
    assert other[0] in (400, 403)


async def test_the_peer_reads_our_notices_and_is_refunded(peer: Peer) -> None:
    await peer.order()
    notice = await peer.pay()
    paid = peer.client.callback(notice.headers, notice.body)
    amount = {"refund": 8000, "total": 58000, "currency": "CNY"}
    asked = {"out_trade_no": "PEER0001", "out_refund_no": "RPEER0001", "amount": amount}
    begun = await peer.call("refund", **asked)
    again = await peer.call("refund", **asked)
    peer.stage.world.pay.refunds.decide("RPEER0001", "success")
    await peer.stage.world.clock.settle_platforms()
    told = await peer.stage.notice()
    ended = await peer.call("query_refund", out_refund_no="RPEER0001")

    assert paid["event_type"] == "TRANSACTION.SUCCESS"
    assert paid["resource"]["amount"]["total"] == 58000
    assert paid["resource"]["out_trade_no"] == "PEER0001"
    assert (begun[0], begun[1]["status"]) == (200, "PROCESSING")
    assert again[1]["refund_id"] == begun[1]["refund_id"]
    assert (ended[0], ended[1]["status"]) == (200, "SUCCESS")
    back = peer.client.callback(told.headers, told.body)
    assert (back["event_type"], back["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")


async def test_a_notice_that_was_touched_or_signed_by_a_stranger_is_refused_by_the_peer(
    peer: Peer,
) -> None:
    await peer.order()
    genuine = await peer.pay()
    await peer.order("PEER0002")
    await peer.stage.plant("wechat_pay", kind="wrong_signature")
    stranger = await peer.pay("PEER0002")
    touched = genuine.body.replace(b"encrypt-resource", b"encrypt-resourcE")

    assert peer.client.callback(genuine.headers, genuine.body)
    assert peer.client.callback(genuine.headers, touched) is None
    assert peer.client.callback(stranger.headers, stranger.body) is None


async def test_a_reply_signed_by_a_stranger_is_refused_by_the_peer(peer: Peer) -> None:
    await peer.stage.plant("wechat_pay", kind="wrong_signature", on="answer")

    with pytest.raises(Exception, match="failed to verify the signature"):
        await peer.order()


async def test_the_peer_asks_for_yesterdays_bill(peer: Peer) -> None:
    yesterday = (datetime.now(UTC) + timedelta(hours=8) - timedelta(days=1)).date()
    none = await peer.call("trade_bill", bill_date=yesterday.isoformat())
    wrong = await peer.call("trade_bill", bill_date="2026-02-30")

    assert none[0] == 400
    assert none[1]["code"] in ("NO_STATEMENT_EXIST", "STATEMENT_CREATING")
    assert (wrong[0], wrong[1]["code"]) == (400, "PARAM_ERROR")


@pytest.fixture
def ours(peer: Peer) -> Gateway:
    """Our own adapter before the same sandbox."""
    facts = peer.facts
    config = Config(
        name="demo",
        mchid=facts["mchid"],
        app_id=facts["appid"],
        api_v3_key=facts["api_v3_key"],
        merchant_serial=facts["merchant_serial"],
        merchant_private_key_file=Path(facts["merchant_private_key_file"]),
        platform_public_key_file=Path(facts["platform_public_key_file"]),
        platform_public_key_id=facts["platform_public_key_id"],
        platform_certificate_file=Path(facts["platform_certificate_file"]),
        base_url=facts["base_url"],
        notify_url=peer.stage.world.base_url + "/notify",
    )
    return Gateway(config, peer.stage.http, now=lambda: datetime.now(UTC))


async def test_the_peers_verifier_accepts_every_request_of_ours_and_no_touched_one(
    peer: Peer, ours: Gateway
) -> None:
    now = datetime.now(UTC)
    ask = PaymentAsk(
        "OURS0001",
        now,
        58000,
        '3栋2单元501 物业费 {"1": 100%}',
        now + timedelta(hours=1),
        TradeKind.JSAPI,
        OPENID,
    )
    await ours.create(ask)
    await peer.stage.world.pay.pay_order("OURS0001")
    await ours.query("OURS0001", now)
    await ours.refund(RefundAsk("ROURS0001", "OURS0001", now, 8000, 58000, "多缴了"))
    await ours.query_refund("ROURS0001", "OURS0001", now)
    sent = [one for one in peer.stage.asked if "Authorization" in one.headers]
    key = load_private_key(peer.merchant_key).public_key()

    assert [one.method for one in sent] == ["POST", "GET", "POST", "GET"]
    for one in sent:
        said = dict(AUTHORIZATION.findall(one.headers["Authorization"]))
        # Its message of a notice is three lines; of a request the first two come before them.
        first = f"{one.method}\n{one.target}\n{said['timestamp']}"
        proof = (first, said["nonce_str"], one.body.decode(), said["signature"], key)
        assert said["serial_no"] == peer.facts["merchant_serial"]
        assert rsa_verify(*proof)
        assert not rsa_verify(first, said["nonce_str"], one.body.decode() + " ", *proof[3:])


async def test_the_peer_signs_for_the_payers_phone_as_we_do(peer: Peer, ours: Gateway) -> None:
    now = datetime.now(UTC)
    ask = PaymentAsk(
        "OURS0002", now, 58000, "物业费", now + timedelta(hours=1), TradeKind.JSAPI, OPENID
    )
    fields = ours.bridge_fields(await ours.create(ask))
    parts = [fields[name] for name in ("appId", "timeStamp", "nonceStr", "package")]

    assert fields["paySign"] == peer.client.sign(parts, SignType.RSA_SHA256)
    public = load_private_key(peer.merchant_key).public_key()
    first, nonce, package = "\n".join(parts[:2]), parts[2], parts[3]
    assert rsa_verify(first, nonce, package, fields["paySign"], public)


async def test_we_hear_what_the_peer_was_told(peer: Peer, ours: Gateway) -> None:
    await peer.order()
    notice = await peer.pay()
    theirs = peer.client.callback(notice.headers, notice.body)["resource"]
    headers = {name.lower(): one for name, one in notice.headers.items()}
    fact = ours.read_webhook(WebhookRequest(headers, notice.body), now=datetime.now(UTC))

    assert isinstance(fact, PaymentFact)
    assert (fact.order_no, fact.state) == (theirs["out_trade_no"], PaymentState.PAID)
    assert fact.amount_fen == theirs["amount"]["total"]
    assert fact.transaction_id == theirs["transaction_id"]
