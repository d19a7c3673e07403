"""Meters (表) of units: put in, and replaced (换表) in the middle of a period."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import InputRefused, MeterTaken, ReadingDayRefused, UnknownMeter
from storage.errors import Refusal
from storage.frozen import dataclass
from storage.kinds import ChargeInput, ReadingKind
from storage.models.bills import fee_items
from storage.models.estate import units
from storage.models.meters import meters
from storage.operations.readings import ReadingFact, drop, keep, locked_meter, note_reading
from storage.periods import shanghai_day
from storage.queries.meter_stories import MeterStory, known_since, story_of
from storage.queries.meters import InstalledMeter, KeptReading, readings_waiting
from storage.rules import meters as rules
from storage.rules.meters import Reading, check_reading

SCALE: Final = 10_000


@dataclass(frozen=True, slots=True)
class MeterFact:
    """A meter as it is put in: its number, the Shanghai day, and what it showed then."""

    meter_no: str
    installed_on: date
    start: Decimal
    digits: int | None = None
    multiplier: Decimal = Decimal(1)
    loss_rate_e4: int = 0

    def check(self) -> None:
        """Raise InputRefused for a dial, a multiplier, a loss or a reading that can not be."""
        dial = rules.Meter(self.digits, self.multiplier)
        if Fraction(dial.multiplier) * SCALE % 1:
            raise InputRefused(ChargeInput.MULTIPLIER, str(self.multiplier))
        rules.Loss(self.loss_rate_e4)
        check_reading(self.start, digits=self.digits)


def install_meter(
    tx: Connection,
    unit_id: int,
    fee_item_id: int,
    fact: MeterFact,
    *,
    actor: Actor,
    now: datetime,
) -> int:
    """Put a unit's first meter for a fee item in, or one after a gap; return its key.

    Raises MeterTaken where one runs there or the number is in use, UnknownMeter where unit and
    fee item are not of one community, ReadingDayRefused, and InputRefused.
    """
    unit = tx.execute(select(units).where(units.c.id == unit_id).with_for_update()).one()
    item = tx.execute(select(fee_items).where(fee_items.c.id == fee_item_id)).one()
    if unit.community_id != item.community_id:
        raise UnknownMeter(fact.meter_no)
    known = tx.execute(
        select(meters.c.meter_no, meters.c.removed_on).where(
            meters.c.unit_id == unit_id, meters.c.fee_item_id == fee_item_id
        )
    )
    for meter_no, removed_on in known:
        if removed_on is None or removed_on > fact.installed_on:
            raise MeterTaken(meter_no)
    return _put_in(tx, unit.community_id, (unit_id, fee_item_id), fact, actor=actor, now=now)


def replace_meter(
    tx: Connection,
    meter_id: int,
    fact: MeterFact,
    *,
    last: Decimal,
    turns: int = 0,
    actor: Actor,
    now: datetime,
) -> int:
    """Put a new meter in the place of one on a day, with the old one's last reading.

    The new one takes over the loss rate. Readings of the old one that wait for an answer since
    that day are noted on the new one. Returns the new one's key.
    Raises UnknownMeter where the old one is gone already, ReadingLower, MeterTaken,
    ReadingDayRefused, and InputRefused.
    """
    old = locked_meter(tx, meter_id)
    if old.removed_on is not None:
        raise UnknownMeter(old.meter_no)
    day = fact.installed_on
    story = story_of(tx, old, since=known_since(day))
    if not old.installed_on < day <= shanghai_day(now) or story.after(meter_id, day) is not None:
        raise ReadingDayRefused(day)
    waiting = readings_waiting(tx, meter_id, since=day)
    final = story.placed(meter_id, Reading(day, last, ReadingKind.READ, old.meter_no, turns))
    _end(tx, old, story, final, actor, now)
    community_id: int = tx.execute(
        update(meters)
        .where(meters.c.id == meter_id)
        .values(removed_on=day)
        .returning(meters.c.community_id)
    ).scalar_one()
    place = (old.unit_id, old.fee_item_id)
    fresh = replace(fact, loss_rate_e4=old.loss_rate_e4)
    new_id = _put_in(tx, community_id, place, fresh, actor=actor, now=now)
    for one in waiting:
        _move(tx, one, new_id, now=now)
    return new_id


def _end(
    tx: Connection,
    old: InstalledMeter,
    story: MeterStory,
    final: Reading,
    actor: Actor,
    now: datetime,
) -> None:
    """Note the last reading of a meter; what was read that day is corrected by it."""
    check_reading(final.value, digits=old.dial.digits)
    story.refuse_lower(old, final)
    standing = story.on(old.meter_id, final.read_on)
    if standing is None:
        keep(tx, old, final, None, actor=actor, now=now)
    elif standing.reading.value != final.value:
        corrected = replace(final, kind=ReadingKind.CORRECTED)
        keep(tx, old, corrected, standing, actor=actor, now=now)


def _move(tx: Connection, waiting: KeptReading, new_id: int, *, now: datetime) -> None:
    """Note on the new meter what was read before we knew of it; what it cannot show falls away."""
    drop(tx, waiting)
    one = waiting.reading
    fact = ReadingFact(new_id, one.read_on, one.value, photo=waiting.photo)
    try:
        note_reading(tx, fact, actor=Actor(identity_id=waiting.identity_id), now=now)
    except Refusal:
        return


def _put_in(
    tx: Connection,
    community_id: int,
    place: tuple[int, int],
    fact: MeterFact,
    *,
    actor: Actor,
    now: datetime,
) -> int:
    """Enter a meter and what it showed first."""
    if fact.installed_on > shanghai_day(now):
        raise ReadingDayRefused(fact.installed_on)
    fact.check()
    taken = tx.execute(
        select(meters.c.id).where(
            meters.c.community_id == community_id,
            meters.c.fee_item_id == place[1],
            meters.c.meter_no == fact.meter_no,
        )
    ).first()
    if taken is not None:
        raise MeterTaken(fact.meter_no)
    meter_id: int = tx.execute(
        meters.insert()
        .values(
            community_id=community_id,
            unit_id=place[0],
            fee_item_id=place[1],
            meter_no=fact.meter_no,
            digits=fact.digits,
            multiplier_e4=int(fact.multiplier * SCALE),
            loss_rate_e4=fact.loss_rate_e4,
            installed_on=fact.installed_on,
        )
        .returning(meters.c.id)
    ).scalar_one()
    start = Reading(fact.installed_on, fact.start, meter_no=fact.meter_no)
    keep(tx, locked_meter(tx, meter_id), start, None, actor=actor, now=now)
    detail = f"unit {place[0]} {fact.meter_no} x{fact.multiplier} from {fact.installed_on}"
    audit.note(tx, actor, "install", "meter", fact.meter_no, at=now, detail=detail)
    return meter_id
