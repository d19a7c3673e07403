"""What WeChat blocks is paid in another browser: a guide inside it, one pass for one payment."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bot.web.checkout import ANSWERS, NO_ANSWER, REFUSED, CheckoutDoor
from bot.web.devices import kind_of
from bot.web.passes import Carried, carried_by
from bot.web.reading import refuse_other_sites
from handlers.checkout import Choice, Started, Step
from storage.charge_errors import PrepayNotOffered, PrepayOutOfRange
from storage.errors import LinkExpired
from storage.kinds import OrderState
from storage.operations.browser_passes import give_pass_back, note_pass_order, use_pass
from storage.operations.prepay_orders import Aside
from storage.ports.payments import TradeKind
from storage.queries.browser_passes import BrowserPass, read_pass

USED: Final = (
    "这个链接已经用过了",
    "它只能打开一次付款。付好以后，公众号会告诉您结果。\n"
    "还没有付好的，请回到微信，从“缴费”里再进一次。",
)
OVER: Final = (
    "这个链接已经过期",
    "它只在 15 分钟内有效，没有扣款。\n请回到微信，从“缴费”里再进一次。",
)
NOT_BEGUN: Final = "这次没有开始付款"
GONE: Final = 410
ENDED: Final = (OrderState.CLOSED, OrderState.FAILED)
GOING_ON: Final = timedelta(hours=2)


class OutsideDoor(CheckoutDoor):
    """The page of a pass: inside WeChat it says how to leave, elsewhere it starts the payment."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Guide out of WeChat or, outside, show what will be paid; a look uses nothing up."""
        secret = request.match_info["once"]
        one = await self._pass(secret)
        word = self._stand(one)
        if _is_in_wechat(request):
            return await self._render("guide.html", secret, one, word)
        if word == "ready":
            return await self._render("outside.html", secret, one, word)
        return self._pages.message(GONE, *(OVER if word == "over" else USED))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Use the pass up and start the payment that it is for."""
        refuse_other_sites(request, self._parts.base_url)
        if _is_in_wechat(request):
            return await self.show(request)
        secret = request.match_info["once"]
        one = await self._parts.db.write(use_pass, secret, now=self._parts.clock.now())
        if one is None:
            known = await self._pass(secret)
            return self._pages.message(GONE, *(USED if known.used_at else OVER))
        carried = carried_by(one)
        try:
            started = await self._start(one, carried, self._chosen(request, one, carried))
        except tuple(ANSWERS) as refused:
            notice, status = ANSWERS[type(refused)]
            names = "、".join(getattr(refused, "payees", ()))
            return self._pages.message(status, NOT_BEGUN, _lines(notice.format(payees=names)))
        except (PrepayNotOffered, PrepayOutOfRange):
            raise LinkExpired from None
        if started.step is Step.UNAVAILABLE:
            await self._parts.db.write(give_pass_back, secret)
            return await self._render("outside.html", secret, one, "ready", notice=NO_ANSWER)
        if started.step is Step.REFUSED:
            return self._pages.message(409, NOT_BEGUN, _lines(REFUSED))
        await self._parts.db.write(note_pass_order, secret, started.order_no)
        going = urlencode({"order": started.order_no, "go": 1})
        return web.Response(
            status=303, headers={"Location": f"{self._path(one.pay_token)}?{going}"}
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Say in one word how far it has come: what the guide asks for while it waits."""
        one = await self._parts.db.read(read_pass, request.match_info["once"])
        if one is None:
            return web.json_response({"state": "unknown"}, status=404)
        return web.json_response({"state": self._stand(one)})

    async def _pass(self, secret: str) -> BrowserPass:
        """Return the pass of a secret. Raises LinkExpired where there is none."""
        one = await self._parts.db.read(read_pass, secret)
        if one is None or one.gateway not in self._parts.pay_gateways:
            raise LinkExpired
        return one

    def _stand(self, one: BrowserPass) -> str:
        """Return ready, used, paid, ended, or over."""
        now = self._parts.clock.now()
        if one.order_state is OrderState.PAID:
            return "paid"
        if one.order_state in ENDED or now >= one.expires_at + GOING_ON:
            return "ended"
        if one.used_at is not None:
            return "used"
        return "ready" if now < one.expires_at else "over"

    def _chosen(self, request: web.Request, one: BrowserPass, carried: Carried) -> Choice:
        kind = kind_of(request.headers.get("User-Agent", "")[:1000])
        return Choice(
            ticked=carried.ticked,
            gateway=one.gateway,
            kind=kind,
            openid=one.openid,
            address=self._address(request) if kind is TradeKind.H5 else "",
            page_url=self._page_url(one.pay_token),
        )

    async def _start(self, one: BrowserPass, carried: Carried, choice: Choice) -> Started:
        if carried.aside:
            aside = Aside.parse(carried.aside)
            return await self._checkout.put_aside(one.pay_token, choice, aside)
        return await self._checkout.start(one.pay_token, choice)

    async def _render(
        self, template: str, secret: str, one: BrowserPass, word: str, *, notice: str = ""
    ) -> web.Response:
        page_url = f"{self._pages.root}/pay/outside/{secret}"
        return self._pages.render(
            template,
            payer=await self._checkout.payer(one.pay_token),
            gateway_name=one.gateway,
            total_fen=carried_by(one).total_fen,
            expires_at=one.expires_at,
            state=word,
            notice=notice,
            page_url=page_url,
            address=f"{self._parts.base_url.rstrip('/')}/pay/outside/{secret}",
            state_url=f"{page_url}/state",
        )


def _is_in_wechat(request: web.Request) -> bool:
    return kind_of(request.headers.get("User-Agent", "")[:1000]) is TradeKind.JSAPI


def _lines(notice: str) -> str:
    """Put each sentence on a line of its own."""
    return notice.replace("。", "。\n").strip()
