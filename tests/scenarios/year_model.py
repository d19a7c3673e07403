"""What the year's bills must be, reckoned slowly: day by day, use by use, fen by fen.

Nothing of the rules is used here and nothing of the books is read: it hears the same events.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.scenarios import year
from tests.scenarios.year import Event, Fee, Home
from tests.scenarios.year_amounts import Amounts, Dial, Stay
from tests.storage.rules import model

A_DAY = timedelta(days=1)
MONTHS = {"monthly": 1, "quarterly": 3}


@dataclass
class Bill:
    """A bill as it must be."""

    code: str
    item: str
    period: str
    amount_fen: int
    due_on: date
    issued_on: date
    days: tuple[date, date] | None = None
    """The first day and the first day after."""
    liable: str = ""
    revision: int = 0
    fee_class: str = "own"
    part: int = 0
    """Which of its month's bills it is, where several share the days."""
    is_brought: bool = False
    is_void: bool = False
    paid: list[tuple[date, int, date]] = field(default_factory=list)
    """When it was paid, how much, and when we heard of it."""
    parts: dict[int, int] = field(default_factory=dict)
    """Of a late fee: which bill (its place among all) bears how much."""
    frozen: list[tuple[date, date]] = field(default_factory=list)

    @property
    def open_fen(self) -> int:
        return 0 if self.is_void else self.amount_fen - sum(fen for _, fen, _ in self.paid)

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        return self.code, self.item, self.period, self.revision, self.part

    def told(self, today: date) -> tuple[Any, ...]:
        """Return what must stand in the books beside the key, in the morning of a day."""
        begins_on, ends_on = self.days or (None, None)
        last_on = None if ends_on is None else ends_on - A_DAY
        heard = sum(fen for _, fen, heard_on in self.paid if heard_on < today)
        open_fen = 0 if self.is_void else self.amount_fen - heard
        what = (self.amount_fen, self.liable, begins_on, last_on)
        return (*what, self.due_on, self.issued_on, self.is_void, open_fen)


def months_on(day: date, months: int) -> date:
    """Return the first of the month so many months after the first of a month."""
    while months > 0:
        day = (day + timedelta(days=31)).replace(day=1)
        months -= 1
    while months < 0:
        day = (day - A_DAY).replace(day=1)
        months += 1
    return day


def due_after(day: date) -> date:
    """Walk to the first 25th from a day on."""
    while day.day != 25:
        day += A_DAY
    return day


class Model(Amounts):
    """The year as it must come out."""

    def __init__(self) -> None:
        super().__init__()
        self.exempt: dict[tuple[str, str], date] = {}
        self.rates: list[tuple[date, int]] = []
        self.balances: dict[str | None, int] = {}
        self.waiting: list[tuple[Home, Fee, date, date, str, date]] = []
        self.bills: list[Bill] = []
        self.is_deaf = False

    # What happens

    def play(self, event: Event) -> None:
        """Hear of something."""
        getattr(self, event.verb)(event, *event.args, **event.more)

    def exempts(self, _: Event, code: str, item: str, until_on: date) -> None:
        self.exempt[code, item] = until_on

    def assigns(
        self, _: Event, code: str, item: str, scheme: str, from_on: date, **more: Any
    ) -> None:
        self.assigned[code, item] = {"scheme": scheme, "from_on": from_on, **more}

    def installs(
        self, _: Event, code: str, item: str, no: str, start: int, more: Any = None
    ) -> None:
        more = more or {}
        loss = Fraction(10_000 + more.get("loss_e4", 0), 10_000)
        times = Fraction(more.get("multiplier", "1")) * loss
        self.dials[code, item] = Dial(start, more.get("digits", 9), times)

    def replaces(self, _: Event, code: str, item: str, no: str, last: int, start: int) -> None:
        old = self.dials[code, item]
        self.dials[code, item] = Dial(start, carried=model.ticks(old.billed, last, 0, old.digits))

    def reads(
        self,
        event: Event,
        code: str,
        item: str,
        shown: int,
        *,
        kind: str = "read",
        read_on: Any = None,
    ) -> None:
        if kind != "corrected":  # what was billed stays billed; the next reading makes it good
            self.dials[code, item].read.append((read_on or event.on, shown, 0))

    def turns(self, event: Event, code: str, item: str, shown: int) -> None:
        self.dials[code, item].read.append((event.on, shown, 1))

    def moves_in(self, _: Event, code: str, name: str, role: str, from_on: date) -> None:
        self.stays[code].append(Stay(name, role, from_on))

    def moves_out(self, event: Event, code: str, name: str) -> None:
        next(one for one in self.stays[code] if one.name == name).until_on = event.on

    def sells(self, _: Event, code: str, name: str, from_on: date) -> None:
        for one in self.stays[code]:
            one.until_on = from_on
        self.stays[code].append(Stay(name, "owner", from_on))

    def reduces(self, event: Event, code: str, item: str, name: str, **more: int) -> None:
        self.reductions.append({"code": code, "item": item, "from_on": event.on, **more})

    def stands_empty(
        self, _: Event, code: str, percent: int, from_on: date, until_on: date
    ) -> None:
        self.empty[code] = (percent, from_on, until_on)

    def reprices(self, _: Event, item: str, kind: str, price_e4: int, from_on: date) -> None:
        self.known[item, kind].insert(0, (from_on, price_e4))

    def late_fees(self, _: Event, from_on: date, ppm: int) -> None:
        self.rates.append((from_on, ppm))

    def brings_along(self, event: Event, code: str, item: str, period: str, fen: int) -> None:
        due_on = date.fromisoformat(f"{period}-25")
        owner = self.liable(code, item, due_on)
        self.bills.append(
            Bill(code, item, period, fen, due_on, event.on, liable=owner, is_brought=True)
        )

    def signs(self, _: Event) -> None:
        """Nothing that a bill would show."""

    def inspects(self, _: Event, code: str, fen: int) -> None:
        """Nothing that a bill would show."""

    def puts_aside(self, _: Event, code: str, fen: int, item: str | None = None) -> None:
        self.balances[item] = self.balances.get(item, 0) + fen

    def corrects_area(self, event: Event, code: str, area: str, which: Any) -> None:
        self.areas[code] = area
        for item, period in which:
            old = next(one for one in self.bills if one.key == (code, item, period, 0, 0))
            assert old.days is not None
            home, fee = self.home(code), self.fee(code, item)
            old.is_void = True
            self.bill(home, fee, *old.days, period, old.days[0], event.on, revision=1)

    def disputes(self, event: Event, code: str, item: str, period: str) -> None:
        bill = next(one for one in self.bills if one.key == (code, item, period, 0, 0))
        bill.frozen.append((event.on, date.max))

    def settles_dispute(self, event: Event, code: str) -> None:
        for one in self.bills:
            if one.code == code:
                one.frozen = [(begins_on, event.on) for begins_on, _ in one.frozen]

    def shares(self, event: Event, entrance: str, fen: int, percents: dict[str, int]) -> None:
        weights = {
            one.code: year.area_e2(self.areas[one.code]) * percents.get(one.code, 100)
            for one in year.HOMES
            if one.label.startswith(entrance)
        }
        for code, share in model.shares(fen, weights).items():
            if share:
                begins_on = event.on.replace(day=1)
                period, due_on = str(event.on)[:7], due_after(event.on)
                days = (begins_on, months_on(begins_on, 1))
                for part, (liable, hers, part_fen) in enumerate(
                    self.parts(code, year.LIFT, *days, share)
                ):
                    place = (code, year.LIFT, period, part_fen, due_on, event.on, hers)
                    self.bills.append(Bill(*place, liable, part=part))

    def goes_deaf(self, _: Event) -> None:
        self.is_deaf = True

    def hears_again(self, event: Event) -> None:
        self.is_deaf = False
        for one in self.bills:
            one.paid = [(on, fen, min(heard, event.on)) for on, fen, heard in one.paid]

    def pays(self, event: Event, code: str, *, but: Any = None, only_late: bool = False) -> None:
        heard_on = event.on + A_DAY if event.at > "23:59" else event.on
        heard_on = date.max if self.is_deaf else heard_on
        for one in self.bills:
            is_meant = one.code == code and (one.item, one.period) != but
            if (
                is_meant
                and one.open_fen
                and (one.due_on < event.on or one.item == year.LATE_FEE or not only_late)
            ):
                one.paid.append((event.on, one.open_fen, heard_on))

    # What the clock does

    def issue(self, today: date) -> None:
        """Bill a month on its first day, and on every other what has been waiting."""
        waiting, self.waiting = self.waiting, []
        for home, fee, begins_on, ends_on, period, billed_on in waiting:
            self.bill(home, fee, begins_on, ends_on, period, billed_on, today)
        if today.day != 1:
            return
        for fee in year.FEES:
            for home in year.HOMES:
                if fee.kind == home.kind and self.is_charged(home, fee):
                    for begins_on, ends_on, whole_on, billed_on in self.spans(home, fee, today):
                        period = str(whole_on)[:7]
                        begins_on = max(
                            begins_on, self.exempt.get((home.code, fee.item), begins_on)
                        )
                        if begins_on < ends_on:
                            self.bill(home, fee, begins_on, ends_on, period, billed_on, today)

    def is_charged(self, home: Home, fee: Fee) -> bool:
        assigned = self.assigned.get((home.code, fee.item), {"scheme": ""})
        return bool(assigned["scheme"] == fee.scheme)

    def spans(self, home: Home, fee: Fee, today: date) -> Iterator[tuple[date, date, date, date]]:
        """Yield (first day, first day after, first day of the whole span, day of billing)."""
        assigned = self.assigned.get((home.code, fee.item), {})
        if fee.basis in ("one_off", "deposit"):
            day = assigned["from_on"]
            if str(day)[:7] == str(today)[:7]:
                yield day, day + A_DAY, day, day
        elif "anchored_on" in assigned:
            yield from self.anniversaries(assigned["anchored_on"], today)
        elif (today.month - 1) % MONTHS[fee.cycle] == 0:
            months = MONTHS[fee.cycle]
            begins_on = months_on(today, -months) if fee.in_arrears else today
            if begins_on >= year.BEGINS_ON:
                yield begins_on, months_on(begins_on, months), begins_on, today

    def anniversaries(self, anchor: date, today: date) -> Iterator[tuple[date, date, date, date]]:
        day = today
        while day.month == today.month:
            if (day.month, day.day) == (anchor.month, anchor.day) or day == year.BEGINS_ON:
                before, after = day, day + A_DAY
                while (before.month, before.day) != (anchor.month, anchor.day):
                    before -= A_DAY
                while (after.month, after.day) != (anchor.month, anchor.day):
                    after += A_DAY
                yield day, after, before, day
            day += A_DAY

    def bill(
        self,
        home: Home,
        fee: Fee,
        begins_on: date,
        ends_on: date,
        period: str,
        billed_on: date,
        today: date,
        revision: int = 0,
    ) -> None:
        """Write one bill, or put it on the list where nobody has read the meter."""
        fen = self.amount(home, fee, begins_on, ends_on)
        if fen is None:
            self.waiting.append((home, fee, begins_on, ends_on, period, billed_on))
            return
        due_on = due_after(max(billed_on, today))
        for part, (liable, days, share) in enumerate(
            self.parts(home.code, fee.item, begins_on, ends_on, fen)
        ):
            place = (home.code, fee.item, period, share, due_on, today, days)
            self.bills.append(Bill(*place, liable, revision, fee.fee_class, part=part))

    def parts(
        self, code: str, item: str, begins_on: date, ends_on: date, fen: int
    ) -> Iterator[tuple[str, tuple[date, date], int]]:
        """Yield who owes, her first day and the first after, and her fen; counted day by day."""
        first: list[date] = []
        names: list[str] = []
        for day in model.days(begins_on, ends_on):
            name = self.liable(code, item, day)
            if not names or name != names[-1]:
                first.append(day)
                names.append(name)
        after = [*first[1:], ends_on]
        counts = {at: (after[at] - day).days for at, day in enumerate(first)}
        for at, share in sorted(model.shares(fen, counts).items()):
            yield names[at], (first[at], after[at]), share

    def draw(self, today: date) -> None:
        """Pay from what was put aside."""
        mine = [one for one in self.bills if one.code == year.PREPAYS and one.open_fen]
        mine = [one for one in mine if one.fee_class != "deposit"]
        mine.sort(key=lambda one: (one.period, one.issued_on, one.item))
        asked = [(at, one.item, one.open_fen) for at, one in enumerate(mine)]
        paid, self.balances = model.prepaid(asked, self.balances)
        for at, fen in paid.items():
            if fen:
                mine[at].paid.append((today, fen, today))
