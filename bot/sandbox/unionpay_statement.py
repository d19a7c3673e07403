"""UnionPay's statement file (对账文件): what a clearing day settled, zipped, in GBK."""

import base64
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from bot.sandbox.clock import SHANGHAI
from bot.sandbox.pay_book import MERCHANT_NAME
from bot.sandbox.planting import PAYMENT, REFUND, Plants, StatementRow
from bot.sandbox.unionpay_book import Return, Trade, UnionpayBook, trace
from bot.sandbox.unionpay_codes import AcpError
from bot.sandbox.unionpay_layout import ACQUIRER, Sums, summary, zm_line

# What stands in every row, whatever it tells.
USUAL = {
    "acqInsCode": ACQUIRER,
    "sendInsCode": "00049993",
    "merCatCode": "4900",
    "oldPayType": "01",
    "payCardType": "01",
    "payType": "0001",
    "bizType": "000201",
    "subMerId": "0" * 15,
    "subMerAmt": " 000000000000",
    "termId": "01080209",
    "discountAmt": " 000000000000",
    "invoiceAmt": " 000000000000",
    "instalFee": " 00000000000",
    "tradeMedia": "7",
}
# Merchants go by txnType; only the first of these codes stands in a published file.
TRADE_CODES = {"01": "S56", "31": "S57", "04": "S50"}
KINDS = {"01": "自助消费", "31": "自助消费撤销", "04": "自助消费退货"}
READY = time(9)
RATE_PER_MILLE = 6


class UnionpayStatements:
    """Statement files made from the book."""

    def __init__(self, book: UnionpayBook) -> None:
        """Read one book."""
        self.book = book
        self.plants = Plants(book.book)

    def answered(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Answer a file transfer (76/01): fileName and fileContent; raises AcpError 98."""
        if (fields["txnType"], fields["txnSubType"]) != ("76", "01"):
            raise AcpError("32")
        day = self._day(fields["settleDate"])
        packed = self.file(day)
        return {
            "settleDate": fields["settleDate"],
            "fileType": "00",
            "fileName": f"{self.book.keys.merchant_id}_{day:%Y%m%d}.zip",
            "fileContent": base64.b64encode(zlib.compress(packed)).decode(),
        }

    def _day(self, written: str) -> date:
        """Return the newest clearing day of so written a MMDD whose file is there."""
        now = self.book.now().astimezone(SHANGHAI)
        days = [now.date() - timedelta(days=back) for back in range(1, 366)]
        day = next((one for one in days if one.strftime("%m%d") == written), None)
        if day is None or now < datetime.combine(day + timedelta(days=1), READY, SHANGHAI):
            raise AcpError("98")
        if self.plants.is_withheld(day):
            raise AcpError("98")
        return day

    def file(self, day: date) -> bytes:
        """Return a clearing day's zip; raises AcpError 98 where nothing was settled."""
        rows = self.plants.applied(day, self.rows(day))
        if not rows:
            raise AcpError("98")
        spoils = self.plants.spoils(day)
        shown = day - timedelta(days=40) if "date" in spoils else day
        merchant = "777290000000000" if "merchant" in spoils else self.book.keys.merchant_id
        detail = "".join(zm_line(self._cells(row, merchant)) for row in rows)
        kinds, total = _sums(rows)
        if "summary" in spoils:
            total = total.plus(Sums(amount_credit=1))
        told = summary(merchant, MERCHANT_NAME, shown, kinds, total)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (
                (f"INN{shown:%y%m%d}88ZM_{merchant}", detail),
                (f"RD2010{shown:%y%m%d}01_{merchant}", told),
            ):
                entry = zipfile.ZipInfo(name, (day + timedelta(days=1)).timetuple()[:6])
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, text.encode("gbk", "replace"))
        content = packed.getvalue()
        return _damaged(content) if "hash" in spoils else content

    def rows(self, day: date) -> list[StatementRow]:
        """Return what a clearing day settled, with nothing planted among it."""
        paid, back = self.book.cleared(day)
        rows = [_of_trade(trade) for trade in paid]
        for one in back:
            trade = self.book.trade_by("id", one.trade_id)
            if trade is not None:
                rows.append(_of_return(one, trade))
        return rows

    def _cells(self, row: StatementRow, merchant: str) -> dict[str, str]:
        """Return what a row's fields say; planted rows have no card and no terminal type."""
        is_paid, extra, kind = row.kind == PAYMENT, row.extra, _txn_type(row)
        number = row.number if is_paid else row.refund_number
        number = number if len(number) == 21 and number.isdecimal() else _stand_in(row)
        trace_no, trace_time = trace(number)
        charge, came = ("D", "C") if is_paid else ("C", "D")
        net = f"{came}{row.amount_fen - row.fee_fen:012d}"
        cells = {
            "tradeNo": TRADE_CODES[kind],
            "traceNo": trace_no,
            "txnTime": trace_time,
            "payCardNo": str(extra.get("card", "621626******0018")),
            "txnAmt": f"{row.amount_fen:012d}",
            "termType": str(extra.get("channel", "07")),
            "queryId": number,
            "orderId": row.order_no if is_paid else row.refund_no,
            "merCharge": f"{charge}{row.fee_fen:012d}",
            "settleAmt": net,
            "txnType": kind,
            "txnSubType": "01" if kind == "01" else "00",
            "merId": merchant,
            "settleNetAmt": net,
            "merReserved": str(extra.get("words", "")),
        }
        if not is_paid:
            trace_no, trace_time = trace(row.number) if len(row.number) == 21 else ("", "")
            cells |= {
                "origTraceNo": trace_no,
                "origTxnTime": trace_time,
                "origQryId": row.number if len(row.number) == 21 else "",
            }
        return USUAL | cells


def fee_fen(amount_fen: int) -> int:
    """Return the merchant's fee for an amount."""
    return (amount_fen * RATE_PER_MILLE + 500) // 1000


def _of_trade(trade: Trade) -> StatementRow:
    at = trade.paid_at or trade.created_at
    return StatementRow(
        PAYMENT,
        trade.order_no,
        trade.query_id,
        trade.amount_fen,
        fee_fen(trade.amount_fen),
        at,
        "success",
        extra={
            "kind": "01",
            "card": trade.card,
            "channel": trade.params["channelType"],
            "words": trade.params.get("orderDesc", ""),
        },
    )


def _of_return(back: Return, trade: Trade) -> StatementRow:
    return StatementRow(
        REFUND,
        trade.order_no,
        trade.query_id,
        back.amount_fen,
        fee_fen(back.amount_fen),
        back.ended_at or back.created_at,
        back.state,
        back.refund_no,
        back.query_id,
        extra={
            "kind": back.kind,
            "card": trade.card,
            "channel": back.params.get("channelType", "07"),
        },
    )


def _stand_in(row: StatementRow) -> str:
    """Return a queryId for a planted row whose own number is none."""
    when = row.at.astimezone(SHANGHAI).strftime("%y%m%d%H%M%S")
    return f"90{when}{zlib.crc32(row.order_no.encode()) % 10**6:06d}8"


def _txn_type(row: StatementRow) -> str:
    """Return 01 of a payment, 04 or 31 of what went back."""
    if row.kind == PAYMENT:
        return "01"
    return "31" if row.extra.get("kind") == "31" else "04"


def _sums(rows: Iterable[StatementRow]) -> tuple[dict[str, Sums], Sums]:
    """Return the sums of each kind by its name, and of all."""
    kinds: dict[str, Sums] = {}
    total = Sums()
    for row in sorted(rows, key=_txn_type):
        name, one = KINDS[_txn_type(row)], _one(row)
        kinds[name] = kinds.get(name, Sums()).plus(one)
        total = total.plus(one)
    return kinds, total


def _one(row: StatementRow) -> Sums:
    if row.kind == PAYMENT:
        return Sums(1, amount_credit=row.amount_fen, fee_debit=row.fee_fen)
    return Sums(1, amount_debit=row.amount_fen, fee_credit=row.fee_fen)


def _damaged(content: bytes) -> bytes:
    """Return a zip whose first file no longer has the sum it claims."""
    place = content.index(b"INN") + 40
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
