"""Billing periods (账期) as residents say them: months, quarters, years, the last few months."""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Final

from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.frozen import dataclass
from storage.lazy import regex

Month = tuple[int, int]

_N: Final = f"(?:[0-9]{{1,2}}|[{CHINESE_NUMERAL}]{{1,3}})"
_YEAR: Final = (
    r"(?P<year>(?:(?<![0-9])20[0-9]{2}|(?<![0-9])2[3-9]|二零[零一二三四五六七八九]{2})年"
    r"|今年|去年|前年|明年|上年|本年|上一年)"
)
_NO_DAY: Final = rf"(?! ?{_N} ?[日号])"
_DAY: Final = regex(
    rf"(?:(?:20)?[0-9]{{2}}[-/.年])? ?{_N} ?[-/.月] ?{_N} ?[日号]"
    r"|(?<![0-9])20[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?![0-9])"
    rf"|[上下这本]个?月的? ?{_N} ?[日号]"
)
_ENGLISH: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)


@dataclass(frozen=True, slots=True)
class PeriodRange:
    """First and last month, both included, as (year, month)."""

    first: Month
    last: Month


def _shift(month: Month, months: int) -> Month:
    """Return the month so many months later."""
    index = month[0] * 12 + month[1] - 1 + months
    return index // 12, index % 12 + 1


def _one(month: Month) -> PeriodRange:
    """Return the period of one month."""
    return PeriodRange(month, month)


def _year(said: str | None, today: date) -> int | None:
    """Return the year said, or None when none was."""
    relative = {"今": 0, "本": 0, "去": -1, "上": -1, "前": -2, "明": 1}
    if not said:
        return None
    if said[0] in relative:
        return today.year + relative[said[0]]
    number = parse_numeral(said.removesuffix("年"))
    return None if number is None else number + (2000 if number < 100 else 0)


def _absolute(match: re.Match[str], today: date) -> PeriodRange | None:
    """2026-03, 2026年3月, 202603."""
    return _span(today, int(match["y"]), int(match["m"]), int(match["m"]))


def _months(match: re.Match[str], today: date) -> PeriodRange | None:
    """3月, 去年12月, 3到5月, 2026年3月至5月; a bare month is the latest not after today."""
    first = parse_numeral(match["m"])
    last = parse_numeral(match["n"]) if match["n"] else first
    if first is None or last is None:
        return None
    return _span(today, _year(match["year"], today), first, last)


def _span(today: date, year: int | None, first: int, last: int) -> PeriodRange | None:
    """Return months first to last of a year; without one, the latest that has begun."""
    if not (1 <= first <= 12 and 1 <= last <= 12):
        return None
    start = year if year is not None else today.year - (first > today.month)
    return PeriodRange((start, first), (start + (last < first), last))


def _quarter(match: re.Match[str], today: date) -> PeriodRange | None:
    """三季度, 去年第4季度, q3."""
    number = parse_numeral(match.groupdict().get("o") or match["q"])
    if number is None or not 1 <= number <= 4:
        return None
    return _span(today, _year(match["year"], today), number * 3 - 2, number * 3)


def _near_quarter(match: re.Match[str], today: date) -> PeriodRange:
    """上季度, 这个季度, 下季度."""
    return _quarter_away({"上": -3, "下": 3}.get(match["w"], 0), today)


def _quarter_away(steps: int, today: date) -> PeriodRange:
    """Return the quarter that so many months away from the running one."""
    first = _shift((today.year, (today.month - 1) // 3 * 3 + 1), steps)
    return PeriodRange(first, _shift(first, 2))


def _english_quarter(match: re.Match[str], today: date) -> PeriodRange:
    """This quarter, last quarter, next quarter."""
    return _quarter_away({"last": -3, "next": 3}.get(match["en"], 0), today)


def _half(match: re.Match[str], today: date) -> PeriodRange | None:
    """上半年, 去年下半年."""
    first = 1 if match["h"] == "上" else 7
    return _span(today, _year(match["year"], today), first, first + 5)


def _whole_year(match: re.Match[str], today: date) -> PeriodRange | None:
    """今年, 去年, 2025年."""
    year = _year(match["year"], today)
    return None if year is None else PeriodRange((year, 1), (year, 12))


def _recent(match: re.Match[str], today: date) -> PeriodRange | None:
    """近三个月, 最近半年, 过去一年: the running month is the last of them."""
    said = match["c"]
    months = {"半年": 6}.get(said)
    if months is None:
        count = parse_numeral(said.removesuffix("个月").removesuffix("年"))
        months = None if count is None else count * (12 if said.endswith("年") else 1)
    if months is None or not 1 <= months <= 60:
        return None
    now = (today.year, today.month)
    return PeriodRange(_shift(now, 1 - months), now)


def _ago(match: re.Match[str], today: date) -> PeriodRange:
    """上个月, 上上个月, 这个月, 下个月."""
    said = match["w"]
    steps = said.count("下") - said.count("上")
    return _one(_shift((today.year, today.month), steps))


def _english_month(match: re.Match[str], today: date) -> PeriodRange | None:
    """march, oct 2026."""
    number = next(i for i, name in enumerate(_ENGLISH, 1) if name == match["em"][:3])
    return _span(today, int(match["ey"]) if match["ey"] else None, number, number)


def _english_near(match: re.Match[str], today: date) -> PeriodRange:
    """This month, last month, next month, this year, last year."""
    steps = {"last": -1, "this": 0, "next": 1}[match["en"]]
    if match["eu"] == "year":
        year = today.year + steps
        return PeriodRange((year, 1), (year, 12))
    return _one(_shift((today.year, today.month), steps))


def _till_now(match: re.Match[str], today: date) -> PeriodRange | None:
    """从三月到现在, 年初到现在, since march."""
    said = match.groupdict()
    if said.get("em"):
        first: int | None = next(i for i, name in enumerate(_ENGLISH, 1) if name == said["em"][:3])
    else:
        first = parse_numeral(said["m"]) if said.get("m") else 1
    begun = _span(today, None, first, first) if first else None
    return None if begun is None else PeriodRange(begun.first, (today.year, today.month))


def _neighbours(match: re.Match[str], today: date) -> PeriodRange | None:
    """七八月: two months that follow each other."""
    first, last = parse_numeral(match["m"]), parse_numeral(match["n"])
    if first is None or last != first + 1:
        return None
    return _span(today, _year(match["year"], today), first, last)


def _english_recent(match: re.Match[str], today: date) -> PeriodRange:
    """Last 3 months: the running month is the last of them."""
    now = (today.year, today.month)
    return PeriodRange(_shift(now, 1 - (_COUNTS.get(match["c"]) or int(match["c"]))), now)


Reader = Callable[[re.Match[str], date], PeriodRange | None]
_COUNTS: Final = {"two": 2, "three": 3, "four": 4, "six": 6, "twelve": 12}
_AND: Final = r" ?(?:到|至|-|~|和|跟|与|,) ?"
_ENGLISH_MONTH: Final = (
    r"(?<![a-z])(?P<em>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may(?! i)|june?"
    r"|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)(?![a-z])(?: ?,? ?(?P<ey>20[0-9]{2}))?"
)
_READERS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (regex(pattern), reader)
    for pattern, reader in (
        (
            r"(?<![0-9])(?P<y>20[0-9]{2}) ?[-/.] ?(?P<m>1[0-2]|0?[1-9])(?![0-9]|[-/.][0-9])",
            _absolute,
        ),
        (r"(?<![0-9])(?P<y>20[0-9]{2})(?P<m>1[0-2]|0[1-9])(?![0-9]|元|块|室)", _absolute),
        (
            rf"(?:年初|从?(?<![0-9第])(?P<m>{_N})月份?)(?:开始)?(?:到|至)(?:现在|今天|目前|这个月|本月)",
            _till_now,
        ),
        (rf"since {_ENGLISH_MONTH}", _till_now),
        (rf"(?:{_YEAR}的?)?(?P<h>[上下])半年", _half),
        (
            rf"(?:{_YEAR}的?)?(?:第(?P<o>[1-4一二三四])个|第?(?P<q>[1-4一二三四]))(?:季度|季(?!还|一|交|缴|度))",
            _quarter,
        ),
        (rf"(?:{_YEAR}的?)?(?<![a-z])q(?P<q>[1-4])(?![0-9])", _quarter),
        (r"(?P<w>[上这本下])一?个?季度?", _near_quarter),
        (
            rf"(?:{_YEAR}的?)?(?<![0-9第{CHINESE_NUMERAL}])(?P<m>[一二三四五六七八])"
            rf"(?P<n>[二三四五六七八九])月份?{_NO_DAY}",
            _neighbours,
        ),
        (
            rf"(?:last|past|recent) (?P<c>[1-9]|1[0-2]|{'|'.join(_COUNTS)}) months",
            _english_recent,
        ),
        (
            rf"(?:{_YEAR}的?)? "
            rf"?(?<![0-9第])(?P<m>{_N})(?:月份?)?{_AND}(?P<n>{_N})月份?{_NO_DAY}",
            _months,
        ),
        (
            rf"(?:{_YEAR}的?)? ?(?<![0-9第])(?P<m>{_N})月份?(?P<n>)(?!{_N}[日号])(?! "
            rf"{_N}[日号])",
            _months,
        ),
        (rf"(?:最近|近|过去|这)的?(?P<c>半年|{_N}个月|{_N}年)", _recent),
        (r"(?P<w>上{1,3}|[这本当下])一?个?月(?![底初末卡租付])", _ago),
        (rf"{_YEAR}(?![底初末])", _whole_year),
        (r"(?<![a-z])(?P<en>this|last|next) quarter(?![a-z])", _english_quarter),
        (_ENGLISH_MONTH, _english_month),
        (r"(?:(?<=in )|(?<=of )|(?<=for ))(?P<year>20[0-9]{2})(?![-0-9/.])", _whole_year),
        (r"(?<![a-z])(?P<en>this|last|next) ?(?P<eu>month|year)(?:s)?(?![a-z])", _english_near),
    )
)
_HINT: Final = regex(r"月|年|季|20[0-9]{2}|q[1-4]|[a-z]{3}")
_COMPARED: Final = regex(r"[比较] ?$")
MASK: Final = "某月"
MASK_AHEAD: Final = "来月"


def take_period(folded: str, today: date) -> tuple[PeriodRange | None, str]:
    """Return the period said and the text with each mention masked.

    Days and durations are no period; a month that is only compared with (比上个月) is none either.
    Several months are told as the range from the first to the last.
    """
    if not _HINT.search(folded):
        return None, folded
    text = _DAY.sub("某日", folded)
    found: list[PeriodRange] = []
    for pattern, reader in _READERS:
        text = pattern.sub(partial(_mask, read=reader, today=today, found=found), text)
    if not found:
        return None, text
    return PeriodRange(min(p.first for p in found), max(p.last for p in found)), text


def _mask(match: re.Match[str], *, read: Reader, today: date, found: list[PeriodRange]) -> str:
    """Return the mask for a mention, noting it, or the mention itself where it is none."""
    period = read(match, today)
    if period is None or not 2000 <= period.first[0] <= 2099:
        return match.group()
    if not _COMPARED.search(match.string, 0, match.start()):
        found.append(period)
    return MASK_AHEAD if period.first > (today.year, today.month) else MASK
