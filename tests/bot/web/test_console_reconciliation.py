"""Reconciliation in the console: differences are closed once, money that waits finds its flat."""

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.models.bank import bank_rows
from storage.models.operating import discrepancies
from storage.models.payments import payments
from tests import factories
from tests.bot.web.console import (
    Desk,
    a_difference,
    a_transfer,
    field,
    furnish,
    page,
    sign_in,
)
from tests.bot.web.town import Town


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the cashier is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.CASHIER])
    return door


async def send(door: TestClient, where: str, html: str, **more: str):
    form = {"press": field(html, "press")} | more
    return await door.post(where, data=form, allow_redirects=False)


async def test_a_difference_is_closed_once_with_what_came_out(inside: TestClient, town: Town):
    payment_id = await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids)
    number = await town.db.write(a_difference, payment_id)
    where = f"/console/differences/{number}"
    listed = await page(inside, "/console/reconciliation")
    html = await page(inside, where)

    silent = await send(inside, where, html, seen=field(html, "seen"), words=" ")
    done = await send(inside, where, html, seen=field(html, "seen"), words="<i>平台更正了</i>")
    twice = await send(inside, where, html, seen=field(html, "seen"), words="又一次")

    assert f'data-difference="{number}"' in listed
    assert [one.status for one in (silent, done, twice)] == [409, 303, 409]
    assert "账上已经有变化" in await twice.text()
    after = await page(inside, where)
    assert 'data-closed="yes"' in after
    assert "了结：&lt;i&gt;平台更正了" in after
    assert "员工2" in after
    assert 'data-open="0"' in await page(inside, "/console/reconciliation")
    closed = select(discrepancies.c.closed_at)
    assert await town.db.read(lambda tx: tx.execute(closed).scalar_one()) is not None


async def test_money_that_waits_pays_what_the_page_showed_or_nothing(
    inside: TestClient, town: Town
):
    row_id = await town.db.write(a_transfer, 30000, "<script>alert(1)</script>")
    where = f"/console/suspense/{row_id}"
    unknown = await page(inside, f"{where}?unit=9-9-901")
    html = await page(inside, f"{where}?unit=3-2-501")
    shown = {"act": "assign", "unit": str(town.first.unit_id), "seen": field(html, "seen")}
    await town.db.write(factories.pay, town.first.unit_id, town.first.bill_ids[:1])

    stale = await send(inside, where, html, **shown)
    anew = await page(inside, f"{where}?unit=3-2-501")
    shown |= {"seen": field(anew, "seen")}
    done, twice = [await send(inside, where, anew, **shown) for _ in range(2)]

    assert "没有找到这一户" in unknown
    assert "<script>alert" not in await page(inside, "/console/suspense", status=200)
    assert [one.status for one in (stale, done, twice)] == [409, 303, 404]
    count = select(payments.c.amount_fen).order_by(payments.c.id)
    assert await town.db.read(lambda tx: list(tx.execute(count).scalars())) == [25060, 30000]
    assert await town.db.read(balance, Account.SUSPENSE) == 0
    assert 'data-left-fen="30000"' in await page(inside, done.headers["Location"])


async def test_money_that_is_nobodys_leaves_suspense_with_a_reason(inside: TestClient, town: Town):
    row_id = await town.db.write(a_transfer, 888, "利息")
    where = f"/console/suspense/{row_id}"
    html = await page(inside, where)

    silent = await send(inside, where, html, act="dismiss", words=" ")
    done = await send(inside, where, html, act="dismiss", words="银行利息")

    assert (silent.status, done.status) == (409, 303)
    row = await town.db.read(lambda tx: tx.execute(select(bank_rows)).one())
    assert (row.state, row.note) == ("other", "银行利息")
    assert "没有挂账" in await page(inside, "/console/suspense")
