"""What a cell says: amounts, days, months, phones, areas, flats, as offices write them."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from bot.spreadsheets.cells import SheetProblem, Value
from bot.spreadsheets.tables import TableRow, plain_text
from storage import money
from storage.errors import NotAnAmount
from storage.periods import BillingPeriod

T = TypeVar("T")

MAX_NAME_CHARS: Final = 40
_SERIAL_ZERO: Final = date(1899, 12, 30)
_SERIALS: Final = (Decimal(20_000), Decimal(80_000))
"""Excel's day numbers that mean a day between 1954 and 2119."""

_YMD: Final = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
    r"(?: [0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?)?"
)
_PACKED_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YM: Final = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})(?:月份?)?")
_PACKED_MONTH: Final = re.compile(r"([0-9]{4})([0-9]{2})")
_RANGE: Final = re.compile(r"(.+?) ?(?:至|到|~|--|—|―) ?(.+)")
_DOTTED_RANGE: Final = re.compile(
    r"([0-9]{4}[./年][0-9]{1,2}月?) ?- ?([0-9]{4}[./年][0-9]{1,2}月?)"
)
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(r"0[0-9]{9,11}|[2-9][0-9]{6,7}")
_AREA: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?)(?:㎡|m2|m²|平方米|平方|平米|平)?")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]+)?")
_NOTHING: Final = re.compile(r"[¥￥]?0+(?:\.0+)?元?")
_CJK_GAP: Final = re.compile(r"(?<=[㐀-鿿]) (?=[㐀-鿿])")
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

BROKEN_WORDS: Final = {
    "=": "公式没有计算结果，请在 Excel 里打开并保存一次，或粘贴为数值",
    "merged": "合并单元格分不清这个值属于哪一行，请取消合并后逐行填写",
}


class Unreadable(Exception):
    """A cell does not say what its column asks for; the text says what to do, in Chinese."""


class RowReader:
    """Reads the fields of one row and keeps what is wrong with them."""

    def __init__(self, row: TableRow) -> None:
        """Read from this row."""
        self.row = row
        self.problems: list[SheetProblem] = []

    def needed(self, field: str, parse: Callable[[Value], T], what: str) -> T | None:
        """Read a field that may not be empty. None means that a problem was kept."""
        if self.row.values.get(field) is None and field not in self.row.broken:
            self.refuse(field, f"没有填{what}")
            return None
        return self._read(field, parse)

    def optional(self, field: str, parse: Callable[[Value], T]) -> T | None:
        """Read a field that may be empty."""
        if self.row.values.get(field) is None and field not in self.row.broken:
            return None
        return self._read(field, parse)

    def once(self, field: str, parse: Callable[[Value], T], what: str) -> T | None:
        """Read a needed field that merged cells may not spread over several rows."""
        if self.row.broken.get(field) == "merged":
            self.refuse(field, BROKEN_WORDS["merged"])
            return None
        return self.needed(field, parse, what)

    def refuse(self, field: str, reason: str) -> None:
        """Keep a problem."""
        self.problems.append(self.row.problem(field, reason))

    def _read(self, field: str, parse: Callable[[Value], T]) -> T | None:
        what = self.row.broken.get(field, "merged")
        if what != "merged":
            self.refuse(field, BROKEN_WORDS.get(what, f"公式出错（{what}），请改正或改成数值"))
            return None
        try:
            return parse(self.row.values.get(field))
        except Unreadable as trouble:
            self.refuse(field, str(trouble))
            return None


def amount_fen(value: Value) -> int:
    """Read an amount of more than nothing, in yuan, as fen. Raises Unreadable."""
    shown = plain_text(value)
    if isinstance(value, Decimal):
        fen = _whole_fen(value)
    elif isinstance(value, str):
        try:
            fen = money.from_yuan(value)
        except NotAnAmount:
            raise Unreadable(
                f"“{shown[:20]}”不是金额；请写成 1234.50，最多两位小数，不带正负号"
            ) from None
    else:
        raise Unreadable(f"“{shown[:20]}”不是金额；请把单元格格式改为“数值”后重填")
    if not 0 < fen <= money.MAX_FEN:
        raise Unreadable("金额必须大于 0 且小于 10 亿元；不用收的行请删去")
    return fen


def amount_or_nothing_fen(value: Value) -> int:
    """Read an amount in yuan that may be 0, as fen. Raises Unreadable."""
    shown = plain_text(value)
    return 0 if _NOTHING.fullmatch(shown) else amount_fen(value)


def _whole_fen(value: Decimal) -> int:
    fen = value * 100
    if value < 0:
        raise Unreadable(f"金额不能为负：{value:f}；冲减请在系统里作废原账单")
    if fen != fen.to_integral_value():
        raise Unreadable(f"金额 {value:f} 超过两位小数，请先四舍五入到分")
    return int(fen)


def day(value: Value) -> date:
    """Read a day: a date cell, Excel's number for it, or text. Raises Unreadable."""
    if isinstance(value, date):
        return value
    if isinstance(value, Decimal) and _SERIALS[0] <= value <= _SERIALS[1]:
        return _SERIAL_ZERO + timedelta(days=int(value))
    text = plain_text(value).replace("月 ", "月").replace("年 ", "年")
    match = _YMD.fullmatch(text) or _PACKED_DAY.fullmatch(text)
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise Unreadable(f"没有“{text}”这一天") from None
    raise Unreadable(f"“{text[:20]}”不是日期；请写成 2026-03-25")


def period(value: Value) -> BillingPeriod:
    """Read a month: a date cell, Excel's number for a day, or text. Raises Unreadable."""
    if isinstance(value, date):
        return BillingPeriod.of(value)
    if isinstance(value, Decimal) and _SERIALS[0] <= value <= _SERIALS[1]:
        return BillingPeriod.of(_SERIAL_ZERO + timedelta(days=int(value)))
    text = plain_text(value).replace(" ", "")
    match = _YM.fullmatch(text) or _PACKED_MONTH.fullmatch(text)
    try:
        if match:
            return BillingPeriod(int(match[1]), int(match[2]))
    except ValueError:
        raise Unreadable(f"没有“{text}”这个月份") from None
    if _YMD.fullmatch(plain_text(value)):
        return BillingPeriod.of(day(value))
    raise Unreadable(f"“{text[:20]}”不是账期；请写成 2026-03")


def periods(value: Value) -> tuple[BillingPeriod, BillingPeriod]:
    """Read a month or a range of months ("2025-01至2025-06"). Raises Unreadable."""
    text = plain_text(value) if isinstance(value, str) else ""
    match = _RANGE.fullmatch(text) or _DOTTED_RANGE.fullmatch(text)
    if match is None:
        one = period(value)
        return one, one
    first, last = period(match[1]), period(match[2])
    if first > last:
        raise Unreadable("账期的开始月份晚于结束月份")
    return first, last


def phone(value: Value) -> str:
    """Read a phone number as digits only. Raises Unreadable."""
    digits = re.sub(r"[ \-()]", "", plain_text(value)).removeprefix("+86")
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if _MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits):
        return digits
    raise Unreadable("电话号码不对；请填 11 位手机号，或带区号的座机")


def name(value: Value) -> str:
    """Read a person's or a firm's name. Raises Unreadable."""
    said = _CJK_GAP.sub("", _UNSAFE.sub("", plain_text(value)))
    if not isinstance(value, str) or not said or said.isdecimal():
        raise Unreadable("姓名应是文字")
    if len(said) > MAX_NAME_CHARS:
        raise Unreadable(f"姓名超过 {MAX_NAME_CHARS} 个字")
    return said


def short_text(value: Value) -> str:
    """Read a name of a thing, up to 40 characters. Raises Unreadable."""
    said = _UNSAFE.sub("", plain_text(value)).strip()
    if not said or len(said) > MAX_NAME_CHARS:
        raise Unreadable(f"请填 1 到 {MAX_NAME_CHARS} 个字")
    return said


def area_m2(value: Value) -> Decimal:
    """Read a floor area in square metres with up to two decimals. Raises Unreadable."""
    text = plain_text(value).replace(" ", "").replace(",", "")
    match = _AREA.fullmatch(text)
    if match is None or isinstance(value, bool):
        raise Unreadable(f"面积“{text[:12]}”应是大于 0 的数字，例如 89.50")
    area = Decimal(match[1])
    if area != area.quantize(Decimal("0.01")):
        raise Unreadable(f"面积 {area} 超过两位小数")
    if not 0 < area <= 100_000:
        raise Unreadable("面积必须大于 0 且不超过 100,000 平方米；没有面积请留空")
    return area


def price_e4(value: Value) -> int:
    """Read a price in yuan with up to four decimals, as ten-thousandths. Raises Unreadable."""
    text = re.sub(r"元?(?:/.*)?", "", plain_text(value).replace(" ", "").replace("¥", ""))
    if isinstance(value, bool) or not _DECIMAL.fullmatch(text):
        raise Unreadable("单价应是数字，例如 2.80")
    scaled = Decimal(text) * 10_000
    if scaled != scaled.to_integral_value():
        raise Unreadable(f"单价 {text} 超过四位小数")
    return int(scaled)


def one_of(words: dict[str, T], what: str) -> Callable[[Value], T]:
    """Return a reader of one of some words. It raises Unreadable."""

    def parse(value: Value) -> T:
        said = plain_text(value).replace(" ", "")
        if said not in words:
            raise Unreadable(f"{what}“{said[:12]}”不认识；请填 {'、'.join(list(words)[:4])}")
        return words[said]

    return parse


def whole_number(low: int, high: int) -> Callable[[Value], int]:
    """Return a reader of a whole number in a range. It raises Unreadable."""

    def parse(value: Value) -> int:
        text = plain_text(value).removesuffix("日").removesuffix("号").removeprefix("每月")
        if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
            raise Unreadable(f"请填 {low} 到 {high} 的整数")
        return int(text)

    return parse
