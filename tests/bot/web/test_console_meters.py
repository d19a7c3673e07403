"""Meters in the console: a month by building, what waits or is missing, and one meter's form."""

from datetime import date
from decimal import Decimal

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select

from storage.audit import CLOCK
from storage.kinds import StaffRole
from storage.models.meters import readings
from storage.operations.readings import ReadingFact, note_reading
from tests.bot.web.console import Desk, a_meter, field, furnish, page, sign_in
from tests.bot.web.town import NOW, Town


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def meters(town: Town) -> tuple[int, int]:
    """Two meters that used ten a month; the first of November is not read yet."""

    def run(tx: Connection) -> tuple[int, int]:
        one = a_meter(tx, town.first.unit_id, "S-501")
        other = a_meter(tx, town.second.unit_id, "S-502")
        for meter_id in (one, other):
            for month, value in ((9, 110), (10, 120)):
                fact = ReadingFact(meter_id, date(2026, month, 28), Decimal(value))
                note_reading(tx, fact, actor=CLOCK, now=NOW)
        return one, other

    return await town.db.write(run)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk, meters: tuple[int, int]) -> TestClient:
    """A browser in which the steward is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.STEWARD])
    return door


async def send(inside: TestClient, meter_id: int, html: str, act: str, **said: str):
    form = {name: field(html, name) for name in ("press", "seen")} | {"act": act} | said
    where = f"/console/meters/{meter_id}"
    answer = await inside.post(where, data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def kept(town: Town, meter_id: int) -> list[tuple[date, int, str, str]]:
    """Return a meter's readings of November, in the order in which they were noted."""
    asked = select(readings).where(
        readings.c.meter_id == meter_id, readings.c.read_on >= date(2026, 11, 1)
    )
    rows = await town.db.read(lambda tx: tx.execute(asked.order_by(readings.c.id)).all())
    return [(row.read_on, row.value_e3, row.kind, row.state) for row in rows]


async def test_a_month_says_by_building_what_is_missing_and_a_reading_pressed_twice_is_one(
    inside: TestClient, town: Town, meters: tuple[int, int]
):
    before = await page(inside, "/console/meters")
    october = await page(inside, "/console/meters?month=2026-10&state=read")
    html = await page(inside, f"/console/meters/{meters[0]}")
    said = {"read_on": "2026-11-22", "value": "130"}

    statuses = [(await send(inside, meters[0], html, "note", **said))[0] for _ in range(2)]
    late, told = await send(inside, meters[0], html, "note", read_on="2026-11-21", value="129")
    odd, _ = await send(inside, meters[0], html, "note", read_on="2026-11-22", value="sNaN")
    after = await page(inside, "/console/meters?state=missing")

    assert ("2 块表，已抄 0 块" in before, "还差 2 块" in before) == (True, True)
    assert october.count("data-meter=") == 2
    assert (statuses, late, odd, "已经有变化" in told) == ([303, 303], 409, 409, True)
    assert await kept(town, meters[0]) == [(date(2026, 11, 22), 130_000, "read", "accepted")]
    assert ("S-502" in after, "S-501" in after, "还差 1 块" in after) == (True, False, True)


async def test_an_odd_reading_waits_until_it_is_confirmed_or_corrected(
    inside: TestClient, town: Town, meters: tuple[int, int]
):
    html = await page(inside, f"/console/meters/{meters[0]}")
    await send(inside, meters[0], html, "note", read_on="2026-11-22", value="900")
    waits = await page(inside, "/console/meters")
    card = await page(inside, f"/console/meters/{meters[0]}")
    number = field(card, "reading")

    foreign = await page(inside, f"/console/meters/{meters[1]}")
    refused, _ = await send(inside, meters[1], foreign, "confirm", reading=number)
    waiting = await kept(town, meters[0])
    statuses = [
        (await send(inside, meters[0], card, "confirm", reading=number))[0] for _ in range(2)
    ]
    fresh = await page(inside, f"/console/meters/{meters[0]}")
    right = {"read_on": "2026-11-22", "value": "131.5"}
    corrected, _ = await send(inside, meters[0], fresh, "correct", **right)

    assert f'data-waiting="{number}"' in waits
    assert (refused, statuses, corrected) == (409, [303, 303], 303)
    assert [one[3] for one in waiting] == ["asked"]
    assert await kept(town, meters[0]) == [
        (date(2026, 11, 22), 900_000, "read", "replaced"),
        (date(2026, 11, 22), 131_500, "corrected", "accepted"),
    ]


async def test_what_a_meter_cannot_show_is_said_why_and_not_kept(
    inside: TestClient, town: Town, meters: tuple[int, int]
):
    html = await page(inside, f"/console/meters/{meters[0]}")
    day = "2026-11-22"

    told = [
        await send(inside, meters[0], html, "note", read_on=day, value=value)
        for value in ("一百三", "NaN", "-5", "123456", "1e999999")
    ]
    told.append(await send(inside, meters[0], html, "note", read_on="2026-12-01", value="130"))
    told.append(await send(inside, meters[0], html, "correct", read_on=day, value="90"))

    assert [status for status, _ in told] == [409] * 7
    assert all("没有保存" in text for _, text in told)
    assert await kept(town, meters[0]) == []
