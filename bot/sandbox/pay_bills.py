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
from bot.sandbox.planting import PAYMENT, REFUND, Plants, StatementRow
from bot.sandbox.settling import Settlement, settlement_of

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
        self.plants = Plants(book.book)

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
        token, digest = word(48), hashlib.sha1(plain, usedforsecurity=False).hexdigest()
        if family == "tradebill" and "hash" in self.plants.spoils(day):
            digest = digest[::-1]
        self.book.book.write(
            "INSERT INTO downloads VALUES (?, ?, ?)",
            token,
            gzip.compress(plain, mtime=0) if is_packed else plain,
            self.book.now_ms(),
        )
        return {
            "hash_type": "SHA1",
            "hash_value": digest,
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
        is_early = day == now.date() - timedelta(days=1) and now.hour < READY_HOUR
        if is_early or self.plants.is_withheld(day):
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

    def settlements(self, day: date) -> list[Settlement]:
        """Return what is owed for a day, whatever is planted in its bill."""
        rows = [row for row in self._rows(day) if row.state != "CLOSED"]
        return [settlement_of(self.book.keys.names.mchid, rows)]

    def _rows(self, day: date) -> list[StatementRow]:
        """Return the day's payments and refunds as the book has them."""
        paid = [
            StatementRow(
                PAYMENT,
                row["order_no"],
                row["transaction_id"],
                row["amount_fen"],
                _rate_fen(row["amount_fen"]),
                from_ms(row["paid_ms"]),
                "SUCCESS",
                extra=dict(row),
            )
            for row in self._paid(day)
        ]
        back = [
            StatementRow(
                REFUND,
                row["order_no"],
                row["transaction_id"],
                row["amount_fen"],
                _rate_fen(row["amount_fen"]),
                from_ms(row["created_ms"]),
                row["state"].upper(),
                row["refund_no"],
                row["refund_id"],
                extra=dict(row),
            )
            for row in self._given_back(day)
        ]
        return paid + back

    def _trade_bill(self, day: date, kind: str) -> str:
        rows = self.plants.applied(day, self._rows(day))
        paid = [row for row in rows if row.kind == PAYMENT and kind != "REFUND"]
        back = [row for row in rows if row.kind == REFUND and kind != "SUCCESS"]
        if not paid and not back:
            raise PayError("NO_STATEMENT_EXIST")
        spoils = self.plants.spoils(day)
        lines = [COLUMNS, *(self._line(row, spoils) for row in [*paid, *back])]
        total, gone = sum(r.amount_fen for r in paid), sum(r.amount_fen for r in back)
        rates = sum(r.fee_fen for r in paid) - sum(r.fee_fen for r in back)
        if "summary" in spoils:
            total += 1
        sums = [f"{len(paid) + len(back)}.0", yuan(total), yuan(gone), "0.00", yuan(rates)]
        lines += [SUMMARY, _line([*sums, yuan(total), yuan(gone)])]
        return "\r\n".join(lines) + "\r\n"

    def _line(self, row: StatementRow, spoils: frozenset[str]) -> str:
        """Return one row's 27 cells; a refund has no order amounts, a payment no refund's."""
        names, is_paid, amount = self.book.keys.names, row.kind == PAYMENT, yuan(row.amount_fen)
        at = row.at + timedelta(days=-40 if "date" in spoils else 0)
        mchid = "1" + "0" * 9 if "merchant" in spoils else names.mchid
        payer, kind = row.extra.get("payer_openid", ""), row.extra.get("kind", "JSAPI")
        cells = [_when(to_ms(at)), names.appid, mchid, "0", "", row.number, row.order_no]
        cells += [payer, kind, "SUCCESS" if is_paid else "REFUND", "OTHERS", "CNY"]
        cells += [amount if is_paid else "0.00", "0.00"]
        cells += ["0", "0", "0.00", "0.00", "", ""] if is_paid else []
        if not is_paid:
            state = row.state.upper()
            cells += [row.refund_number, row.refund_no, amount, "0.00", "ORIGINAL", state]
        cells += [row.extra.get("description", ""), row.extra.get("attach", "")]
        cells += [("" if is_paid else "-") + yuan(row.fee_fen) + "000", "0.60%"]
        cells += [amount, "0.00"] if is_paid else ["0.00", amount]
        return _line([*cells, ""])

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
