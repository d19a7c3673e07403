"""Statements as UnionPay writes them, and as they are when something is wrong with them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests.bot.gateways.unionpay_platform import MERCHANT

DAY = date(2026, 3, 2)
WIDTHS = [
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1),
    *(21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 131),
]
ERROR_WIDTHS = [3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135]
TITLE = "交易类型            交易笔数               交易金额                         费用"


def cut(cells: Mapping[int, str], widths: Sequence[int]) -> bytes:
    """One row: each cell filled up with blanks to its width in bytes."""
    row = [cells.get(at, "").encode("gbk").ljust(width) for at, width in enumerate(widths)]
    return b" ".join(row)


@dataclass(frozen=True)
class Row:
    """One trade: what it is, its numbers, its fen."""

    number: str
    query_id: str
    fen: int
    fee_fen: int = 0
    kind: str = "01"
    of_query_id: str = ""
    second: str = "0302113000"
    merchant: str = MERCHANT
    reserved: str = ""
    shop: str = "云栖物业"

    @property
    def sign(self) -> int:
        return 1 if self.kind == "01" else -1

    @property
    def settled_fen(self) -> int:
        return self.sign * (self.fen - self.fee_fen)

    def written(self) -> bytes:
        fee, settled = -self.sign * self.fee_fen, self.settled_fen
        cells = {
            0: "S56" if self.kind == "01" else "S30",
            1: "88022900",
            2: "00049993",
            3: "190624",
            4: self.second,
            5: "622609******0048",
            6: f"{self.fen:012d}",
            7: "4899",
            8: "08",
            9: self.query_id,
            10: "01",
            11: self.number,
            12: "01",
            15: signed(fee),
            16: signed(settled),
            17: "0001",
            19: self.kind,
            20: "01" if self.kind == "01" else "00",
            21: "000201",
            26: self.of_query_id,
            27: self.merchant,
            29: "000000000000000",
            30: self.shop,
            31: f" {0:012d}",
            32: signed(settled),
            34: self.reserved,
        }
        return cut(cells, WIDTHS)


def signed(fen: int) -> str:
    return f"{'C' if fen >= 0 else 'D'}{abs(fen):012d}" if fen else f" {0:012d}"


def error_row(fen: int, trace: str = "700001") -> bytes:
    cells = {0: "E01", 3: trace, 4: "0302114000", 5: "622609******0048", 6: f"{fen:012d}"}
    return cut(cells, ERROR_WIDTHS)


PAID = Row("W2603020001", "202603021130001906248", 58000, 348)
REFUNDED = Row(
    *("T260302000001", "202603021200001906259", 20000, 120, "04", "202603011130001906111"),
    reserved="W2603010007",
)
UNDONE = Row("T260302000002", "202603021300001906260", 58000, 0, "31", "202603021130001906248")


@dataclass
class Bill:
    """A day's statement whose parts can be spoilt one by one."""

    rows: list[Row] = field(default_factory=lambda: [PAID, REFUNDED, UNDONE])
    errors: list[bytes] = field(default_factory=list)
    day: date = DAY
    merchant: str = MERCHANT
    head_merchant: str = MERCHANT
    head_day: date = DAY
    total: str | None = None
    spoilt: dict[int, bytes] = field(default_factory=dict)
    """Number of a row → what stands there instead."""
    more: dict[str, bytes] = field(default_factory=dict)

    def members(self) -> dict[str, bytes]:
        lines = [row.written() for row in self.rows]
        for at, line in self.spoilt.items():
            lines[at] = line
        ymd = f"{self.day:%y%m%d}"
        written = {f"INN{ymd}88ZM_{self.merchant}": b"".join(line + b"\r\n" for line in lines)}
        if self.errors:
            errors = b"".join(line + b"\r\n" for line in self.errors)
            written[f"INN{ymd}88ZME_{self.merchant}"] = errors
        written[f"RD2010{ymd}01_{self.merchant}"] = self.summary()
        return {**written, **self.more}

    def summary(self) -> bytes:
        total = self.total if self.total is not None else self.sums()
        lines = [
            "             中国银联全渠道商户交易汇总表            ",
            "",
            f"商户代码:{self.head_merchant}                清算币种:人民币",
            f"收单机构:88022900               清算日期:{self.head_day:%Y%m%d}",
            "商户名称:云栖物业               生成日期:20260303",
            *("", "", TITLE, "_" * 136, total.replace("总计", "自助消费"), "_" * 136, total, ""),
            *(TITLE, total),
        ]
        return "".join(f"{line}\r\n" for line in lines).encode("gbk")

    def sums(self) -> str:
        paid = sum(row.fen for row in self.rows if row.sign > 0)
        back = sum(row.fen for row in self.rows if row.sign < 0)
        fee = [row.sign * row.fee_fen for row in self.rows]
        settled = [row.settled_fen for row in self.rows]
        cells = [back, paid, sum(f for f in fee if f > 0), -sum(f for f in fee if f < 0)]
        cells += [-sum(s for s in settled if s < 0), sum(s for s in settled if s > 0)]
        amounts = "".join(f"{fen // 100:13d}.{fen % 100:02d}" for fen in cells)
        return f"总计           {len(self.rows):8d}{amounts}"

    def zipped(self) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.members().items():
                archive.writestr(name, content)
        return packed.getvalue()

    def put(self, folder: Path) -> Path:
        path = folder / "statement.zip"
        path.write_bytes(self.zipped())
        return path
