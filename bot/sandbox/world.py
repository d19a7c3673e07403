"""The sandbox's world: every platform with its own book and keys, and the one clock.

What pages and the bot may call (all on `World`; sync unless it says async):

* `world.base_url` ("http://127.0.0.1:8080"), `world.control_url` (base + "/_sandbox/control"),
  `world.folder`, `world.facts()` (the parts of demo.json), `world.write_platforms()`.
* `world.clock.now()` aware UTC; `world.clock.mode`; `world.clock.on_tick` (list of async callables
  `tick(now) -> next due | None`); `await world.clock.advance_to(instant)`.
* `world.account` the official account: `.people() -> list[Person]` (`openid`, `nickname`,
  `follows`, `avatar`), `.person(openid) -> Person | None`, `.add_person(nickname, openid=None)`,
  `.conversation(openid, after=0) -> list[dict]` (both directions: `seq`, `side` "me"|"account",
  `route`, `kind`, `text`, `url`, `at`, `card`), `.inbox(openid, after=0)`, `.menu() -> list[dict]`
  (WeChat's `button` list), `.set_callback(url)`, `.add_template(template_id, title, content)`.
* `await world.push.text(openid, text)`, `await world.push.event(openid, event, event_key="")` and
  so on: the person acts, the platform calls the bot as WeChat does; each gives a
  `Delivery(reply, attempts, seconds, trouble)`.
* `world.robots.groups() -> list[str]`, `world.robots.messages(group, after=0) -> list[dict]`.
* `world.office` the WeCom app: `.members()`, `.add_member(userid, name)`, `.inbox(userid)`,
  `.chats()`, `.set_callback(url)`; `await world.office_push.text(userid, text)` as `world.push`.
* `world.pay` WeChat Pay. A `Trade` has `order_no, amount_fen, description, state
  ("open"|"paid"|"closed"), kind ("JSAPI"|"MWEB"|"NATIVE"), payer_openid, created_at, expires_at,
  merchant_name`:
  - `world.pay.trade(order_no) -> Trade | None`
  - `world.pay.check_bridge(params) -> Trade | str`: what `getBrandWCPayRequest` was given (appId,
    timeStamp, nonceStr, package, signType, paySign); a str is the error the payer reads.
  - `world.pay.by_h5_token(token) -> Trade | str`; an h5_url is
    `{base}/_sandbox/cashier/h5?token=…` and the merchant may append `&redirect_url=…`.
  - `world.pay.by_code_url(code) -> Trade | str`: the whole `weixin://wxpay/bizpayurl?pr=…` or pr.
  - `await world.pay.pay_order(order_no, payer_openid=None) -> Trade`: books it, commits, and has
    the notice under way; raises `PayRefused` (of `pay_errors`) whose text the payer reads.
* `world.tills` every payment platform by its name (see `till.Till`); `world.pay` is one of them.
* `world.live.subscribe()` (a context manager giving an asyncio.Queue of the dicts that
  `GET control/events` streams): `{"type": "inbox", "openid", "message"}`,
  `{"type": "group", "group", "message"}`, `{"type": "clock", "now", "mode"}`,
  `{"type": "trade", "order_no", "state", "amount_fen"}`, `{"type": "menu"}`, `{"type": "people"}`,
  `{"type": "refund", "refund_no", "order_no", "state", "amount_fen"}`,
  `{"type": "typing", "openid", "on"}`.

OAuth: `{base}/_sandbox/wechat/connect/oauth2/authorize` takes the phone's person from the cookie
`sandbox_openid`, the query `sandbox_openid`, or the header `X-Sandbox-Openid`; without one it shows
WeChat's "请在微信客户端打开链接".
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.alipay import Alipay
from bot.sandbox.bank import Bank
from bot.sandbox.bots import BotLink
from bot.sandbox.clock import VirtualClock
from bot.sandbox.faults import Faults
from bot.sandbox.ground import CallLog, Ground, LiveEvents
from bot.sandbox.keys import Keys, open_keys
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.till import Till
from bot.sandbox.unionpay import Unionpay
from bot.sandbox.wechat import PREFIX as WECHAT_PREFIX
from bot.sandbox.wechat import WechatApi
from bot.sandbox.wechat_mass import MassSending
from bot.sandbox.wechat_pay import WechatPay
from bot.sandbox.wechat_push import WechatPush
from bot.sandbox.wecom import PREFIX as WECOM_PREFIX
from bot.sandbox.wecom import WecomRobots
from bot.sandbox.wecom_app import WecomApp
from bot.sandbox.wecom_push import WecomPush

CONTROL = "/_sandbox/control"
CUSTOMER_GROUPS = (("3栋业主群", "steward"),)
"""Residents' groups, and which member owns each."""
GROUPS = ("物业值班群", "收费对账群")


class World:
    """All platforms of one sandbox folder."""

    def __init__(self, ground: Ground, keys: Keys) -> None:
        """Stand the platforms on their ground; use `World.open`."""
        self.ground, self.keys = ground, keys
        self.account = OfficialAccount(ground, keys.names)
        self.push = WechatPush(self.account)
        self.mass = MassSending(self.account)
        self.robots = WecomRobots(ground)
        self.office = WecomApp(ground, keys.names, self.robots)
        self.office_push = WecomPush(self.office)
        self.pay = WechatPay(ground, keys, self.account)
        tills: tuple[Till, ...] = (
            self.pay,
            Alipay(ground),
            Unionpay(ground, keys),
            Bank(ground, lambda: tuple(self.tills.values())),
        )
        self.tills: Mapping[str, Till] = {till.name: till for till in tills}
        self.bots = BotLink(ground)
        self.is_closing = asyncio.Event()
        for group in GROUPS:
            self.robots.add_group(group)
        for name, owner in CUSTOMER_GROUPS:
            self.office.customers.add_group(name, owner)
        paying = [timers for till in tills for timers in till.timers]
        ground.clock.timers.extend((self.mass, *paying, self.push))
        ground.clock.on_move.append(
            lambda now, mode: ground.live.publish("clock", now=now.isoformat(), mode=mode)
        )

    @classmethod
    def open(cls, folder: Path, *, base_url: str, now: datetime | None = None) -> "World":
        """Open the world kept in `folder`; `now` (aware) starts a clock that is new."""
        folder.mkdir(parents=True, exist_ok=True)
        clock = VirtualClock(folder / "clock.json", now)
        ground = Ground(folder, base_url.rstrip("/"), clock, CallLog(clock))
        return cls(ground, open_keys(folder / "keys", clock.now()))

    @property
    def clock(self) -> VirtualClock:
        """The one clock."""
        return self.ground.clock

    @property
    def faults(self) -> Faults:
        """The troubles on order."""
        return self.ground.faults

    @property
    def calls(self) -> CallLog:
        """What the platforms were asked."""
        return self.ground.calls

    @property
    def live(self) -> LiveEvents:
        """What happens as it happens."""
        return self.ground.live

    @property
    def base_url(self) -> str:
        """Where the sandbox answers, without a slash at the end."""
        return self.ground.base_url

    @property
    def folder(self) -> Path:
        """The sandbox's folder."""
        return self.ground.folder

    @property
    def control_url(self) -> str:
        """Where the control plane answers."""
        return self.base_url + CONTROL

    def routes(self) -> list[web.RouteDef]:
        """Return the platforms' addresses (the control plane's are in `control`)."""
        wecom = [*self.robots.routes(), *self.office.routes()]
        return [*WechatApi(self.account).routes(), *wecom] + [
            route for till in self.tills.values() for route in till.routes()
        ]

    def facts(
        self, bot_base: str | None = None, notify_urls: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the platforms' parts of demo.json; addresses of the bot follow `bot_base`."""
        names, bot = self.keys.names, bot_base or self.base_url
        notices = dict(notify_urls or {})
        wechat = {
            "account": names.account,
            "appid": names.appid,
            "app_secret": names.app_secret,
            "original_id": names.original_id,
            "token": names.token,
            "aes_key": names.aes_key,
            "callback_url": self.account.callback_url or f"{bot}/wechat/{names.account}",
            "api_base_url": self.base_url + WECHAT_PREFIX,
        }
        robots = [
            {"group": group, "webhook_url": self.robots.webhook_url(group)}
            for group in self.robots.groups()
        ]
        wecom = {
            "corp_id": names.corp_id,
            "agent_id": names.agent_id,
            "secret": self.office.secret,
            "token": names.wecom_token,
            "aes_key": names.wecom_aes_key,
            "callback_url": self.office.callback_url or f"{bot}/wecom/{names.account}",
            "api_base_url": self.base_url + WECOM_PREFIX,
            "robots": robots,
            "customer_groups": self.office.customers.groups(),
        }
        paying = {
            name: till.facts(bot, notices.get(name) or f"{bot}/notify/{name}/{names.account}")
            for name, till in self.tills.items()
        }
        return {
            "wechat": wechat,
            "wecom": wecom,
            **paying,
            "control_url": self.control_url,
            "clock": self.clock.mode,
        }

    def write_platforms(self) -> Path:
        """Write DIR/platforms.json, whole or not at all; return its path."""
        path = self.folder / "platforms.json"
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(self.facts(), ensure_ascii=False, indent=1), encoding="utf-8")
        fresh.replace(path)
        return path

    async def next_event(
        self, queue: asyncio.Queue[dict[str, Any]], seconds: float
    ) -> dict[str, Any] | None:
        """Return the next live event, or None after so many seconds or when the world closes."""
        waits = [asyncio.ensure_future(queue.get()), asyncio.ensure_future(self.is_closing.wait())]
        done, late = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in late:
            wait.cancel()
        found = waits[0].result() if waits[0] in done else None
        return found if isinstance(found, dict) else None

    async def close(self) -> None:
        """End calls under way and close the books."""
        await self.clock.stop()
        await self.push.stop()
        await self.ground.close()
        self.account.book.close()
        self.robots.book.close()
        self.office.book.close()
        for till in self.tills.values():
            till.close()
