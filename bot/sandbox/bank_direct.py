"""The bank's direct interface (银企直联): what a merchant's program may ask, signed both ways.

Every call goes to `{base_url}` + path and carries four headers:

* `X-Bank-Account`    the account number,
* `X-Bank-Timestamp`  seconds since 1970, within five minutes of the bank's clock,
* `X-Bank-Nonce`      16 to 64 letters or digits, never used before,
* `X-Bank-Signature`  base64 of RSA (PKCS#1 v1.5, SHA-256) with the merchant's private key over

      METHOD \\n path with query \\n timestamp \\n nonce \\n body \\n

  where the path is what stands in the request line (or that without the prefix of `base_url`).

Every answer, a refusal too, carries `X-Bank-Timestamp`, the call's own `X-Bank-Nonce`, and
`X-Bank-Signature` of the bank over the same five parts: the call's method and path as they stood in
the request line, the answer's timestamp, the nonce, the answer's body. An answer without a right
signature says nothing about what was done.

    GET  /v1/transactions?after=&limit=100  {"transactions": [...], "next_cursor", "has_more"}
         one: serial, booked_at, amount_fen (money in above 0), balance_fen, counterparty_name,
         counterparty_account, counterparty_bank, memo, kind. `after` is "" or a `next_cursor`.
    GET  /v1/balance                        {"account_no", "balance_fen", "at"}
    POST /v1/payouts                        {"payout_no", "amount_fen", "account_name",
         "account_no", "bank_name"?, "memo"?, "order_no"?} or with "original_serial" instead of the
         account: back to where that transfer came from. The same payout_no with the same fields is
         the same payout; with others PAYOUT_NO_USED.
    GET  /v1/payouts/{payout_no}            {"payout_no", "amount_fen", "state", "serial",
         "order_no", "account_name", "account_no", "accepted_at", "ended_at", "reason"?}
         state: processing, success, returned (the money is back, as a line of its own: 退汇).
    GET  /v1/statements/{YYYY-MM-DD}?layout=icbc    the file itself, today's so far

Refused: {"code", "message"}; the codes are those of `bank_errors.WORDS`.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.answering import answer
from bot.sandbox.bank_book import BankBook, Line
from bot.sandbox.bank_errors import BankRefused
from bot.sandbox.bank_keys import is_signed, message, signed
from bot.sandbox.bank_payouts import BankPayouts
from bot.sandbox.bank_statements import USUAL, BankStatements, spoilt
from bot.sandbox.clock import iso
from bot.sandbox.faults import ANSWER, NOTICE, Fault

PREFIX = "/_sandbox/bank"
DIRECT = PREFIX + "/direct"
WINDOW_SECONDS = 300
KEPT_NONCES = 20_000
MOST_LINES = 200
JSON, FILE = "application/json; charset=utf-8", "text/csv"
_NONCE = re.compile(r"[0-9A-Za-z]{16,64}")


@dataclass(frozen=True)
class Ask:
    """One verified request."""

    match: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]


Endpoint = Callable[[Ask], "Mapping[str, Any] | bytes"]


class BankDirect:
    """The web handlers of the direct interface."""

    def __init__(self, book: BankBook, payouts: BankPayouts, statements: BankStatements) -> None:
        """Answer from one book."""
        self.book, self.payouts, self.statements = book, payouts, statements
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses under /_sandbox/bank."""
        return [
            web.get(DIRECT + "/v1/transactions", self._of(self._transactions)),
            web.get(DIRECT + "/v1/balance", self._of(self._balance)),
            web.post(DIRECT + "/v1/payouts", self._of(self._pay_out)),
            web.get(DIRECT + "/v1/payouts/{no}", self._of(self._payout)),
            web.get(DIRECT + "/v1/statements/{day}", self._of(self._statement)),
            web.route("*", DIRECT + "/{rest:.*}", self._of(self._nothing)),
            web.get(PREFIX + "/statements/{day}", self._download),
        ]

    # Each endpoint

    def _transactions(self, ask: Ask) -> Mapping[str, Any]:
        limit = ask.query.get("limit", "100")
        if not limit.isdecimal() or not 0 < int(limit) <= MOST_LINES:
            raise BankRefused("PARAM_ERROR", f"limit 应为 1 到 {MOST_LINES}")
        after = ask.query.get("after", "")
        try:
            lines = self.book.lines_after(after, int(limit) + 1)
        except LookupError:
            raise BankRefused("CURSOR_ERROR") from None
        page = lines[: int(limit)]
        cursor = page[-1].serial if page else after
        fault = self.book.ground.faults.take(
            "bank", NOTICE, {"path": "transactions"}, "duplicate", "wrong_amount", "reorder"
        )
        told = [line_told(one) for one in spoilt(page, fault.kind if fault else "")]
        has_more = len(lines) > len(page)
        return {"transactions": told, "next_cursor": cursor, "has_more": has_more}

    def _balance(self, ask: Ask) -> Mapping[str, Any]:
        return {
            "account_no": self.book.keys.account.account_no,
            "balance_fen": self.book.balance_fen(),
            "at": iso(self.book.now()),
        }

    def _pay_out(self, ask: Ask) -> Mapping[str, Any]:
        return self.payouts.create(ask.body)

    def _payout(self, ask: Ask) -> Mapping[str, Any]:
        return self.payouts.queried(ask.match["no"])

    def _statement(self, ask: Ask) -> bytes:
        return self.statements.file(ask.match["day"], ask.query.get("layout", USUAL))

    def _nothing(self, ask: Ask) -> Mapping[str, Any]:
        raise BankRefused("NOT_FOUND")

    async def _download(self, request: web.Request) -> web.Response:
        """GET statements/{day}?layout=: the file as a person downloads it in online banking."""
        day, layout = request.match_info["day"], request.query.get("layout", USUAL)
        try:
            whole = self.statements.file(day, layout)
        except BankRefused as refused:
            return web.json_response(refused.answer(), status=refused.http)
        name = f'attachment; filename="{layout}-{day}.csv"'
        return web.Response(body=whole, content_type=FILE, headers={"Content-Disposition": name})

    # Around every endpoint

    def _of(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            async def work(body: bytes) -> web.Response:
                return self._answered(request, body, endpoint)

            facts = {"payout_no": request.match_info.get("no", "")}
            return await answer(self.book.ground, "bank", request, work, facts)

        return handler

    def _answered(self, request: web.Request, body: bytes, endpoint: Endpoint) -> web.Response:
        where = {"path": request.path, "body": body.decode("utf-8", "replace")}
        kinds = ("wrong_signature", "quota", "errcode")
        fault = self.book.ground.faults.take("bank", ANSWER, where, *kinds)
        code, kind = 200, JSON
        try:
            found = endpoint(self._verified(request, body, fault))
            content = found if isinstance(found, bytes) else _json(found)
            kind = FILE if isinstance(found, bytes) else JSON
        except BankRefused as refused:
            code, content = refused.http, _json(refused.answer())
        headers = self._signed(request, content, fault)
        return web.Response(status=code, body=content, headers={**headers, "Content-Type": kind})

    def _signed(self, request: web.Request, content: bytes, fault: Fault | None) -> dict[str, str]:
        keys = self.book.keys
        is_false = fault is not None and fault.kind == "wrong_signature"
        stamp = str(int(self.book.now().timestamp()))
        nonce = request.headers.get("X-Bank-Nonce", "")[:64]
        text = message(request.method, request.raw_path, stamp, nonce, content)
        return {
            "X-Bank-Timestamp": stamp,
            "X-Bank-Nonce": nonce,
            "X-Bank-Signature": signed(keys.stranger if is_false else keys.bank, text),
        }

    def _verified(self, request: web.Request, body: bytes, fault: Fault | None) -> Ask:
        """Check who asks, and the signature; raises BankRefused."""
        given = request.headers
        stamp, nonce = given.get("X-Bank-Timestamp", ""), given.get("X-Bank-Nonce", "")
        if given.get("X-Bank-Account") != self.book.keys.account.account_no:
            raise BankRefused("ACCOUNT_ERROR")
        now = self.book.now().timestamp()
        is_number = stamp.isdecimal() and len(stamp) < 12
        if not is_number or abs(now - int(stamp)) > WINDOW_SECONDS:
            raise BankRefused("TIMESTAMP_ERROR")
        public, path = self.book.keys.merchant.public_key(), request.raw_path
        signature = given.get("X-Bank-Signature", "")
        if not _NONCE.fullmatch(nonce) or not any(
            is_signed(public, message(request.method, one, stamp, nonce, body), signature)
            for one in (path, path.removeprefix(DIRECT))
        ):
            raise BankRefused("SIGN_ERROR")
        self._use(nonce)
        if fault is not None and fault.kind == "quota":
            raise BankRefused("TOO_FREQUENT")
        if fault is not None and fault.kind == "errcode":
            raise BankRefused(str(fault.settings["code"]))
        return Ask(request.match_info, request.query, _body(request, body))

    def _use(self, nonce: str) -> None:
        if nonce in self._nonces:
            raise BankRefused("NONCE_USED")
        self._nonces[nonce] = None
        while len(self._nonces) > KEPT_NONCES:
            self._nonces.popitem(last=False)


def line_told(line: Line) -> dict[str, Any]:
    """Return a line as the direct interface tells it."""
    return {
        "serial": line.serial,
        "booked_at": iso(line.at),
        "amount_fen": line.amount_fen,
        "balance_fen": line.balance_fen,
        "counterparty_name": line.side.name,
        "counterparty_account": line.side.account,
        "counterparty_bank": line.side.bank,
        "memo": line.memo,
        "kind": line.kind,
    }


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _body(request: web.Request, body: bytes) -> Mapping[str, Any]:
    if request.method != "POST":
        return {}
    try:
        parsed = json.loads(body.decode("utf-8"))
    except ValueError as wrong:
        raise BankRefused("PARAM_ERROR", "请求体不是合法的JSON") from wrong
    if not isinstance(parsed, dict):
        raise BankRefused("PARAM_ERROR", "请求体不是JSON对象")
    return parsed
