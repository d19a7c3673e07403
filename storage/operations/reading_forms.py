"""A meter's form on a page: it acts on the readings that were shown, or on none."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Connection

from storage.audit import Actor
from storage.charge_errors import UnknownReading
from storage.frozen import dataclass
from storage.kinds import ReadingKind, ReadingState
from storage.operations.readings import (
    ReadingFact,
    confirm_reading,
    estimate_reading,
    locked_meter,
    note_reading,
)
from storage.queries.meter_pages import meter_in_full, meter_mark
from storage.queries.meters import counted_readings, reading_of_key, readings_waiting
from storage.queries.residents import Staff


class ReadingPress(StrEnum):
    """The buttons of a meter."""

    NOTE = "note"
    CORRECT = "correct"
    ESTIMATE = "estimate"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class ReadingForm:
    """What was pressed and written for a Shanghai day, and what `meter_mark` was on the page."""

    meter_id: int
    press: ReadingPress
    seen: str
    read_on: date
    value: Decimal = Decimal(0)
    reading_id: int = 0
    turns: int = 0


def act_on_meter(tx: Connection, form: ReadingForm, *, by: Staff, now: datetime) -> bool:
    """Do what a form says; False where the meter's readings changed since the page was shown.

    The same form sent twice acts once, and is true twice. Raises UnknownMeter for one of another
    office, and as the act itself.
    """
    meter_in_full(tx, form.meter_id, community_ids=by.community_ids, limit=0)
    locked_meter(tx, form.meter_id)
    if meter_mark(tx, form.meter_id) != form.seen:
        return _stands(tx, form)
    _act(tx, form, Actor(by.staff_id), now)
    return True


def _act(tx: Connection, form: ReadingForm, actor: Actor, now: datetime) -> None:
    match form.press:
        case ReadingPress.NOTE | ReadingPress.CORRECT:
            is_right = form.press is ReadingPress.CORRECT
            kind = ReadingKind.CORRECTED if is_right else ReadingKind.READ
            fact = ReadingFact(form.meter_id, form.read_on, form.value, kind, form.turns)
            note_reading(tx, fact, actor=actor, now=now)
        case ReadingPress.ESTIMATE:
            estimate_reading(tx, form.meter_id, on=form.read_on, actor=actor, now=now)
        case ReadingPress.CONFIRM:
            kept = reading_of_key(tx, form.reading_id)
            if kept is None or kept.meter_id != form.meter_id:
                raise UnknownReading
            confirm_reading(tx, form.reading_id, turns=form.turns, actor=actor, now=now)


def _stands(tx: Connection, form: ReadingForm) -> bool:
    """Tell whether what a form asks for is in the books already."""
    if form.press is ReadingPress.CONFIRM:
        kept = reading_of_key(tx, form.reading_id)
        is_its = kept is not None and kept.meter_id == form.meter_id
        return is_its and kept is not None and kept.state == ReadingState.ACCEPTED
    found = [
        *counted_readings(tx, [form.meter_id], since=form.read_on, until=form.read_on),
        *readings_waiting(tx, form.meter_id, since=form.read_on),
    ]
    today = [one.reading for one in found if one.reading.read_on == form.read_on]
    if form.press is ReadingPress.ESTIMATE:
        return any(one.kind == ReadingKind.ESTIMATED for one in today)
    return any(one.value == form.value for one in today)
