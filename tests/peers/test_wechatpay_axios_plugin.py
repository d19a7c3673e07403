"""npm wechatpay-axios-plugin drives the sandbox's WeChat Pay and reads its notices."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from bot.sandbox.app import build
from bot.sandbox.world import World

HERE = Path(__file__).parent
OPENID = "oPeer0000000000000000000001"


@dataclass
class Peer:
    """The other author's client, in one of its two modes."""

    world: World
    folder: Path
    mode: str
    notices: list[dict[str, Any]]

    async def run(self, job: dict[str, Any]) -> Any:
        node = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "wechatpay_axios_plugin.cjs"),
            str(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        told, trouble = await node.communicate(json.dumps(job).encode())
        assert node.returncode == 0, trouble.decode()
        return json.loads(told)

    @property
    def platform_key(self) -> str:
        keys = self.world.keys
        is_key = self.mode == "public_key"
        return str(keys.platform_public_key_file if is_key else keys.platform_certificate_file)

    async def drive(self, *steps: str, number: str = "PEER0001", **other: Any) -> Any:
        facts = self.world.facts()["wechat_pay"]
        is_key = self.mode == "public_key"
        serial = facts["platform_public_key_id" if is_key else "platform_serial"]
        order = {
            "appid": facts["appid"],
            "mchid": facts["mchid"],
            "description": "物业费 2026年11月",
            "out_trade_no": number,
            "notify_url": self.world.base_url + "/notify",
            "amount": {"total": 58000, "currency": "CNY"},
            "payer": {"openid": OPENID},
        }
        refund = {
            "out_trade_no": number,
            "out_refund_no": "R" + number,
            "notify_url": self.world.base_url + "/notify",
            "amount": {"refund": 58000, "total": 58000, "currency": "CNY"},
        }
        client = {
            "serial": facts["merchant_serial"],
            "key": facts["merchant_private_key_file"],
            "platformSerial": serial,
            "platformKey": self.platform_key,
            "baseURL": facts["base_url"] + "/",
        }
        job = {
            "steps": steps,
            "client": client,
            "mchid": facts["mchid"],
            "order": order | other,
            "refund": refund,
            "headers": {"Wechatpay-Serial": serial} if is_key else {},
        }
        return await self.run(job)

    async def read(self, notice: dict[str, Any], **other: Any) -> Any:
        api_key = self.world.keys.names.api_v3_key
        told = notice | {"platformKey": self.platform_key, "apiKey": api_key} | other
        return await self.run({"notice": told})


@pytest.fixture(params=["certificate", "public_key"])
async def peer(
    request: pytest.FixtureRequest, node_modules: Path, tmp_path: Path
) -> AsyncIterator[Peer]:
    """A sandbox on the real time, and a client of each mode."""
    port = unused_port()
    world = World.open(tmp_path, base_url=f"http://127.0.0.1:{port}")
    world.account.add_person("李女士", OPENID)
    notices: list[dict[str, Any]] = []

    async def heard(asked: web.Request) -> web.Response:
        names = ("Timestamp", "Nonce", "Signature")
        headers = {name.lower(): asked.headers["Wechatpay-" + name] for name in names}
        notices.append({"headers": headers, "body": (await asked.read()).decode()})
        return web.Response(status=204)

    app = build(world)
    app.router.add_post("/notify", heard)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield Peer(world, node_modules, request.param, notices)
    await runner.cleanup()


async def test_the_peer_orders_queries_and_closes(peer: Peer) -> None:
    told = await peer.drive("create", "query", "close")

    assert told["create"]["data"]["prepay_id"].startswith("wx")
    assert told["query"]["data"]["trade_state"] == "NOTPAY"
    assert told["close"]["status"] == 204


async def test_the_peer_is_refused_as_by_wechat(peer: Peer) -> None:
    told = await peer.drive("query", "create", amount={"total": 0})

    assert (told["query"]["status"], told["query"]["data"]["code"]) == (404, "ORDER_NOT_EXIST")
    assert (told["create"]["status"], told["create"]["data"]["code"]) == (400, "PARAM_ERROR")


async def test_the_peer_reads_our_notices_and_is_refunded(peer: Peer) -> None:
    await peer.drive("create")
    await peer.world.pay.pay_order("PEER0001")
    await peer.world.clock.settle_platforms()
    told = await peer.drive("query", "refund", "queryRefund")
    paid = await peer.read(peer.notices[0])
    forged = {"body": peer.notices[0]["body"].replace("支付成功", "支付成了")}
    spoilt = await peer.read(peer.notices[0], **forged)
    peer.world.pay.refunds.decide("RPEER0001", "success")
    await peer.world.clock.settle_platforms()
    back = await peer.read(peer.notices[-1])

    assert told["query"]["data"].get("trade_state") == "SUCCESS", told["query"]
    assert told["refund"]["data"]["status"] == "PROCESSING"
    assert told["queryRefund"]["data"]["out_refund_no"] == "RPEER0001"
    assert (paid["verified"], spoilt["verified"]) == (True, False)
    assert paid["plain"]["amount"]["total"] == 58000
    assert (back["verified"], back["plain"]["refund_status"]) == (True, "SUCCESS")


async def test_a_reply_signed_by_a_stranger_is_refused_by_the_peer(peer: Peer) -> None:
    fault = {"kind": "wrong_signature", "on": "answer"}
    url = peer.world.control_url + "/wechat_pay/faults"
    async with aiohttp.ClientSession() as http, http.post(url, json=fault) as answer:
        assert answer.status == 200
    told = await peer.drive("create")

    assert "failed" in told["create"]["error"]
