"""What units used in a month, and which lack a reading; beside dials that tick."""

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from sqlalchemy import event, insert, update

from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import Basis, ReadingKind, ReadingState
from storage.models.bills import bills, tariffs
from storage.models.tariffs import unit_tariffs
from storage.operations.meters import MeterFact, install_meter, replace_meter
from storage.operations.readings import ReadingFact, confirm_reading, note_reading
from storage.periods import BillingPeriod, DaySpan
from storage.queries.usage import MissingReason, missing_readings, usage_of
from storage.rules.meters import recompute
from tests import factories
from tests.metering import NOW, Flat, add_bill_of_use, flat_in, later, on


@pytest.fixture
async def flat(db: Database) -> Flat:
    """Give Ms Li's flat with its water meter."""
    return await flat_in(db)


async def test_a_month_ends_with_its_last_reading_and_the_next_begins_there(flat: Flat):
    await flat.note("06-28", 1210)
    await flat.note("07-28", 1225)

    assert await flat.quantity("2026-06") == 10
    assert await flat.quantity("2026-07") == 15


async def test_a_reading_on_the_first_belongs_to_the_month_before(flat: Flat):
    await flat.note("07-01", 1210)

    assert await flat.quantity("2026-06") == 10
    assert await flat.quantity("2026-07") is None


async def test_a_month_without_a_reading_is_not_billed_and_the_next_one_takes_it_in(flat: Flat):
    await flat.note("06-28", 1210)
    await flat.note("08-28", 1240)
    await flat.bill("2026-06")

    assert await flat.quantity("2026-07") is None
    assert await flat.quantity("2026-08") == 30


async def test_what_is_read_after_a_bill_was_made_is_on_the_next_one(flat: Flat):
    await flat.note("06-25", 1210)
    await flat.bill("2026-06")
    await flat.note("06-29", 1213)
    await flat.note("07-25", 1225)

    assert await flat.quantity("2026-07") == 15, "not 12: the three of June are on no bill yet"


async def test_a_bill_made_anew_ends_where_the_next_one_began(flat: Flat):
    await flat.note("06-25", 1210)
    await flat.bill("2026-06")
    await flat.note("07-25", 1225)
    await flat.bill("2026-07")
    await flat.note("06-29", 1213)

    await flat.db.write(
        lambda tx: tx.execute(
            update(bills).where(bills.c.period == "2026-06").values(voided_at=NOW)
        )
    )

    assert await flat.quantity("2026-06") == 10, "not 13: July's bill has those three"


async def test_an_estimate_that_was_too_high_is_made_good_over_the_next_bills(flat: Flat):
    await flat.note("06-28", 1230, kind=ReadingKind.ESTIMATED)
    assert await flat.bill("2026-06") == 30
    await flat.note("07-28", 1210)
    assert await flat.bill("2026-07") == 0
    await flat.note("08-28", 1225)
    assert await flat.bill("2026-08") == 0
    await flat.note("09-28", 1240)

    made = await flat.used("2026-09")

    assert made is not None
    assert made.sum == "(1240 − 1225) − 5 = 10"
    assert recompute(json.loads(json.dumps(made.explanation))) == 10


async def test_a_reading_corrected_after_its_bill_is_made_good_by_the_next(flat: Flat):
    await flat.note("06-28", 1230)
    await flat.bill("2026-06")
    await flat.note("06-28", 1220, kind=ReadingKind.CORRECTED)
    await flat.note("07-28", 1240)

    assert await flat.quantity("2026-07") == 10, "30 are billed, 40 were used"


async def test_a_voided_bill_counts_for_nothing(flat: Flat):
    await flat.note("06-28", 1230)
    await flat.bill("2026-06")
    await flat.note("06-28", 1220, kind=ReadingKind.CORRECTED)
    await flat.note("07-28", 1240)
    await flat.db.write(lambda tx: tx.execute(update(bills).values(voided_at=NOW)))

    assert [await flat.quantity("2026-06"), await flat.quantity("2026-07")] == [20, 20]


async def test_a_voided_bill_hides_neither_the_one_before_it_nor_the_one_made_anew(flat: Flat):
    def void(month: str):
        rows = update(bills).where(bills.c.period == month)
        return lambda tx: tx.execute(rows.values(voided_at=NOW))

    await flat.note("06-28", 1210)
    await flat.bill("2026-06")
    await flat.note("07-25", 1220)
    await flat.bill("2026-07")
    await flat.db.write(void("2026-07"))
    await flat.note("07-29", 1223)
    await flat.note("08-28", 1240)

    assert await flat.quantity("2026-08") == 30, "July's is void: from June's on"
    assert await flat.bill("2026-07") == 13
    assert await flat.quantity("2026-08") == 17


async def test_a_reading_that_was_asked_back_does_not_count_and_is_named(flat: Flat):
    await flat.note("06-28", 1210)
    await flat.note("07-28", 1205, actor=flat.li)

    assert await flat.quantity("2026-07") is None
    [one] = await flat.missing("2026-07")
    assert (one.unit_label, one.reason) == ("3栋2单元1201", MissingReason.WAITS)


async def test_every_unit_without_use_is_listed_with_its_reason(flat: Flat):
    assert [one.reason for one in await flat.missing("2026-06")] == [MissingReason.NO_READING]
    assert [one.reason for one in await flat.missing("2026-05")] == [MissingReason.NO_START]
    assert await flat.missing("2026-04") == [], "the meter was not there yet"
    metered = {
        "community_id": flat.world.community_id,
        "fee_item_id": flat.water_id,
        "unit_kind": "home",
        "basis": Basis.BY_METER,
        "price_e4": 41_000,
        "effective_on": date(2026, 1, 1),
    }
    await flat.db.write(lambda tx: tx.execute(insert(tariffs).values(metered)))
    listed = await flat.missing("2026-06")
    assert [(one.unit_id, one.reason) for one in listed] == [
        (flat.world.unit_id, MissingReason.NO_READING),
        (flat.world.next_door_id, MissingReason.NO_METER),
    ]
    exempt = {
        "unit_id": flat.world.next_door_id,
        "fee_item_id": flat.water_id,
        "is_charged": 0,
        "from_on": date(2026, 1, 1),
    }
    await flat.db.write(lambda tx: tx.execute(insert(unit_tariffs).values(exempt)))
    assert len(await flat.missing("2026-06")) == 1


async def test_a_gap_between_two_meters_is_named(flat: Flat):
    await flat.note("06-20", 1210)
    await flat.db.write(
        lambda tx: tx.exec_driver_sql("UPDATE meters SET removed_on = '2026-06-21'")
    )
    fact = MeterFact("B", on("06-25"), Decimal(0))
    new_id = await flat.db.write(
        install_meter, flat.world.unit_id, flat.water_id, fact, actor=CLOCK, now=NOW
    )
    await flat.note("06-30", 4, meter_id=new_id)

    assert await flat.quantity("2026-06") is None
    assert [one.reason for one in await flat.missing("2026-06")] == [MissingReason.BROKEN]


DAYS = 400
MONTHS = [BillingPeriod(2025, 1).plus(number) for number in range(12)]


@dataclass
class Dial:
    """A meter that ticks: what it shows, and how often it has passed zero."""

    digits: int
    multiplier: int
    shown: int
    turns: int = 0

    def tick(self) -> None:
        self.shown += 1
        if self.shown == 10**self.digits:
            self.shown, self.turns = 0, self.turns + 1

    def at(self, error: int) -> tuple[int, int]:
        """Return what somebody reads who is off by so much, and the turns that go with it."""
        whole = self.turns * 10**self.digits + self.shown + error
        turns, shown = divmod(whole, 10**self.digits)
        return shown, turns


@dataclass
class Household:
    """A unit, its dial, and what the slow model knows of what it is owed and billed."""

    unit_id: int
    meter_id: int
    dial: Dial
    loss_rate_e4: int
    counted: int = 0
    """Ticks of all its meters so far, each times its multiplier."""
    known: int | None = None
    """`counted` as the readings of this month tell it."""
    billed: Fraction = Fraction()
    turns_told: int = 0
    unread: int = 0
    """Ticks since somebody last read the dial."""
    to_correct: tuple[date, int, int, int] | None = None
    """Of a reading that was wrong: its day, the right value, its turns, all turns so far."""

    def spend(self, ticks: int) -> None:
        self.unread += ticks
        for _ in range(ticks):
            self.dial.tick()
            self.counted += self.dial.multiplier

    def expected(self) -> Fraction | None:
        """Return what the model bills now: all that is known to be used and is not billed."""
        if self.known is None:
            return None
        used = Fraction(self.known * (10_000 + self.loss_rate_e4), 10_000)
        quantity = max(used - self.billed, Fraction())
        self.billed += quantity
        self.known = None
        return quantity


class Story:
    """A year of households that read, misread, are estimated, turn over and are replaced."""

    def __init__(self, tx, seed: int) -> None:
        self.tx, self.dice = tx, random.Random(seed)
        self.community_id = factories.add_community(tx)
        self.item_id = factories.add_fee_item(tx, self.community_id, "水费", "water")
        self.numbers = 0
        self.homes = [self.household(number) for number in range(12)]

    def fact(self, day: date, dial: Dial, loss: int) -> MeterFact:
        self.numbers += 1
        return MeterFact(
            f"N{self.numbers}",
            day,
            Decimal(dial.shown),
            dial.digits,
            Decimal(dial.multiplier),
            loss,
        )

    def new_dial(self) -> Dial:
        digits = self.dice.choice((3, 4))
        start = self.dice.choice((0, 10**digits - self.dice.randint(1, 60)))
        return Dial(digits, self.dice.choice((1, 1, 20)), start)

    def household(self, number: int) -> Household:
        unit_id = factories.add_unit(self.tx, self.community_id, f"1-1-{number + 101}")
        dial, loss = self.new_dial(), self.dice.choice((0, 0, 500))
        day = date(2024, 12, 31)
        meter_id = install_meter(
            self.tx, unit_id, self.item_id, self.fact(day, dial, loss), actor=CLOCK, now=later(day)
        )
        return Household(unit_id, meter_id, dial, loss)

    def month(self, period: BillingPeriod) -> None:
        for home in self.homes:
            self.correct(home)
            days = sorted(self.dice.sample(range(2, 28), 3))
            for number, day_no in enumerate(days):
                home.spend(self.dice.randint(0, 25))
                self.act(home, period.day(day_no), is_last=number == 2)
            home.spend(self.dice.randint(0, 10))

    def act(self, home: Household, day: date, *, is_last: bool) -> None:
        chance = self.dice.random()
        if is_last and chance < 0.1:
            self.replace(home, day)
        elif (chance < 0.6 or is_last) and not home.to_correct:
            self.read(home, day, misreads=is_last and chance > 0.7)

    def read(self, home: Household, day: date, *, misreads: bool) -> None:
        """Note what the dial shows, or a wrong or estimated figure that is set right later."""
        is_estimate = misreads and self.dice.random() < 0.5
        error = self.dice.randint(1, 60) if misreads else 0
        if is_estimate and self.dice.random() < 0.5:
            error = -min(error, home.unread)
        shown, turns = home.dial.at(error)
        kind = ReadingKind.ESTIMATED if is_estimate else ReadingKind.READ
        told = turns - home.turns_told
        fact = ReadingFact(home.meter_id, day, Decimal(shown), kind, told)
        noted = note_reading(self.tx, fact, actor=CLOCK, now=later(day))
        if noted.state == ReadingState.ASKED:
            confirm_reading(self.tx, noted.reading_id, turns=told, actor=CLOCK, now=later(day))
        home.known = home.counted + error * home.dial.multiplier
        if misreads and not is_estimate:
            right, right_turns = home.dial.at(0)
            home.to_correct = (day, right, right_turns - home.turns_told, right_turns)
            home.unread = 0
        elif not is_estimate:
            home.turns_told, home.unread = turns, 0

    def correct(self, home: Household) -> None:
        """Set a misread month right, after it was billed."""
        if home.to_correct is None:
            return
        day, value, turns, home.turns_told = home.to_correct
        home.to_correct = None
        fact = ReadingFact(home.meter_id, day, Decimal(value), ReadingKind.CORRECTED, turns)
        note_reading(self.tx, fact, actor=CLOCK, now=later(day) + timedelta(days=40))

    def replace(self, home: Household, day: date) -> None:
        if home.to_correct:
            return
        last, turns = home.dial.at(0)
        told, home.turns_told, home.unread = turns - home.turns_told, 0, 0
        home.dial = self.new_dial()
        fact = self.fact(day, home.dial, 0)
        home.meter_id = replace_meter(
            self.tx,
            home.meter_id,
            fact,
            last=Decimal(last),
            turns=told,
            actor=CLOCK,
            now=later(day),
        )
        home.known = home.counted


@pytest.mark.parametrize("seed", range(3))
async def test_a_year_of_bills_is_what_the_dials_ticked(db: Database, seed: int):
    def live(tx) -> tuple[list, list]:
        story = Story(tx, seed)
        made, expected = [], []
        ids = [home.unit_id for home in story.homes]
        for period in MONTHS:
            story.month(period)
            days = DaySpan.of(period)
            uses = usage_of(tx, ids, story.item_id, days)
            made.append({unit_id: use.quantity for unit_id, use in uses.items()})
            told = {home.unit_id: home.expected() for home in story.homes}
            expected.append({unit: one for unit, one in told.items() if one is not None})
            missing = missing_readings(tx, story.community_id, story.item_id, days)
            assert {one.unit_id for one in missing} == set(ids) - set(uses)
            for unit_id, use in uses.items():
                assert recompute(json.loads(json.dumps(use.explanation))) == use.quantity
                add_bill_of_use(tx, unit_id, story.item_id, days, use)
        return made, expected

    made, expected = await db.write(live)

    assert made == expected
    assert sum(map(len, made)) > 100


async def test_thousands_of_units_take_a_handful_of_statements(db: Database):
    def many(tx) -> tuple[int, int]:
        community_id = factories.add_community(tx)
        item_id = factories.add_fee_item(tx, community_id, "水费", "water")
        ids = []
        for number in range(60):
            unit_id = factories.add_unit(tx, community_id, f"1-1-{number + 101}")
            fact = MeterFact(f"N{number}", on("05-28"), Decimal(0))
            meter_id = install_meter(tx, unit_id, item_id, fact, actor=CLOCK, now=NOW)
            noted = ReadingFact(meter_id, on("06-28"), Decimal(number))
            note_reading(tx, noted, actor=CLOCK, now=NOW)
            ids.append(unit_id)
        counted: list[str] = []
        event.listen(
            tx, "before_cursor_execute", lambda *call: counted.append(call[2]), named=False
        )
        uses = usage_of(tx, ids, item_id, DaySpan.of(BillingPeriod(2026, 6)))
        return len(uses), len(counted)

    assert await db.write(many) == (60, 4)
