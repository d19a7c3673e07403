"""UnionPay over HTTP: check who asks, answer with signed text, send payers to the cashier."""

import html
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bot.sandbox.answering import answer
from bot.sandbox.faults import ANSWER, CERTIFICATE_KINDS, Fault
from bot.sandbox.unionpay_book import UnionpayBook
from bot.sandbox.unionpay_codec import answer_text, is_signed, read_form
from bot.sandbox.unionpay_codes import WORDS, AcpError
from bot.sandbox.unionpay_fields import CONSUME, FILE, ORDER, RETURN, check_shapes
from bot.sandbox.unionpay_messages import echo, outcome
from bot.sandbox.unionpay_notices import message
from bot.sandbox.unionpay_orders import UnionpayOrders
from bot.sandbox.unionpay_returns import UnionpayReturns
from bot.sandbox.unionpay_statement import UnionpayStatements

PREFIX = "/_sandbox/unionpay"
SIGN_METHOD = "01"
OWN_KINDS = ("errcode", "quota", "wrong_signature", *CERTIFICATE_KINDS)

Fields = Mapping[str, str]
Handler = Callable[[web.Request], Awaitable[web.Response]]
Work = Callable[[bytes, Fault | None], web.Response]


class UnionpayApi:
    """The web handlers for merchants, and for payers on their way to the cashier."""

    def __init__(
        self,
        book: UnionpayBook,
        orders: UnionpayOrders,
        returns: UnionpayReturns,
        statements: UnionpayStatements,
    ) -> None:
        """Answer from one book."""
        self.book, self.orders = book, orders
        self.returns, self.statements = returns, statements

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/unionpay; the last one is the file host's."""
        gateway = PREFIX + "/gateway/api"
        return [
            web.post(gateway + "/frontTransReq.do", self._handled(self._front)),
            web.post(gateway + "/backTransReq.do", self._told(RETURN, self._back)),
            web.post(gateway + "/queryTrans.do", self._told(ORDER, self._query)),
            web.post(PREFIX + "/", self._told(FILE, self._file)),
        ]

    # Each endpoint

    def _front(self, body: bytes, fault: Fault | None) -> web.Response:
        try:
            trade = self.orders.consume(self._verified(body, CONSUME, fault))
        except AcpError as refused:
            return error_page(refused)
        cashier = f"{self.book.ground.base_url}{PREFIX}/cashier/{trade.token}"
        return web.Response(status=302, headers={"Location": cashier})

    def _back(self, fields: Fields) -> Fields:
        return self.returns.create(fields)

    def _query(self, fields: Fields) -> Fields:
        return self.orders.queried(fields)

    def _file(self, fields: Fields) -> Fields:
        return echo(fields) | self.statements.answered(fields) | outcome("00")

    # Around every endpoint

    def _handled(self, work: Work) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            async def worked(body: bytes) -> web.Response:
                facts = {
                    "path": request.path,
                    "body": body.decode("utf-8", "replace"),
                    "order_no": _number(body),
                }
                take = self.book.ground.faults.take
                return work(body, take("unionpay", ANSWER, facts, *OWN_KINDS))

            return await answer(self.book.ground, "unionpay", request, worked, {})

        return handler

    def _told(self, needed: tuple[str, ...], endpoint: Callable[[Fields], Fields]) -> Handler:
        def work(body: bytes, fault: Fault | None) -> web.Response:
            try:
                told = endpoint(self._verified(body, needed, fault))
            except AcpError as refused:
                told = _echo_of(body) | outcome(refused.code, refused.detail)
            text = answer_text(message(self.book.keys, told, fault))
            return web.Response(text=text, content_type="text/html", charset="utf-8")

        return self._handled(work)

    def _verified(self, body: bytes, needed: tuple[str, ...], fault: Fault | None) -> Fields:
        """Return the fields of a merchant's form, checked and believed; raises AcpError."""
        fields, keys = read_form(body), self.book.keys
        check_shapes(fields, needed, self.book.now())
        if fields["merId"] != keys.merchant_id:
            raise AcpError("31")
        if fields["signMethod"] != SIGN_METHOD or fields["certId"] != keys.merchant.cert_id:
            raise AcpError("11", "certId")
        if not is_signed(keys.merchant.key.public_key(), fields):
            raise AcpError("11")
        if fault is not None and fault.kind == "quota":
            raise AcpError("37")
        if fault is not None and fault.kind == "errcode":
            raise AcpError(str(fault.settings.get("code", "06")))
        return fields


def error_page(refused: AcpError) -> web.Response:
    """Return what a payer's browser shows instead of the cashier."""
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>银联支付（沙箱）</title>"
        '<link rel="stylesheet" href="/_sandbox/static/unionpay.css"></head>'
        '<body class="words"><main><i aria-hidden="true">!</i>'
        f"<h1>{html.escape(WORDS.get(refused.code, WORDS['99']))}</h1>"
        f'<p class="end_error">{html.escape(refused.words)}</p>\n'
        f'<small>respCode=<b id="respCode">{html.escape(refused.code)}</b></small>'
        "</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def _echo_of(body: bytes) -> dict[str, str]:
    """Return what can be echoed of a form that was refused, which may be none at all."""
    try:
        return echo(read_form(body))
    except AcpError:
        return {}


def _number(body: bytes) -> str:
    """Return the merchant's number that a request is about, for matching troubles."""
    return _echo_of(body).get("orderId", "")
