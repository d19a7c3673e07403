"""A flat with meters: what tests of readings and of use begin with."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlalchemy import Connection, insert, select

from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.kinds import ReadingKind, ReadingState
from storage.models.bills import bills
from storage.models.estate import units
from storage.models.meters import readings
from storage.operations.meters import MeterFact, install_meter, replace_meter
from storage.operations.readings import Noted, ReadingFact, confirm_reading, note_reading
from storage.periods import BillingPeriod, DaySpan
from storage.queries.usage import MissingReading, missing_readings, usage_of
from storage.rules.meters import MeterUsage
from tests import factories

NOW = factories.NOW
TODAY = date(2026, 11, 23)


def on(day: str) -> date:
    """Read a day of 2026, "10-23", or a whole one."""
    return date.fromisoformat(day if len(day) == 10 else f"2026-{day}")


def later(day: date) -> datetime:
    """Return noon in Shanghai of a day."""
    return datetime.combine(day, time(4), tzinfo=UTC)


def add_bill_of_use(
    tx: Connection, unit_id: int, fee_item_id: int, days: DaySpan, made: MeterUsage
) -> int:
    """Bill a use as the books keep it: the days, and the readings in the explanation."""
    community_id = tx.execute(
        select(units.c.community_id).where(units.c.id == unit_id)
    ).scalar_one()
    number = len(tx.execute(select(bills.c.id)).all())
    period = str(BillingPeriod.of(days.begins_on))
    key: int = tx.execute(
        insert(bills)
        .values(
            bill_no=f"T{number}",
            community_id=community_id,
            unit_id=unit_id,
            fee_item_id=fee_item_id,
            period=period,
            revision=number,
            amount_fen=100,
            due_on=days.last_on,
            issued_at=NOW,
            explanation=json.dumps({"usage": made.explanation}),
            begins_on=days.begins_on,
            last_on=days.last_on,
        )
        .returning(bills.c.id)
    ).scalar_one()
    return key


@dataclass
class Flat:
    """Ms Li's flat with a water meter of five digits that showed 1200 on 28 May."""

    db: Database
    world: factories.World
    water_id: int
    meter_id: int
    li: Actor

    async def note(
        self,
        day: str,
        value: str | int,
        *,
        kind: ReadingKind = ReadingKind.READ,
        actor: Actor = CLOCK,
        meter_id: int = 0,
        turns: int = 0,
        photo: str = "",
    ) -> Noted:
        fact = ReadingFact(meter_id or self.meter_id, on(day), Decimal(value), kind, turns, photo)
        return await self.db.write(note_reading, fact, actor=actor, now=NOW)

    async def confirm(self, noted: Noted, *, turns: int = 0, actor: Actor = CLOCK) -> Noted:
        return await self.db.write(
            confirm_reading, noted.reading_id, turns=turns, actor=actor, now=NOW
        )

    async def replaced(self, day: str, *, last: int, start: int = 0, meter_no: str = "B") -> int:
        fact = MeterFact(meter_no, on(day), Decimal(start), digits=5)
        meter_id: int = await self.db.write(
            replace_meter, self.meter_id, fact, last=Decimal(last), actor=CLOCK, now=NOW
        )
        return meter_id

    async def used(self, month: str) -> MeterUsage | None:
        """Return what is billed of a month."""
        found = await self.db.read(
            usage_of, [self.world.unit_id], self.water_id, DaySpan.of(BillingPeriod.parse(month))
        )
        return found.get(self.world.unit_id)

    async def quantity(self, month: str) -> int | None:
        """Return how much is billed of a month, None for nothing."""
        made = await self.used(month)
        return None if made is None else int(made.quantity)

    async def bill(self, month: str) -> int:
        """Bill a month's use; return the quantity."""
        made = await self.used(month)
        assert made is not None
        days = DaySpan.of(BillingPeriod.parse(month))
        await self.db.write(add_bill_of_use, self.world.unit_id, self.water_id, days, made)
        return int(made.quantity)

    async def missing(self, month: str) -> list[MissingReading]:
        days = DaySpan.of(BillingPeriod.parse(month))
        return await self.db.read(missing_readings, self.world.community_id, self.water_id, days)

    async def counted(self) -> list[tuple[str, int, str]]:
        """Return day, value and kind of the readings that count, in order."""
        rows = await self.rows()
        return [
            (f"{row.read_on:%m-%d}", row.value_e3 // 1000, row.kind)
            for row in rows
            if row.state == ReadingState.ACCEPTED
        ]

    async def rows(self) -> list:
        return await self.db.read(
            lambda tx: list(
                tx.execute(select(readings).order_by(readings.c.read_on, readings.c.id))
            )
        )


def build_flat(tx: Connection) -> tuple[factories.World, int, int]:
    """Build the world, water, and Ms Li's meter; return them."""
    world = factories.build(tx)
    factories.add_binding(tx, "o-li", world.unit_id, world.li_id)
    water_id = factories.add_fee_item(tx, world.community_id, "水费", "water")
    fact = MeterFact("A", on("05-28"), Decimal(1200), digits=5)
    meter_id = install_meter(tx, world.unit_id, water_id, fact, actor=CLOCK, now=NOW)
    return world, water_id, meter_id


async def flat_in(db: Database) -> Flat:
    """Furnish a fresh database."""
    world, water_id, meter_id = await db.write(build_flat)
    identity_id = await db.write(factories.meet, "o-li")
    return Flat(db, world, water_id, meter_id, Actor(identity_id=identity_id))
