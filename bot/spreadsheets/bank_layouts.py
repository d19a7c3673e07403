"""How banks head the columns of their statements, and whose file one is.

Columns are found by their names, never by their places: banks change their exports by the year and
by the kind of account. A name that is known twice is taken where it says more.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from bot.spreadsheets.cells import Row, Value
from storage.frozen import dataclass

HEADER_WITHIN_ROWS: Final = 40


class Bank(StrEnum):
    """Whose layout a statement has."""

    ICBC = "icbc"
    CMB = "cmb"
    ABC = "abc"
    BOC = "boc"
    CCB = "ccb"
    BOCOM = "bocom"
    OTHER = "other"
    """Known columns in an order of another bank's; read like the others."""


class Field(StrEnum):
    """What a column holds."""

    DATE = "date"
    TIME = "time"
    CREDIT = "credit"
    DEBIT = "debit"
    AMOUNT = "amount"
    DIRECTION = "direction"
    BALANCE = "balance"
    NAME = "name"
    ACCOUNT = "account"
    MEMO = "memo"
    SERIAL = "serial"
    CURRENCY = "currency"
    OWN = "own"
    """The number of the statement's own account."""


NAMES: Final[Mapping[Field, tuple[str, ...]]] = {
    Field.DATE: ("交易日期", "记账日期", "会计日期", "入账日期", "过账日期", "交易日", "日期"),
    Field.TIME: ("交易时间", "记账时间", "入账时间", "时间"),
    Field.CREDIT: (
        "记账金额(收入)",
        "贷方发生额(收入)",
        "贷方发生额(存入)",
        "贷方发生额",
        "贷方金额",
        "收入金额",
        "存入金额",
        "转入金额",
        "收入",
        "存入",
        "贷方",
    ),
    Field.DEBIT: (
        "记账金额(支出)",
        "借方发生额(支取)",
        "借方发生额(支出)",
        "借方发生额",
        "借方金额",
        "支出金额",
        "支取金额",
        "取出金额",
        "转出金额",
        "支出",
        "支取",
        "借方",
    ),
    Field.AMOUNT: ("交易金额", "发生额", "金额"),
    Field.DIRECTION: (
        "借贷",
        "借贷标志",
        "借/贷",
        "借贷方向",
        "收支",
        "收/支",
        "收支方向",
        "交易方向",
    ),
    Field.BALANCE: ("余额", "账户余额", "本次余额", "联机余额", "交易后余额", "当前余额"),
    Field.NAME: (
        "对方户名",
        "对方账户名",
        "对方账户名称",
        "对方名称",
        "对手名称",
        "对方单位名称",
        "对方单位",
        "交易对方",
        "对手信息",
        "收(付)方名称",
    ),
    Field.ACCOUNT: (
        "对方账号",
        "对方卡号/账号",
        "对方帐号",
        "对方账户",
        "对方卡号",
        "交易对手账号",
        "收(付)方账号",
    ),
    Field.MEMO: (
        "交易附言",
        "附言",
        "客户摘要",
        "备注",
        "用途",
        "交易用途",
        "摘要",
        "交易摘要",
        "交易名称",
        "交易类型",
    ),
    Field.SERIAL: (
        "账户明细编号-交易流水号",
        "交易流水号",
        "核心流水号",
        "流水号",
        "日志号",
        "交易流水",
        "凭证号",
    ),
    Field.CURRENCY: ("币种", "币别", "货币", "记账币种"),
    Field.OWN: ("账号", "本方账号", "我方账号", "查询账号"),
}
"""What banks call each, the best name first; of memos all are read. Brackets are half-width."""

_FIELD_OF: Final = {name: field for field, names in NAMES.items() for name in names}
_MARKS: Final = (
    (Bank.ICBC, ("记账金额(收入)", "交易场所")),
    (Bank.CMB, ("联机余额", "客户摘要")),
    (Bank.ABC, ("本次余额", "交易附言")),
    (Bank.BOC, ("对方卡号/账号", "附言")),
    (Bank.CCB, ("账户明细编号-交易流水号",)),
    (Bank.BOCOM, ("借贷", "交易地点")),
)
"""Columns by which a bank's own layout is known."""
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_AS_TEXT: Final = re.compile(r'^=?"([^"]*)"$|^\'(?=[0-9])')
"""="6222…" and '6222…: how exports keep Excel from taking a number for a number."""
_DASHES: Final = re.compile("[-—–_/ ]+")


@dataclass(frozen=True, slots=True)
class Header:
    """The header row, its number, and where each field stands; a memo may stand in several."""

    bank: Bank
    number: int
    columns: Mapping[Field, tuple[int, ...]]
    names: tuple[str, ...]

    def cell(self, row: Row, field: Field) -> Value:
        """Return what a row holds in a field's first column; None where it is short or empty."""
        for index in self.columns.get(field, ())[:1]:
            value = row.cells[index] if index < len(row.cells) else None
            return None if tidy(value) == "" else value
        return None

    def index(self, field: Field) -> int | None:
        """Return the column of a field, counted from 0."""
        return next(iter(self.columns.get(field, ())), None)


def tidy(value: Value) -> str:
    """Return a cell as plain text: no padding, no unseen marks, nothing for a run of dashes."""
    if value is None or isinstance(value, bool):
        return ""
    text = str(value) if isinstance(value, str) else format(value, "f" if _is_number(value) else "")
    text = _AS_TEXT.sub(r"\1", " ".join(_UNSEEN.sub(" ", text).split()))
    text = text.encode("utf-8", "replace").decode()
    return "" if _DASHES.fullmatch(text) else text


def _is_number(value: Value) -> bool:
    return hasattr(value, "scaleb")


def header_in(rows: Iterable[Row]) -> Header | None:
    """Return the first row that heads a statement: a day, an amount, and something more."""
    for row in rows:
        if row.number > HEADER_WITHIN_ROWS:
            return None
        found = _header(row)
        if found is not None:
            return found
    return None


def _header(row: Row) -> Header | None:
    names = tuple(_plain(cell) for cell in row.cells)
    columns: dict[Field, list[int]] = {}
    for index, name in enumerate(names):
        if name in _FIELD_OF:
            columns.setdefault(_FIELD_OF[name], []).append(index)
    for field, places in columns.items():
        places.sort(key=lambda at: NAMES[field].index(names[at]))
    has_day = columns.keys() & {Field.DATE, Field.TIME}
    has_amount = Field.AMOUNT in columns or columns.keys() >= {Field.CREDIT, Field.DEBIT}
    if not has_day or not has_amount or len(columns) < 4:
        return None
    fixed = {field: tuple(places) for field, places in columns.items()}
    return Header(_bank(names), row.number, fixed, names)


def _plain(value: Value) -> str:
    folded = unicodedata.normalize("NFKC", tidy(value))
    return "".join(folded.split()).strip("*:#").removesuffix("(元)")


def _bank(names: Sequence[str]) -> Bank:
    known = set(names)
    return next((bank for bank, marks in _MARKS if known.issuperset(marks)), Bank.OTHER)
