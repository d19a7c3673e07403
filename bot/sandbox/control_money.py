"""The control plane's money: pay at a cashier, read a platform's books, trouble its statements."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.control import Handler, asked, controlled
from bot.sandbox.till import Till
from bot.sandbox.world import CONTROL, World


def _till(world: World, request: web.Request) -> Till:
    return world.tills[request.match_info["gateway"]]


async def pay(world: World, request: web.Request) -> Mapping[str, Any]:
    """POST {gateway}/pay {order_no, payer?, late?}: booked; the first notice has been sent."""
    told = await _till(world, request).pay(await asked(request))
    await world.clock.settle_platforms()
    return told


async def orders(world: World, request: web.Request) -> list[dict[str, Any]]:
    """GET {gateway}/orders."""
    return _till(world, request).orders()


async def books(world: World, request: web.Request) -> dict[str, Any]:
    """GET {gateway}/book."""
    return _till(world, request).books()


async def set_balance(world: World, request: web.Request) -> dict[str, int]:
    """POST {gateway}/balance {balance_fen}: what the merchant has at the platform."""
    till = _till(world, request)
    till.set_balance(int((await asked(request))["balance_fen"]))
    return {"balance_fen": till.balance_fen()}


async def balance(world: World, request: web.Request) -> dict[str, int]:
    """GET {gateway}/balance."""
    return {"balance_fen": _till(world, request).balance_fen()}


async def decide_refund(world: World, request: web.Request) -> dict[str, Any]:
    """POST {gateway}/refund_result {refund_no, state}: success, abnormal or closed, now."""
    till, body = _till(world, request), await asked(request)
    await till.decide_refund(str(body["refund_no"]), str(body["state"]).lower())
    await world.clock.settle_platforms()
    return till.refund_told(str(body["refund_no"]))


async def refund_outside(world: World, request: web.Request) -> dict[str, Any]:
    """POST {gateway}/refund {order_no, amount_fen}: by a person in the merchant's console."""
    body = await asked(request)
    amount_fen = int(body["amount_fen"])
    told = await _till(world, request).refund_outside(str(body["order_no"]), amount_fen)
    await world.clock.settle_platforms()
    return told


async def plant(world: World, request: web.Request) -> dict[str, Any]:
    """POST {gateway}/statement {op, ...}: a difference in a day's statement, see `planting`."""
    return _till(world, request).plant(await asked(request))


async def set_signing(world: World, request: web.Request) -> dict[str, str]:
    """POST wechat_pay/signing {mode}: public_key, certificate, or asked (by each request)."""
    mode = str((await asked(request))["mode"])
    if mode not in ("public_key", "certificate", "asked"):
        raise ValueError(mode)
    world.pay.book.book.keep("signing", "" if mode == "asked" else mode)
    return {"mode": mode}


def routes(world: World) -> list[web.RouteDef]:
    """Return the control plane's addresses about money."""
    gateway = CONTROL + "/{gateway:" + "|".join(world.tills) + "}"
    gets: dict[str, Handler] = {"/orders": orders, "/book": books, "/balance": balance}
    posts: dict[str, Handler] = {
        "/pay": pay,
        "/balance": set_balance,
        "/refund_result": decide_refund,
        "/refund": refund_outside,
        "/statement": plant,
    }
    return [
        *(web.get(gateway + path, controlled(world, one)) for path, one in gets.items()),
        *(web.post(gateway + path, controlled(world, one)) for path, one in posts.items()),
        web.post(CONTROL + "/wechat_pay/signing", controlled(world, set_signing)),
    ]
