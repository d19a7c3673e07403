"""The page of a prepayment: shows what is put aside, and starts its payment."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bot.web.checkout import CLOSED, NO_ANSWER, NO_PAYER, REFUSED, CheckoutDoor, goes_on
from bot.web.devices import kind_of
from bot.web.passes import is_blocked, send_outside
from bot.web.reading import UnfitRequest, query_text, read_form, refuse_other_sites
from handlers.checkout import AsidePage, Step
from storage.charge_errors import PrepayNotOffered, PrepayOutOfRange
from storage.errors import CollectionClosed, LinkExpired
from storage.operations.prepay_orders import Aside
from storage.ports.payments import TradeKind

STATUS: Final = {CLOSED: 409}


class PrepayDoor(CheckoutDoor):
    """The way from a chat's link to the payment; how it stands is told on the pay page."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what the address says is put aside, for a look before it is paid."""
        token, aside = request.match_info["token"], _aside(request)
        page = await self._see(token, aside)
        if kind_of(_agent(request)) is TradeKind.JSAPI and not self._payers.known(request, token):
            if query_text(request, "asked"):
                return self._aside_page(page, token, notice=NO_PAYER)
            back = f"/prepay/oauth?{urlencode({'what': aside.text})}"
            asked = await self._payers.ask(page.payer, token, page=back)
            if asked:
                raise web.HTTPFound(asked)
        return self._aside_page(page, token)

    async def come_back(self, request: web.Request) -> web.StreamResponse:
        """Take in who the browser is, as WeChat's OAuth says, and go on to the page."""
        token, aside = request.match_info["token"], _aside(request)
        payer = await self._checkout.payer(token)
        cookie = await self._payers.learn(request, payer, token)
        query = urlencode({"what": aside.text, "asked": 1})
        response = web.Response(
            status=303, headers={"Location": f"{self._path(token)}/prepay?{query}"}
        )
        if cookie:
            self._payers.remember(response, token, cookie)
        return response

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Start the payment; a form of another site is refused."""
        token, aside = request.match_info["token"], _aside(request)
        refuse_other_sites(request, self._parts.base_url)
        choice = self._choice(request, token, await read_form(request))
        page = await self._see(token, aside)
        if is_blocked(choice):
            root = self._pages.root
            return await send_outside(self._parts, root, token, choice, aside=aside.text)
        if choice.kind is TradeKind.JSAPI and not choice.openid:
            return self._aside_page(page, token, notice=NO_PAYER)
        try:
            started = await self._checkout.put_aside(token, choice, aside)
        except CollectionClosed:
            return self._aside_page(page, token, notice=CLOSED)
        if started.step is not Step.PAYING:
            notice = NO_ANSWER if started.step is Step.UNAVAILABLE else REFUSED
            return self._aside_page(page, token, notice=notice)
        order = {"order": started.order_no}
        going = {"go": "1"} if goes_on(choice) else {}
        return web.Response(
            status=303, headers={"Location": f"{self._path(token)}?{urlencode(order | going)}"}
        )

    async def _see(self, token: str, aside: Aside) -> AsidePage:
        """Return what the page shows; an offer that is over is a link that is over."""
        try:
            return await self._checkout.see_aside(token, aside)
        except (PrepayNotOffered, PrepayOutOfRange):
            raise LinkExpired from None

    def _aside_page(self, page: AsidePage, token: str, *, notice: str = "") -> web.Response:
        query = urlencode({"what": page.view.aside.text})
        return self._pages.render(
            "prepay.html",
            status=STATUS.get(notice, 200),
            payer=page.payer,
            view=page.view,
            closed_reason=page.closed_reason,
            gateways=self._parts.pay_gateways,
            notice=notice,
            page_url=f"{self._path(token)}/prepay?{query}",
        )


def _agent(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")[:1000]


def _aside(request: web.Request) -> Aside:
    try:
        return Aside.parse(query_text(request, "what"))
    except ValueError:
        raise UnfitRequest(400, "what") from None
