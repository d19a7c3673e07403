"""Every address of the console × everybody who may come, with another community's thing."""

from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from bot.web.console_office import TABS
from bot.web.routes import ROUTES
from storage.kinds import StaffRole
from storage.models.estate import units
from tests.bot.web.conftest import Open
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.test_console import steps
from tests.bot.web.town import Town

VISITORS = (
    "nobody",
    "resident",
    "steward elsewhere",
    "cashier elsewhere",
    "manager elsewhere",
    "steward",
    "cashier",
    "manager",
)
"""Nobody, a resident who holds a pay link, staff of another community, staff of this one."""
OUTSIDE, ELSEWHERE, HERE = VISITORS[:2], VISITORS[2:5], VISITORS[5:]


@dataclass(frozen=True)
class Rule:
    """An address with a thing of this community, and who is answered how."""

    where: str
    answers: dict[str, int]


def answers(outside: int, elsewhere: int, steward: int, cashier: int, manager: int):
    return (
        dict.fromkeys(OUTSIDE, outside)
        | dict.fromkeys(ELSEWHERE, elsewhere)
        | {"steward": steward, "cashier": cashier, "manager": manager}
    )


ANYBODYS = answers(200, 303, 303, 303, 303)
A_THING = answers(303, 404, 200, 200, 200)
AN_ACT = answers(303, 404, 303, 303, 303)
A_LIST = answers(303, 200, 200, 200, 200)
OF_THE_COUNTER = answers(303, 200, 404, 200, 200) | {"steward elsewhere": 404}
OF_THE_MANAGER = answers(303, 404, 404, 404, 200) | {"manager elsewhere": 200}
A_CHANGE = answers(303, 404, 404, 404, 400) | {"manager elsewhere": 400}
"""Of no thing that is named: the form of a manager is read, and means nothing."""
THE_MANAGERS = answers(303, 404, 404, 404, 200)
A_CHANGE_OF_ONE = answers(303, 404, 404, 404, 400)
A_SHEET = answers(303, 404, 404, 404, 415) | {"manager elsewhere": 415}
"""A form without a file is not what is sent here."""
A_LINK = dict.fromkeys(VISITORS, 404)
"""A link from chat that is none opens nothing for anybody."""

RULES = {
    ("GET", "/console"): Rule("/console", A_LIST),
    ("GET", "/console/"): Rule("/console/", A_LIST),
    ("GET", "/console/sign-in"): Rule("/console/sign-in", ANYBODYS),
    ("POST", "/console/sign-in"): Rule("/console/sign-in", dict.fromkeys(VISITORS, 403)),
    ("GET", "/console/enter/{once}"): Rule("/console/enter/" + "a" * 32, A_LINK),
    ("POST", "/console/enter/{once}"): Rule("/console/enter/" + "a" * 32, A_LINK),
    ("POST", "/console/sign-out"): Rule("/console/sign-out", dict.fromkeys(VISITORS, 303)),
    ("GET", "/console/units"): Rule("/console/units", A_LIST),
    ("GET", "/console/units/{token}"): Rule("/console/units/{unit}", A_THING),
    ("GET", "/console/statements/{token}"): Rule("/console/statements/{unit}", A_THING),
    ("GET", "/console/statements/{token}/statement.xlsx"): Rule(
        "/console/statements/{unit}/statement.xlsx", A_THING
    ),
    ("GET", "/console/tickets"): Rule("/console/tickets", A_LIST),
    ("GET", "/console/tickets/state"): Rule(
        "/console/tickets/state", A_LIST | dict.fromkeys(OUTSIDE, 401)
    ),
    ("GET", "/console/tickets/{ticket}"): Rule("/console/tickets/{ticket}", A_THING),
    ("POST", "/console/tickets/{ticket}"): Rule("/console/tickets/{ticket}", AN_ACT),
    ("GET", "/console/money"): Rule("/console/money", OF_THE_COUNTER),
    ("GET", "/console/refunds"): Rule("/console/refunds", OF_THE_COUNTER),
    ("GET", "/console/texts"): Rule("/console/texts", OF_THE_MANAGER),
    ("POST", "/console/texts"): Rule("/console/texts", A_CHANGE),
    ("GET", "/console/settings"): Rule("/console/settings", OF_THE_MANAGER),
    ("POST", "/console/settings"): Rule("/console/settings", A_CHANGE),
    ("GET", "/console/tariffs"): Rule("/console/tariffs", OF_THE_MANAGER),
    ("GET", "/console/tariffs/{tariff}"): Rule("/console/tariffs/{tariff}", THE_MANAGERS),
    ("POST", "/console/tariffs/{tariff}"): Rule("/console/tariffs/{tariff}", A_CHANGE_OF_ONE),
    ("GET", "/console/imports"): Rule("/console/imports", OF_THE_MANAGER),
    ("POST", "/console/imports"): Rule("/console/imports", A_SHEET),
    ("GET", "/console/imports/{work}"): Rule("/console/imports/{work}", THE_MANAGERS),
    ("POST", "/console/imports/{work}"): Rule("/console/imports/{work}", A_CHANGE_OF_ONE),
    ("GET", "/console/imports/{work}/state"): Rule(
        "/console/imports/{work}/state", THE_MANAGERS | dict.fromkeys(OUTSIDE, 401)
    ),
}
"""A new address of the console has its line here, or a test fails."""

BY_LINK = (
    *("/notify/", "/pay/", "/receipts/", "/refunds/", "/invoices/", "/tax-invoices/"),
    *("/clearances/", "/statements/", "/reconciliation/", "/disclosure/", "/counter/"),
)
"""Addresses that nobody signs in for: what their links open is tested beside each of them."""


def addresses() -> list[tuple[str, str]]:
    return [(method, shape(path)) for method, path, _, _ in ROUTES]


def shape(path: str) -> str:
    """Return a path with bare names: "/units/{unit:[0-9]{1,18}}" is "/units/{unit}"."""
    made, depth, is_name = "", 0, True
    for char in path:
        if char == "{":
            depth += 1
        if depth == 1 and char == ":":
            is_name = False
        if depth == 0 or (depth == 1 and (is_name or char == "}")):
            made += char
        if char == "}":
            depth -= 1
            is_name = is_name or depth == 0
    return made


def test_every_address_has_its_line_in_the_matrix():
    missing = [one for one in addresses() if one not in RULES and not one[1].startswith(BY_LINK)]

    assert missing == []


def test_every_line_of_the_matrix_has_its_address():
    assert sorted(set(RULES) - set(addresses())) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda one: one.where)
def test_every_line_of_the_matrix_knows_all_visitors(rule: Rule):
    assert sorted(rule.answers) == sorted(VISITORS)


async def come(door: TestClient, town: Town, desk: Desk, visitor: str) -> str:
    """Let a visitor come; return the token that her own pages give her forms."""
    if visitor in OUTSIDE:
        token = town.token(town.first)
        if visitor == "resident":
            door.session.cookie_jar.update_cookies({"console": token})
        return token
    team = desk.theirs if visitor in ELSEWHERE else desk.ours
    await sign_in(door, town, team[StaffRole(visitor.split()[0])])
    return field(await page(door, "/console/"), "press")


@pytest.mark.parametrize("visitor", VISITORS)
async def test_i09_everybody_is_answered_as_the_matrix_says(
    town: Town, open_doors: Open, visitor: str
):
    """Each visitor asks all, signing out last; a foreign thing is 404 and stays as it was."""
    desk = await furnish(town)
    door = await open_doors(town.parts())
    token = await come(door, town, desk, visitor)
    last = sorted(RULES.items(), key=lambda one: "sign-out" in one[0][1])

    told = {}
    for (method, shown), rule in last:
        where = rule.where.format(
            unit=town.first.unit_id,
            ticket=desk.ticket_no,
            tariff=desk.tariff_id,
            work=desk.work_id,
        )
        form = {"press": token, "act": "take", "seen": "1"} if method == "POST" else None
        answer = await door.request(method, where, data=form, allow_redirects=False)
        told[method, shown] = answer.status

    assert told == {key: rule.answers[visitor] for key, rule in RULES.items()}
    moved = ["opened", "assigned"] if visitor in HERE else ["opened"]
    assert await steps(town) == moved


@pytest.mark.parametrize("visitor", HERE)
async def test_i09_a_thing_of_another_community_is_404_even_for_the_manager(
    town: Town, open_doors: Open, visitor: str
):
    desk = await furnish(town)
    door = await open_doors(town.parts())
    await come(door, town, desk, visitor)

    for where in ("units", "statements"):
        await page(door, f"/console/{where}/{desk.foreign_unit_id}", status=404)
    assert "9-9-901" not in await page(door, "/console/units?q=901")


async def test_i09_no_page_of_the_settings_is_about_a_community_that_is_not_hers(
    town: Town, open_doors: Open
):
    desk = await furnish(town)
    door = await open_doors(town.parts())
    token = await come(door, town, desk, "manager")
    asked = select(units.c.community_id).where(units.c.id == desk.foreign_unit_id)
    theirs = await town.db.read(lambda tx: tx.execute(asked).scalar_one())

    for tab, _ in TABS:
        await page(door, f"/console/{tab}?community={theirs}", status=404)
    for tab in ("texts", "settings"):
        form = {"press": token, "act": "save", "edit": "greeting", "community": str(theirs)}
        answer = await door.post(f"/console/{tab}", data=form, allow_redirects=False)
        assert answer.status == 404
