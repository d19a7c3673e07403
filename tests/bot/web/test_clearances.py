"""A letter of clearance: only for who is clear, and anybody can prove it at this moment."""

from dataclasses import replace
from datetime import date

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import update

from bot.web.clearances import letter
from storage.kinds import OccupancyRole
from storage.links import ClearanceLink, Links, PayLink
from storage.models.bills import bills, tariffs
from storage.models.people import occupancies
from storage.queries.clearances import Clearance
from tests.bot.web.town import BASE_URL, SECRET, TODAY, Town

CLEAR = Clearance(
    "翡翠湾",
    "安心物业",
    "0571-88886666",
    "3栋2单元1201",
    "李<b>秀英",
    OccupancyRole.OWNER,
    date(2020, 1, 1),
    date(2026, 11, 20),
    0,
    (),
)
LINK = ClearanceLink(7, 9)


async def leave(town: Town) -> str:
    """Have the owner of the first flat leave it; return her letter's path."""
    flat = town.first
    await town.change(
        update(tariffs).values(ends_on=date(2020, 1, 2), effective_on=date(2020, 1, 1))
    )
    await town.change(
        update(occupancies)
        .where(occupancies.c.unit_id == flat.unit_id)
        .values(until_on=date(2026, 11, 20))
    )
    url = town.links.clearance_url(ClearanceLink(flat.unit_id, flat.owner_id))
    return url.removeprefix(BASE_URL)


async def pay_all(town: Town) -> None:
    await town.change(
        update(bills)
        .where(bills.c.unit_id == town.first.unit_id)
        .values(paid_fen=bills.c.amount_fen)
    )


async def test_a_letter_is_proved_by_its_code_with_the_name_masked(door: TestClient, town: Town):
    path = await leave(town)
    await pay_all(town)

    answer = await door.get(path)
    page = await answer.text()

    assert answer.status == 200
    assert "已结清" in page
    assert "2026-11-20" in page
    assert "**" in page


async def test_a_letter_of_who_owes_again_says_so_and_no_sum(door: TestClient, town: Town):
    path = await leave(town)

    page = await (await door.get(path)).text()

    assert "账目有变动" in page
    assert "已经结清" not in page
    assert "¥" not in page


async def test_nobody_who_lives_there_has_a_letter(door: TestClient, town: Town):
    flat = town.first
    url = town.links.clearance_url(ClearanceLink(flat.unit_id, flat.owner_id))

    assert (await door.get(url.removeprefix(BASE_URL))).status == 404


async def test_a_token_of_another_purpose_or_key_proves_nothing(door: TestClient, town: Town):
    flat = town.first
    path = await leave(town)
    token = path.rpartition("/")[2]
    pay = town.links.pay_url(PayLink(flat.unit_id, flat.owner_id, 0, TODAY)).rpartition("/")[2]
    other = Links(b"x" * 32, BASE_URL).clearance_url(ClearanceLink(flat.unit_id, flat.owner_id))
    forged = ("B" if token[0] == "A" else "A") + token[1:]

    for one in (pay, other.rpartition("/")[2], forged, token[:-1]):
        assert (await door.get(f"/clearances/{one}")).status == 404
    assert (await door.get(f"/pay/{token}")).status == 404


def test_the_letter_says_who_where_until_when_and_carries_its_code():
    links = Links(SECRET, BASE_URL)

    text = letter(CLEAR, LINK, links, printed_on=TODAY)

    assert "兹证明 李&lt;b&gt;秀英 作为 翡翠湾 3栋2单元1201 的业主，截至2026年11月20日" in text
    assert links.clearance_url(LINK) in text
    assert 'src="data:image/svg+xml' in text
    assert "2026年11月23日" in text


@pytest.mark.parametrize("facts", [{"open_fen": 1}, {"unbilled": ("水费",)}])
def test_no_letter_is_written_for_who_is_not_clear(facts: dict):
    with pytest.raises(ValueError, match="clear"):
        letter(replace(CLEAR, **facts), LINK, Links(SECRET, BASE_URL), printed_on=TODAY)
