"""WeChat Pay v3 over HTTP: check who asks, answer, and sign the answer."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.answering import answer
from bot.sandbox.clock import iso
from bot.sandbox.faults import ANSWER, Fault
from bot.sandbox.pay_bills import PayBills
from bot.sandbox.pay_book import PayBook
from bot.sandbox.pay_codec import (
    Authorization,
    compact,
    is_signed,
    lines,
    read_authorization,
    sealed,
    signed,
)
from bot.sandbox.pay_errors import PayError
from bot.sandbox.pay_notices import CERTIFICATE, PUBLIC_KEY
from bot.sandbox.pay_orders import PayOrders
from bot.sandbox.pay_refunds import PayRefunds

PREFIX = "/_sandbox/wechat_pay"
WINDOW_SECONDS = 300
Endpoint = Callable[["Ask"], "Mapping[str, Any] | bytes | None"]


@dataclass(frozen=True)
class Ask:
    """One verified request."""

    match: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    mode: str


class PayApi:
    """The web handlers of WeChat Pay."""

    def __init__(
        self, book: PayBook, orders: PayOrders, refunds: PayRefunds, bills: PayBills
    ) -> None:
        """Answer from one book."""
        self.book, self.orders, self.refunds, self.bills = book, orders, refunds, bills

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/wechat_pay."""
        trades = PREFIX + "/v3/pay/transactions"
        refunds = PREFIX + "/v3/refund/domestic/refunds"
        return [
            web.get(PREFIX + "/v3/certificates", self._of(self.certificates)),
            web.post(trades + "/{kind:jsapi|h5|native}", self._of(self._create)),
            web.get(trades + "/out-trade-no/{no}", self._of(self._query)),
            web.get(trades + "/id/{id}", self._of(self._query_by_id)),
            web.post(trades + "/out-trade-no/{no}/close", self._of(self._close)),
            web.post(refunds, self._of(self._refund)),
            web.get(refunds + "/{no}", self._of(self._query_refund)),
            web.post(refunds + "/{id}/apply-abnormal-refund", self._of(self._abnormal)),
            web.get(PREFIX + "/v3/bill/{family:tradebill|fundflowbill}", self._of(self._bill)),
            web.get(PREFIX + "/v3/billdownload/file", self._of(self._download)),
            web.route("*", PREFIX + "/{rest:.*}", self._of(self._nothing)),
        ]

    # Each endpoint

    def certificates(self, ask: Ask) -> Mapping[str, Any]:
        """Tell the platform certificate, sealed with the merchant's APIv3 key."""
        keys = self.book.keys
        locked = sealed(keys.names.api_v3_key, keys.platform_certificate_pem, "certificate")
        told = {
            "serial_no": keys.platform_serial,
            "effective_time": iso(keys.platform_certificate_from),
            "expire_time": iso(keys.platform_certificate_until),
            "encrypt_certificate": locked,
        }
        return {"data": [told]}

    def _create(self, ask: Ask) -> Mapping[str, Any]:
        return self.orders.create(ask.match["kind"], ask.body, ask.mode)

    def _query(self, ask: Ask) -> Mapping[str, Any]:
        return self.orders.queried(self.book.trade(ask.match["no"]), ask.query.get("mchid"))

    def _query_by_id(self, ask: Ask) -> Mapping[str, Any]:
        return self.orders.queried(self.book.trade_by_id(ask.match["id"]), ask.query.get("mchid"))

    def _close(self, ask: Ask) -> None:
        self.orders.close(ask.match["no"], ask.body)

    def _refund(self, ask: Ask) -> Mapping[str, Any]:
        return self.refunds.create(ask.body, ask.mode)

    def _query_refund(self, ask: Ask) -> Mapping[str, Any]:
        return self.refunds.queried(ask.match["no"])

    def _abnormal(self, ask: Ask) -> Mapping[str, Any]:
        return self.refunds.apply_abnormal(ask.match["id"], ask.body)

    def _bill(self, ask: Ask) -> Mapping[str, Any]:
        return self.bills.announced(ask.match["family"], ask.query)

    def _download(self, ask: Ask) -> bytes:
        return self.bills.content(ask.query.get("token", ""))

    def _nothing(self, ask: Ask) -> None:
        raise PayError("RESOURCE_NOT_EXISTS", "接口不存在")

    # Around every endpoint

    def _of(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            async def work(body: bytes) -> web.Response:
                return self._worked(endpoint, request, body)

            return await answer(self.book.ground, "wechat_pay", request, work, {})

        return handler

    def _worked(self, endpoint: Endpoint, request: web.Request, body: bytes) -> web.Response:
        mode = self._mode(request)
        facts = {
            "path": request.path,
            "body": body.decode("utf-8", "replace"),
            "order_no": _number(request, body),
        }
        kinds = ("errcode", "quota", "wrong_signature")
        fault = self.book.ground.faults.take("wechat_pay", ANSWER, facts, *kinds)
        try:
            answered = endpoint(self._verified(request, body, mode, fault))
        except PayError as refused:
            return self._reply(refused.http, compact(refused.answer()), mode, fault)
        if isinstance(answered, bytes):
            return web.Response(body=answered, content_type="text/plain")
        if answered is None:
            return self._reply(204, b"", mode, fault)
        return self._reply(200, compact(answered), mode, fault)

    def _mode(self, request: web.Request) -> str:
        serial = request.headers.get("Wechatpay-Serial", "")
        asked = PUBLIC_KEY if serial.startswith("PUB_KEY_ID_") else CERTIFICATE
        return self.book.book.kept("signing") or asked

    def _reply(self, code: int, content: bytes, mode: str, fault: Fault | None) -> web.Response:
        keys = self.book.keys
        stamp, nonce = str(int(self.book.now().timestamp())), secrets.token_hex(16)
        key = keys.public_mode if mode == PUBLIC_KEY else keys.platform
        if fault is not None and fault.kind == "wrong_signature":
            key = keys.stranger
        is_public = mode == PUBLIC_KEY
        serial = keys.names.platform_public_key_id if is_public else keys.platform_serial
        headers = {
            "Request-ID": "08" + secrets.token_hex(16).upper() + "-0",
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signed(key, lines(stamp, nonce, content.decode())),
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }
        if not content:
            return web.Response(status=code, headers=headers)
        headers["Content-Type"] = "application/json; charset=utf-8"
        return web.Response(status=code, body=content, headers=headers)

    def _verified(self, request: web.Request, body: bytes, mode: str, fault: Fault | None) -> Ask:
        """Check the headers and the signature; raises PayError."""
        if not request.headers.get("User-Agent") or not request.headers.get("Accept"):
            raise PayError("PARAM_ERROR", "Http头缺少Accept或User-Agent")
        given = read_authorization(request.headers.get("Authorization", ""))
        if given is None:
            raise PayError("SIGN_ERROR", "Http头Authorization值格式错误")
        self._check_identity(given, request)
        path = request.raw_path
        candidates = (path, path.removeprefix(PREFIX))
        text = body.decode("utf-8", "surrogateescape")
        merchant = self.book.keys.merchant.public_key()
        messages = [
            lines(request.method, target, given.timestamp, given.nonce) + _encoded(text)
            for target in candidates
        ]
        if not any(is_signed(merchant, message, given.signature) for message in messages):
            raise _sign_error(request, messages[0])
        if fault is not None and fault.kind == "quota":
            raise PayError("FREQUENCY_LIMITED")
        if fault is not None and fault.kind == "errcode":
            raise PayError(str(fault.settings["code"]))
        return Ask(request.match_info, request.query, self._body(request, body), mode)

    def _check_identity(self, given: Authorization, request: web.Request) -> None:
        keys = self.book.keys
        if given.mchid != keys.names.mchid:
            raise PayError("SIGN_ERROR", "商户号不存在或与证书不匹配")
        if given.serial != keys.merchant_serial:
            raise PayError("SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        now = self.book.now().timestamp()
        is_number = given.timestamp.isdecimal() and len(given.timestamp) < 12
        if not is_number or abs(now - int(given.timestamp)) > WINDOW_SECONDS:
            text = "Http头Authorization值中的timestamp与发起请求的时间不得超过5分钟"
            raise PayError("SIGN_ERROR", text)
        serial = request.headers.get("Wechatpay-Serial")
        known = (None, "", keys.platform_serial, keys.names.platform_public_key_id)
        if serial not in known:
            raise PayError("PARAM_ERROR", "Http头Wechatpay-Serial的平台证书序列号或公钥ID错误")

    def _body(self, request: web.Request, body: bytes) -> Mapping[str, Any]:
        if request.method != "POST":
            return {}
        if not request.headers.get("Content-Type", "").startswith("application/json"):
            raise PayError("PARAM_ERROR", "Http头Content-Type应为application/json")
        try:
            parsed = json.loads(body.decode("utf-8"))
        except ValueError as wrong:
            raise PayError("PARAM_ERROR", "请求体不是合法的JSON") from wrong
        if not isinstance(parsed, dict):
            raise PayError("PARAM_ERROR", "请求体不是JSON对象")
        return parsed


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\n"


def _number(request: web.Request, body: bytes) -> str:
    """Return the merchant's number that a request is about, for matching troubles."""
    if "no" in request.match_info:
        return request.match_info["no"]
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(parsed.get("out_trade_no", "")) if isinstance(parsed, dict) else ""


def _sign_error(request: web.Request, message: bytes) -> PayError:
    shown = message.decode("utf-8", "replace")
    detail = {
        "detail": {"issue": "sign not match"},
        "field": "signature",
        "location": "authorization",
        "sign_information": {
            "method": request.method,
            "url": request.raw_path,
            "truncated_sign_message": shown[:200],
            "sign_message_length": len(message),
        },
    }
    return PayError("SIGN_ERROR", "签名错误，请检查后再试", detail)
