"""Alipay's trade bill (业务明细): a zip of two GBK tables, fetched from the day after at nine."""

import io
import secrets
import urllib.parse
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.sandbox.alipay_book import AlipayBook, AlipayRefund, AlipayTrade
from bot.sandbox.alipay_codec import beijing, yuan
from bot.sandbox.alipay_errors import AlipayError
from bot.sandbox.clock import SHANGHAI, to_ms
from bot.sandbox.planting import PAYMENT, REFUND, Plants, StatementRow
from bot.sandbox.settling import Settlement, settlement_of

COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,"
    "商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
READY_HOUR = 9
KEPT = timedelta(days=366 * 5)
DOWNLOAD_LIFE_MS = 30_000
RATE_PER_MILLE = 6
RULE = "-" * 40


@dataclass(frozen=True)
class Span:
    """The Shanghai days of one bill, the last one included."""

    written: str
    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Every day of the bill."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]


class _GbkName(zipfile.ZipInfo):
    """An entry whose name is written in GBK without saying so, as the platform does."""

    __slots__ = ()

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


class AlipayBills:
    """Bills made from the book."""

    def __init__(self, book: AlipayBook) -> None:
        """Read one book."""
        self.book = book
        self.plants = Plants(book.book)

    def announced(self, biz: Mapping[str, Any]) -> dict[str, Any]:
        """Answer downloadurl.query with an address that dies after 30 s; raises AlipayError."""
        if biz.get("bill_type") != "trade":
            raise AlipayError("INVAILID_ARGUMENTS", "bill_type只支持trade")
        span = self._span(str(biz.get("bill_date") or ""))
        content, token = self._zipped(span), secrets.token_hex(24)
        self.book.book.write(
            "INSERT INTO downloads VALUES (?, ?, ?)", token, content, self.book.now_ms()
        )
        query = {
            "bizType": "trade",
            "userId": self._account(),
            "fileType": "csv.zip",
            "bizDates": span.written.replace("-", ""),
            "downloadFileName": f"{self._account()}_{span.written.replace('-', '')}.csv.zip",
            "fileId": f"/trade/{self._account()}/{span.written.replace('-', '')}.csv.zip",
            "timestamp": str(self.book.now_ms()),
            "token": token,
        }
        base = f"{self.book.ground.base_url}/_sandbox/alipay/downloadBillFile.resource"
        return {"bill_download_url": f"{base}?{urllib.parse.urlencode(query)}"}

    def content(self, token: str) -> bytes | None:
        """Return a bill's zip within thirty seconds of its announcement, else None."""
        row = self.book.book.row("SELECT * FROM downloads WHERE token = ?", token)
        if row is None or self.book.now_ms() - row["at_ms"] > DOWNLOAD_LIFE_MS:
            return None
        found: bytes = row["content"]
        return found

    def _account(self) -> str:
        return self.book.keys.names.seller_id + "0156"

    def _span(self, written: str) -> Span:
        """Return the days asked for; raises AlipayError where they are not to be had."""
        try:
            first = date.fromisoformat(written if len(written) == 10 else f"{written}-01")
        except ValueError as wrong:
            raise AlipayError("INVAILID_ARGUMENTS") from wrong
        last = first
        if len(written) == 7:
            last = (first + timedelta(31)).replace(day=1) - timedelta(1)
        now = self.book.now().astimezone(SHANGHAI)
        if last >= now.date() or now.date() - first > KEPT:
            raise AlipayError("INVAILID_ARGUMENTS", "bill_date只能是今天以前的日期")
        is_early = last == now.date() - timedelta(days=1) and now.hour < READY_HOUR
        if is_early or self.plants.is_withheld(last):
            raise AlipayError("BILL_NOT_EXIST")
        return Span(written, first, last)

    def settlements(self, day: date) -> list[Settlement]:
        """Return what is owed for a day, whatever is planted in its statement."""
        return [settlement_of(self.book.keys.names.seller_id, self._completed(day))]

    def _completed(self, day: date) -> list[StatementRow]:
        begin = datetime.combine(day, time(), SHANGHAI)
        ends = (to_ms(begin), to_ms(begin + timedelta(days=1)))
        paid = self.book.book.rows(
            "SELECT order_no FROM trades WHERE paid_ms >= ? AND paid_ms < ?", *ends
        )
        back = self.book.book.rows(
            "SELECT order_no, refund_no FROM refunds WHERE state = 'success' "
            "AND ended_ms >= ? AND ended_ms < ?",
            *ends,
        )
        rows = [_paid_row(self.book.trade(row["order_no"])) for row in paid]
        for row in back:
            refund = self.book.refund(row["order_no"], row["refund_no"])
            rows.append(_refund_row(self.book.trade(row["order_no"]), refund))
        return rows

    def _zipped(self, span: Span) -> bytes:
        days = [self.plants.applied(day, self._completed(day)) for day in span.days]
        rows = [row for rows_of_day in days for row in rows_of_day]
        if not rows:
            raise AlipayError("BILL_NOT_EXIST")
        spoils = frozenset(spoil for day in span.days for spoil in self.plants.spoils(day))
        stem = f"{self._account()}_{span.written.replace('-', '')}_业务明细"
        texts = {f"{stem}.csv": self._detail(span, rows, spoils)}
        texts[f"{stem}(汇总).csv"] = self._summary(span, rows, spoils)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as folder:
            for name, text in texts.items():
                entry = _GbkName(name, self.book.now().astimezone(SHANGHAI).timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                folder.writestr(entry, text.encode("gbk", "replace"))
        content = packed.getvalue()
        if "hash" in spoils:
            return content[:60] + bytes(16) + content[76:]
        return content

    def _head(self, span: Span, what: str, spoils: frozenset[str]) -> list[str]:
        account = "20880000000000000156" if "merchant" in spoils else self._account()
        late = timedelta(days=40 if "date" in spoils else 0)
        begin = datetime.combine(span.first - late, time(), SHANGHAI)
        end = datetime.combine(span.last - late + timedelta(days=1), time(), SHANGHAI)
        return [
            f"#支付宝业务{what}查询",
            f"#账号：[{account}]",
            f"#起始日期：[{_chinese(begin)}]   终止日期：[{_chinese(end)}]",
            f"#{RULE}业务{what}列表{RULE}",
        ]

    def _detail(self, span: Span, rows: list[StatementRow], spoils: frozenset[str]) -> str:
        paid = [row for row in rows if row.kind == PAYMENT]
        back = [row for row in rows if row.kind == REFUND]
        total = sum(row.amount_fen for row in paid) + ("summary" in spoils)
        gone = sum(row.amount_fen for row in back)
        lines = [*self._head(span, "明细", spoils), COLUMNS, *(_line(row) for row in rows)]
        lines += [
            f"#{RULE}业务明细列表结束{RULE}",
            f"#交易合计：{len(paid)}笔，商家实收共{yuan(total)}元，商家优惠共0.00元",
            f"#退款合计：{len(back)}笔，商家实收退款共{yuan(-gone)}元，商家优惠退款共0.00元",
            f"#导出时间：[{_chinese(self.book.now())}]",
        ]
        return "\r\n".join(lines) + "\r\n"

    def _summary(self, span: Span, rows: list[StatementRow], spoils: frozenset[str]) -> str:
        paid = [row for row in rows if row.kind == PAYMENT]
        net = sum(row.amount_fen if row.kind == PAYMENT else -row.amount_fen for row in rows)
        fees = sum(row.fee_fen for row in rows)
        counts = [str(len(paid)), str(len(rows) - len(paid))]
        cells = [*counts, yuan(net), yuan(net), "0.00", "0.00", "0.00", yuan(-fees), "0.00"]
        cells += [yuan(net - fees)]
        lines = [*self._head(span, "汇总", spoils), SUMMARY_COLUMNS]
        lines += [",".join(["", "", *cells]), ",".join(["合计", "", *cells])]
        lines += [f"#{RULE}业务汇总列表结束{RULE}", f"#导出时间：[{_chinese(self.book.now())}]"]
        return "\r\n".join(lines) + "\r\n"


def _chinese(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y年%m月%d日 %H:%M:%S")


def _paid_row(trade: AlipayTrade | None) -> StatementRow:
    if trade is None or trade.paid_at is None:
        raise LookupError("a paid trade")
    fee_fen = (trade.amount_fen * RATE_PER_MILLE + 500) // 1000
    told = {"subject": trade.subject, "created": trade.created_at, "payer": trade.buyer_logon_id}
    return StatementRow(
        PAYMENT,
        trade.order_no,
        trade.trade_no,
        trade.amount_fen,
        fee_fen,
        trade.paid_at,
        extra=told,
    )


def _refund_row(trade: AlipayTrade | None, refund: AlipayRefund | None) -> StatementRow:
    """Return a refund's row; what the platform took for the payment it does not give back."""
    if refund is None or refund.ended_at is None:
        raise LookupError("a refund that has ended")
    return replace(
        _paid_row(trade),
        kind=REFUND,
        amount_fen=refund.amount_fen,
        fee_fen=0,
        at=refund.ended_at,
        refund_no=refund.refund_no,
    )


def _line(row: StatementRow) -> str:
    """Return one row's 25 cells; numbers end with a TAB, a refund's amounts are below zero."""
    is_paid = row.kind == PAYMENT
    amount, fee = (yuan(row.amount_fen), -row.fee_fen) if is_paid else (yuan(-row.amount_fen), 0)
    subject = str(row.extra.get("subject", "物业费")).replace(",", " ")
    cells = [f"{row.number}\t", f"{row.order_no}\t", "交易" if is_paid else "退款", subject]
    cells += [beijing(row.extra.get("created", row.at)), beijing(row.at), "", "", "", ""]
    cells += [str(row.extra.get("payer", "")), amount, amount, *["0.00"] * 5, "", "0.00", "0.00"]
    cells += ["" if is_paid else f"{row.refund_no}\t", yuan(fee), "0.00", subject]
    return ",".join(cells)
