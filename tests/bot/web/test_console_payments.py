"""Payments and refunds in the console: found, asked back once, agreed to by another person."""

import re

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from storage.kinds import StaffRole
from storage.models.operating import audit_records
from storage.models.payments import payments, refunds
from storage.models.tax_invoices import tax_invoices
from tests import factories
from tests.bot.web.conftest import Open
from tests.bot.web.console import Desk, apply_for_invoice, field, furnish, page, sign_in
from tests.bot.web.town import Town


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def paid(town: Town) -> int:
    """The key of a payment of 544.41 by the first flat."""
    return await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids)


@pytest.fixture
async def cashier(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the cashier is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.CASHIER])
    return door


@pytest.fixture
async def manager(open_doors: Open, town: Town, desk: Desk) -> TestClient:
    """Another browser, in which the manager is signed in."""
    door = await open_doors(town.parts())
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def ask(door: TestClient, html: str, act: str = "ask", **more: str):
    form = {name: field(html, name) for name in ("press", "seen", "key")}
    form |= {"act": act, "cause": "asked", "amount": "100", "reason": "搬走了"} | more
    where = re.findall(r'action="[^"]*(/console/payments/[0-9]+)"', html)[0]
    return await door.post(where, data=form, allow_redirects=False)


async def decide(door: TestClient, where: str, html: str, act: str, words: str = ""):
    form = {"press": field(html, "press"), "seen": field(html, "seen")}
    return await door.post(where, data=form | {"act": act, "words": words}, allow_redirects=False)


async def all_refunds(town: Town):
    asked = select(refunds).order_by(refunds.c.id)
    return await town.db.read(lambda tx: tx.execute(asked).all())


async def reserved(town: Town) -> int:
    asked = select(payments.c.reserved_fen)
    return await town.db.read(lambda tx: tx.execute(asked).scalar_one())


async def test_payments_are_found_by_day_way_room_and_any_number(
    cashier: TestClient, town: Town, paid: int
):
    html = await page(cashier, f"/console/payments/{paid}")
    order_no = re.findall("商户单号</dt><dd[^>]*>([^<]+)", html)[0]
    receipt_no = re.findall("收据 (R[0-9]+)", html)[0]
    wanted = {
        "": 1,
        "q=501": 1,
        "q=502": 0,
        f"q={order_no}": 1,
        f"q={receipt_no.lower()}": 1,
        "q=42": 1,
        "q=%25": 0,
        "way=wechat_pay": 1,
        "way=cash": 0,
        "from=2026-11-23&to=2026-11-23": 1,
        "from=2026-11-24": 0,
        "to=2026-11-22": 0,
        "from=0001-01-01&to=9999-12-31": 1,
    }

    found = {
        asked: (await page(cashier, f"/console/payments?{asked}")).count("data-payment=")
        for asked in wanted
    }

    assert found == wanted
    assert 'data-left-fen="54441"' in html
    assert html.count("/console/bills/B2026-") == 3
    assert "/receipts/" in html


async def test_a_refund_is_looked_at_asked_for_once_and_agreed_to_by_another(
    cashier: TestClient, manager: TestClient, town: Town, desk: Desk, paid: int
):
    html = await page(cashier, f"/console/payments/{paid}")
    looked = await ask(cashier, html, "look")
    nothing = await all_refunds(town)
    first, second = [await ask(cashier, html) for _ in range(2)]
    where = first.headers["Location"]
    own = await decide(cashier, where, await page(manager, where), "approve")
    theirs = await page(manager, where)
    agreed = await decide(manager, where, theirs, "approve")
    twice = await decide(manager, where, theirs, "decline", "晚了")

    assert "要等另一位经理审批" in await looked.text()
    assert nothing == []
    assert (first.status, where) == (303, second.headers["Location"])
    assert (own.status, agreed.status, twice.status) == (403, 303, 409)
    assert "账上已经有变化" in await twice.text()
    assert [(one.state, one.amount_fen) for one in await all_refunds(town)] == [("approved", 10000)]
    assert await reserved(town) == 10000
    trail = select(audit_records.c.act, audit_records.c.staff_id)
    trail = trail.where(audit_records.c.noun == "refund").order_by(audit_records.c.id)
    assert await town.db.read(lambda tx: [tuple(row) for row in tx.execute(trail)]) == [
        ("request", desk.ours[StaffRole.CASHIER]),
        ("approve", desk.ours[StaffRole.MANAGER]),
    ]
    seen = await page(cashier, where)
    assert "员工1" in seen
    assert "员工2" in seen
    assert 'data-refund="T' in await page(cashier, "/console/refunds?state=going")
    assert 'data-refund="T' not in await page(cashier, "/console/refunds")


async def test_an_open_page_hears_of_money_of_its_own_community_and_of_no_others(
    cashier: TestClient, open_doors: Open, town: Town, desk: Desk
):
    """A payment, and a refund that is asked for, move both pages' states at any replica."""
    there = await open_doors(town.parts())
    await sign_in(there, town, desk.theirs[StaffRole.CASHIER])

    async def states(door: TestClient) -> list[str]:
        where = ("/console/payments/state", "/console/today/state")
        return [(await (await door.get(one)).json())["state"] for one in where]

    async def mine() -> list[str]:
        return await states(cashier)

    seen, theirs = [await mine()], await states(there)
    payment_id = await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids)
    seen.append(await mine())
    html = await page(cashier, f"/console/payments/{payment_id}")
    await ask(cashier, html)
    seen.append(await mine())

    assert [len({one[n] for one in seen}) for n in (0, 1)] == [3, 3]
    assert await mine() == seen[-1]
    assert await states(there) == theirs
    for where, state in zip(("payments", ""), seen[-1], strict=True):
        assert f'data-live="{state}"' in await page(cashier, f"/console/{where}")


async def test_who_asks_for_a_refund_cannot_agree_to_it_nor_a_cashier_to_anybodys(
    cashier: TestClient, manager: TestClient, town: Town, paid: int
):
    asked = await ask(manager, await page(manager, f"/console/payments/{paid}"))
    where = asked.headers["Location"]
    shown = await page(manager, where)
    html = await page(cashier, where)
    form = {"press": field(shown, "press"), "seen": "requested", "words": "x"}
    own = [await manager.post(where, data=form | {"act": act}) for act in ("approve", "decline")]
    form["press"] = field(html, "press")
    hers = [await cashier.post(where, data=form | {"act": act}) for act in ("approve", "decline")]

    assert [one.status for one in (*own, *hers)] == [409] * 4
    assert "自己提出的事不能由自己审批" in await own[0].text()
    assert 'value="approve"' not in html + shown
    assert [one.state for one in await all_refunds(town)] == ["requested"]


async def test_a_refund_is_declined_with_a_reason_and_its_money_is_free_again(
    cashier: TestClient, manager: TestClient, town: Town, paid: int
):
    html = await page(cashier, f"/console/payments/{paid}")
    where = (await ask(cashier, html)).headers["Location"]
    theirs = await page(manager, where)

    silent = await decide(manager, where, theirs, "decline", "  ")
    done = await decide(manager, where, theirs, "decline", "<b>账没错</b>")

    assert (silent.status, done.status) == (409, 303)
    assert await reserved(town) == 0
    after = await page(cashier, where)
    assert "&lt;b&gt;账没错&lt;/b&gt;" in after
    assert "<b>账没错" not in after


async def test_j11_a_payment_of_which_another_asked_something_back_is_looked_at_anew(
    cashier: TestClient, manager: TestClient, town: Town, paid: int
):
    mine = await page(cashier, f"/console/payments/{paid}")
    theirs = await page(manager, f"/console/payments/{paid}")

    first = await ask(cashier, mine)
    second = await ask(manager, theirs)
    too_much = await ask(manager, await page(manager, f"/console/payments/{paid}"), amount="9999")
    silent = await ask(manager, theirs, reason=" ")

    answers = [one.status for one in (first, second, too_much, silent)]
    assert answers == [303, 409, 409, 409]
    assert "账上已经有变化" in await second.text()
    assert len(await all_refunds(town)) == 1


async def invoiced(door: TestClient, where: str, number: str, content: bytes):
    html = await page(door, where)
    told = {"press": field(html, "press"), "seen": "applied", "number": number, "on": "2026-11-23"}
    form = FormData()
    for key, text in told.items():
        form.add_field(key, text)
    form.add_field("file", content, filename="票.pdf", content_type="application/pdf")
    return await door.post(f"{where}/issued", data=form, allow_redirects=False)


async def test_an_invoice_is_written_down_with_its_file_or_not_at_all_and_once(
    cashier: TestClient, town: Town, paid: int
):
    number = await town.db.write(apply_for_invoice, paid)
    where = f"/console/invoices/{number}"

    listed = await page(cashier, "/console/invoices")
    no_file = await invoiced(cashier, where, "25332000000012345678", b"<html>")
    no_number = await invoiced(cashier, where, "abc", b"%PDF-1.7")
    before = await page(cashier, where)
    done = await invoiced(cashier, where, "25332000000012345678", b"%PDF-1.7")
    twice = await invoiced(cashier, where, "25332000000099999999", b"%PDF-1.7")

    assert f'data-invoice="{number}"' in listed
    assert [one.status for one in (no_file, no_number, done, twice)] == [409, 409, 303, 409]
    assert 'data-state="applied"' in before
    assert "账上已经有变化" in await twice.text()
    row = await town.db.read(lambda tx: tx.execute(select(tax_invoices)).one())
    assert (row.state, row.invoice_no, row.file) == ("issued", "25332000000012345678", b"%PDF-1.7")
    assert number in await page(cashier, f"/console/payments/{paid}")


async def test_an_application_is_declined_once_with_a_reason(
    cashier: TestClient, town: Town, paid: int
):
    number = await town.db.write(apply_for_invoice, paid)
    where = f"/console/invoices/{number}"
    html = await page(cashier, where)
    form = {"press": field(html, "press"), "seen": field(html, "seen")}

    answers = [
        await cashier.post(f"{where}/decline", data=form | {"words": said}, allow_redirects=False)
        for said in ("  ", "抬头写错了", "抬头写错了")
    ]

    assert [one.status for one in answers] == [409, 303, 409]
    assert "没有同意" not in await page(cashier, where)
    assert "驳回发票申请：抬头写错了" in await page(cashier, where)
