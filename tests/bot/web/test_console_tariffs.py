"""Prices in the console: tried on real flats, set from a day on, and never over another's word."""

from datetime import date

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from storage.kinds import StaffRole
from storage.models.bills import tariffs
from storage.models.operating import audit_records
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import Town

FROM = "2027-01-01"


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def send(
    inside: TestClient, desk: Desk, html: str, act: str, price: str, since: str = FROM
) -> tuple[int, str]:
    fields = {"price": price, "since": since, "due_day": "25", "act": act}
    form = {name: field(html, name) for name in ("press", "seen")} | fields
    where = f"/console/tariffs/{desk.tariff_id}"
    answer = await inside.post(where, data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def prices(town: Town) -> list[tuple[int, date, date | None]]:
    asked = select(tariffs.c.price_e4, tariffs.c.effective_on, tariffs.c.ends_on)
    rows = await town.db.read(lambda tx: tx.execute(asked.order_by(tariffs.c.effective_on)).all())
    return [tuple(row) for row in rows]


async def test_a_price_is_tried_on_real_flats_and_set_from_a_day_on(
    inside: TestClient, town: Town, desk: Desk
):
    html = await page(inside, f"/console/tariffs/{desk.tariff_id}")
    before = await prices(town)

    status, tried = await send(inside, desk, html, "try", "3.00")
    assert (status, await prices(town)) == (200, before)
    assert "¥250.60 → ¥268.50" in tried
    saved, _ = await send(inside, desk, tried, "save", "3.00")
    listed = await page(inside, "/console/tariffs")

    new_year = date(2027, 1, 1)
    assert saved == 303
    assert await prices(town) == [
        (28_000, date(2026, 1, 1), new_year),
        (30_000, new_year, None),
    ]
    assert "2.80元" in listed
    assert "从 2027-01-01 起：按面积 3.00元" in listed
    asked = select(audit_records.c.staff_id).where(audit_records.c.noun == "tariff")
    actors = await town.db.read(lambda tx: list(tx.execute(asked).scalars()))
    assert actors == [None, desk.ours[StaffRole.MANAGER]]


async def test_two_tabs_that_edit_one_price_the_later_is_told_and_overwrites_nothing(
    inside: TestClient, town: Town, desk: Desk
):
    """What the second tab saw is over; the first tab's press twice is one price."""
    where = f"/console/tariffs/{desk.tariff_id}"
    one, other = await page(inside, where), await page(inside, where)

    statuses = [(await send(inside, desk, one, "save", "3.00"))[0] for _ in range(2)]
    kept = await prices(town)
    late, told = await send(inside, desk, other, "save", "3.50", since="2027-02-01")

    assert (statuses, late) == ([303, 303], 409)
    assert "刚才已经有人改过这个收费标准" in told
    assert await prices(town) == kept
    again, _ = await send(inside, desk, told, "save", "3.50", since="2027-02-01")
    assert again == 303
    assert len(await prices(town)) == 3


@pytest.mark.parametrize(
    ("price", "since", "why"),
    [
        ("三块", FROM, "单价应是数字"),
        ("3.00", "2025-01-01", "没有保存"),
        ("3.00", "昨天", "2026"),
    ],
)
async def test_a_price_that_cannot_be_is_said_why_and_not_set(
    inside: TestClient, town: Town, desk: Desk, price: str, since: str, why: str
):
    html = await page(inside, f"/console/tariffs/{desk.tariff_id}")
    before = await prices(town)

    status, told = await send(inside, desk, html, "save", price, since=since)

    assert (status, why in told) == (409, True)
    assert await prices(town) == before
