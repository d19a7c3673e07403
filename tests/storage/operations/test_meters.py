"""Meters and readings: what counts, what is asked back, and what is refused with its name."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from storage.audit import CLOCK, Actor
from storage.charge_errors import (
    DialUnknown,
    InputMissing,
    InputRefused,
    MeterTaken,
    ReadingDayRefused,
    ReadingLower,
    ReadingStands,
    UnknownMeter,
    UnknownReading,
)
from storage.database import Database
from storage.errors import NotAllowed
from storage.kinds import ReadingKind, ReadingState, ReadingVerdict, StaffRole
from storage.models.meters import meters
from storage.models.operating import audit_records
from storage.operations.meters import MeterFact, install_meter
from storage.operations.readings import estimate_reading, keep_photo, leave_to_staff
from tests import factories
from tests.metering import NOW, TODAY, Flat, flat_in, on


@pytest.fixture
async def flat(db: Database) -> Flat:
    """Give Ms Li's flat with its water meter."""
    return await flat_in(db)


async def a_year_of_ten_a_month(flat: Flat) -> None:
    """Read ten a month from June on."""
    for number, month in enumerate(range(6, 11), start=1):
        await flat.note(f"{month:02d}-28", 1200 + 10 * number)


async def test_a_plausible_reading_counts_at_once_and_tells_what_was_used(flat: Flat):
    noted = await flat.note("06-28", "1212.5", actor=flat.li, photo="media-1")

    assert (noted.state, noted.verdict) == (ReadingState.ACCEPTED, ReadingVerdict.PLAUSIBLE)
    assert noted.used is not None
    assert noted.used.sum == "(1212.5 − 1200) = 12.5"
    [start, row] = await flat.rows()
    assert (row.value_e3, row.photo, row.identity_id) == (1_212_500, "media-1", 1)
    assert (start.value_e3, start.identity_id) == (1_200_000, None)


async def test_the_same_reading_again_changes_nothing(flat: Flat):
    first = await flat.note("06-28", 1212)
    again = await flat.note("06-28", "1212.000")

    assert again.reading_id == first.reading_id
    assert await flat.counted() == [("05-28", 1200, "read"), ("06-28", 1212, "read")]


async def test_three_times_the_usual_is_asked_back_and_counts_once_confirmed(flat: Flat):
    await a_year_of_ten_a_month(flat)

    odd = await flat.note("11-23", 1290, actor=flat.li)

    assert (odd.state, odd.verdict) == (ReadingState.ASKED, ReadingVerdict.TOO_HIGH)
    assert odd.usual is not None
    assert not odd.usual.is_last_year
    assert await flat.quantity("2026-11") is None
    sure = await flat.confirm(odd, actor=flat.li)
    twice = await flat.confirm(odd, actor=flat.li)
    assert (sure.state, twice.state) == (ReadingState.ACCEPTED, ReadingState.ACCEPTED)
    assert await flat.quantity("2026-11") == 40


async def test_just_under_three_times_the_usual_is_not_asked_back(flat: Flat):
    await a_year_of_ten_a_month(flat)

    assert (await flat.note("11-23", 1274)).state == ReadingState.ACCEPTED


async def test_it_is_last_years_season_that_is_compared_with(db: Database):
    def build(tx) -> tuple:
        world = factories.build(tx)
        water_id = factories.add_fee_item(tx, world.community_id, "水费", "water")
        fact = MeterFact("A", on("2025-01-28"), Decimal(0), digits=5)
        return (
            world,
            water_id,
            install_meter(tx, world.unit_id, water_id, fact, actor=CLOCK, now=NOW),
        )

    world, water_id, meter_id = await db.write(build)
    flat = Flat(db, world, water_id, meter_id, Actor())
    shown = 0
    for month in range(2, 23):
        shown += 60 if month in (10, 11, 12) else 5
        await flat.confirm(
            await flat.note(f"{2025 + (month - 1) // 12}-{(month - 1) % 12 + 1:02d}-28", shown)
        )

    winter = await flat.note("11-23", shown + 50)

    assert (winter.state, winter.usual and winter.usual.is_last_year) == (
        ReadingState.ACCEPTED,
        True,
    )


async def test_lower_than_last_is_asked_back_and_a_turn_of_the_dial_answers_it(flat: Flat):
    await flat.note("06-28", 99_990)
    low = await flat.note("07-28", 12, actor=flat.li)
    assert (low.state, low.verdict, low.used) == (
        ReadingState.ASKED,
        ReadingVerdict.LOWER,
        None,
    )
    with pytest.raises(ReadingLower):
        await flat.confirm(low, actor=flat.li)

    turned = await flat.confirm(low, turns=1, actor=flat.li)

    assert turned.state == ReadingState.ACCEPTED
    made = await flat.used("2026-07")
    assert made is not None
    assert made.sum == "(100000 + 12 − 99990) = 22"


async def test_a_turn_that_makes_an_unusual_use_waits_for_staff(flat: Flat):
    await flat.db.write(
        factories.add_staff, flat.world.community_id, "小陈", StaffRole.STEWARD, "o-chen"
    )
    await a_year_of_ten_a_month(flat)
    low = await flat.note("11-23", 12, actor=flat.li)

    left = await flat.confirm(low, turns=1, actor=flat.li)

    assert left.state == ReadingState.ASKED
    told = await flat.db.read(
        lambda tx: tx.exec_driver_sql("SELECT event, facts FROM outbox").all()
    )
    assert [event for event, _ in told] == ["StaffTask"]
    assert "meter_turned" in told[0][1]
    assert (await flat.confirm(low, turns=1)).state == ReadingState.ACCEPTED, "staff know"


async def test_without_digits_nobody_can_say_what_a_turn_was(flat: Flat):
    await flat.db.write(lambda tx: tx.execute(meters.update().values(digits=None)))
    await flat.note("06-28", 99_990)
    low = await flat.note("07-28", 12)

    with pytest.raises(DialUnknown):
        await flat.confirm(low, turns=1)


async def test_a_meter_is_replaced_in_mid_month_and_nothing_is_lost(flat: Flat):
    await flat.note("06-28", 1210)

    new_id = await flat.replaced("07-10", last=1214, start=3)
    await flat.note("07-28", 9, meter_id=new_id)

    made = await flat.used("2026-07")
    assert made is not None
    assert made.sum == "(1214 − 1210) + (9 − 3) = 10"
    rows = await flat.db.read(lambda tx: tx.execute(select(meters).order_by(meters.c.id)).all())
    assert [(row.meter_no, row.removed_on) for row in rows] == [("A", on("07-10")), ("B", None)]


async def test_a_reading_that_waited_counts_on_the_new_meter_once_staff_know_of_it(flat: Flat):
    await flat.note("06-28", 1210)
    low = await flat.note("07-28", 9, actor=flat.li, photo="media-2")
    await flat.db.write(leave_to_staff, low.reading_id, note="replaced", actor=flat.li, now=NOW)
    assert [one.reason for one in await flat.missing("2026-07")] == ["waits"]

    await flat.replaced("07-10", last=1214)

    assert await flat.quantity("2026-07") == 13
    assert await flat.missing("2026-07") == []
    assert [row.photo for row in await flat.rows() if row.state == "accepted"][-1] == "media-2"


async def test_a_replaced_meter_takes_no_more_readings_and_is_not_replaced_again(flat: Flat):
    new_id = await flat.replaced("07-10", last=1214)

    with pytest.raises(ReadingDayRefused):
        await flat.note("07-28", 1220)
    with pytest.raises(UnknownMeter):
        await flat.replaced("08-10", last=1220, meter_no="C")
    flat.meter_id = new_id
    with pytest.raises(MeterTaken):
        await flat.replaced("08-10", last=5, meter_no="A")


async def test_a_last_reading_lower_than_the_one_before_is_refused_and_nothing_is_replaced(
    flat: Flat,
):
    await flat.note("06-28", 1210)

    with pytest.raises(ReadingLower):
        await flat.replaced("07-10", last=1209)

    assert len(await flat.db.read(lambda tx: tx.execute(select(meters)).all())) == 1


async def test_one_reading_counts_a_day_and_a_resident_may_set_her_own_right(flat: Flat):
    await flat.note("06-28", 1212, actor=flat.li)
    await flat.note("06-28", 1213, actor=flat.li)

    assert await flat.counted() == [("05-28", 1200, "read"), ("06-28", 1213, "read")]
    assert [row.state for row in await flat.rows()] == ["accepted", "replaced", "accepted"]


async def test_what_the_office_read_is_not_replaced_by_a_resident_and_only_corrected_by_staff(
    flat: Flat,
):
    await flat.note("06-28", 1212)
    with pytest.raises(ReadingStands) as stands:
        await flat.note("06-28", 1213, actor=flat.li)
    with pytest.raises(ReadingStands):
        await flat.note("06-28", 1213)
    with pytest.raises(NotAllowed):
        await flat.note("06-28", 1213, actor=flat.li, kind=ReadingKind.CORRECTED)
    assert stands.value.counted == "1212"

    await flat.note("06-28", 1211, kind=ReadingKind.CORRECTED)

    assert await flat.counted() == [("05-28", 1200, "read"), ("06-28", 1211, "corrected")]


async def test_an_estimate_gives_way_to_what_was_read(flat: Flat):
    await a_year_of_ten_a_month(flat)
    made = await flat.db.write(
        estimate_reading, flat.meter_id, on=on("11-20"), actor=CLOCK, now=NOW
    )
    assert (int(made.reading.value), made.reading.kind) == (1257, ReadingKind.ESTIMATED)

    await flat.note("11-20", 1255, actor=flat.li)

    assert (await flat.counted())[-1] == ("11-20", 1255, "read")


async def test_a_reading_below_an_estimate_is_not_odd_but_below_what_was_read_it_is(flat: Flat):
    await flat.note("06-28", 1210)
    await flat.note("07-28", 1230, kind=ReadingKind.ESTIMATED)

    assert (await flat.note("08-28", 1225)).state == ReadingState.ACCEPTED
    await flat.note("09-28", 1240, kind=ReadingKind.ESTIMATED)
    assert (await flat.note("10-28", 1224)).state == ReadingState.ASKED


async def test_nothing_is_estimated_from_nothing(flat: Flat):
    with pytest.raises(InputMissing):
        await flat.db.write(estimate_reading, flat.meter_id, on=on("06-28"), actor=CLOCK, now=NOW)


@pytest.mark.parametrize("value", ["1000000000000", "-1", "NaN", "Infinity", "1.2345", "100000"])
async def test_what_no_dial_shows_is_refused_by_its_name(flat: Flat, value: str):
    with pytest.raises(InputRefused) as refused:
        await flat.note("06-28", value)

    assert refused.value.found == str(Decimal(value))
    assert len(await flat.rows()) == 1


@pytest.mark.parametrize("day", ["05-27", "11-24"])
async def test_no_reading_is_of_a_day_before_the_meter_or_to_come(flat: Flat, day: str):
    with pytest.raises(ReadingDayRefused):
        await flat.note(day, 1212)


async def test_a_reading_that_later_ones_deny_is_refused(flat: Flat):
    await flat.note("07-28", 1212)

    with pytest.raises(ReadingLower):
        await flat.note("06-28", 1213)


async def test_nobody_confirms_the_reading_of_another_or_one_that_was_replaced(flat: Flat):
    await flat.note("06-28", 1300)
    low = await flat.note("07-28", 9, actor=flat.li)
    with pytest.raises(UnknownReading):
        await flat.confirm(low, turns=1, actor=Actor(identity_id=99))

    await flat.note("07-28", 1310, actor=flat.li)

    with pytest.raises(UnknownReading):
        await flat.confirm(low, turns=1, actor=flat.li)


async def test_a_picture_is_kept_beside_the_reading_she_sent_last_that_day(flat: Flat):
    await flat.note("11-23", 1212, actor=flat.li)

    def keep(identity_id: int, photo: str):
        return lambda tx: keep_photo(
            tx,
            unit_id=flat.world.unit_id,
            identity_id=identity_id,
            read_on=TODAY,
            photo=photo,
        )

    hers = await flat.db.write(keep(1, "media-3"))
    anothers = await flat.db.write(keep(2, "media-4"))

    assert (hers, anothers) == (True, False)
    assert (await flat.rows())[-1].photo == "media-3"


@pytest.mark.parametrize(
    ("fact", "refusal"),
    [
        (MeterFact("B", TODAY, Decimal(0)), MeterTaken),
        (MeterFact("C", TODAY + timedelta(days=1), Decimal(0)), ReadingDayRefused),
        (MeterFact("C", TODAY, Decimal(-1)), InputRefused),
        (MeterFact("C", TODAY, Decimal(0), multiplier=Decimal("0.00001")), InputRefused),
        (MeterFact("C", TODAY, Decimal(0), multiplier=Decimal("NaN")), InputRefused),
        (MeterFact("C", TODAY, Decimal(0), loss_rate_e4=10_001), InputRefused),
        (MeterFact("C", TODAY, Decimal(0), digits=0), InputRefused),
    ],
)
async def test_a_meter_that_can_not_be_is_not_put_in(flat: Flat, fact: MeterFact, refusal):
    item = await flat.db.write(
        factories.add_fee_item, flat.world.community_id, "电费", "electricity"
    )
    await flat.db.write(
        install_meter,
        flat.world.next_door_id,
        item,
        MeterFact("B", on("06-01"), Decimal(0)),
        actor=CLOCK,
        now=NOW,
    )

    with pytest.raises(refusal):
        await flat.db.write(install_meter, flat.world.unit_id, item, fact, actor=CLOCK, now=NOW)


async def test_a_second_meter_beside_one_that_runs_is_refused_and_so_is_anothers_fee(flat: Flat):
    fact = MeterFact("B", on("06-01"), Decimal(0))
    with pytest.raises(MeterTaken):
        await flat.db.write(
            install_meter, flat.world.unit_id, flat.water_id, fact, actor=CLOCK, now=NOW
        )
    other = await flat.db.write(lambda tx: factories.add_community(tx, "海棠苑"))
    item = await flat.db.write(factories.add_fee_item, other, "水费", "water")
    with pytest.raises(UnknownMeter):
        await flat.db.write(install_meter, flat.world.unit_id, item, fact, actor=CLOCK, now=NOW)


async def test_two_readings_of_a_day_at_once_leave_one_that_counts(flat: Flat):
    results = await asyncio.gather(
        *(flat.note("06-28", 1210 + number, actor=flat.li) for number in range(5)),
        return_exceptions=True,
    )

    assert [one for one in results if isinstance(one, Exception)] == []
    assert len(await flat.counted()) == 2


async def test_every_change_is_in_the_audit_trail(flat: Flat):
    await flat.note("06-28", 1212, actor=flat.li)

    rows = await flat.db.read(lambda tx: tx.execute(select(audit_records)).all())
    mine = [(row.act, row.noun, row.reference) for row in rows if row.noun == "meter"]
    assert mine == [("read", "meter", "A"), ("install", "meter", "A"), ("read", "meter", "A")]
