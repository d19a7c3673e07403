"""One page and one workbook for all units of a payer, opened by a link of their own."""

from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select, update

from storage.kinds import BindingState
from storage.links import PayLink
from storage.models.people import bindings
from storage.queries.payer_statements import statement_for_holder
from tests.bot.web.test_statements import DAYS, address_of, link_of, pay, rows_of, text_of
from tests.bot.web.town import TODAY, Flat, Town


def all_units_of(town: Town, flat: Flat, *, days: int = 7) -> str:
    """Return the path of the statement over all units of whoever has bound a flat."""
    link = PayLink(flat.unit_id, flat.binding_id, 0, TODAY + timedelta(days=days))
    return town.links.all_units_url(link, **DAYS).removeprefix("http://pay.test")


async def bind_both(town: Town) -> Town:
    """Let the first flat's owner have bound the second one, too."""
    mine = select(bindings.c.identity_id).where(bindings.c.id == town.first.binding_id)
    identity_id = await town.db.read(lambda tx: tx.execute(mine).scalar_one())
    theirs = update(bindings).where(bindings.c.id == town.second.binding_id)
    await town.change(theirs.values(identity_id=identity_id))
    return town


@pytest.fixture
async def both(town: Town) -> Town:
    return await bind_both(town)


async def test_the_page_and_the_workbook_sum_by_unit_and_in_all(door: TestClient, both: Town):
    order_no = await pay(both, both.first)
    address = all_units_of(both, both.first)
    path, _, days = address.partition("?")

    page = await text_of(door, address)
    rows = await rows_of(door, f"{path}/statement.xlsx?{days}")

    found = await both.db.read(statement_for_holder, link_of(both.first), **DAYS)
    assert [one.open_fen for one in found.parts] == [0, 30_000]
    for fact in ("2 处房屋往来明细", "3栋2单元501", "3栋2单元502", order_no, "−¥544.41"):
        assert fact in page, fact
    assert 'data-open-fen="30000"' in page
    assert [f'data-unit-open-fen="{fen}"' in page for fen in (0, 30_000)] == [True, True]
    assert [(row[1], row[2], row[6]) for row in rows[-3:]] == [
        ("3栋2单元501", "期末", 0),
        ("3栋2单元502", "期末", 300),
        ("全部房屋", "期末", 300),
    ]
    assert len(rows) == 2 + 1 + len(found.rows) + 3


async def test_only_a_link_of_its_own_opens_it(door: TestClient, both: Town):
    path = all_units_of(both, both.first).partition("?")[0]
    token = path.rpartition("/")[2]
    one_unit = address_of(both, both.first).partition("?")[0].rpartition("/")[2]
    assert "3栋2单元502" in await text_of(door, path)

    for strange in (
        f"/statements/all/{one_unit}",
        f"/statements/{token}",
        f"/statements/all/{both.token(both.first)}",
        all_units_of(both, both.first, days=-1),
    ):
        assert "3栋2单元50" not in await text_of(door, strange, status=404), strange


async def test_a_flat_that_is_not_hers_any_more_is_not_on_it(door: TestClient, both: Town):
    path = all_units_of(both, both.first).partition("?")[0]
    second = update(bindings).where(bindings.c.id == both.second.binding_id)
    await both.change(second.values(state=BindingState.REMOVED))

    page = await text_of(door, path)

    assert "3栋2单元501" in page
    assert "3栋2单元502" not in page
