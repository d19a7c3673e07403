"""The edge of the web: turns every trouble into an answer, and dresses it in headers."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bot.web.chat import DOOR, WORK_DOOR
from bot.web.pages import Pages, secure
from bot.web.reading import UnfitRequest
from bot.web.visitors import Visitors
from handlers import refusals
from storage.errors import LinkExpired, Refusal, Trouble, UnknownOrder

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MACHINES: Final = (DOOR, WORK_DOOR, "/notify/", "/healthz", "/readyz", "/metrics")
"""Doors where a program calls: it reads a status, not a page."""
PLATFORMS: Final = (DOOR, WORK_DOOR, "/notify/")
"""Doors of platforms: what proves itself is never told to come later."""
UNPROVED: Final = (400, 401, 408, 413, 415)
GONE: Final = (
    "链接打不开了",
    "这个链接已经失效或不完整，没有扣款。\n"
    "从公众号来的，请回复“缴费”获取新的链接；扫纸质通知单来的，请向物业要一张新的。",
)
CONSOLE: Final = "/console"
NOT_HERE: Final = ("没有找到这一页", "这个地址没有内容。\n请回到公众号，从菜单里再进一次。")
NOT_AT_WORK: Final = (
    "没有找到这一页",
    "这里没有内容，或者不归您管。\n请回到后台首页；进不去的话，在公众号里发“后台”。",
)
"""The same to staff, in their own rooms."""
UNFIT: Final = ("没看懂这个请求", "没有做任何改动。\n请回到上一页，再试一次。")
TOO_OFTEN: Final = (
    "点得太快了",
    "刚才这一步没有办，没有扣款。\n请等一分钟，再从原来的页面试一次。",
)
BUSY: Final = ("系统正忙", "刚才这一步没有办成，没有扣款。\n请过一会儿再试一次。")


class Edge:
    """The one middleware."""

    def __init__(self, pages: Pages, visitors: Visitors) -> None:
        """Keep the pages that troubles are shown on, and the count of who knocks how often."""
        self._pages = pages
        self._visitors = visitors

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer whatever happens.

        An application mounted below ours looks after its own answers.
        """
        if len(request.match_info.apps) > 1:
            return await handler(request)
        if not request.path.startswith(MACHINES):
            seconds = self._visitors.knock(request)
            if seconds:
                return self._later(request, seconds)
        try:
            response = await handler(request)
        except Exception as trouble:
            resource = request.match_info.route.resource
            response = self._troubled(request, trouble, resource.canonical if resource else "")
        secure(response)
        return self._proved(request, response)

    def ahead(self, hear: Handler, others: Handler) -> Handler:
        """Return what takes the posts of chat to their door before any address is looked up.

        They are nearly all that comes, and their door dresses its own answers.
        """

        async def first(request: web.Request) -> web.StreamResponse:
            is_chat = request.method == "POST" and request.path.startswith(DOOR)
            if not is_chat or "Expect" in request.headers:
                return await others(request)
            try:
                response = await hear(request)
            except Exception as trouble:
                response = self._troubled(request, trouble, DOOR)
                secure(response)
            return response if response.status == 200 else self._proved(request, response)

        return first

    def _proved(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """Return the answer, or "later" to who has failed too often to prove to be a platform."""
        if response.status in UNPROVED and request.path.startswith(PLATFORMS):
            seconds = self._visitors.knock(request)
            return self._later(request, seconds) if seconds else response
        return response

    def _troubled(self, request: web.Request, trouble: Exception, where: str) -> web.StreamResponse:
        if isinstance(trouble, web.HTTPException | UnfitRequest | Trouble):
            return self._expected(request, trouble)
        trace = secrets.token_hex(4)
        log.error("web.bug", extra={"trace": trace, "route": where}, exc_info=trouble)
        text = f"是我们这边出了错，没有扣款。\n请稍后再试；联系物业时请报编号 {trace}。"
        return self._say(request, 500, ("抱歉，出了点问题", text))

    def _later(self, request: web.Request, seconds: int) -> web.StreamResponse:
        response = self._say(request, 429, TOO_OFTEN)
        response.headers["Retry-After"] = str(seconds)
        secure(response)
        return response

    def _expected(self, request: web.Request, trouble: Exception) -> web.StreamResponse:
        match trouble:
            case web.HTTPException():
                return self._known(request, trouble)
            case UnfitRequest():
                response = self._say(request, trouble.status, UNFIT)
                response.force_close()
                return response
            case LinkExpired() | UnknownOrder():
                return self._say(request, 404, GONE)
            case Refusal():
                return self._say(request, 409, ("这一步没有办成", refusals.words(trouble)))
        log.warning("web.unavailable", extra={"why": type(trouble).__name__})
        response = self._say(request, 503, BUSY)
        response.headers["Retry-After"] = "5"
        return response

    def _known(self, request: web.Request, known: web.HTTPException) -> web.StreamResponse:
        if known.status < 400:
            return web.Response(status=known.status, headers=known.headers)
        not_here = NOT_AT_WORK if request.path.startswith(CONSOLE) else NOT_HERE
        words = not_here if known.status in (403, 404, 405) else UNFIT
        response = self._say(request, known.status, words)
        if "Allow" in known.headers:
            response.headers["Allow"] = known.headers["Allow"]
        return response

    def _say(self, request: web.Request, status: int, words: tuple[str, str]) -> web.Response:
        if request.path.startswith(MACHINES):
            return web.Response(status=status)
        return self._pages.message(status, *words)


def middleware(edge: Edge) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the edge as aiohttp takes it."""

    @web.middleware
    async def stand(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await edge(request, handler)

    return stand
