"""A community's rules in the console: changed from a day on, and never over another's word."""

from datetime import date, time

import pytest
from aiohttp.test_utils import TestClient

from storage.kinds import StaffRole
from storage.queries.policies import Policy, policy_on
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import TODAY, Town


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def send(inside: TestClient, html: str, since: str, **said: str) -> tuple[int, str]:
    names = {name.replace("_", "-"): one for name, one in said.items()}
    form = {f"was-{name}": field(html, f"was-{name}") for name in names} | names
    form |= {"press": field(html, "press"), "act": "save", "since": since}
    answer = await inside.post("/console/settings", data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def chosen(town: Town, day: date = TODAY) -> Policy:
    return await town.db.read(policy_on, town.community_id, day)


async def test_rules_hold_from_their_day_on_and_what_cannot_be_is_not_kept(
    inside: TestClient, town: Town
):
    html, new_year = await page(inside, "/console/settings"), date(2027, 1, 1)
    before = await chosen(town)

    status, _ = await send(inside, html, "2027-01-01", quiet_from="20:30", reminder_days="0,7")
    unread = await send(inside, html, "2027-01-01", weekly_cap="很多")
    broken = await send(inside, html, "2027-01-01", weekly_cap="9")
    past = await send(inside, html, "2026-01-01", weekly_cap="1")

    then = await chosen(town, new_year)
    assert (status, unread[0], broken[0], past[0]) == (303, 409, 409, 409)
    assert "不能是“很多”" in unread[1]
    assert "不能是“9”" in broken[1]
    assert (then.quiet_from, then.reminder_days) == (time(20, 30), (0, 7))
    assert (await chosen(town), then.weekly_cap) == (before, before.weekly_cap)


async def test_two_tabs_that_change_one_rule_the_later_is_told_and_others_are_kept(
    inside: TestClient, town: Town
):
    html, day = await page(inside, "/console/settings"), TODAY.isoformat()

    first, _ = await send(inside, html, day, weekly_cap="1")
    late, told = await send(inside, html, day, weekly_cap="3")
    other, _ = await send(inside, html, day, issue_day="5")

    assert (first, late, other) == (303, 409, 303)
    assert "刚才已经有人改过其中一条" in told
    assert ((await chosen(town)).weekly_cap, (await chosen(town)).issue_day) == (1, 5)
