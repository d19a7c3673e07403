"""The control plane: what an outsider may do to the sandbox, and see of it."""

import contextlib
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from aiohttp import web

from bot.sandbox.answering import read_body
from bot.sandbox.clock import ClockBackwards, iso
from bot.sandbox.faults import UnknownFault
from bot.sandbox.world import CONTROL, World

PLATFORMS = ("wechat", "wecom", "wechat_pay", "alipay", "unionpay", "bank")
HEARTBEAT_SECONDS = 15.0

Handler = Callable[[World, web.Request], Awaitable[Any]]


def controlled(world: World, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Wrap a handler: loopback only, JSON out, a wrong request told with 4xx and its reason."""

    @wraps(handler)
    async def answered(request: web.Request) -> web.Response:
        if not is_local(request.remote):
            return web.json_response({"error": "loopback only"}, status=403)
        try:
            return web.json_response(await handler(world, request))
        except (KeyError, TypeError, ValueError, UnknownFault) as wrong:
            return web.json_response({"error": f"{type(wrong).__name__}: {wrong}"}, status=400)
        except LookupError as wrong:
            return web.json_response({"error": f"unknown: {wrong}"}, status=404)
        except ClockBackwards as wrong:
            return web.json_response({"error": f"only forward: {wrong}"}, status=409)

    return answered


def is_local(remote: str | None) -> bool:
    """Tell whether a peer's address is loopback."""
    try:
        return ipaddress.ip_address(remote or "").is_loopback
    except ValueError:
        return False


async def asked(request: web.Request) -> dict[str, Any]:
    """Return the body's JSON object, empty for an empty body; raises ValueError, TypeError."""
    raw = await read_body(request)
    parsed = json.loads(raw) if raw else {}
    if not isinstance(parsed, dict):
        raise TypeError("the body must be a JSON object")
    return parsed


def after(request: web.Request) -> int:
    """Return the number after which to tell."""
    return int(request.query.get("after", 0))


# The clock


def clock_told(world: World) -> dict[str, Any]:
    """Return the clock as the control plane tells it."""
    return {"now": iso(world.clock.now()), "mode": world.clock.mode}


async def show_clock(world: World, request: web.Request) -> dict[str, Any]:
    """GET clock."""
    return clock_told(world)


async def move_clock(world: World, request: web.Request) -> dict[str, Any]:
    """POST clock {set | advance_seconds}: answers when all is quiet."""
    body = await asked(request)
    if "set" in body:
        target = datetime.fromisoformat(str(body["set"]).replace("Z", "+00:00"))
        if target.tzinfo is None:
            raise ValueError("`set` needs an offset")
    else:
        seconds = float(body["advance_seconds"])
        if seconds < 0:
            raise ClockBackwards(str(seconds))
        target = world.clock.now() + timedelta(seconds=seconds)
    await world.clock.advance_to(target.astimezone(UTC))
    return clock_told(world)


# Troubles and calls


async def add_fault(world: World, request: web.Request) -> dict[str, Any]:
    """POST {platform}/faults {kind, times?, on?, match?, ...}."""
    platform = request.match_info["platform"]
    body = await asked(request)
    fault = world.faults.add(platform, body)
    if platform == "wechat" and fault.kind == "revoked_token" and not fault.match:
        world.faults.clear_kind(platform, "revoked_token")
        world.account.kill_tokens()
    if platform == "wecom" and fault.kind == "revoked_token" and not fault.match:
        world.faults.clear_kind(platform, "revoked_token")
        world.office.kill_tokens()
    return {"kind": fault.kind, "on": fault.on, "times": int(body.get("times", 1))}


async def list_faults(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET {platform}/faults."""
    return world.faults.pending(request.match_info["platform"])


async def clear_faults(world: World, request: web.Request) -> dict[str, Any]:
    """DELETE {platform}/faults."""
    world.faults.clear(request.match_info["platform"])
    return {}


async def calls(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET calls?platform=&after=N."""
    return world.calls.after(after(request), request.query.get("platform") or None)


# Groups


async def groups(world: World, request: web.Request) -> list[dict[str, str]]:
    """GET wecom/groups."""
    return [{"group": g, "webhook_url": world.robots.webhook_url(g)} for g in world.robots.groups()]


async def add_group(world: World, request: web.Request) -> dict[str, str]:
    """POST wecom/groups {group}."""
    name = str((await asked(request))["group"])
    return {"group": name, "webhook_url": world.robots.add_group(name)}


async def group_messages(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET wecom/groups/{group}/messages?after=N."""
    return world.robots.messages(request.match_info["group"], after(request))


# The bot and who looks on


async def announce(world: World, request: web.Request) -> dict[str, Any]:
    """POST bots: a bot tells its addresses and whom the demo needs to know."""
    body = await asked(request)
    return register_bot(world, body)


def register_bot(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take a bot's announcement: its addresses, followers, members, groups, templates."""
    if body.get("callback_url"):
        world.account.set_callback(str(body["callback_url"]))
    if body.get("wecom_callback_url"):
        world.office.set_callback(str(body["wecom_callback_url"]))
    for member in body.get("members", []):
        world.office.add_member(str(member["userid"]), str(member["name"]))
    if body.get("tick_url"):
        world.bots.announce(str(body["tick_url"]))
    seeds = [(str(f["nickname"]), f.get("openid")) for f in body.get("followers", [])]
    people = world.account.add_people(seeds)
    for group in body.get("groups", []):
        world.robots.add_group(str(group))
    with world.account.book.transaction():
        for t in body.get("templates", []):
            family = str(t.get("family", "template"))
            world.account.add_template(t["template_id"], t["title"], t["content"], family=family)
    followers = [{"openid": p.openid, "nickname": p.nickname} for p in people]
    told = world.facts(notify_urls=body.get("notify_urls"))
    return {**told, "followers": followers, **clock_told(world), "clock": world.clock.mode}


async def platforms(world: World, request: web.Request) -> dict[str, Any]:
    """GET platforms: what platforms.json says."""
    return world.facts()


def events(world: World) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """GET events: a text/event-stream of what happens."""

    async def stream(request: web.Request) -> web.StreamResponse:
        if not is_local(request.remote):
            return web.json_response({"error": "loopback only"}, status=403)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError), world.live.subscribe() as queue:
            first = json.dumps({"type": "clock", **clock_told(world)})
            await response.write(f"data: {first}\n\n".encode())
            while not world.is_closing.is_set():
                event = await world.next_event(queue, HEARTBEAT_SECONDS)
                told = f"data: {json.dumps(event, ensure_ascii=False)}" if event else ":"
                await response.write(f"{told}\n\n".encode())
        return response

    return stream


def routes(world: World) -> list[web.RouteDef]:
    """Return the control plane's addresses about clock, troubles, groups and onlookers."""

    def get(path: str, handler: Handler) -> web.RouteDef:
        return web.get(CONTROL + path, controlled(world, handler))

    def post(path: str, handler: Handler) -> web.RouteDef:
        return web.post(CONTROL + path, controlled(world, handler))

    named = "/{platform:" + "|".join(PLATFORMS) + "}/faults"
    return [
        get("/clock", show_clock),
        post("/clock", move_clock),
        post(named, add_fault),
        get(named, list_faults),
        web.delete(CONTROL + named, controlled(world, clear_faults)),
        get("/calls", calls),
        get("/wecom/groups", groups),
        post("/wecom/groups", add_group),
        get("/wecom/groups/{group}/messages", group_messages),
        post("/bots", announce),
        get("/platforms", platforms),
        web.get(CONTROL + "/events", events(world)),
    ]
