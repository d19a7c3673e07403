"""How UnionPay lays out its statement: rows of 41 fields by bytes, and a summary to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

LENGTHS = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21,
    15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 131,
)  # fmt: skip
NAMES = (
    "tradeNo", "acqInsCode", "sendInsCode", "traceNo", "txnTime", "payCardNo", "txnAmt",
    "merCatCode", "termType", "queryId", "oldPayType", "orderId", "payCardType", "origTraceNo",
    "origTxnTime", "merCharge", "settleAmt", "payType", "groupMerCode", "txnType", "txnSubType",
    "bizType", "accType", "billType", "billNo", "interactMode", "origQryId", "merId",
    "accountType", "subMerId", "subMerAbbr", "subMerAmt", "settleNetAmt", "termId", "merReserved",
    "discountAmt", "invoiceAmt", "instalFee", "instalCount", "tradeMedia", "reserved",
)  # fmt: skip
ACQUIRER = "88022900"
CARDS = ("借记卡", "贷记卡", "准贷记卡", "其他卡")
RULE = "_" * 136
TITLE = " " * 73 + "中国银联全渠道商户交易汇总表" + " " * 12
COLUMNS = (
    "交易笔数               交易金额                         费用"
    "                              资金清算差额"
)
SIDES = (
    " " * 41
    + "借              贷              借              贷               借                  贷"
)


@dataclass(frozen=True)
class Sums:
    """One line of the summary; debits are what the merchant owes."""

    count: int = 0
    amount_debit: int = 0
    amount_credit: int = 0
    fee_debit: int = 0
    fee_credit: int = 0

    @property
    def cells(self) -> tuple[int, ...]:
        """The six amounts of the line, the net ones last."""
        return (
            self.amount_debit,
            self.amount_credit,
            self.fee_debit,
            self.fee_credit,
            self.amount_debit - self.fee_credit,
            self.amount_credit - self.fee_debit,
        )

    def plus(self, other: "Sums") -> "Sums":
        """Return both together."""
        return Sums(
            self.count + other.count,
            self.amount_debit + other.amount_debit,
            self.amount_credit + other.amount_credit,
            self.fee_debit + other.fee_debit,
            self.fee_credit + other.fee_credit,
        )


def zm_line(cells: Mapping[str, str]) -> str:
    """Return one row of the detail file: fields cut and filled by bytes, a space between."""
    widths = zip(NAMES, LENGTHS, strict=True)
    return " ".join(filled(cells.get(name, ""), width) for name, width in widths) + "\r\n"


def filled(text: str, width: int) -> str:
    """Return a text that is so many bytes long in GBK."""
    raw = text.encode("gbk", "replace")
    kept = raw[:width].decode("gbk", "ignore")
    return kept + " " * (width - len(kept.encode("gbk")))


def summary(
    merchant_id: str, merchant: str, day: date, kinds: Mapping[str, Sums], total: Sums
) -> str:
    """Return the summary of a clearing day, by kind of trade and (all debit) by kind of card."""
    of_cards = [total, *(Sums() for _ in CARDS[1:])]
    by_card = [_line(name, sums) for name, sums in zip(CARDS, of_cards, strict=True)]
    made_on = day + timedelta(days=1)
    lines = [
        TITLE,
        "",
        filled(f"商户代码:{merchant_id}", 64) + "清算币种:人民币",
        filled(f"收单机构:{ACQUIRER}", 64) + f"清算日期:{day:%Y%m%d}",
        filled(f"商户名称:{merchant}", 64) + f"生成日期:{made_on:%Y%m%d}",
        "",
        "",
        *_table("交易类型", [_line(name, sums) for name, sums in kinds.items()], total),
        "",
        *_table("卡性质", by_card, total),
    ]
    return "".join(line + "\r\n" for line in lines)


def _table(caption: str, lines: list[str], total: Sums) -> list[str]:
    return [filled(caption, 20) + COLUMNS, SIDES, RULE, *lines, RULE, _line("总计", total)]


def _line(name: str, sums: Sums) -> str:
    amounts = "".join(f"{_yuan(fen):>16}" for fen in sums.cells)
    return filled(name, 20) + f"{sums.count:>8}" + amounts


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
