"""Every address of the console × everybody who may come, with another community's thing."""

from dataclasses import dataclass

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select

from bot.web.console_office import TABS
from bot.web.routes import ROUTES
from storage.audit import Actor
from storage.kinds import StaffRole
from storage.models.estate import units
from storage.operations.bill_waivers import WaiverAsk, ask_waiver
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.paying_kinds import WaiverKind
from storage.queries.residents import staff_member
from tests import factories
from tests.bot.web.conftest import Open
from tests.bot.web.console import (
    Desk,
    a_difference,
    a_meter,
    a_transfer,
    apply_for_invoice,
    field,
    furnish,
    page,
    sign_in,
)
from tests.bot.web.test_console import steps
from tests.bot.web.town import NOW, Town

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
OF_THE_DESK = answers(303, 404, 404, 200, 200)
"""A thing of this community's money."""
OF_MANAGERS = answers(303, 404, 404, 404, 200) | {"manager elsewhere": 200}


def answered(rule: dict[str, int], status: int) -> dict[str, int]:
    """Return a rule whose good answers are another: a form that says nothing is refused."""
    return {who: status if told == 200 else told for who, told in rule.items()}


OF_WRITERS = answers(303, 200, 200, 404, 200) | {"cashier elsewhere": 404}
NO_ACT = answers(303, 400, 400, 404, 400) | {"cashier elsewhere": 404}
"""A form of who may write to many, with a press that is none of its own."""
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
    ("GET", "/console/today/state"): Rule(
        "/console/today/state", A_LIST | dict.fromkeys(OUTSIDE, 401)
    ),
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
    ("GET", "/console/broadcasts"): Rule("/console/broadcasts", A_LIST),
    ("POST", "/console/broadcasts"): Rule("/console/broadcasts", NO_ACT),
    ("GET", "/console/broadcasts/new"): Rule("/console/broadcasts/new", OF_WRITERS),
    ("GET", "/console/broadcasts/{broadcast}"): Rule("/console/broadcasts/{one}", A_THING),
    ("POST", "/console/broadcasts/{broadcast}"): Rule(
        "/console/broadcasts/{one}", NO_ACT | dict.fromkeys(ELSEWHERE, 404)
    ),
    ("GET", "/console/broadcasts/{broadcast}/state"): Rule(
        "/console/broadcasts/{one}/state", A_THING | dict.fromkeys(OUTSIDE, 401)
    ),
    ("GET", "/console/broadcasts/{broadcast}/people"): Rule(
        "/console/broadcasts/{one}/people", A_THING
    ),
    ("GET", "/console/money"): Rule("/console/money", OF_THE_COUNTER),
    ("GET", "/console/refunds"): Rule("/console/refunds", OF_THE_COUNTER),
    ("GET", "/console/refunds/{refund}"): Rule("/console/refunds/{refund}", OF_THE_DESK),
    ("POST", "/console/refunds/{refund}"): Rule(
        "/console/refunds/{refund}", answered(OF_THE_DESK, 400)
    ),
    ("GET", "/console/payments"): Rule("/console/payments", OF_THE_COUNTER),
    ("GET", "/console/payments/state"): Rule(
        "/console/payments/state", OF_THE_COUNTER | dict.fromkeys(OUTSIDE, 401)
    ),
    ("GET", "/console/payments/{payment}"): Rule("/console/payments/{payment}", OF_THE_DESK),
    ("POST", "/console/payments/{payment}"): Rule(
        "/console/payments/{payment}", answered(OF_THE_DESK, 400)
    ),
    ("GET", "/console/invoices"): Rule("/console/invoices", OF_THE_COUNTER),
    ("GET", "/console/invoices/{application}"): Rule(
        "/console/invoices/{application}", OF_THE_DESK
    ),
    ("POST", "/console/invoices/{application}/issued"): Rule(
        "/console/invoices/{application}/issued", answered(OF_THE_DESK, 415)
    ),
    ("POST", "/console/invoices/{application}/decline"): Rule(
        "/console/invoices/{application}/decline", answered(OF_THE_DESK, 409)
    ),
    ("GET", "/console/reconciliation"): Rule("/console/reconciliation", OF_THE_COUNTER),
    ("GET", "/console/differences/{difference}"): Rule(
        "/console/differences/{difference}", OF_THE_DESK
    ),
    ("POST", "/console/differences/{difference}"): Rule(
        "/console/differences/{difference}", answered(OF_THE_DESK, 409)
    ),
    ("GET", "/console/suspense"): Rule("/console/suspense", OF_THE_COUNTER),
    ("GET", "/console/suspense/{row}"): Rule("/console/suspense/{row}", OF_THE_DESK),
    ("POST", "/console/suspense/{row}"): Rule(
        "/console/suspense/{row}", answered(OF_THE_DESK, 400)
    ),
    ("GET", "/console/dunning"): Rule("/console/dunning", A_LIST),
    ("GET", "/console/dunning/plan"): Rule("/console/dunning/plan", OF_MANAGERS),
    ("POST", "/console/dunning/plan"): Rule(
        "/console/dunning/plan", answers(303, 404, 404, 404, 404)
    ),
    ("GET", "/console/dunning/{unit}"): Rule("/console/dunning/{unit}", A_THING),
    ("POST", "/console/dunning/{unit}"): Rule("/console/dunning/{unit}", answered(A_THING, 400)),
    ("GET", "/console/dunning/{unit}/letters/{letter}"): Rule(
        "/console/dunning/{unit}/letters/L2026-99999", answers(303, 404, 404, 404, 409)
    ),
    ("GET", "/console/bills"): Rule("/console/bills", A_LIST),
    ("GET", "/console/bills/issue"): Rule("/console/bills/issue", OF_THE_COUNTER),
    ("POST", "/console/bills/issue"): Rule("/console/bills/issue", answered(OF_THE_COUNTER, 400)),
    ("GET", "/console/bills/{bill}"): Rule("/console/bills/{bill}", A_THING),
    ("POST", "/console/bills/{bill}"): Rule(
        "/console/bills/{bill}", answers(303, 404, 404, 404, 400)
    ),
    ("POST", "/console/bills/{bill}/waiver"): Rule(
        "/console/bills/{bill}/waiver", answers(303, 404, 404, 415, 415)
    ),
    ("GET", "/console/waivers/{waiver}/paper"): Rule(
        "/console/waivers/{waiver}/paper", answers(303, 404, 404, 200, 200)
    ),
    ("GET", "/console/meters"): Rule("/console/meters", A_LIST),
    ("GET", "/console/meters/{meter}"): Rule("/console/meters/{meter}", A_THING),
    ("POST", "/console/meters/{meter}"): Rule("/console/meters/{meter}", answered(A_THING, 400)),
    ("GET", "/console/figures"): Rule("/console/figures", OF_THE_COUNTER),
    ("GET", "/console/figures/insights"): Rule("/console/figures/insights", OF_THE_COUNTER),
    ("GET", "/console/figures/report"): Rule("/console/figures/report", OF_THE_COUNTER),
    ("POST", "/console/figures/report"): Rule(
        "/console/figures/report", answers(303, 404, 404, 404, 404)
    ),
    ("GET", "/console/figures/rows"): Rule("/console/figures/rows?kind=current", OF_THE_COUNTER),
    ("GET", "/console/figures/vouchers.xlsx"): Rule(
        "/console/figures/vouchers.xlsx", OF_THE_COUNTER
    ),
    ("GET", "/console/figures/figures.xlsx"): Rule("/console/figures/figures.xlsx", OF_THE_COUNTER),
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


async def fill(town: Town, desk: Desk) -> dict[str, object]:
    """Let there be one of each thing of the pages; return what addresses call them."""

    def run(tx: Connection) -> dict[str, object]:
        by = staff_member(tx, desk.ours[StaffRole.CASHIER])
        assert by is not None
        ask = WaiverAsk(town.first.bill_ids[0], WaiverKind.HARDSHIP, 100, "x", "x.jpg", b"x")
        waiver = ask_waiver(tx, ask, by=by, now=NOW)
        payment_id = factories.pay(tx, town.second.unit_id, town.second.bill_ids)
        wish = RefundAskedFor(payment_id, 100, "asked", "x", "matrix")
        refund = request_refund(tx, wish, actor=Actor(by.staff_id), now=NOW)
        return {
            "unit": town.first.unit_id,
            "ticket": desk.ticket_no,
            "one": desk.broadcast_no,
            "tariff": desk.tariff_id,
            "work": desk.work_id,
            "bill": waiver.bill_no,
            "waiver": waiver.waiver_no,
            "payment": payment_id,
            "refund": refund.refund_no,
            "application": apply_for_invoice(tx, payment_id),
            "difference": a_difference(tx, payment_id),
            "row": a_transfer(tx, 888, "3-2-501"),
            "meter": a_meter(tx, town.first.unit_id, "S-501"),
        }

    return await town.db.write(run)


@pytest.mark.parametrize(
    ("visitor", "database_url"),
    [
        *((one, "sqlite") for one in VISITORS),
        pytest.param("manager", "postgresql", marks=pytest.mark.postgresql),
    ],
    indirect=["database_url"],
)
async def test_i09_everybody_is_answered_as_the_matrix_says(
    town: Town, open_doors: Open, visitor: str
):
    """Each visitor asks all, signing out last; a foreign thing is 404 and stays as it was."""
    desk = await furnish(town)
    things = await fill(town, desk)
    door = await open_doors(town.parts())
    token = await come(door, town, desk, visitor)
    last = sorted(RULES.items(), key=lambda one: "sign-out" in one[0][1])

    told = {}
    for (method, shown), rule in last:
        where = rule.where.format(**things)
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


async def test_j02_no_form_of_the_console_is_taken_from_another_site_or_without_her_token(
    town: Town, open_doors: Open
):
    desk = await furnish(town)
    things = await fill(town, desk)
    door = await open_doors(town.parts())
    await come(door, town, desk, "manager")
    where = [
        rule.where.format(**things)
        for (method, shown), rule in RULES.items()
        if method == "POST" and not shown.startswith(("/console/sign-in", "/console/enter"))
    ]

    elsewhere = [await door.post(one, headers={"Origin": "https://evil.test"}) for one in where]
    tokenless = [await door.post(one, data=form()) for one in where for form in (dict, parts)]
    others = [await door.request(verb, one) for one in where for verb in ("PUT", "DELETE")]

    assert {one.status for one in elsewhere} == {403}
    assert {one.status for one in tokenless} == {403, 415}
    assert [one.status for one in tokenless].count(403) == len(where)
    assert {one.status for one in others} == {405}
    assert await steps(town) == ["opened"]


def parts() -> FormData:
    form = FormData()
    form.add_field("act", "x", content_type="text/plain")
    return form


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
