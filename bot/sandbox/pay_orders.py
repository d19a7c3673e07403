"""Trades of WeChat Pay: ordered, paid at the cashier, queried, closed."""

import json
import secrets
import urllib.parse
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.sandbox.clock import to_ms
from bot.sandbox.keys import word
from bot.sandbox.official_account import OfficialAccount
from bot.sandbox.pay_book import PayBook, Trade
from bot.sandbox.pay_codec import compact, is_signed, lines
from bot.sandbox.pay_errors import PayError, PayRefused
from bot.sandbox.pay_fields import OrderAsk, order_ask
from bot.sandbox.pay_notices import PayNotices, transaction

KINDS = {"jsapi": "JSAPI", "h5": "MWEB", "native": "NATIVE"}
REENTRY = "请求重入时，参数与首次请求时不一致"
PREPAY_LIFE = timedelta(hours=2)
H5_LIFE = timedelta(minutes=5)
CODE_URL = "weixin://wxpay/bizpayurl?pr="
BAD_SIGN = "支付验证签名失败"


class PayOrders:
    """What merchants order and payers pay."""

    def __init__(self, book: PayBook, notices: PayNotices, account: OfficialAccount) -> None:
        """Keep trades in a book; the official account knows whose openid is whose."""
        self.book, self.notices, self.account = book, notices, account

    # The merchant's side

    def create(self, path_kind: str, body: Mapping[str, Any], mode: str) -> dict[str, Any]:
        """Answer a create call; raises PayError. The same number and parameters are one trade."""
        kind = KINDS[path_kind]
        ask = order_ask(body, kind, self.book.now())
        self._identify(body, ask)
        known = self.book.trade(ask.order_no)
        if known is not None:
            self._reenter(known, ask)
        handle = self._handle(kind)
        with self.book.book.transaction():
            if known is None:
                self._store(ask, mode)
            self.book.book.write(
                "INSERT INTO handles VALUES (?, ?, ?)", handle, ask.order_no, self.book.now_ms()
            )
        if known is None:
            self._tell(ask.order_no, "open", ask.amount_fen)
        return self._shown(kind, handle)

    def _identify(self, body: Mapping[str, Any], ask: OrderAsk) -> None:
        names = self.book.keys.names
        if body["mchid"] != names.mchid:
            raise PayError("MCH_NOT_EXISTS")
        if body["appid"] != names.appid:
            raise PayError("APPID_MCHID_NOT_MATCH")
        if ask.payer_openid is not None and self.account.person(ask.payer_openid) is None:
            raise PayError("OPENID_MISMATCH")

    def _reenter(self, known: Trade, ask: OrderAsk) -> None:
        """Let the same order through again; raises PayError for anything else."""
        if known.paid_at is not None:
            raise PayError("INVALID_REQUEST", "该订单已支付")
        if known.kind == "":
            raise PayError("INVALID_REQUEST", REENTRY)
        if known.state == "closed":
            raise PayError("ORDER_CLOSED")
        if known.kind != ask.kind:
            raise PayError("OUT_TRADE_NO_USED")
        params = self.book.book.value(
            "SELECT params FROM trades WHERE order_no = ?", known.order_no
        )
        if json.loads(params) != dict(ask.params):
            raise PayError("INVALID_REQUEST", REENTRY)

    def _store(self, ask: OrderAsk, mode: str) -> None:
        self.book.book.write(
            "INSERT INTO trades (order_no, kind, params, amount_fen, description, attach, "
            "notify_url, payer_openid, created_ms, expires_ms, state, mode) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?)",
            ask.order_no,
            ask.kind,
            compact(ask.params).decode(),
            ask.amount_fen,
            ask.description,
            ask.attach,
            ask.notify_url,
            ask.payer_openid,
            self.book.now_ms(),
            to_ms(ask.expires_at) if ask.expires_at else None,
            mode,
        )

    def _handle(self, kind: str) -> str:
        if kind == "JSAPI":
            return "wx" + self.book.long_number("") + secrets.token_hex(4) + "0000"
        return word(32) if kind == "MWEB" else word(9)

    def _shown(self, kind: str, handle: str) -> dict[str, Any]:
        if kind == "JSAPI":
            return {"prepay_id": handle}
        if kind == "NATIVE":
            return {"code_url": CODE_URL + handle}
        return {"h5_url": f"{self.book.ground.base_url}/_sandbox/cashier/h5?token={handle}"}

    def queried(self, trade: Trade | None, mchid: str | None) -> dict[str, Any]:
        """Answer a query; raises PayError."""
        if mchid != self.book.keys.names.mchid:
            raise PayError("PARAM_ERROR" if not mchid else "MCH_NOT_EXISTS")
        if trade is None or trade.kind == "":
            raise PayError("ORDER_NOT_EXIST")
        return transaction(self.book, trade)

    def close(self, order_no: str, body: Mapping[str, Any]) -> None:
        """Close an unpaid trade; a number never ordered is burnt. Raises PayError."""
        if body.get("mchid") != self.book.keys.names.mchid:
            raise PayError("MCH_NOT_EXISTS" if body.get("mchid") else "PARAM_ERROR")
        trade = self.book.trade(order_no)
        if trade is not None and trade.paid_at is not None:
            raise PayError("TRADE_ERROR", "订单已支付")
        if trade is None:
            self.book.book.write(
                "INSERT INTO trades (order_no, kind, params, amount_fen, description, attach, "
                "notify_url, created_ms, state, mode) VALUES (?, '', '{}', 0, '', '', '', ?, "
                "'closed', '')",
                order_no,
                self.book.now_ms(),
            )
            return
        self.book.book.write("UPDATE trades SET state = 'closed' WHERE order_no = ?", order_no)
        self._tell(order_no, "closed", trade.amount_fen)

    # The payer's side

    def check_bridge(self, params: Mapping[str, Any]) -> Trade | str:
        """Return the trade that a page's bridge call is about, or the error the payer reads."""
        wanted = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
        given = {name: str(params.get(name, "")) for name in wanted}
        missing = next((name for name in wanted if not given[name]), None)
        if missing is not None:
            return f"调用支付JSAPI缺少参数：{missing}"
        if given["appId"] != self.book.keys.names.appid:
            return "appId不匹配"
        message = lines(given["appId"], given["timeStamp"], given["nonceStr"], given["package"])
        merchant = self.book.keys.merchant.public_key()
        if given["signType"] != "RSA" or not is_signed(merchant, message, given["paySign"]):
            return BAD_SIGN
        return self._by_handle(given["package"].removeprefix("prepay_id="), "JSAPI", PREPAY_LIFE)

    def by_h5_token(self, token: str) -> Trade | str:
        """Return the trade of an h5_url's token, or the error the payer reads."""
        return self._by_handle(token, "MWEB", H5_LIFE)

    def by_code_url(self, code: str) -> Trade | str:
        """Return the trade of a scanned code_url (or its pr), or the error the payer reads."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(code).query)
        return self._by_handle(query.get("pr", [code])[0], "NATIVE", PREPAY_LIFE)

    def _by_handle(self, handle: str, kind: str, life: timedelta) -> Trade | str:
        row = self.book.book.row("SELECT * FROM handles WHERE handle = ?", handle)
        trade = None if row is None else self.book.trade(row["order_no"])
        if row is None or trade is None or trade.kind != kind:
            return "商家参数格式有误，请联系商家解决"
        if self.book.now_ms() - row["at_ms"] > life.total_seconds() * 1000:
            return "支付会话已失效，请重新发起支付"
        return self._refusal(trade) or trade

    def _refusal(self, trade: Trade) -> str | None:
        if trade.paid_at is not None:
            return "该订单已支付"
        if trade.state == "closed":
            return "该订单已关闭"
        if trade.expires_at is not None and self.book.now() >= trade.expires_at:
            return "订单已过期，请返回商家重新下单"
        return None

    def pay(self, order_no: str, payer_openid: str | None = None) -> Trade:
        """Book a payment and queue its notice; raises PayRefused."""
        trade = self.book.trade(order_no)
        refusal = "订单不存在" if trade is None or not trade.kind else self._refusal(trade)
        if trade is None or refusal is not None:
            raise PayRefused(refusal)
        if trade.kind == "JSAPI" and self._is_another(payer_openid, trade):
            raise PayRefused("下单账号与支付账号不一致，请核实后再支付")
        return self._booked(trade, payer_openid)

    def pay_late(self, order_no: str, payer_openid: str | None = None) -> Trade:
        """Book a payment that was under way when the trade was closed; raises PayRefused."""
        trade = self.book.trade(order_no)
        if trade is None or not trade.kind or trade.paid_at is not None:
            raise PayRefused("订单不存在" if trade is None else "该订单已支付")
        return self._booked(trade, payer_openid)

    def _is_another(self, payer_openid: str | None, trade: Trade) -> bool:
        """Tell whether a known person other than the one it was ordered for wants to pay."""
        is_known = payer_openid is not None and self.account.person(payer_openid) is not None
        return is_known and payer_openid != trade.payer_openid

    def _booked(self, trade: Trade, payer_openid: str | None) -> Trade:
        payer = trade.payer_openid or payer_openid or "o" + word(27)
        with self.book.book.transaction():
            self.book.book.write(
                "UPDATE trades SET state = 'paid', paid_ms = ?, transaction_id = ?, "
                "payer_openid = ? WHERE order_no = ?",
                self.book.now_ms(),
                self.book.long_number("42000"),
                payer,
                trade.order_no,
            )
            paid = self.book.trade(trade.order_no)
            if paid is None:
                raise LookupError(trade.order_no)
            self.notices.paid(paid)
        self._tell(trade.order_no, "paid", trade.amount_fen)
        self.book.ground.clock.wake()
        return paid

    def _tell(self, order_no: str, state: str, amount_fen: int) -> None:
        live = self.book.ground.live
        live.publish("trade", order_no=order_no, state=state, amount_fen=amount_fen)
