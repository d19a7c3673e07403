"""The invoice page: applied for by the payer alone, once, filled in as she did last time."""

import re
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select

from storage.links import PayLink
from storage.models.bills import fee_items
from storage.models.tax_invoices import tax_invoices
from storage.operations.tax_codes import set_tax_code
from tests.bot.web.test_refunds import paid
from tests.bot.web.town import NOW, TODAY, Town

COMPANY = {"form": "company", "title": "杭州安心贸易有限公司", "tax_no": "91110000802100433B"}
MORE = {
    "address": "杭州市西湖区1号",
    "phone": "0571-88880000",
    "bank_name": "工商银行西湖支行",
    "bank_account": "1202026219900012345",
}


def token_of(town: Town, *, days: int = 7, binding: bool = True) -> str:
    flat = town.first
    link = PayLink(flat.unit_id, flat.binding_id if binding else 0, 0, TODAY + timedelta(days=days))
    return town.links.tax_invoice_url(link).rpartition("/")[2]


@pytest.fixture
async def payment(town: Town) -> str:
    """Let Ms Li have paid a fee that has a tax code; return the payment's key."""

    def code(tx: Connection) -> None:
        day = TODAY.replace(year=2020)
        for item_id in tx.execute(select(fee_items.c.id)).scalars().all():
            set_tax_code(tx, item_id, "3040502020200000000", 600, effective_on=day, now=NOW)

    await town.db.write(code)
    return str(await paid(town))


async def press(door: TestClient, token: str, **fields: str) -> tuple[int, str]:
    answer = await door.post(f"/invoices/{token}", data=fields)
    return answer.status, await answer.text()


async def show(door: TestClient, token: str) -> str:
    return await (await door.get(f"/invoices/{token}")).text()


async def rows(town: Town) -> list:
    return await town.db.read(lambda tx: list(tx.execute(select(tax_invoices))))


def value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found
    return found[1]


async def test_an_invoice_applied_for_on_the_page_waits_at_the_office(door, town: Town, payment):
    status, done = await press(
        door, token_of(town), payment=payment, form="person", title="李秀英", tax_no="ignored"
    )

    [row] = await rows(town)
    assert status == 200
    assert row.application_no in done
    assert (row.title, row.tax_no, row.amount_fen, row.state) == ("李秀英", "", 25_060, "applied")
    assert row.identity_id is not None
    assert "已申请，财务正在开" in done


async def test_the_next_form_is_filled_in_with_the_title_used_last(door, town: Town, payment):
    token = token_of(town)
    first = await show(door, token)
    await press(door, token, payment=payment, **COMPANY, **MORE)
    [row] = await rows(town)
    await town.db.write(
        lambda tx: tx.execute(tax_invoices.update().values(state="declined")) and None
    )

    again = await show(door, token)

    assert value(first, "title") == ""
    assert (value(again, "title"), value(again, "tax_no")) == (row.title, row.tax_no)
    assert re.search(r'value="company" required checked', again)
    assert (row.address, row.bank_account) == ("", "")


async def test_a_special_invoice_keeps_all_that_it_needs(door, town: Town, payment):
    form = COMPANY | MORE | {"form": "special"}

    await press(door, token_of(town), payment=payment, **form)

    [row] = await rows(town)
    assert (row.kind, row.address, row.bank_account) == (
        "special",
        MORE["address"],
        MORE["bank_account"],
    )


async def test_the_same_press_twice_is_one_application(door, town: Town, payment):
    token = token_of(town)

    await press(door, token, payment=payment, **COMPANY)
    status, page = await press(door, token, payment=payment, **COMPANY)

    assert status == 409
    assert 'role="alert"' in page or "已申请" in page
    assert len(await rows(town)) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"payment": ""}, "还没有选好"),
        ({"form": "other"}, "还没有选好"),
        ({"tax_no": ""}, "要填税号"),
        ({"tax_no": "91110000802100433C"}, "税号"),
        ({"title": "-"}, "抬头"),
        ({"form": "special"}, "专用发票"),
        ({"payment": "999"}, "发票"),
    ],
)
async def test_what_cannot_be_is_told_and_what_was_typed_stays(
    door, town: Town, payment, fields, told
):
    typed = {"payment": payment} | COMPANY | fields

    status, page = await press(door, token_of(town), **typed)

    [notice] = re.findall(r'role="alert">([^<]+)', page)
    assert status in (400, 409)
    assert told in notice
    assert value(page, "title") == typed["title"]
    assert await rows(town) == []


async def test_another_flats_payment_is_not_hers_to_have_invoiced(door, town: Town, payment):
    theirs = PayLink(town.second.unit_id, town.second.binding_id, 0, TODAY + timedelta(days=7))
    token = town.links.tax_invoice_url(theirs).rpartition("/")[2]

    status, _ = await press(door, token, payment=payment, **COMPANY)

    assert status in (404, 409)
    assert await rows(town) == []


async def test_no_other_link_opens_the_page(door, town: Town, payment):
    receipt = town.links.receipt_token(int(payment))
    others = [
        town.token(town.first),
        receipt,
        token_of(town, binding=False),
        token_of(town, days=-1),
    ]

    for token in others:
        assert (await door.get(f"/invoices/{token}")).status == 404


async def test_a_form_of_another_site_is_refused(door, town: Town, payment):
    answer = await door.post(
        f"/invoices/{token_of(town)}",
        data={"payment": payment, **COMPANY},
        headers={"Origin": "https://elsewhere.example"},
    )

    assert answer.status == 403
    assert await rows(town) == []


async def test_what_was_typed_is_shown_as_text_and_never_as_markup(door, town: Town, payment):
    _, page = await press(
        door, token_of(town), payment=payment, form="company", title='"><script>', tax_no="1"
    )

    assert "<script>" not in page.replace("<script src", "")
    assert await rows(town) == []
