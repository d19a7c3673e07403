"""A day to come (日期) as people say it: 15号, 下月5号, 12月1日, 月底, 下周五, 后天, 十天后."""

import re
from datetime import date, timedelta
from typing import Final

from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.lazy import regex
from storage.periods import BillingPeriod

_N: Final = rf"(?:[0-9]{{1,2}}|[{CHINESE_NUMERAL}]{{1,3}})"
DAY: Final = (
    r"(?:(?P<year>20[0-9]{2})年)?(?P<month>" + _N + r")月(?:份)?(?P<day>" + _N + r")[号日]?"
    r"|(?P<iso>20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2})"
    r"|(?P<which>下个?月|这个?月|本月)?(?P<alone>" + _N + r")[号日]"
    r"|(?P<end>下个?月底|下个?月末|这个?月底|本月底|月底|月末)"
    r"|(?P<week>下下?个?(?:周|星期|礼拜)|这?(?:周|星期|礼拜))(?P<weekday>[一二三四五六日天末])"
    r"|(?P<near>大后天|后天|明天)"
    r"|(?P<count>" + _N + r")(?P<unit>天|个?(?:星期|礼拜)|周|个月)(?:之|以)?后"
)
"""A pattern with named groups; it stands in larger patterns, once in each."""

_DAY: Final = regex(DAY)
_NEAR: Final = {"明天": 1, "后天": 2, "大后天": 3}
_WEEKDAYS: Final = "一二三四五六日"


def read_day(text: str, today: date) -> date | None:
    """Return the day that a whole text names, or None; a bare 15号 is the next one to come."""
    match = _DAY.fullmatch(text.strip())
    return None if match is None else day_in(match, today)


def day_in(match: re.Match[str], today: date) -> date | None:
    """Return the day that a match of `DAY` names, None where there is no such day."""
    try:
        return _day_in(match, today)
    except (ValueError, OverflowError):
        return None


def _day_in(match: re.Match[str], today: date) -> date | None:
    if match["iso"]:
        year, month, day = map(int, match["iso"].split("-"))
        return date(year, month, day)
    if match["month"]:
        return _of_year(match, today)
    if match["alone"]:
        return _of_month(match["which"] or "", _number(match["alone"]), today)
    if match["end"]:
        return BillingPeriod.of(today).plus(match["end"].startswith("下")).last_on
    if match["week"]:
        return _of_week(match["week"], match["weekday"], today)
    if match["near"]:
        return today + timedelta(days=_NEAR[match["near"]])
    return _after(_number(match["count"]), match["unit"], today)


def _of_year(match: re.Match[str], today: date) -> date:
    month, day = _number(match["month"]), _number(match["day"])
    if match["year"]:
        return date(int(match["year"]), month, day)
    on = date(today.year, month, day)
    return on if on >= today else date(today.year + 1, month, day)


def _of_month(which: str, day: int, today: date) -> date:
    month = BillingPeriod.of(today)
    if which.startswith("下") or (not which and day < today.day):
        month = month.plus(1)
    return date(month.year, month.month, day)


def _of_week(which: str, weekday: str, today: date) -> date:
    weeks = which.count("下")
    place = 6 if weekday in "日天末" else _WEEKDAYS.index(weekday)
    monday = today - timedelta(days=today.weekday())
    on = monday + timedelta(days=7 * weeks + place)
    return on if weeks or on >= today else on + timedelta(days=7)


def _after(count: int, unit: str, today: date) -> date:
    if "月" in unit:
        month = BillingPeriod.of(today).plus(count)
        return month.day(today.day)
    return today + timedelta(days=count * (1 if unit == "天" else 7))


def _number(text: str) -> int:
    found = parse_numeral(text)
    if found is None:
        raise ValueError(text)
    return found
