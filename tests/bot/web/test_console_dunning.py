"""Dunning in the console: holds with a reason, letters that a manager approves, and the plan."""

import re

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from storage.kinds import StaffRole
from storage.models.dunning import dunning_acts
from storage.models.late_fees import holds
from storage.queries.dunning import plan_on
from storage.queries.holds import dunned_bills_of_unit
from tests import factories
from tests.bot.web.conftest import Open
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import TODAY, Town

PLAN = "/console/dunning/plan"


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def send(door: TestClient, where: str, html: str, **more: str):
    form = {"press": field(html, "press"), "seen": more.pop("seen", "")} | more
    form["seen"] = form["seen"] or field(html, "seen")
    return await door.post(where, data=form, allow_redirects=False)


async def dunned(town: Town) -> int:
    found = await town.db.read(dunned_bills_of_unit, town.first.unit_id, TODAY)
    return sum(one.open_fen for one in found)


async def acts(town: Town) -> list[str]:
    asked = select(dunning_acts.c.act).order_by(dunning_acts.c.id)
    return await town.db.read(lambda tx: list(tx.execute(asked).scalars()))


async def test_a_steward_holds_reminders_once_with_a_reason_and_lets_them_go_on(
    door: TestClient, town: Town, desk: Desk, open_doors: Open
):
    await sign_in(door, town, desk.ours[StaffRole.STEWARD])
    cashier = await open_doors(town.parts())
    await sign_in(cashier, town, desk.ours[StaffRole.CASHIER])
    where = f"/console/dunning/{town.first.unit_id}"
    html = await page(door, where)
    wish = {"act": "hold", "kind": "hardship", "until": "2026-12-01", "words": "<b>住院</b>"}
    hers = await send(cashier, where, await page(cashier, where), seen="0", **wish)

    answers = [
        await send(door, where, html, **wish | {"words": " "}),
        await send(door, where, html, **wish | {"until": "2026-11-01"}),
        await send(door, where, html, **wish),
        await send(door, where, html, **wish),
    ]
    held = await dunned(town)
    listed = await page(door, "/console/dunning")
    html = await page(door, where)
    hold = re.findall('data-hold="([0-9]+)"', html)[0]
    ended = [await send(door, where, html, act="release", hold=hold) for _ in range(2)]

    assert hers.status == 409
    assert [one.status for one in answers] == [409, 409, 303, 409]
    assert (held, await dunned(town)) == (0, sum(town.first.open_fen))
    assert "&lt;b&gt;住院" in listed
    assert "<b>住院" not in listed
    assert [one.status for one in ended] == [303, 409]
    assert await acts(town) == ["hold", "hold_end"]
    count = await town.db.read(lambda tx: len(tx.execute(select(holds)).all()))
    assert count == 1


async def test_a_letter_is_approved_by_a_manager_printed_while_it_is_true_and_delivered(
    inside: TestClient, town: Town, desk: Desk, open_doors: Open
):
    where = f"/console/dunning/{town.first.unit_id}"
    steward = await open_doors(town.parts())
    await sign_in(steward, town, desk.ours[StaffRole.STEWARD])
    html = await page(inside, where)

    hers = await send(steward, where, await page(steward, where), seen="0", act="letter", days="15")
    unfair = await send(inside, where, html, act="letter", days="1")
    done, twice = [await send(inside, where, html, act="letter", days="15") for _ in range(2)]
    html = await page(inside, where)
    number = re.findall('data-letter="([^"]+)"', html)[0]
    paper = await inside.get(f"{where}/letters/{number}")
    told = await paper.text()
    arrived = await send(inside, where, html, act="delivered", letter=number, words="挂号信 123")
    await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids[:1])
    stale = await inside.get(f"{where}/letters/{number}")

    assert [one.status for one in (hers, unfair, done, twice)] == [409, 409, 303, 409]
    assert "3栋2单元501" in told
    assert "250.60" in told
    assert paper.headers["Content-Disposition"] == f'attachment; filename="{number}.html"'
    assert arrived.status == 303
    assert await acts(town) == ["letter", "letter_delivered"]
    assert "已送达：挂号信 123" in await page(inside, where)
    assert stale.status == 409
    assert "请重新批准" in await stale.text()


async def test_j11_a_plan_is_changed_as_it_was_shown_or_not_at_all(inside: TestClient, town: Town):
    html = await page(inside, f"{PLAN}?community={town.community_id}")
    seen = {"press": field(html, "press"), "seen": field(html, "seen")}
    seen["community"] = str(town.community_id)

    async def save(days: tuple[str, ...], least: str = "100"):
        lines = [
            (name, told)
            for one in days
            for name, told in (
                ("days", one),
                ("route", "task"),
                ("tone", "plain"),
                ("least", least),
            )
        ]
        return await inside.post(PLAN, data=[*seen.items(), *lines], allow_redirects=False)

    answers = [
        await save(("3", "3")),
        await save(("x",)),
        await save(("",)),
        await save(("3", "", "30")),
        await save(("5",)),
    ]

    assert [one.status for one in answers] == [409, 409, 409, 303, 409]
    plan = await town.db.read(plan_on, town.community_id, TODAY)
    assert [(one.days_from_due, one.minimum_fen) for one in plan] == [(3, 10000), (30, 10000)]
    assert "应缴日后 30 天" in await page(inside, "/console/dunning")
