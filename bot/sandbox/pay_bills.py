"""Trade and fund bills of WeChat Pay (交易账单、资金账单), downloaded the day after."""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.sandbox.book import Row
from bot.sandbox.clock import SHANGHAI, from_ms, to_ms
from bot.sandbox.keys import word
from bot.sandbox.pay_book import PayBook
from bot.sandbox.pay_errors import PayError

COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FUND_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
READY_HOUR = 10
KEPT = timedelta(days=92)
DOWNLOAD_LIFE_MS = 300_000
RATE_PER_MILLE = 6


def yuan(fen: int) -> str:
    """Print fen as the bills do: 1234 is 12.34."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _rate_fen(amount_fen: int) -> int:
    return (amount_fen * RATE_PER_MILLE + 500) // 1000


class PayBills:
    """Bills made from the book."""

    def __init__(self, book: PayBook) -> None:
        """Read one book."""
        self.book = book

    def announced(self, family: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer tradebill and fundflowbill: a digest and where to download; raises PayError."""
        day = self._day(query.get("bill_date", ""))
        kind = query.get("bill_type", "ALL")
        if family == "tradebill":
            if kind not in ("ALL", "SUCCESS", "REFUND"):
                raise PayError("PARAM_ERROR", "bill_type错误")
            text = self._trade_bill(day, kind)
        else:
            if query.get("account_type", "BASIC") not in ("BASIC", "OPERATION", "FEES"):
                raise PayError("PARAM_ERROR", "account_type错误")
            text = self._fund_bill(day)
        plain = ("\ufeff" + text).encode()
        is_packed = query.get("tar_type") == "GZIP"
        token = word(48)
        self.book.book.write(
            "INSERT INTO downloads VALUES (?, ?, ?)",
            token,
            gzip.compress(plain, mtime=0) if is_packed else plain,
            self.book.now_ms(),
        )
        return {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(plain, usedforsecurity=False).hexdigest(),
            "download_url": f"{self.book.ground.base_url}/_sandbox/wechat_pay"
            f"/v3/billdownload/file?token={token}",
        }

    def content(self, token: str) -> bytes:
        """Return a bill's bytes within five minutes; raises PayError."""
        row = self.book.book.row("SELECT * FROM downloads WHERE token = ?", token)
        if row is None or self.book.now_ms() - row["at_ms"] > DOWNLOAD_LIFE_MS:
            raise PayError("INVALID_REQUEST", "下载链接已失效")
        found: bytes = row["content"]
        return found

    def _day(self, written: str) -> date:
        try:
            day = date.fromisoformat(written)
        except ValueError as wrong:
            raise PayError("PARAM_ERROR", "bill_date格式错误，应为yyyy-MM-dd") from wrong
        now = self.book.now().astimezone(SHANGHAI)
        if day >= now.date() or now.date() - day > KEPT:
            raise PayError("PARAM_ERROR", "bill_date只能是三个月内今天之前的日期")
        if day == now.date() - timedelta(days=1) and now.hour < READY_HOUR:
            raise PayError("STATEMENT_CREATING")
        return day

    def _span(self, day: date) -> tuple[int, int]:
        begin = datetime.combine(day, time(), SHANGHAI)
        return to_ms(begin), to_ms(begin + timedelta(days=1))

    def _paid(self, day: date) -> list[Row]:
        sql = "SELECT * FROM trades WHERE paid_ms >= ? AND paid_ms < ? ORDER BY paid_ms"
        return self.book.book.rows(sql, *self._span(day))

    def _given_back(self, day: date) -> list[Row]:
        return self.book.book.rows(
            "SELECT refunds.*, trades.kind, trades.transaction_id, trades.payer_openid, "
            "trades.description, trades.attach FROM refunds JOIN trades USING (order_no) "
            "WHERE refunds.created_ms >= ? AND refunds.created_ms < ? ORDER BY refunds.created_ms",
            *self._span(day),
        )

    def _trade_bill(self, day: date, kind: str) -> str:
        paid = self._paid(day) if kind != "REFUND" else []
        back = self._given_back(day) if kind != "SUCCESS" else []
        if not paid and not back:
            raise PayError("NO_STATEMENT_EXIST")
        names = self.book.keys.names
        rows = [COLUMNS]
        for row in paid:
            cells = [_when(row["paid_ms"]), names.appid, names.mchid, "0", ""]
            cells += [row["transaction_id"], row["order_no"], row["payer_openid"], row["kind"]]
            cells += ["SUCCESS", "OTHERS", "CNY", yuan(row["amount_fen"]), "0.00", "0", "0"]
            cells += ["0.00", "0.00", "", "", row["description"], row["attach"]]
            cells += [yuan(_rate_fen(row["amount_fen"])) + "000", "0.60%"]
            cells += [yuan(row["amount_fen"]), "0.00", ""]
            rows.append(_line(cells))
        for row in back:
            cells = [_when(row["created_ms"]), names.appid, names.mchid, "0", ""]
            cells += [row["transaction_id"], row["order_no"], row["payer_openid"], row["kind"]]
            cells += ["REFUND", "OTHERS", "CNY", "0.00", "0.00", row["refund_id"]]
            cells += [row["refund_no"], yuan(row["amount_fen"]), "0.00", "ORIGINAL"]
            cells += [row["state"].upper(), row["description"], row["attach"]]
            cells += ["-" + yuan(_rate_fen(row["amount_fen"])) + "000", "0.60%", "0.00"]
            cells += [yuan(row["amount_fen"]), ""]
            rows.append(_line(cells))
        total, gone = sum(r["amount_fen"] for r in paid), sum(r["amount_fen"] for r in back)
        rates = sum(_rate_fen(r["amount_fen"]) for r in paid)
        rates -= sum(_rate_fen(r["amount_fen"]) for r in back)
        sums = [f"{len(paid) + len(back)}.0", yuan(total), yuan(gone), "0.00", yuan(rates)]
        rows += [SUMMARY, _line([*sums, yuan(total), yuan(gone)])]
        return "\r\n".join(rows) + "\r\n"

    def _fund_bill(self, day: date) -> str:
        moves = [
            (r["paid_ms"], r["transaction_id"], "交易", r["amount_fen"]) for r in self._paid(day)
        ]
        moves += [
            (r["created_ms"], r["refund_id"], "退款", -r["amount_fen"])
            for r in self._given_back(day)
        ]
        if not moves:
            raise PayError("NO_STATEMENT_EXIST")
        rows, balance_fen = [FUND_COLUMNS], 0
        for at_ms, number, name, fen in sorted(moves):
            balance_fen += fen
            way = "收入" if fen > 0 else "支出"
            cells = [_when(at_ms), number, number, name, name, way, yuan(abs(fen))]
            rows.append(_line([*cells, yuan(balance_fen), "system", "", number]))
        came = [fen for *_, fen in moves if fen > 0]
        went = [-fen for *_, fen in moves if fen < 0]
        sums = [f"{len(moves)}.0", f"{len(came)}.0", yuan(sum(came)), f"{len(went)}.0"]
        rows += [FUND_SUMMARY, _line([*sums, yuan(sum(went))])]
        return "\r\n".join(rows) + "\r\n"


def _when(ms: int) -> str:
    return from_ms(ms).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _line(cells: list[str]) -> str:
    return ",".join("`" + str(cell or "") for cell in cells)
