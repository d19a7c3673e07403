"""Vouchers as 用友 and 金蝶 import them: a line per account, numbers by day and memo.

The codes are those of the national chart of accounts (企业会计准则); who keeps finer ones maps
them at the import, where both programs ask for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from bot.spreadsheets.writing import Cell, Sheet, book_of
from storage.kinds import Account
from storage.queries.vouchers import VoucherLine

HEADERS: Final = (
    *("日期", "凭证字", "凭证号", "摘要", "科目编码", "科目名称"),
    *("借方金额", "贷方金额", "附单据数"),
)
CODES: Final[Mapping[Account, tuple[str, str]]] = {
    Account.RECEIVABLE: ("1122", "应收账款"),
    Account.INCOME: ("6001", "主营业务收入"),
    Account.CLEARING: ("1012", "其他货币资金"),
    Account.PREPAYMENT: ("2203", "预收账款"),
    Account.REFUND_DUE: ("2241", "其他应付款-待退款"),
    Account.OPENING: ("", "期初余额（请填本单位的期初科目）"),
    Account.DEFERRED: ("2204", "合同负债"),
    Account.DEPOSIT: ("2241", "其他应付款-押金"),
    Account.AGENCY: ("2241", "其他应付款-代收代缴"),
    Account.WAIVER: ("6001", "主营业务收入-减免"),
    Account.BAD_DEBT: ("6702", "信用减值损失"),
    Account.GATEWAY_FEE: ("6603", "财务费用-手续费"),
    Account.CASH: ("1001", "库存现金"),
    Account.BANK: ("1002", "银行存款"),
    Account.SUSPENSE: ("2241", "其他应付款-待查款"),
}
WORD: Final = "记"


def workbook_of(title: str, lines: Sequence[VoucherLine]) -> bytes:
    """Return the .xlsx file of a month's vouchers, in yuan."""
    return book_of([Sheet("凭证", f"{title} 记账凭证", HEADERS, tuple(_rows(lines)))])


def _rows(lines: Sequence[VoucherLine]) -> Iterator[tuple[Cell, ...]]:
    number, last = 0, None
    for one in lines:
        if (one.on, one.memo) != last:
            number, last = number + 1, (one.on, one.memo)
        code, name = CODES[one.account]
        for debit_fen, credit_fen in ((one.debit_fen, 0), (0, one.credit_fen)):
            if debit_fen or credit_fen:
                amounts = (_yuan(debit_fen), _yuan(credit_fen))
                yield (one.on, WORD, number, one.memo, code, name, *amounts, 0)


def _yuan(fen: int) -> Decimal | None:
    return Decimal(fen).scaleb(-2) if fen else None
