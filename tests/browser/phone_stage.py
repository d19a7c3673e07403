"""A sandbox with a scripted bot for the phone's tests: real platforms, a small pay page."""

import html
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.sandbox.app import build
from bot.sandbox.pay_codec import lines, signed
from bot.sandbox.wechat_push import Delivery
from bot.sandbox.world import World

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FLATS = [
    ("李秀英", "3栋2单元501", "13812345678", True),
    ("王建国", "3栋1单元1202", "13900001111", True),
    ("陈思远", "1栋1单元302、2栋商铺06", "13700002222", True),
    ("赵晓雨", "2栋3单元803", "13600003333", False),
    ("周丽娟", "1栋2单元1501", "13500004444", False),
    ("孙志强", "3栋2单元602", "13400005555", False),
]
LATECOMER = "孙志强"
STAFF = [("林经理", "manager"), ("何敏", "cashier"), ("郑师傅", "steward")]
MENU = [
    {"type": "click", "name": "我的账单", "key": "bills"},
    {
        "name": "缴费服务",
        "sub_button": [
            {"type": "click", "name": "缴费", "key": "pay"},
            {"type": "click", "name": "缴费记录", "key": "history"},
            {"type": "click", "name": "申请退款", "key": "refund"},
        ],
    },
    {"name": "更多", "sub_button": [{"type": "view", "name": "收支公示", "url": "{base}/pay/t1"}]},
]
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>物业费缴费</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/pay.css">
<script src="/static/pay.js" defer></script></head><body>
<p id="who">{who}</p><h1 data-total-fen="98640">待缴 ¥986.40</h1><p id="said">等待支付</p>
<form method="post" action="/pay/t1"><input type="hidden" name="gateway" value="wechat_pay">
<button data-pay>立即支付</button></form><a id="receipt" href="/receipts/r1">收据</a>
<script type="application/json" id="bridge">{bridge}</script></body></html>"""
SCRIPT = """
const given = document.getElementById('bridge').textContent;
const said = document.getElementById('said');
function go() {
  WeixinJSBridge.invoke('getBrandWCPayRequest', JSON.parse(given), async (res) => {
    const state = await (await fetch('/pay/t1/state')).json();
    said.textContent = res.err_msg + ' ' + (res.err_desc || '') + ' ' + state.state;
    if (res.err_msg.endsWith(':ok')) location.href = '/receipts/r1';
  });
}
if (given !== 'null') {
  if (typeof WeixinJSBridge === 'undefined') document.addEventListener('WeixinJSBridgeReady', go);
  else go();
}
"""
STYLE = """body { font: 16px/1.6 "Noto Sans CJK SC", sans-serif; padding: 24px; margin: 0 }
button { width: 100%; height: 48px; border: 0; border-radius: 8px; background: #07c160 }"""


@dataclass
class ScriptedBot:
    """Stands where the bot's callback would: answers by table, and notes what people did."""

    world: World
    did: list[str] = field(default_factory=list)

    async def stop(self) -> None:
        """Have nothing under way."""

    async def text(self, openid: str, text: str) -> Delivery:
        """Answer a text as the bot's passive reply."""
        self.did.append(text)
        self.world.account.tell(openid, "said", text, side="me")
        return self._answer(openid, text)

    async def event(
        self, openid: str, event: str, event_key: str = "", extra: object = None
    ) -> Delivery:
        """Answer a tap on the menu or a follow."""
        self.did.append(f"{event} {event_key}".strip())
        return self._answer(openid, event_key or event)

    def _answer(self, openid: str, said: str) -> Delivery:
        reply = self._reply(said)
        if reply is not None:
            self.world.account.tell(openid, "passive", reply)
        return Delivery(reply, 1, 0.01)

    def _reply(self, said: str) -> str | None:
        link = f"{self.world.base_url}/pay/t1"
        table = {
            "我欠多少": "3栋2单元501 待缴账单：\n2026年9月  物业费 ¥328.80\n"
            "2026年10月 物业费 ¥328.80\n"
            "2026年11月 物业费 ¥328.80\n合计 ¥986.40。\n回复“缴费”可以支付。",
            "bills": "3栋2单元501 待缴 3 笔，合计 ¥986.40。",
            "缴费": f"请点开链接核对后支付，合计 ¥986.40。\n{link}",
            "subscribe": "您好，欢迎关注幸福物业。\n回复“绑定 房号 姓名 手机号”就可以查账缴费。",
            "VIEW": None,
        }
        if said.startswith("绑定 "):
            return "绑定成功。\n您绑定的房屋是 2栋3单元803。"
        return table.get(said, "可以这样说：账单、缴费、缴费记录、退款、人工。")


class BotPages:
    """A pay page behind snsapi_base, a receipt, and what the browser sent."""

    def __init__(self, world: World) -> None:
        """Serve one world's merchant."""
        self.world = world
        self.bad_sign = False
        self.agents: list[str] = []
        self.orders = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the pages' addresses."""
        return [
            web.route("*", "/pay/t1", self.pay),
            web.get("/pay/t1/state", self.state),
            web.get("/receipts/r1", self.receipt),
            web.get("/static/pay.js", self.script),
            web.get("/static/pay.css", self.style),
        ]

    async def pay(self, request: web.Request) -> web.Response:
        """Show the page; a POST orders and hands the bridge its parameters."""
        self.agents.append(request.headers.get("User-Agent", ""))
        if "code" in request.query:
            openid = self.world.account.book.value(
                "SELECT openid FROM codes WHERE code = ?", request.query["code"]
            )
            back = web.HTTPFound("/pay/t1")
            back.set_cookie("who", openid, httponly=True)
            raise back
        who = request.cookies.get("who")
        if who is None and "MicroMessenger" in self.agents[-1]:
            asked = {
                "appid": self.world.keys.names.appid,
                "redirect_uri": f"{self.world.base_url}/pay/t1",
                "scope": "snsapi_base",
            }
            base = f"{self.world.base_url}/_sandbox/wechat/connect/oauth2/authorize"
            raise web.HTTPFound(f"{base}?{urlencode(asked)}")
        bridge = self._order(str(who)) if request.method == "POST" else None
        text = PAGE.replace("{who}", html.escape(str(who))).replace("{bridge}", json.dumps(bridge))
        policy = "default-src 'self'; frame-ancestors 'none'"
        headers = {"X-Frame-Options": "DENY", "Content-Security-Policy": policy}
        return web.Response(text=text, content_type="text/html", headers=headers)

    def _order(self, openid: str) -> dict[str, str]:
        self.orders += 1
        prepaid = self.create("jsapi", f"PJSAPI{self.orders:04d}", payer={"openid": openid})
        package = "prepay_id=" + str(prepaid["prepay_id"])
        appid = self.world.keys.names.appid
        sign = signed(self.world.keys.merchant, lines(appid, "1795399200", "nonce", package))
        return {
            "appId": appid,
            "timeStamp": "1795399200",
            "nonceStr": "nonce" if not self.bad_sign else "other",
            "package": package,
            "signType": "RSA",
            "paySign": sign,
        }

    def create(self, kind: str, order_no: str, **more: object) -> dict[str, object]:
        """Order at the platform as the merchant."""
        names = self.world.keys.names
        body = {
            "appid": names.appid,
            "mchid": names.mchid,
            "description": "3栋2单元501 物业费 2026年9月至11月",
            "out_trade_no": order_no,
            "notify_url": f"{self.world.base_url}/notify",
            "amount": {"total": 98640, "currency": "CNY"},
            **more,
        }
        return self.world.pay.trades.create(kind, body, "")

    async def state(self, request: web.Request) -> web.Response:
        """Tell the last order's state, as the page's polling asks."""
        trade = self.world.pay.trade(f"PJSAPI{self.orders:04d}")
        return web.json_response({"state": trade.state if trade else "none"})

    async def receipt(self, request: web.Request) -> web.Response:
        """Show a receipt."""
        agent = html.escape(request.headers.get("User-Agent", ""))
        text = f"<html><head><title>电子收据</title></head><body><h1>收据</h1><p id=agent>{agent}"
        return web.Response(text=text, content_type="text/html")

    async def script(self, request: web.Request) -> web.Response:
        """Serve the page's script."""
        return web.Response(text=SCRIPT, content_type="text/javascript")

    async def style(self, request: web.Request) -> web.Response:
        """Serve the page's style."""
        return web.Response(text=STYLE, content_type="text/css")


@dataclass
class Stage:
    """A running sandbox and who is in it."""

    world: World
    bot: ScriptedBot
    pages: BotPages
    base: str
    openids: dict[str, str]


@asynccontextmanager
async def staged(folder: Path, port: int | None = None) -> AsyncIterator[Stage]:
    """Run the sandbox with a scripted bot on loopback."""
    port = port or unused_port()
    base = f"http://127.0.0.1:{port}"
    world = World.open(folder, base_url=base, now=START)
    bot, pages = ScriptedBot(world), BotPages(world)
    world.push = bot  # type: ignore[assignment]
    openids = seeded(world)
    app = build(world)
    app.add_routes(pages.routes())
    server = TestServer(app, host="127.0.0.1", port=port)
    await server.start_server()
    try:
        yield Stage(world, bot, pages, base, openids)
    finally:
        await server.close()


def seeded(world: World) -> dict[str, str]:
    """Seed residents, staff and a menu; return name → openid; demo.json tells who is who."""
    openids: dict[str, str] = {}
    residents, staff = [], []
    for name, units, number, bound in FLATS:
        openids[name] = f"oStaged{len(openids):021d}"
        if name != LATECOMER:
            world.account.add_person(name, openids[name])
        for unit in units.split("、"):
            row = {"openid": openids[name], "name": name, "phone": number, "unit_label": unit}
            residents.append({**row, "community": "幸福里", "bound": bound})
    for name, role in STAFF:
        openids[name] = world.account.add_person(name).openid
        staff.append({"openid": openids[name], "name": name, "role": role})
    facts = {"residents": residents, "staff": staff}
    (world.folder / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    menu = json.dumps(MENU, ensure_ascii=False).replace("{base}", world.base_url)
    world.account.book.keep("menu", menu)
    return openids
