"""When somebody is at the office (值班): read, whether now, when next, counting duty hours."""

from datetime import datetime, time, timedelta
from typing import Final

from storage.frozen import dataclass
from storage.lazy import regex
from storage.periods import SHANGHAI

_A_DAY: Final = timedelta(days=1)
_DAYS: Final = "一二三四五六日"
_CLOCK: Final = r"([0-9]{1,2}) ?(?:[:：]([0-5][0-9])|点(?:(半)|([0-5]?[0-9])分?)?)"
_TO: Final = r" ?(?:到|至|-|–|—|~|～) ?"
_SAID: Final = regex(rf"(.*?)[ ,，:：]*{_CLOCK}{_TO}{_CLOCK}")
_SPAN: Final = regex(rf"(?:周|星期)([一二三四五六日天]){_TO}(?:周|星期)?([一二三四五六日天])")
_EACH: Final = regex(r"(?:周|星期)[一二三四五六日天](?:[、, ]?(?:周|星期)?[一二三四五六日天])*")


@dataclass(frozen=True, slots=True)
class Duty:
    """The hours and the days of the week (1 is Monday), in Shanghai, on which people are there."""

    begins: time = time(8, 30)
    ends: time = time(17, 30)
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)

    def covers(self, at: datetime) -> bool:
        """Tell whether somebody is there at an instant."""
        there = at.astimezone(SHANGHAI)
        return there.isoweekday() in self.days and self.begins <= there.time() < self.ends

    def next_at(self, at: datetime) -> datetime:
        """Return the instant itself where somebody is there, or else when duty begins again."""
        if self.covers(at):
            return at
        there = at.astimezone(SHANGHAI)
        day = there.date() if there.time() < self.begins else there.date() + _A_DAY
        while day.isoweekday() not in self.days:
            day += _A_DAY
        return datetime.combine(day, self.begins, SHANGHAI).astimezone(at.tzinfo)

    def after(self, at: datetime, hours: int) -> datetime:
        """Return when so many hours of duty are over that begin to count at an instant."""
        left = timedelta(hours=hours)
        begun = self.next_at(at)
        while True:
            there = begun.astimezone(SHANGHAI)
            end = datetime.combine(there.date(), self.ends, SHANGHAI).astimezone(at.tzinfo)
            if begun + left <= end:
                return begun + left
            left -= end - begun
            begun = self.next_at(end)


def read_duty(text: str) -> Duty:
    """Read "每天8:30到17:30" or "周一到周五 9点到18点". Raises ValueError for what is neither."""
    said = _SAID.fullmatch(" ".join(text.split()))
    if said is None:
        raise ValueError(f"no duty hours: {text}")
    begins, ends = (_clock(said.groups()[at : at + 4]) for at in (1, 5))
    days = _days(said[1].strip())
    if not days or begins >= ends:
        raise ValueError(f"no duty hours: {text}")
    return Duty(begins, ends, days)


def _clock(parts: tuple[str | None, ...]) -> time:
    hour, minutes, half, spoken = parts
    return time(int(hour or 0), 30 if half else int(minutes or spoken or 0))


def _days(text: str) -> tuple[int, ...]:
    """Return the days of the week that a text names (1 is Monday), () for none that is known."""
    text = text.replace("天", "日")
    if text in ("", "每日", "日日", "全年无休"):
        return (1, 2, 3, 4, 5, 6, 7)
    if text == "工作日":
        return (1, 2, 3, 4, 5)
    span = _SPAN.fullmatch(text)
    if span is not None:
        first, last = (_DAYS.index(one) + 1 for one in span.groups())
        return tuple(range(first, last + 1))
    named = {_DAYS.index(one) + 1 for one in text if one in _DAYS}
    return tuple(sorted(named)) if _EACH.fullmatch(text) else ()
