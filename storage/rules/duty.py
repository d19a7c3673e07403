"""When somebody is at the office (值班): whether now, when next, and counting duty hours."""

from datetime import datetime, time, timedelta
from typing import Final

from storage.frozen import dataclass
from storage.periods import SHANGHAI

_A_DAY: Final = timedelta(days=1)


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
