"""Alipay's gateway over HTTP: check who asks, do what `method` names, sign the answer's node."""

import urllib.parse
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.alipay_bills import AlipayBills
from bot.sandbox.alipay_book import AlipayBook, AlipayTrade
from bot.sandbox.alipay_cashier import PREFIX, AlipayCashier, refusal_page
from bot.sandbox.alipay_codec import from_beijing, is_request_signed, node_text, sign
from bot.sandbox.alipay_errors import MESSAGES, AlipayError
from bot.sandbox.alipay_fields import PRODUCTS, biz_content, pay_ask
from bot.sandbox.alipay_notices import CERTIFICATE, KEY
from bot.sandbox.alipay_refunds import AlipayRefunds
from bot.sandbox.alipay_trades import AlipayTrades
from bot.sandbox.answering import answer
from bot.sandbox.faults import ANSWER, Fault

GATEWAY = PREFIX + "/gateway.do"
DOWNLOAD = PREFIX + "/downloadBillFile.resource"
SKEW = timedelta(minutes=15)
# What this merchant has no contract for.
NOT_SIGNED_FOR = frozenset(
    {
        "alipay.trade.pay",
        "alipay.trade.precreate",
        "alipay.trade.create",
        "alipay.trade.app.pay",
        "alipay.trade.refund.apply",
        "alipay.fund.trans.uni.transfer",
    }
)
NEEDED = (
    ("method", "isv.missing-method"),
    ("app_id", "isv.missing-app-id"),
    ("timestamp", "isv.missing-timestamp"),
    ("version", "isv.missing-version"),
    ("sign_type", "isv.missing-signature-type"),
    ("sign", "isv.missing-signature"),
)

Endpoint = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class AlipayApi:
    """The web handlers of the gateway."""

    def __init__(
        self, book: AlipayBook, trades: AlipayTrades, refunds: AlipayRefunds, bills: AlipayBills
    ) -> None:
        """Answer from one book."""
        self.book, self.trades, self.bills = book, trades, bills
        self.cashier = AlipayCashier(trades)
        self.methods: dict[str, Endpoint] = {
            "alipay.trade.query": trades.query,
            "alipay.trade.close": trades.close,
            "alipay.trade.cancel": refunds.cancel,
            "alipay.trade.refund": refunds.refund,
            "alipay.trade.fastpay.refund.query": refunds.query,
            "alipay.data.dataservice.bill.downloadurl.query": bills.announced,
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/alipay."""
        return [
            web.get(GATEWAY, self.gateway),
            web.post(GATEWAY, self.gateway),
            web.get(DOWNLOAD, self.download),
            *self.cashier.routes(),
        ]

    async def gateway(self, request: web.Request) -> web.Response:
        """Answer GET and POST: common parameters in the query, or everything in the form."""

        async def work(body: bytes) -> web.Response:
            return self._worked(request, _params(request, body))

        facts = {"method": request.query.get("method", "")} if request.query else {}
        if "biz_content" in request.query:
            facts["body"] = request.query["biz_content"]
        return await answer(self.book.ground, "alipay", request, work, facts)

    async def download(self, request: web.Request) -> web.Response:
        """Hand out a bill's zip within its thirty seconds."""

        async def work(_: bytes) -> web.Response:
            content = self.bills.content(request.query.get("token", ""))
            if content is None:
                text = "<html><body>下载链接已失效，请重新获取</body></html>"
                return web.Response(status=403, text=text, content_type="text/html")
            named = {"Content-Disposition": 'attachment; filename="bill.csv.zip"'}
            return web.Response(
                body=content, content_type="application/octet-stream", headers=named
            )

        return await answer(self.book.ground, "alipay", request, work, {})

    def _worked(self, request: web.Request, params: Mapping[str, str]) -> web.Response:
        method = params.get("method", "")
        facts = {"method": method, "body": params.get("biz_content", "")}
        kinds = ("errcode", "quota", "wrong_signature")
        fault = self.book.ground.faults.take("alipay", ANSWER, facts, *kinds)
        try:
            self._check(params)
            mode = CERTIFICATE if params.get("app_cert_sn") else KEY
            if method in PRODUCTS:
                _befall(fault)
                return self.cashier.opened(request, pay_ask(method, params, self.book.now()), mode)
            return self._reply(method, self._called(method, params, fault), params, fault)
        except AlipayError as refused:
            if method in PRODUCTS:
                return refusal_page(refused)
            return self._reply(method, refused.answer(), params, fault)

    def begun(self, url: str) -> AlipayTrade:
        """Begin the trade of a pay address as a buyer's browser does; raises AlipayError."""
        params = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self._check(params)
        if params["method"] not in PRODUCTS:
            raise AlipayError("isv.invalid-method")
        mode = CERTIFICATE if params.get("app_cert_sn") else KEY
        return self.trades.open(pay_ask(params["method"], params, self.book.now()), mode)

    def _called(
        self, method: str, params: Mapping[str, str], fault: Fault | None
    ) -> Mapping[str, Any]:
        if fault is None or not fault.settings.get("after"):
            _befall(fault)
        told = self.methods[method](biz_content(params))
        _befall(fault)
        return {"code": "10000", "msg": MESSAGES["10000"], **told}

    def _check(self, params: Mapping[str, str]) -> None:
        """Check the common parameters and the signature; raises AlipayError."""
        missing = next((code for name, code in NEEDED if not params.get(name)), None)
        if missing is not None:
            raise AlipayError(missing)
        method = params["method"]
        if method not in {*self.methods, *PRODUCTS, *NOT_SIGNED_FOR}:
            raise AlipayError("isv.invalid-method")
        if params["app_id"] != self.book.keys.names.app_id:
            raise AlipayError("isv.invalid-app-id")
        self._check_forms(params)
        self._check_certificates(params)
        if not is_request_signed(self.book.keys.app.public_key(), params):
            raise AlipayError("isv.invalid-signature")
        if method in NOT_SIGNED_FOR:
            raise AlipayError("isv.insufficient-isv-permissions")

    def _check_forms(self, params: Mapping[str, str]) -> None:
        if params["sign_type"] != "RSA2":
            raise AlipayError("isv.invalid-signature-type")
        if params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            raise AlipayError("isv.invalid-charset")
        if params.get("format", "JSON").lower() != "json":
            raise AlipayError("isv.invalid-format")
        if params["version"] != "1.0":
            raise AlipayError("isv.invalid-parameter", "version只能是1.0")
        at = from_beijing(params["timestamp"])
        if at is None or abs(self.book.now() - at) > SKEW:
            raise AlipayError("isv.invalid-timestamp")

    def _check_certificates(self, params: Mapping[str, str]) -> None:
        """In certificate mode both numbers must be those of the application's files."""
        keys = self.book.keys
        given = (params.get("app_cert_sn", ""), params.get("alipay_root_cert_sn", ""))
        if any(given) and given != (keys.app_cert_sn, keys.root_cert_sn):
            raise AlipayError("isv.missing-signature-config")

    def _reply(
        self,
        method: str,
        content: Mapping[str, Any],
        params: Mapping[str, str],
        fault: Fault | None,
    ) -> web.Response:
        """Return a node and the signature over its very text; a stranger reads an unsigned one."""
        keys, text = self.book.keys, node_text(content)
        is_known = method in self.methods or method in NOT_SIGNED_FOR
        is_ours = params.get("app_id") == keys.names.app_id
        if not is_known or not is_ours or (fault and fault.settings.get("unsigned")):
            return _text(f'{{"error_response":{text}}}')
        key, certificate = keys.alipay, ""
        if params.get("app_cert_sn"):
            key, certificate = keys.certified, f'"alipay_cert_sn":"{keys.alipay_cert_sn}",'
        if fault is not None and fault.kind == "wrong_signature":
            key = keys.stranger
        name = method.replace(".", "_") + "_response"
        return _text(f'{{"{name}":{text},{certificate}"sign":"{sign(key, text.encode())}"}}')


def _params(request: web.Request, body: bytes) -> dict[str, str]:
    """Return query and form together."""
    form = urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    is_form = request.content_type == "application/x-www-form-urlencoded"
    return {**dict(request.query), **(dict(form) if is_form else {})}


def _befall(fault: Fault | None) -> None:
    """Raise the error that was ordered for this answer."""
    if fault is not None and fault.kind == "quota":
        raise AlipayError("isv.app-call-limited")
    if fault is not None and fault.kind == "errcode":
        raise AlipayError(str(fault.settings["code"]))


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8")
