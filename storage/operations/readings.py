"""What is read off meters (抄表): noted, asked back where it looks odd, confirmed, corrected."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.charge_errors import (
    DialUnknown,
    InputMissing,
    ReadingDayRefused,
    ReadingStands,
    UnknownMeter,
    UnknownReading,
)
from storage.errors import NotAllowed
from storage.events import StaffTask
from storage.frozen import dataclass
from storage.kinds import ChargeInput, ReadingKind, ReadingState, ReadingVerdict, StaffRole
from storage.models.bills import fee_items
from storage.models.estate import units
from storage.models.meters import meters, readings
from storage.operations.hearers import tell_staff
from storage.periods import shanghai_day
from storage.queries.meter_stories import MeterStory, Usual, known_since, story_of
from storage.queries.meters import (
    InstalledMeter,
    KeptReading,
    in_thousandths,
    meter_of_key,
    reading_of_key,
    readings_waiting,
)
from storage.rules import meters as rules
from storage.rules.figures import figure
from storage.rules.meters import MeterUsage, Reading, check_reading


@dataclass(frozen=True, slots=True)
class ReadingFact:
    """What somebody says that a meter showed on a Shanghai day; `photo` is a media id.

    `turns` is how often it passed zero since somebody last read it, 0 also where nobody says.
    """

    meter_id: int
    read_on: date
    value: Decimal
    kind: ReadingKind = ReadingKind.READ
    turns: int = 0
    photo: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a reading; `used` is what it says was used since somebody read `last`."""

    reading_id: int
    reading: Reading
    state: ReadingState
    verdict: ReadingVerdict
    last: Reading | None
    used: MeterUsage | None
    usual: Usual | None


def note_reading(tx: Connection, fact: ReadingFact, *, actor: Actor, now: datetime) -> Noted:
    """Write down a reading: it counts at once where it looks right, else it is asked back.

    The same reading again changes nothing. One of the same day is replaced where it was estimated
    or sent by the same resident, or where this one corrects it. Raises UnknownMeter, InputRefused,
    ReadingDayRefused, ReadingStands where another counts that day, ReadingLower for what the
    readings around it deny, NotAllowed where a resident estimates or corrects.
    """
    if fact.kind != ReadingKind.READ and actor.identity_id is not None:
        raise NotAllowed
    meter = locked_meter(tx, fact.meter_id)
    _check_day(meter, fact.read_on, now)
    check_reading(fact.value, digits=meter.dial.digits)
    story = story_of(tx, meter, since=known_since(fact.read_on))
    said = Reading(fact.read_on, fact.value, fact.kind, meter.meter_no, fact.turns)
    reading = story.placed(meter.meter_id, said)
    standing = story.on(meter.meter_id, fact.read_on)
    if standing is not None and standing.reading.value == fact.value:
        if fact.photo:
            _set(tx, standing.reading_id, photo=fact.photo[:120])
        return _noted(story, meter, standing.reading, standing.reading_id, ReadingState.ACCEPTED)
    if standing is not None and not may_replace(standing, fact.kind, actor):
        raise ReadingStands(figure(standing.reading.value))
    story.refuse_denied(meter, reading)
    is_odd = story.verdict(meter, reading) != ReadingVerdict.PLAUSIBLE
    if fact.kind != ReadingKind.READ:
        story.refuse_lower(meter, reading)
        is_odd = False
    state = ReadingState.ASKED if is_odd else ReadingState.ACCEPTED
    reading_id = keep(
        tx, meter, reading, standing, state=state, photo=fact.photo, actor=actor, now=now
    )
    return _noted(story, meter, reading, reading_id, state)


def confirm_reading(
    tx: Connection, reading_id: int, *, turns: int = 0, actor: Actor, now: datetime
) -> Noted:
    """Let a reading count that was asked back, with so many turns since somebody last read it.

    Of staff the word is taken. A resident's is taken for a high use, and for a turn where what it
    makes is usual and at most half of the dial; else the reading goes on waiting, and staff hear
    of it. Confirming twice changes nothing. Raises UnknownReading where it is not hers or another
    counts instead, ReadingLower, ReadingStands, and DialUnknown.
    """
    meter = locked_meter(tx, _hers(tx, reading_id, actor).meter_id)
    kept = _hers(tx, reading_id, actor)
    story = story_of(tx, meter, since=known_since(kept.reading.read_on))
    if kept.state == ReadingState.ACCEPTED:
        return _noted(story, meter, kept.reading, reading_id, kept.state)
    reading = story.placed(meter.meter_id, replace(kept.reading, turns=turns))
    if turns and meter.dial.digits is None:
        raise DialUnknown(meter.meter_no)
    story.refuse_lower(meter, reading)
    story.refuse_denied(meter, reading)
    if actor.identity_id is not None and turns and not story.is_fair_turn(meter, reading):
        leave_to_staff(tx, reading_id, note="turned", actor=actor, now=now)
        return _noted(story, meter, reading, reading_id, ReadingState.ASKED)
    standing = story.on(meter.meter_id, reading.read_on)
    if standing is not None:
        if not may_replace(standing, reading.kind, actor):
            raise ReadingStands(figure(standing.reading.value))
        _set(tx, standing.reading_id, state=ReadingState.REPLACED)
    _set(tx, reading_id, state=ReadingState.ACCEPTED, turns=reading.turns)
    _audit(tx, actor, "confirm", meter, reading, now)
    return _noted(story, meter, reading, reading_id, ReadingState.ACCEPTED)


def leave_to_staff(
    tx: Connection, reading_id: int, *, note: str, actor: Actor, now: datetime
) -> int:
    """Put an odd reading before the stewards, once; return how many of the staff hear of it.

    `note` is why: replaced | turned. Raises UnknownReading.
    """
    kept = _hers(tx, reading_id, actor)
    _set(tx, reading_id, note=note)
    place = tx.execute(
        select(units.c.label, units.c.community_id, fee_items.c.name)
        .select_from(meters)
        .join(units, units.c.id == meters.c.unit_id)
        .join(fee_items, fee_items.c.id == meters.c.fee_item_id)
        .where(meters.c.id == kept.meter_id)
    ).one()
    said = f"{place.name} {figure(kept.reading.value)}"
    task = StaffTask(f"meter_{note}", kept.reading.meter_no, place.label, 0, said)
    key = f"meter:{reading_id}:{note}"
    for role in (StaffRole.STEWARD, StaffRole.MANAGER):
        told = tell_staff(
            tx, task, community_id=place.community_id, roles=(role,), key=key, now=now
        )
        if told:
            return told
    return 0


def estimate_reading(
    tx: Connection, meter_id: int, *, on: date, actor: Actor, now: datetime
) -> Noted:
    """Estimate what a meter shows on a day by its usual use (估抄).

    Raises InputMissing where there is nothing to go by, and what `note_reading` raises.
    """
    meter = locked_meter(tx, meter_id)
    story = story_of(tx, meter, since=known_since(on))
    last = story.last_read(meter_id, on)
    usual = None if last is None else story.usual(last, on=on, meter=meter)
    if last is None or usual is None:
        raise InputMissing(ChargeInput.READING, meter.meter_no)
    made = rules.estimate(last, usual=usual.measure, on=on, meter=meter.dial)
    value = Decimal(in_thousandths(made.value)) / 1000
    fact = ReadingFact(meter_id, on, value, ReadingKind.ESTIMATED, made.turns)
    return note_reading(tx, fact, actor=actor, now=now)


def keep_photo(
    tx: Connection, *, unit_id: int, identity_id: int, read_on: date, photo: str
) -> bool:
    """Keep a picture beside the reading that a resident sent last on a day; False for none."""
    found = tx.execute(
        select(readings.c.id)
        .join(meters, meters.c.id == readings.c.meter_id)
        .where(
            meters.c.unit_id == unit_id,
            readings.c.identity_id == identity_id,
            readings.c.read_on == read_on,
            readings.c.state != ReadingState.REPLACED,
        )
        .order_by(readings.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        return False
    _set(tx, found, photo=photo[:120])
    return True


def may_replace(standing: KeptReading, kind: ReadingKind, actor: Actor) -> bool:
    """Tell whether a reading of this kind may take the place of one that counts that day."""
    before = standing.reading.kind
    if kind == ReadingKind.CORRECTED or before == ReadingKind.ESTIMATED:
        return True
    is_hers = actor.identity_id is not None and standing.identity_id == actor.identity_id
    return kind == before == ReadingKind.READ and is_hers


def locked_meter(tx: Connection, meter_id: int) -> InstalledMeter:
    """Return a meter that no other transaction changes meanwhile. Raises UnknownMeter."""
    meter = meter_of_key(tx, meter_id)
    if meter is None:
        raise UnknownMeter(str(meter_id))
    return meter


def keep(
    tx: Connection,
    meter: InstalledMeter,
    reading: Reading,
    standing: KeptReading | None,
    *,
    actor: Actor,
    now: datetime,
    state: ReadingState = ReadingState.ACCEPTED,
    photo: str = "",
) -> int:
    """Write a reading that was judged; where it counts, what counted that day does not any more.

    What waited for an answer of the same day is forgotten, but for its picture. Returns its key.
    """
    for waiting in readings_waiting(tx, meter.meter_id, since=reading.read_on):
        if waiting.reading.read_on == reading.read_on:
            drop(tx, waiting)
            photo = photo or (waiting.photo if waiting.identity_id == actor.identity_id else "")
    if standing is not None and state == ReadingState.ACCEPTED:
        drop(tx, standing)
    reading_id: int = tx.execute(
        readings.insert()
        .values(
            meter_id=meter.meter_id,
            read_on=reading.read_on,
            value_e3=in_thousandths(reading.value),
            kind=reading.kind,
            state=state,
            turns=reading.turns,
            identity_id=actor.identity_id,
            staff_id=actor.staff_id,
            photo=photo[:120],
            noted_at=now,
        )
        .returning(readings.c.id)
    ).scalar_one()
    _audit(tx, actor, "read", meter, reading, now)
    return reading_id


def drop(tx: Connection, kept: KeptReading) -> None:
    """Let a reading not count any more; it stays in the books."""
    _set(tx, kept.reading_id, state=ReadingState.REPLACED)


def _audit(
    tx: Connection,
    actor: Actor,
    act: str,
    meter: InstalledMeter,
    reading: Reading,
    now: datetime,
) -> None:
    detail = f"{reading.read_on} {figure(reading.value)} {reading.kind} turns {reading.turns}"
    audit.note(tx, actor, act, "meter", meter.meter_no, at=now, detail=detail)


def _set(tx: Connection, reading_id: int, **values: object) -> None:
    tx.execute(update(readings).where(readings.c.id == reading_id).values(**values))


def _hers(tx: Connection, reading_id: int, actor: Actor) -> KeptReading:
    """Return a reading that the actor may speak for."""
    kept = reading_of_key(tx, reading_id)
    if kept is None or kept.state == ReadingState.REPLACED:
        raise UnknownReading
    if actor.identity_id is not None and kept.identity_id != actor.identity_id:
        raise UnknownReading
    return kept


def _check_day(meter: InstalledMeter, day: date, now: datetime) -> None:
    is_gone = meter.removed_on is not None and day > meter.removed_on
    if day > shanghai_day(now) or day < meter.installed_on or is_gone:
        raise ReadingDayRefused(day)


def _noted(
    story: MeterStory,
    meter: InstalledMeter,
    reading: Reading,
    reading_id: int,
    state: ReadingState,
) -> Noted:
    last = story.last_read(meter.meter_id, reading.read_on)
    return Noted(
        reading_id=reading_id,
        reading=reading,
        state=state,
        verdict=story.verdict(meter, reading),
        last=last,
        used=story.used(meter, reading),
        usual=None if last is None else story.usual(last, on=reading.read_on, meter=meter),
    )
