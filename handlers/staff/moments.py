"""From words to an instant: “明天9点发”, “今晚八点半”, “11月25日 14:00”."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from handlers.understanding.normaliser import fold
from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.lazy import regex
from storage.periods import shanghai_day, shanghai_instant

_N: Final = rf"(?:[0-9]{{1,2}}|[{CHINESE_NUMERAL}]{{1,3}})"
_DAYS: Final = {"今": 0, "明": 1, "后": 2, "大后": 3}
_MOMENT: Final = regex(
    rf"(?:(?P<near>大后|今|明|后)(?:天|日|(?=[早晚]))|(?P<month>{_N})月(?P<day>{_N})[日号])? ?"
    rf"(?P<part>凌晨|早上|清早|早|上午|中午|下午|傍晚|晚上|晚)? ?"
    rf"(?:(?P<hour>{_N})点(?:(?P<half>半)|(?P<minute>{_N})分?|整)?|(?P<h>[0-9]{{1,2}}):(?P<m>[0-9]{{2}}))"
    rf" ?(?:再?发送?|群发)?"
)


def read_moment(text: str, *, now: datetime) -> datetime | None:
    """Return the instant that a whole text names, or None where it names none that is to come."""
    match = _MOMENT.fullmatch(fold(text).strip(" .,!在定于就").removesuffix("吧"))
    if match is None:
        return None
    on, at = _day(match, shanghai_day(now)), _time(match)
    if on is None or at is None:
        return None
    instant = shanghai_instant(on, at)
    return instant if instant > now else None


def _day(match: re.Match[str], today: date) -> date | None:
    if match["near"]:
        return today + timedelta(days=_DAYS[match["near"]])
    if not match["month"]:
        return today
    month, day = parse_numeral(match["month"]), parse_numeral(match["day"])
    try:
        on = date(today.year, month or 0, day or 0)
        return on if on >= today else on.replace(year=on.year + 1)
    except ValueError:
        return None


def _time(match: re.Match[str]) -> time | None:
    hour = parse_numeral(match["hour"] or match["h"])
    minute = 30 if match["half"] else parse_numeral(match["minute"] or match["m"] or "0")
    if hour is None or minute is None:
        return None
    part = match["part"] or ("晚" if match.group().startswith("今晚") else "")
    is_late = part in ("下午", "傍晚", "晚上", "晚") or (part == "中午" and hour < 11)
    if is_late and hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None
