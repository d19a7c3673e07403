"""The demo: the same bot as in real use, against imitated platforms, with a seeded community."""

import asyncio
import json
import logging
import secrets
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import web

from bot import demo_seed
from bot.app import House, open_house
from bot.channels.wechat_official import Config as WechatConfig
from bot.channels.wecom import Config as WecomConfig
from bot.channels.wecom_robot import Config as RobotConfig
from bot.channels.wecom_tasks import CustomerGroup
from bot.config import (
    BackupSettings,
    CompanySettings,
    DatabaseSettings,
    LinkSettings,
    ReconciliationSettings,
    Settings,
    WebSettings,
)
from bot.demo_seed import DemoPeople
from bot.demo_templates import mappings, sandbox_templates
from bot.gateways.alipay_config import Config as AlipayConfig
from bot.gateways.bank_transfer import Config as BankConfig
from bot.gateways.unionpay_config import Config as UnionPayConfig
from bot.gateways.wechat_pay_config import Config as WechatPayConfig
from bot.menu import BUTTONS
from bot.sandbox.app import mount
from bot.sandbox.control import register_bot
from bot.sandbox.world import World
from bot.web import server
from storage.frozen import dataclass
from storage.links import Links

log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
TICK_PATH: Final = "/_demo/tick"
ACCOUNT: Final = "demo"
OFFICE: Final = "office"
"""The WeCom app."""
AGREED_FEES: Final = {"wechat_pay": "0.6", "alipay": "0.6", "unionpay": "0.6"}
"""Percent of each payment that the imitated platforms keep."""


@dataclass(frozen=True, slots=True)
class DemoAsk:
    """What was asked for on the command line."""

    port: int
    folder: Path
    start: datetime | None = None
    database_url: str = ""
    platforms_url: str = ""
    """Where the platforms live when they are another process; "" for this one."""

    @property
    def base_url(self) -> str:
        """Where the bot answers."""
        return f"http://{HOST}:{self.port}"


class DemoClock(Protocol):
    """A clock that somebody outside can move forward."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class RemoteClock:
    """The platforms' clock, as this process was last told it."""

    def __init__(self) -> None:
        """Start with the machine's own time."""
        self._offset = 0.0

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.fromtimestamp(time.time() + self._offset, tz=UTC)

    def hear(self, now: datetime) -> None:
        """Move forward to what the platforms say; never back."""
        self._offset = max(self._offset, now.timestamp() - time.time())


def start_fresh(folder: Path) -> None:
    """Empty a demo's folder. Raises ValueError for a folder that holds anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "demo.json").exists():
        raise ValueError(f"{folder} is not a demo's folder; choose an empty one")
    shutil.rmtree(folder, ignore_errors=True)


async def serve(ask: DemoAsk) -> None:
    """Run the demo until SIGTERM or SIGINT."""
    ask.folder.mkdir(parents=True, exist_ok=True)
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    async with AsyncExitStack() as stack:
        platforms = await _platforms(ask, stack)
        settings = _settings(ask, platforms.facts)
        house = await stack.enter_async_context(open_house(settings, platforms.clock))
        people = await demo_seed.seed(
            house.db, folder=ask.folder, now=platforms.clock.now(), account=ACCOUNT
        )
        await platforms.meet(house, people)
        _write_facts(ask, settings, platforms.facts, people)
        await _serve_web(house, ask, stack)
        await house.channels[ACCOUNT].publish_menu(BUTTONS)
        log.info("demo.ready", extra={"port": ask.port})
        await house.live(stop)


async def _serve_web(house: House, ask: DemoAsk, stack: AsyncExitStack) -> None:
    runner = server.runner(house.web)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, ask.port, backlog=1024).start()


class Platforms(Protocol):
    """The imitated platforms, here or in another process."""

    facts: Mapping[str, Any]
    clock: DemoClock

    async def meet(self, house: House, people: DemoPeople) -> None:
        """Introduce the bot, its followers and templates, and let the clock drive it."""
        ...


class _Here:
    def __init__(self, world: World) -> None:
        self._world = world
        self.facts: Mapping[str, Any] = world.facts()
        self.clock: DemoClock = world.clock

    async def meet(self, house: House, people: DemoPeople) -> None:
        mount(house.web, self._world)
        register_bot(self._world, _introduction(house, people))
        self._world.clock.on_tick.append(house.runner.tick)


class _Elsewhere:
    def __init__(self, control_url: str, facts: Mapping[str, Any], http: Any) -> None:  # noqa: ANN401
        self._control_url, self._http = control_url, http
        self._phone_url = control_url.removesuffix("/control") + "/phone"
        self.facts = facts
        self._remote = RemoteClock()
        self.clock: DemoClock = self._remote

    async def meet(self, house: House, people: DemoPeople) -> None:
        async def tick(request: web.Request) -> web.Response:
            told = json.loads(await request.read())
            now = datetime.fromisoformat(told["now"])
            self._remote.hear(now)
            due = await house.runner.tick(now)
            return web.json_response({"next_due": None if due is None else due.isoformat()})

        house.web.router.add_post(TICK_PATH, tick)
        said = {
            **_introduction(house, people),
            "tick_url": house.settings.web.base_url + TICK_PATH,
        }
        async with self._http.post(f"{self._control_url}/bots", json=said) as response:
            response.raise_for_status()
        known = {
            "residents": people.residents,
            "staff": people.staff,
            "wecom": {"members": _members(house.settings, people)},
        }
        async with self._http.post(f"{self._phone_url}/people", json=known) as response:
            response.raise_for_status()

    async def set_clock(self) -> None:
        """Take over the platforms' time."""
        async with self._http.get(f"{self._control_url}/clock") as response:
            self._remote.hear(datetime.fromisoformat((await response.json())["now"]))


async def _platforms(ask: DemoAsk, stack: AsyncExitStack) -> Platforms:
    if not ask.platforms_url:
        folder = ask.folder / "platforms"
        return _Here(World.open(folder, base_url=ask.base_url, now=ask.start))
    http = await stack.enter_async_context(aiohttp.ClientSession())
    control_url = ask.platforms_url.rstrip("/") + "/_sandbox/control"
    async with http.get(f"{control_url}/platforms") as response:
        response.raise_for_status()
        facts = await response.json()
    elsewhere = _Elsewhere(control_url, facts, http)
    await elsewhere.set_clock()
    return elsewhere


def _introduction(house: House, people: DemoPeople) -> dict[str, Any]:
    base_url = house.settings.web.base_url
    known = [*people.staff, *(one for one in people.residents if one["bound"])]
    everyone = {one["openid"]: one["name"] for one in known}
    return {
        "callback_url": f"{base_url}/wechat/{ACCOUNT}",
        "notify_urls": {
            "wechat_pay": f"{base_url}/notify/wechat_pay/{ACCOUNT}",
            "alipay": f"{base_url}/notify/alipay/{ACCOUNT}",
            "unionpay": f"{base_url}/notify/unionpay/{ACCOUNT}",
        },
        "followers": [{"openid": openid, "nickname": name} for openid, name in everyone.items()],
        "wecom_callback_url": f"{base_url}/wecom/{OFFICE}",
        "members": _members(house.settings, people),
        "templates": sandbox_templates(),
    }


def _members(settings: Settings, people: DemoPeople) -> list[dict[str, str]]:
    """Return the colleagues as WeCom knows them, and the words that bind each of them there."""
    links = Links(settings.links.secret.encode(), settings.web.base_url)
    return [
        {
            "userid": one["role"],
            "name": one["name"],
            "role": one["role"],
            "bind_words": f"员工绑定 {phone} {links.staff_code(phone)}",
        }
        for one, phone in zip(people.staff, people.staff_phones, strict=True)
    ]


def _settings(ask: DemoAsk, facts: Mapping[str, Any]) -> Settings:
    wechat = facts["wechat"]
    groups = {one["group"]: one["webhook_url"] for one in facts["wecom"]["robots"]}
    return Settings(
        # Everybody comes from one address here.
        web=WebSettings(ask.base_url, HOST, ask.port, requests_per_minute=6000),
        company=CompanySettings(
            name="云栖物业服务有限公司",
            phone="0571-8800 1234",
            filing_no="浙ICP备00000000号（演示）",
        ),
        links=LinkSettings(_link_secret(ask.folder)),
        database=DatabaseSettings(
            ask.database_url or f"sqlite+aiosqlite:///{ask.folder.resolve()}/wuyebot.db"
        ),
        backup=BackupSettings(ask.folder.resolve() / "backups"),
        reconciliation=ReconciliationSettings(ask.folder.resolve() / "statements", AGREED_FEES),
        channels={
            ACCOUNT: (
                "wechat_official",
                WechatConfig(
                    name=ACCOUNT,
                    app_id=wechat["appid"],
                    app_secret=wechat["app_secret"],
                    original_id=wechat["original_id"],
                    token=wechat["token"],
                    aes_key=wechat["aes_key"],
                    base_url=wechat["api_base_url"],
                    oauth_url=wechat["api_base_url"],
                    templates=mappings(),
                ),
            ),
            "wecom": ("wecom_robot", RobotConfig(name="wecom", groups=groups)),
            OFFICE: ("wecom", _wecom(facts["wecom"])),
        },
        gateways={
            "wechat_pay": _wechat_pay(ask, facts["wechat_pay"]),
            "alipay": _alipay(ask, facts["alipay"]),
            "unionpay": _unionpay(ask, facts["unionpay"]),
            "bank_transfer": _bank_transfer(facts["bank"]),
        },
    )


def _wecom(app: Mapping[str, Any]) -> WecomConfig:
    owned = app["customer_groups"]
    return WecomConfig(
        name=OFFICE,
        corp_id=app["corp_id"],
        agent_id=app["agent_id"],
        secret=app["secret"],
        token=app["token"],
        aes_key=app["aes_key"],
        base_url=app["api_base_url"],
        groups={"同事群": ""},
        residents_groups={g["name"]: CustomerGroup(g["chat_id"], g["owner"]) for g in owned},
    )


def _wechat_pay(ask: DemoAsk, pay: Mapping[str, Any]) -> WechatPayConfig:
    return WechatPayConfig(
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
        notify_url=f"{ask.base_url}/notify/wechat_pay/{ACCOUNT}",
    )


def _alipay(ask: DemoAsk, told: Mapping[str, Any]) -> AlipayConfig:
    return AlipayConfig(
        name="alipay",
        app_id=told["app_id"],
        seller_id=told["seller_id"],
        app_private_key_file=Path(told["app_private_key_file"]),
        alipay_public_key_file=Path(told["alipay_public_key_file"]),
        gateway_url=told["gateway_url"],
        notify_url=f"{ask.base_url}/notify/alipay/{ACCOUNT}",
    )


def _bank_transfer(told: Mapping[str, Any]) -> BankConfig:
    return BankConfig(
        name="bank_transfer",
        account_name=told["account_name"],
        account_no=told["account_no"],
        bank_name=told["bank_name"],
        base_url=told["base_url"],
        merchant_private_key_file=Path(told["merchant_private_key_file"]),
        bank_public_key_file=Path(told["bank_public_key_file"]),
    )


def _unionpay(ask: DemoAsk, cards: Mapping[str, Any]) -> UnionPayConfig:
    return UnionPayConfig(
        name="unionpay",
        merchant_id=cards["merchant_id"],
        sign_certificate_file=Path(cards["sign_certificate_file"]),
        sign_certificate_password=cards["sign_certificate_password"],
        root_certificate_file=Path(cards["root_certificate_file"]),
        middle_certificate_file=Path(cards["middle_certificate_file"]),
        signer_name=cards["signer_name"],
        base_url=cards["base_url"],
        file_url=cards["file_url"],
        notify_url=f"{ask.base_url}/notify/unionpay/{ACCOUNT}",
    )


def _link_secret(folder: Path) -> str:
    path = folder / "link_secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _write_facts(
    ask: DemoAsk, settings: Settings, facts: Mapping[str, Any], people: DemoPeople
) -> None:
    """Write demo.json whole or not at all: what outsiders need to drive the demo."""
    base_url = ask.base_url
    told = {
        "base_url": base_url,
        "clock": facts.get("clock", "real"),
        "database_url": settings.database.url,
        "wechat": {**facts["wechat"], "callback_url": f"{base_url}/wechat/{ACCOUNT}"},
        "wecom": {
            **facts["wecom"],
            "callback_url": f"{base_url}/wecom/{OFFICE}",
            "members": _members(settings, people),
        },
        "wechat_pay": {
            **facts["wechat_pay"],
            "notify_url": f"{base_url}/notify/wechat_pay/{ACCOUNT}",
        },
        "alipay": {
            **facts["alipay"],
            "notify_url": f"{base_url}/notify/alipay/{ACCOUNT}",
        },
        "bank": facts["bank"],
        "unionpay": {
            **facts["unionpay"],
            "notify_url": f"{base_url}/notify/unionpay/{ACCOUNT}",
        },
        "communities": people.communities,
        "residents": people.residents,
        "staff": people.staff,
        "console": {"url": f"{base_url}/console/", **people.console},
        "control_url": facts["control_url"],
    }
    fresh = ask.folder / "demo.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(ask.folder / "demo.json")
