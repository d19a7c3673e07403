"""The sandbox on a web application: APIs, control plane, phone, and the clock's background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from bot.sandbox import control, control_money, control_people, control_work, phone
from bot.sandbox.world import World

PREFIX = "/_sandbox"


def mount(parent: web.Application, world: World) -> None:
    """Put the sandbox under another application's /_sandbox, with none of its middlewares."""
    app = web.Application()
    _furnish(app, world, [_below_prefix(route) for route in _routes(world)])
    parent.add_subapp(PREFIX, app)


def add_routes(app: web.Application, world: World) -> None:
    """Put platforms, control plane and phone on an application, under /_sandbox."""
    _furnish(app, world, _routes(world))


def _below_prefix(route: web.RouteDef) -> web.RouteDef:
    path = route.path.removeprefix(PREFIX)
    return web.RouteDef(route.method, path, route.handler, route.kwargs)


def _routes(world: World) -> list[web.RouteDef]:
    parts = (control, control_people, control_money, control_work, phone)
    return [*world.routes(), *(route for part in parts for route in part.routes(world))]


def _furnish(app: web.Application, world: World, routes: list[web.RouteDef]) -> None:
    """Add the routes, and run the clock with the application."""
    app.add_routes(routes)

    async def closing(_: web.Application) -> None:
        world.is_closing.set()

    async def background(_: web.Application) -> AsyncIterator[None]:
        ticking = asyncio.create_task(world.clock.run())
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await world.close()

    app.on_shutdown.append(closing)
    app.cleanup_ctx.append(background)


def build(world: World) -> web.Application:
    """Return an application that is nothing but the sandbox."""
    app = web.Application()
    add_routes(app, world)
    return app
