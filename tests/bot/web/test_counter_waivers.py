"""The counter's form for a waiver: asked with its paper, once, and nothing changes yet."""

import re
from io import BytesIO

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient

from bot.web.reading import BODY_LIMIT_BYTES
from storage.models.bills import bills
from storage.models.refund_terms import bill_waivers
from storage.operations.bill_waivers import MOST_BYTES
from storage.queries.proofs import prove
from tests.bot.web.test_counter import employ, path, press_of, rows, text
from tests.bot.web.town import Town

PAPER = b"%PDF-1.7 a certificate"


@pytest.fixture
async def page(town: Town) -> str:
    """Give the address of a cashier's form for the first flat."""
    return path(town, await employ(town)) + "/waiver"


async def form_of(door: TestClient, town: Town, page: str) -> str:
    return await text(door, page, unit=str(town.first.unit_id))


async def send(door: TestClient, town: Town, page: str, html: str, **typed):
    """Fill the form in for the first open bill and send it."""
    found = re.search(r'name="bill" value="([0-9]+)"', html)
    assert found
    paper = typed.pop("file", PAPER)
    said = {"press": press_of(html), "bill": found[1], "kind": "hardship"}
    said |= {"amount": "50.00", "reason": "家里有人住院"} | typed
    form = FormData(said, default_to_multipart=True, quote_fields=False)
    if paper is not None:
        form.add_field(
            "file", BytesIO(paper), filename="诊断证明.pdf", content_type="application/pdf"
        )
    return await door.post(
        page, params={"unit": str(town.first.unit_id)}, data=form, allow_redirects=False
    )


async def test_a_waiver_asked_for_at_the_counter_waits_with_its_paper_and_lowers_nothing(
    door, town: Town, page
):
    before = [(one.amount_fen, one.paid_fen) for one in await rows(town, bills)]
    html = await form_of(door, town, page)

    answer = await send(door, town, page, html)
    shown = await (await door.get(answer.headers["Location"])).text()

    assert answer.status == 303
    [asked] = await rows(town, bill_waivers)
    assert (asked.kind, asked.state, asked.amount_fen) == ("hardship", "asked", 5_000)
    assert (asked.reason, asked.attachment) == ("家里有人住院", PAPER)
    assert asked.attachment_name == "诊断证明.pdf"
    assert asked.waiver_no in shown
    assert [(one.amount_fen, one.paid_fen) for one in await rows(town, bills)] == before
    assert await town.db.read(prove) == []


async def test_the_same_form_sent_twice_asks_once(door, town: Town, page):
    html = await form_of(door, town, page)

    first = await send(door, town, page, html)
    second = await send(door, town, page, html)

    assert first.headers["Location"] == second.headers["Location"]
    assert len(await rows(town, bill_waivers)) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"file": None}, "证明材料"),
        ({"file": b""}, "证明材料"),
        ({"reason": " "}, "原因"),
        ({"amount": "999999"}, "减免"),
        ({"amount": "abc"}, "金额"),
    ],
)
async def test_what_is_refused_is_said_and_what_was_typed_stays(
    door, town: Town, page, typed, said
):
    html = await form_of(door, town, page)

    answer = await send(door, town, page, html, **typed)
    shown = await answer.text()

    assert answer.status == 409
    [notice] = re.findall(r'role="alert">([^<]+)', shown)
    assert said in notice
    amount = re.search(r'name="amount"[^>]* value="([^"]*)"', shown)
    assert amount
    assert amount[1] == typed.get("amount", "50.00")
    assert await rows(town, bill_waivers) == []


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"file": b"x" * (MOST_BYTES + 1)}, 413),
        ({"reason": "x" * (BODY_LIMIT_BYTES + 1)}, 413),
        ({"kind": "rounding"}, 400),
        ({"bill": "999"}, 400),
        ({"press": "forged"}, 403),
    ],
)
async def test_what_no_form_of_ours_says_is_not_read(door, town: Town, page, typed, status):
    html = await form_of(door, town, page)

    assert (await send(door, town, page, html, **typed)).status == status
    assert await rows(town, bill_waivers) == []


async def test_a_form_without_a_file_part_or_with_too_many_is_refused(door, town: Town, page):
    unit = {"unit": str(town.first.unit_id)}
    many = FormData(default_to_multipart=True)
    for number in range(30):
        many.add_field(f"f{number}", "x")

    assert (await door.post(page, params=unit, data={"press": "x"})).status == 415
    assert (await door.post(page, params=unit, data=many)).status == 400


async def test_a_flat_of_another_community_has_no_form(door, town: Town, page):
    assert (await door.get(page, params={"unit": "999"})).status == 404


async def test_the_counters_page_leads_to_the_form(door, town: Town, page):
    html = await text(door, page.removesuffix("/waiver"), unit=str(town.first.unit_id))

    assert f"/waiver?unit={town.first.unit_id}" in html
