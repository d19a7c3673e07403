"""The counter's form for bad debt: asked with its reason and evidence, and nothing changes yet."""

import re

import pytest
from aiohttp.test_utils import TestClient

from storage.models.bills import bills
from storage.models.write_offs import write_offs
from storage.queries.proofs import prove
from tests.bot.web.test_counter import employ, path, press_of, rows, text
from tests.bot.web.town import Town


@pytest.fixture
async def page(town: Town) -> str:
    """Give the address of a cashier's form for the first flat."""
    return path(town, await employ(town)) + "/write-off"


async def send(door: TestClient, town: Town, page: str, *, origin: str = "", **typed):
    """Fill the form in for the oldest open bill and send it."""
    html = await text(door, page, unit=str(town.first.unit_id))
    found = re.search(r'name="bill" value="([0-9]+)"', html)
    assert found
    said = {"press": press_of(html), "bill": found[1]}
    said |= {"reason": "业主失联", "evidence": "三封催告函退回"} | typed
    unit = {"unit": str(town.first.unit_id)}
    headers = {"Origin": origin} if origin else {}
    return await door.post(page, params=unit, data=said, headers=headers, allow_redirects=False)


async def test_a_write_off_asked_for_at_the_counter_waits_and_changes_nothing(
    door, town: Town, page
):
    before = [(one.amount_fen, one.paid_fen) for one in await rows(town, bills)]

    answer = await send(door, town, page)
    shown = await (await door.get(answer.headers["Location"])).text()

    assert answer.status == 303
    [asked] = await rows(town, write_offs)
    assert (asked.state, asked.reason, asked.evidence) == ("asked", "业主失联", "三封催告函退回")
    assert asked.write_off_no in shown
    assert [(one.amount_fen, one.paid_fen) for one in await rows(town, bills)] == before
    assert await town.db.read(prove) == []


async def test_sent_twice_it_is_asked_once(door, town: Town, page):
    first = await send(door, town, page)
    second = await send(door, town, page)

    assert first.headers["Location"] == second.headers["Location"]
    assert len(await rows(town, write_offs)) == 1


@pytest.mark.parametrize("missing", ["reason", "evidence"])
async def test_what_is_refused_is_said_and_what_was_typed_stays(door, town: Town, page, missing):
    answer = await send(door, town, page, **{missing: " "})
    shown = await answer.text()

    assert answer.status == 409
    [notice] = re.findall(r'role="alert">([^<]+)', shown)
    assert "原因和证据" in notice
    assert 'name="bill" value="1" required checked' in shown
    assert await rows(town, write_offs) == []


@pytest.mark.parametrize(("typed", "status"), [({"bill": "999"}, 400), ({"press": "forged"}, 403)])
async def test_what_no_form_of_ours_says_is_not_read(door, town: Town, page, typed, status):
    assert (await send(door, town, page, **typed)).status == status
    assert await rows(town, write_offs) == []


async def test_a_form_that_another_site_sends_asks_for_nothing(door, town: Town, page):
    assert (await send(door, town, page, origin="https://evil.example")).status == 403
    assert await rows(town, write_offs) == []


async def test_a_flat_of_another_community_has_no_form(door, town: Town, page):
    assert (await door.get(page, params={"unit": "999"})).status == 404


async def test_the_counters_page_leads_to_the_form(door, town: Town, page):
    html = await text(door, page.removesuffix("/write-off"), unit=str(town.first.unit_id))

    assert f"/write-off?unit={town.first.unit_id}" in html
