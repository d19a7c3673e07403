"""A bank's statement files (对账单) as six banks write them: columns, padding, order, encoding."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.sandbox.bank_book import (
    CHARGE,
    INTEREST,
    MOVED,
    PAYOUT,
    PAYOUT_BACK,
    SENT_BACK,
    SETTLEMENT,
    TRANSFER,
    Line,
)
from bot.sandbox.bank_keys import Account
from bot.sandbox.clock import SHANGHAI

WORDS = {
    TRANSFER: "他行汇入",
    SENT_BACK: "来账退回",
    PAYOUT: "转账汇款",
    PAYOUT_BACK: "退汇",
    SETTLEMENT: "商户结算",
    CHARGE: "手续费",
    INTEREST: "结息",
    MOVED: "资金划转",
}
"""What a bank itself calls each kind of line."""
DASHES = "-------------------"
SHORT_DASHES = "----------"


@dataclass(frozen=True)
class Paper:
    """What a file is made of: the account, its day, its lines oldest first."""

    account: Account
    day: date
    lines: Sequence[Line]
    spoils: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Layout:
    """How one bank writes."""

    write: Callable[[Paper], str]
    encoding: str


def content(layout: str, paper: Paper) -> bytes:
    """Return a day's file; raises KeyError for a layout there is not."""
    chosen = LAYOUTS[layout]
    return chosen.write(paper).encode(chosen.encoding, "replace")


def _at(line: Line) -> datetime:
    return line.at.astimezone(SHANGHAI)


def _yuan(fen: int, *, grouped: bool = True) -> str:
    sign, whole = "-" if fen < 0 else "", abs(fen)
    return f"{sign}{whole // 100:{',' if grouped else ''}}.{whole % 100:02d}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _icbc(paper: Paper) -> str:
    """Write ICBC: newest first, every cell padded and closed with a TAB, a comma too many."""
    number = paper.account.account_no
    head = [
        "明细查询文件下载",
        "",
        f'卡号: {number[:4]}****{number[-4:]},"卡别名: "',
        "",
        '子账户序号: 00000,子账户类别: 活期,"子账户别名: "',
        "",
        "交易日期,摘要,交易场所,交易国家或地区简称,钞/汇,交易金额(收入),交易金额(支出),交易币种,"
        "记账金额(收入),记账金额(支出),记账币种,余额,对方户名",
    ]
    body = [_icbc_row(line) for line in reversed(paper.lines)]
    came = sum(line.amount_fen for line in paper.lines if line.amount_fen > 0)
    went = -sum(line.amount_fen for line in paper.lines if line.amount_fen < 0)
    if "summary" in paper.spoils:
        came += 1
    foot = f'人民币合计,,,,,,,,"{_yuan(came):<18}\t","{_yuan(went):<18}\t",'
    return "\r\n".join([*head, *body, " ", foot, ""])


def _icbc_row(line: Line) -> str:
    came, went = max(line.amount_fen, 0), max(-line.amount_fen, 0)
    memo = (_one_line(line.memo) or WORDS[line.kind]).replace('"', '""')
    where = "网上银行" if line.kind in (TRANSFER, PAYOUT) else ""
    cells = [
        f"{_at(line):%Y-%m-%d}     \t",
        f'"{memo:<20}\t"',
        f'"{where:<60}\t"',
        f'"{"CHN":<20}\t"',
        f"{'钞':<9}\t",
        f'"{"-":<20}\t"',
        f'"{"-":<20}\t"',
        f"{'-':<15}\t",
        f'"{_yuan(came) if came else "":<20}\t"',
        f'"{_yuan(went) if went else "":<20}\t"',
        f"{'人民币':<12}\t",
        f'"{_yuan(line.balance_fen):<20}\t"',
        f'"{_one_line(line.side.name):<120}\t"',
    ]
    return ",".join(cells) + ","


def _table(rows: Sequence[Sequence[str]], title: str = "") -> str:
    out = io.StringIO(newline="")
    if title:
        out.write(title + "\r\n")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cmb(paper: Paper) -> str:
    """Write CMB: one signed amount; name and account of the other side in one cell."""
    head = ["记账日期", "货币", "交易金额", "联机余额", "交易摘要", "对手信息", "客户摘要"]
    rows = [
        [
            f"{_at(one):%Y-%m-%d}",
            "CNY",
            _yuan(one.amount_fen),
            _yuan(one.balance_fen),
            WORDS[one.kind],
            f"{one.side.name} {one.side.account}".strip(),
            one.memo,
        ]
        for one in paper.lines
    ]
    return _table([head, *rows])


def _abc(paper: Paper) -> str:
    """Write ABC: an explicit sign, packed date and time, no cells after the last that is filled."""
    head = ["交易日期", "交易时间", "交易摘要", "交易金额", "本次余额", "对手信息"]
    rows = []
    for one in paper.lines:
        sign = "+" if one.amount_fen >= 0 else ""
        cells = [f"{_at(one):%Y%m%d}", f"{_at(one):%H%M%S}", WORDS[one.kind]]
        cells += [sign + _yuan(one.amount_fen, grouped=False)]
        cells += [_yuan(one.balance_fen, grouped=False), one.side.name or "--"]
        cells += [one.serial[-12:], "超级网银", one.memo]
        while not cells[-1]:
            cells.pop()
        rows.append(cells)
    return _table([[*head, "日 志 号", "交易渠道", "交易附言"], *rows])


def _boc(paper: Paper) -> str:
    """Write BOC: newest first, a title line, dashes for nothing, a masked account, no serial."""
    head = "记账日期,记账时间,币别,金额,余额,交易名称,渠道,网点名称,附言,对方账户名,对方卡号/账号"
    rows = [
        [
            f"{_at(one):%Y-%m-%d}",
            f"{_at(one):%H:%M:%S}",
            "人民币",
            _yuan(one.amount_fen),
            _yuan(one.balance_fen),
            WORDS[one.kind],
            "网上银行",
            DASHES,
            one.memo or SHORT_DASHES,
            one.side.name or DASHES,
            re.sub(r"(?<=^.{4}).+(?=.{4}$)", "******", one.side.account) or DASHES,
            one.side.bank or DASHES,
            paper.account.account_no[-4:],
        ]
        for one in reversed(paper.lines)
    ]
    return _table([[*head.split(","), "对方开户行", "借记卡号"], *rows], "中国银行交易流水明细单")


def _ccb(paper: Paper) -> str:
    """Write CCB for companies: two amount columns, own account in every row, two serials."""
    head = (
        "账号,账户名称,交易时间,借方发生额（支取）,贷方发生额（收入）,余额,币种,对方户名,对方账号,"
        "对方开户机构,记账日期,摘要,备注,账户明细编号-交易流水号,企业流水号,凭证种类,凭证号"
    )
    number = paper.account.account_no if "merchant" not in paper.spoils else "9" * 19
    rows = [
        [
            number,
            paper.account.account_name,
            f"{_at(one):%Y%m%d %H:%M:%S}",
            _yuan(max(-one.amount_fen, 0)),
            _yuan(max(one.amount_fen, 0)),
            _yuan(one.balance_fen),
            "人民币元",
            one.side.name,
            one.side.account,
            one.side.bank,
            f"{_at(one):%Y%m%d}",
            WORDS[one.kind],
            one.memo,
            f"{at}-{one.serial}",
            "",
            "",
            "",
        ]
        for at, one in enumerate(paper.lines, 1)
    ]
    return _table([head.split(","), *rows])


def _bocom(paper: Paper) -> str:
    """Write BOCOM: an amount without a sign and a column that says 借 or 贷."""
    head = "序号,交易日期,交易时间,交易类型,借贷,交易金额,余额,对方账号,对方户名,交易地点,摘要"
    rows = [
        [
            str(at),
            f"{_at(one):%Y-%m-%d}",
            f"{_at(one):%H:%M:%S}",
            WORDS[one.kind],
            "贷 Cr" if one.amount_fen > 0 else "借 Dr",
            _yuan(abs(one.amount_fen), grouped=False),
            _yuan(one.balance_fen, grouped=False),
            one.side.account,
            one.side.name,
            "网上银行",
            one.memo,
        ]
        for at, one in enumerate(paper.lines, 1)
    ]
    return _table([head.split(","), *rows])


LAYOUTS: Mapping[str, Layout] = {
    "icbc": Layout(_icbc, "gb18030"),
    "cmb": Layout(_cmb, "utf-8-sig"),
    "abc": Layout(_abc, "gb18030"),
    "boc": Layout(_boc, "utf-8-sig"),
    "ccb": Layout(_ccb, "gb18030"),
    "bocom": Layout(_bocom, "utf-8"),
}
