"""npm alipay-sdk drives the sandbox's Alipay, in both modes, and checks its signatures."""

import asyncio
import json
import os
import re
import subprocess
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from yarl import URL

from bot.sandbox.app import build
from bot.sandbox.world import World

HERE = Path(__file__).parent
WAP, PAGE = "alipay.trade.wap.pay", "alipay.trade.page.pay"
PRODUCTS = {WAP: "QUICK_WAP_WAY", PAGE: "FAST_INSTANT_TRADE_PAY"}


@dataclass
class Peer:
    """The other author's client, in one of its two modes, and a browser."""

    world: World
    folder: Path
    mode: str
    http: aiohttp.ClientSession
    notices: asyncio.Queue[dict[str, str]] = field(default_factory=asyncio.Queue)
    app_id: str = ""

    async def run(self, *steps: dict[str, Any]) -> list[Any]:
        """Have the client do these steps; return what it makes of each answer."""
        facts = self.world.facts()["alipay"]
        job = {"steps": steps, "facts": facts, "mode": self.mode, "appId": self.app_id}
        node = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "alipay_sdk.cjs"),
            str(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The client writes its machine's time as if it were that of Beijing.
            env={**os.environ, "TZ": "Asia/Shanghai"},
        )
        told, trouble = await node.communicate(json.dumps(job).encode())
        assert node.returncode == 0, trouble.decode()
        found: list[Any] = json.loads(told)
        return found

    async def call(self, method: str, **biz: Any) -> Any:
        return (await self.run({"call": f"alipay.{method}", "biz": biz}))[0]

    def page(self, number: str = "PEER0001", method: str = WAP, **biz: Any) -> dict[str, Any]:
        order = {
            "out_trade_no": number,
            "total_amount": "580.00",
            "subject": '物业费 {2026"} 100% } 3+2',
            "product_code": PRODUCTS[method],
        }
        notify_url = self.world.base_url + "/notify"
        given = {"notify_url": notify_url, "return_url": self.world.base_url + "/back"}
        return {"page": method, "biz": order | biz, "given": given}

    async def open_page(self, told: str) -> tuple[str, str]:
        """Open what pageExec gave: an address, or a form that is sent."""
        browser = {"User-Agent": "Mozilla/5.0 Chrome/126.0 Mobile"}
        if told.startswith("http"):
            async with self.http.get(told, headers=browser) as response:
                return str(response.url), await response.text()
        action = re.search(r'action="([^"]+)"', told)
        assert action
        inputs = re.findall(r'name="([^"]+)" value="([^"]*)"', told)
        # In an attribute a browser leaves `&timestamp` alone: it reads no `&times` there.
        form = {name: value.replace("&quot;", '"') for name, value in inputs}
        url = URL(action[1], encoded=True)
        async with self.http.post(url, data=form, headers=browser) as response:
            return str(response.url), await response.text()

    async def pay(self, number: str = "PEER0001") -> None:
        """Order, reach the cashier and pay by its button."""
        address, text = await self.open_page(
            (await self.run(self.page(number) | {"httpMethod": "GET"}))[0]
        )
        assert "580.00" in text
        async with self.http.post(address + "/pay") as response:
            assert "支付成功" in await response.text()

    async def notice(self) -> dict[str, str]:
        """Return the next notice that was heard."""
        return await asyncio.wait_for(self.notices.get(), 10)


@pytest.fixture(params=["key", "certificate"])
async def peer(
    request: pytest.FixtureRequest, node_modules: Path, tmp_path: Path
) -> AsyncIterator[Peer]:
    """A sandbox on the real time, and a client of each mode."""
    port = unused_port()
    world = World.open(tmp_path, base_url=f"http://127.0.0.1:{port}")
    app = build(world)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    async with aiohttp.ClientSession() as http:
        found = Peer(world, node_modules, request.param, http)

        async def heard(asked: web.Request) -> web.Response:
            pairs = urllib.parse.parse_qsl((await asked.read()).decode(), strict_parsing=True)
            found.notices.put_nowait(dict(pairs))
            return web.Response(text="success")

        app.router.add_post("/notify", heard)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield found
        await runner.cleanup()


async def test_the_peer_pays_queries_and_gives_back(peer: Peer) -> None:
    before = await peer.call("trade.query", out_trade_no="PEER0001")
    await peer.pay()
    trade = {"out_trade_no": "PEER0001"}
    asked = trade | {"refund_amount": "80.00", "out_request_no": "R1", "refund_reason": "多缴"}
    found, back, told, none = await peer.run(
        {"call": "alipay.trade.query", "biz": trade},
        {"call": "alipay.trade.refund", "biz": asked},
        {"call": "alipay.trade.fastpay.refund.query", "biz": trade | {"out_request_no": "R1"}},
        {"call": "alipay.trade.fastpay.refund.query", "biz": trade | {"out_request_no": "R2"}},
    )

    assert (before["code"], before["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (found["code"], found["trade_status"]) == ("10000", "TRADE_SUCCESS"), found
    assert (back["fund_change"], back["refund_fee"]) == ("Y", "80.00"), back
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "80.00")
    assert (none["code"], none.get("refund_status")) == ("10000", None)


async def test_the_peers_form_for_a_desk_opens_the_cashier(peer: Peer) -> None:
    told = await peer.run(peer.page("PEER0002", PAGE))
    address, text = await peer.open_page(told[0])

    assert "/cashier/" in address, text
    assert "确认付款" in text
    closed = await peer.call("trade.close", out_trade_no="PEER0002")
    assert closed["out_trade_no"] == "PEER0002"


async def test_the_peer_accepts_our_notices_and_refuses_forged_ones(peer: Peer) -> None:
    await peer.pay()
    paid = await peer.notice()
    asked = {"out_trade_no": "PEER0001", "refund_amount": "80.00", "out_request_no": "R1"}
    await peer.run({"call": "alipay.trade.refund", "biz": asked})
    back = await peer.notice()
    forged = paid | {"total_amount": "0.01"}
    url = peer.world.control_url + "/alipay/faults"
    async with peer.http.post(url, json={"kind": "wrong_signature"}) as response:
        assert response.status == 200
    await peer.pay("PEER0003")
    stranger = await peer.notice()
    steps = [{"notify": one} for one in (paid, back, forged, stranger)]

    assert await peer.run(*steps) == [True, True, False, False]
    assert (back["trade_status"], back["refund_fee"]) == ("TRADE_SUCCESS", "80.00")


async def test_the_peer_asks_for_yesterdays_bill(peer: Peer) -> None:
    asked = {"call": "alipay.data.dataservice.bill.downloadurl.query"}
    told = await peer.run(
        asked | {"biz": {"bill_type": "trade", "bill_date": "2020-01-01"}},
        asked | {"biz": {"bill_type": "all", "bill_date": "2026-01-01"}},
    )

    assert [one["sub_code"] for one in told] == ["INVAILID_ARGUMENTS"] * 2


async def test_the_peers_ill_formed_calls_get_exactly_their_codes(peer: Peer) -> None:
    await peer.pay()
    trade = {"out_trade_no": "PEER0001"}
    calls: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("trade.query", {}, "ACQ.INVALID_PARAMETER"),
        ("trade.close", trade, "ACQ.TRADE_STATUS_ERROR"),
        ("trade.close", {"out_trade_no": "NONE"}, "ACQ.TRADE_NOT_EXIST"),
        ("trade.refund", trade | {"refund_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ("trade.refund", trade | {"refund_amount": "580.01"}, "ACQ.REASON_TRADE_REFUND_FEE_ERR"),
        ("trade.refund", {"out_trade_no": "NONE", "refund_amount": "1"}, "ACQ.TRADE_NOT_EXIST"),
        ("trade.precreate", trade, "isv.insufficient-isv-permissions"),
    )
    told = await peer.run(*({"call": f"alipay.{name}", "biz": biz} for name, biz, _ in calls))

    assert [one.get("sub_code") for one in told] == [code for *_, code in calls], told


async def test_a_stranger_and_a_spoilt_answer_are_refused_by_the_peer(peer: Peer) -> None:
    url = peer.world.control_url + "/alipay/faults"
    wish = {"kind": "wrong_signature", "on": "answer"}
    async with peer.http.post(url, json=wish) as response:
        assert response.status == 200
    spoilt = await peer.call("trade.query", out_trade_no="PEER0001")
    peer.app_id = "2021000000000000"
    stranger = await peer.call("trade.query", out_trade_no="PEER0001")

    assert "验签失败" in spoilt["error"]
    # An error that is not signed is no answer for a client that checks signatures.
    assert "error" in stranger
