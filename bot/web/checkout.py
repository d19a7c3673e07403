"""The pay page: shows what is open, takes the choice, and follows the payment to its end."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from bot.web.devices import kind_of
from bot.web.pages import Pages, allow_form
from bot.web.parts import WebParts
from bot.web.passes import is_blocked, opens_outside, send_outside
from bot.web.payers import Payers
from bot.web.reading import UnfitRequest, query_text, read_form, refuse_other_sites
from bot.web.visitors import address_of
from handlers.checkout import Checkout, Choice, PageView, Step, Ticked
from storage.errors import (
    BillAlreadyPaid,
    CollectionClosed,
    LinkExpired,
    MixedPayees,
    NotAnAmount,
    NothingToPay,
    PartNotTaken,
    UnknownBill,
    UnknownOrder,
)
from storage.kinds import OrderState
from storage.lazy import load
from storage.money import from_yuan
from storage.ports.bank import BankFeed
from storage.ports.payments import TradeKind
from storage.queries.orders import OrderView
from storage.rules.remark_codes import printed

_TICK: Final = re.compile("([0-9]{1,18})-([0-9]{1,12})", re.ASCII)
_ORDER_NO: Final = re.compile("[0-9A-Za-z]{6,32}", re.ASCII)
CHANGED: Final = "账单刚刚有变化，还没有扣款。请核对下面的金额，再点一次缴费。"
PAID_MEANWHILE: Final = (
    "勾选的账单里有刚刚缴清的，这次没有扣款。还要缴的请核对下面的金额，再点一次缴费。"
)
MIXED: Final = (
    "勾选的账单由不同的公司收款（{payees}），还没有扣款。请先只勾选一家的，缴完再缴另一家。"
)
PART_REFUSED: Final = (
    "填写的金额不能这样缴，还没有扣款。请填比 0 多、不超过待缴的金额；不填就是整笔缴清。"
)
NONE_TICKED: Final = "还没有勾选账单。请至少勾选一笔，再点缴费。"
CLOSED: Final = "现在不能这样缴费，没有扣款。请换一种付款方式，或联系物业服务中心。"
ANSWERS: Final[dict[type[Exception], tuple[str, int]]] = {
    NothingToPay: (NONE_TICKED, 400),
    BillAlreadyPaid: (PAID_MEANWHILE, 409),
    UnknownBill: (CHANGED, 409),
    CollectionClosed: (CLOSED, 409),
    MixedPayees: (MIXED, 409),
    PartNotTaken: (PART_REFUSED, 409),
}
NO_ANSWER: Final = "支付平台暂时没有回应，还没有扣款。请再试一次。"
REFUSED: Final = "这次没能发起支付，没有扣款。请再试一次；仍不行，请联系物业服务中心。"
NO_PAYER: Final = "没能确认您的微信身份，还不能付款。请再试一次。"


class CheckoutDoor:
    """The pay page of every link."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Put words and buttons on what the handler says."""
        self._parts = parts
        self._pages = pages
        self._checkout = Checkout(parts.handler_deps, parts.pay_gateways)
        self._payers = Payers(parts)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the open bills or, where the address names one, how an order stands."""
        token = request.match_info["token"]
        if "order" in request.query:
            return await self._show_order(request, token)
        view = await self._checkout.open_page(token, self._payers.known(request, token))
        wants_payer = view.bills and kind_of(_agent(request)) is TradeKind.JSAPI
        if wants_payer and not self._payers.known(request, token):
            if query_text(request, "asked"):
                return self._page(view, token, notice=NO_PAYER)
            asked = await self._payers.ask(view.payer, token)
            if asked:
                raise web.HTTPFound(asked)
        return self._page(view, token)

    async def come_back(self, request: web.Request) -> web.StreamResponse:
        """Take in who the browser is, as WeChat's OAuth says, and go on to the page."""
        token = request.match_info["token"]
        payer = await self._checkout.payer(token)
        cookie = await self._payers.learn(request, payer, token)
        response = web.Response(
            status=303, headers={"Location": f"{self._path(token)}?{urlencode({'asked': 1})}"}
        )
        if cookie:
            self._payers.remember(response, token, cookie)
        return response

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Take what was ticked and start the payment; a form of another site is refused.

        A platform that sends its payer back by a form is only led to the order's page: nothing
        that it posts is read.
        """
        token = request.match_info["token"]
        if "order" in request.query:
            query = urlencode({"order": _order_no(request)})
            return web.Response(status=303, headers={"Location": f"{self._path(token)}?{query}"})
        refuse_other_sites(request, self._parts.base_url)
        form = await read_form(request)
        choice = self._choice(request, token, form)
        if self._needs_openid(choice):
            return await self._again(token, NO_PAYER, choice)
        try:
            if is_blocked(choice):
                await self._checkout.check(token, choice)
                return await send_outside(self._parts, self._pages.root, token, choice)
            started = await self._checkout.start(token, choice)
        except tuple(ANSWERS) as refused:
            notice, status = ANSWERS[type(refused)]
            names = "、".join(getattr(refused, "payees", ()))
            notice = notice.format(payees=names)
            return await self._again(token, notice, choice, status=status)
        if started.step is Step.UNAVAILABLE:
            return await self._again(token, NO_ANSWER, choice)
        if started.step is Step.REFUSED:
            return await self._again(token, REFUSED, choice)
        order = {"order": started.order_no}
        going = {"go": "1"} if goes_on(choice) else {}
        return web.Response(
            status=303, headers={"Location": f"{self._path(token)}?{urlencode(order | going)}"}
        )

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Say in one word how an order stands: what the waiting page asks for."""
        try:
            _, order = await self._checkout.look(request.match_info["token"], _order_no(request))
        except (LinkExpired, UnknownOrder):
            return web.json_response({"state": "unknown"}, status=404)
        return web.json_response({"state": self._word(order)})

    async def _show_order(self, request: web.Request, token: str) -> web.StreamResponse:
        payer, order = await self._checkout.look(token, _order_no(request))
        word = self._word(order)
        query = urlencode({"order": order.order_no})
        facts: dict[str, Any] = {
            "payer": payer,
            "order": order,
            "state": word,
            "page_url": self._path(token),
            "state_url": f"{self._path(token)}/state?{query}",
            "receipt_url": "",
            "bridge": "",
            "code": "",
            "go_url": "",
            "form": None,
            "is_outside": False,
            "transfer": None,
        }
        if order.payment_id is not None:
            receipt = self._parts.links.receipt_token(order.payment_id)
            facts["receipt_url"] = f"{self._pages.root}/receipts/{receipt}"
        if word == "paying":
            back_url = f"{self._page_url(token)}?{query}"
            is_in_wechat = kind_of(_agent(request)) is TradeKind.JSAPI
            facts |= self._ways(order, back_url, in_wechat=is_in_wechat)
        is_going = bool(query_text(request, "go"))
        response = self._pages.render("order.html", is_going=is_going, **facts)
        if facts["go_url"] or facts["form"]:
            # The platform lets only pages of a domain that it knows open its cashier.
            response.headers["Referrer-Policy"] = "strict-origin"
        if facts["go_url"] and is_going:
            response.headers["Refresh"] = f"0; url={facts['go_url']}"
        if facts["form"]:
            allow_form(response, facts["form"]["action"])
        return response

    def _ways(self, order: OrderView, back_url: str, *, in_wechat: bool) -> dict[str, Any]:
        found = order.collection
        gateway = self._parts.gateways.get(order.gateway)
        if isinstance(gateway, BankFeed):
            return {"transfer": transfer_of(gateway, found.prepay_id)}
        if opens_outside(order.gateway):
            if in_wechat:
                return {"is_outside": True}
            return {"go_url": found.pay_url, "form": json.loads(found.form or "null")}
        if order.kind is TradeKind.JSAPI and found.prepay_id:
            fields = self._parts.gateways[order.gateway].bridge_fields(found)
            return {"bridge": json.dumps(fields)}
        if order.kind is TradeKind.H5 and found.pay_url:
            joint = "&" if "?" in found.pay_url else "?"
            return {"go_url": f"{found.pay_url}{joint}{urlencode({'redirect_url': back_url})}"}
        if order.kind is TradeKind.NATIVE and found.code_url:
            code = load("segno").make(found.code_url, error="m")
            return {"code": code.svg_data_uri(scale=6, border=2)}
        return {}

    def _needs_openid(self, choice: Choice) -> bool:
        """Tell whether WeChat's own window is meant and we do not know whose it is."""
        is_bank = isinstance(self._parts.gateways.get(choice.gateway), BankFeed)
        is_bridge = choice.kind is TradeKind.JSAPI and not is_blocked(choice) and not is_bank
        return is_bridge and not choice.openid

    def _word(self, order: OrderView) -> str:
        if order.state is OrderState.PAID:
            return "returned" if order.returned_fen else "paid"
        if order.state is OrderState.FAILED:
            return "failed"
        if order.expires_at <= self._parts.clock.now():
            return "expired"
        return "closed" if order.state is OrderState.CLOSED else "paying"

    async def _again(
        self, token: str, notice: str, choice: Choice, *, status: int = 200
    ) -> web.Response:
        """Show the bills once more, those ticked that were ticked if that was no wrong of hers."""
        view = await self._checkout.open_page(token, choice.openid)
        return self._page(view, token, notice=notice, kept=choice.ticked, status=status)

    def _page(
        self,
        view: PageView,
        token: str,
        *,
        notice: str = "",
        kept: Sequence[Ticked] = (),
        status: int = 200,
    ) -> web.Response:
        """Render the bills, ticked as `kept` says, or all of the link's unit at first."""
        shown = {one.bill.bill_id: one for one in view.all_bills}
        parts = {one.bill_id: one.part_fen for one in kept if one.bill_id in shown}
        ticked = set(parts) or _at_first(view)
        collecting = [view.payees.of(one.fee_item_id) for one in view.all_bills]
        total_fen = sum(parts.get(one) or shown[one].bill.open_fen for one in ticked)
        return self._pages.render(
            "pay.html",
            status=status,
            view=view,
            payer=view.payer,
            bills=view.bills,
            payee_of={one: view.payees.of(each.fee_item_id) for one, each in shown.items()},
            payee_count=len({view.payees.key_of(one.fee_item_id) for one in view.all_bills}),
            ticked=ticked,
            parts=parts,
            total_fen=total_fen,
            closed_reason=view.closed_reason,
            gateways=[
                (name, view.policy.why_closed(name) if not view.closed_reason else "")
                for name in self._parts.pay_gateways
                if any(one is None or one.takes(name) for one in collecting)
            ],
            notice=notice,
            page_url=self._path(token),
        )

    def _choice(self, request: web.Request, token: str, form: dict[str, list[str]]) -> Choice:
        ticked: dict[int, Ticked] = {}
        for text in form.get("bill", []):
            match = _TICK.fullmatch(text)
            if match is None or int(match[1]) in ticked:
                raise UnfitRequest(400, "bill")
            part_fen = _part_of(form, match[1], int(match[2]))
            ticked[int(match[1])] = Ticked(int(match[1]), int(match[2]), part_fen)
        chosen = form.get("gateway", [])
        if len(chosen) != 1 or chosen[0] not in self._parts.pay_gateways:
            raise UnfitRequest(400, "gateway")
        kind = kind_of(_agent(request))
        return Choice(
            ticked=tuple(ticked.values()),
            gateway=chosen[0],
            kind=kind,
            openid=self._payers.known(request, token) if kind is TradeKind.JSAPI else "",
            address=self._address(request) if kind is TradeKind.H5 else "",
            page_url=self._page_url(token),
        )

    def _address(self, request: web.Request) -> str:
        return address_of(request, self._parts.address_header)

    def _path(self, token: str) -> str:
        return f"{self._pages.root}/pay/{token}"

    def _page_url(self, token: str) -> str:
        return f"{self._parts.base_url.rstrip('/')}/pay/{token}"


def _at_first(view: PageView) -> set[int]:
    """Return the link's own bills; only those of one payee, for an order mixes none."""
    first = view.payees.key_of(view.bills[0].fee_item_id) if view.bills else None
    return {one.bill.bill_id for one in view.bills if view.payees.key_of(one.fee_item_id) == first}


def _part_of(form: dict[str, list[str]], bill_id: str, open_fen: int) -> int | None:
    """Return the fen that were typed for a bill; None for nothing, or for all of it."""
    typed = form.get(f"part-{bill_id}", [""])[0].strip()
    if not typed:
        return None
    try:
        part_fen = from_yuan(typed)
    except NotAnAmount:
        return 0
    return None if part_fen == open_fen else part_fen


def transfer_of(gateway: BankFeed, code: str) -> dict[str, str]:
    """Return what the payer types into her bank's page; the number in groups of four."""
    name, number, bank = gateway.account
    plain = "".join(number.split())
    grouped = " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))
    return {"name": name, "number": grouped, "bank": bank, "code": printed(code), "plain": code}


def goes_on(choice: Choice) -> bool:
    """Tell whether the browser goes on to a page of the platform by itself."""
    return choice.kind is TradeKind.H5 or opens_outside(choice.gateway)


def _agent(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")[:1000]


def _order_no(request: web.Request) -> str:
    order_no = query_text(request, "order")
    if _ORDER_NO.fullmatch(order_no) is None:
        raise UnknownOrder
    return order_no
