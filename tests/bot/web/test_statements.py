"""The statement's page and workbook: the same lines, for the link's holder only."""

import io
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import update

from bot.spreadsheets.statements import workbook_of
from storage.kinds import BindingState
from storage.links import PayLink
from storage.models.bills import fee_items
from storage.models.estate import communities, units
from storage.models.people import bindings
from storage.operations.orders import OrderAsk, open_order
from storage.operations.payments import settle_payment
from storage.ports.payments import PaymentAsk, TradeKind
from storage.queries.statements import Statement, statement_for
from tests.bot.web.town import NOW, TODAY, Flat, Town

DAYS = {"first_on": TODAY.replace(month=1, day=1), "last_on": TODAY}


def link_of(flat: Flat) -> PayLink:
    return PayLink(flat.unit_id, flat.binding_id, 0, TODAY + timedelta(days=7))


def address_of(town: Town, flat: Flat) -> str:
    """Return the path of a flat's statement, at the year so far."""
    return town.links.statement_url(link_of(flat), **DAYS).removeprefix("http://pay.test")


async def pay(town: Town, flat: Flat) -> str:
    """Pay all bills of a flat; return the order's number."""
    ask = OrderAsk(
        unit_id=flat.unit_id,
        bill_ids=flat.bill_ids,
        gateway=town.till.name,
        kind=TradeKind.NATIVE,
        merchant_id=town.till.merchant_id,
        app_id=town.till.app_id,
    )
    opened = await town.db.write(open_order, ask, now=NOW)
    await town.till.create(
        PaymentAsk(
            opened.order_no,
            opened.created_at,
            opened.amount_fen,
            "",
            opened.expires_at,
            opened.kind,
        )
    )
    town.till.pay(opened.order_no)
    await town.db.write(settle_payment, town.till.fact(opened.order_no), heard_at=NOW)
    return opened.order_no


async def text_of(door: TestClient, path: str, *, status: int = 200) -> str:
    async with door.get(path) as answer:
        assert answer.status == status
        return await answer.text()


async def rows_of(door: TestClient, path: str) -> list[tuple]:
    async with door.get(path) as answer:
        assert answer.status == 200
        assert "attachment" in answer.headers["Content-Disposition"]
        book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    return [tuple(cell.value for cell in row) for row in book.active.iter_rows()]


async def test_the_page_and_the_workbook_tell_the_same_lines(door: TestClient, town: Town):
    order_no = await pay(town, town.first)
    address = address_of(town, town.first)
    path, _, days = address.partition("?")

    page = await text_of(door, address)
    rows = await rows_of(door, f"{path}/statement.xlsx?{days}")

    found: Statement = await town.db.read(statement_for, link_of(town.first), **DAYS)
    for fact in ("3栋2单元501 往来明细", "2026年1月1日到11月23日", order_no, "−¥544.41"):
        assert fact in page, fact
    assert 'data-open-fen="0"' in page
    assert rows[1][:6] == ("日期", "事项", "说明", "单号", "应缴变动（元）", "待缴余额（元）")
    told = [(row[1], row[3], row[4], row[5]) for row in rows[4:-1]]
    assert told == [
        (
            "出账" if one.owed_fen > 0 else "缴费",
            one.number,
            float(Decimal(one.owed_fen) / 100),
            float(Decimal(one.open_fen) / 100),
        )
        for one in found.rows
    ]
    assert rows[-1][1] == "期末"
    assert rows[-1][5] == 0


async def test_another_days_choice_is_shown_and_nonsense_is_said_to_be_none(
    door: TestClient, town: Town
):
    path = address_of(town, town.first).partition("?")[0]

    empty = await text_of(door, f"{path}?from=2025-01-01&to=2025-12-31")
    for days in ("from=x&to=y", "from=2026-02-30&to=2026-03-01", "from=2026-03-02&to=2026-03-01",
                 "from=1999-01-01&to=2026-01-01", "from=2026-01-01", "to=%01"):  # fmt: skip
        page = await text_of(door, f"{path}?{days}")
        assert "没看懂您选的日期" in page, days
        assert "2026年1月1日到11月23日" in page
        await rows_of(door, f"{path}/statement.xlsx?{days}")
    ahead = await text_of(door, f"{path}?from=2026-11-01&to=2030-01-01")

    assert "这段时间没有账单" in empty
    assert "没看懂" not in empty
    assert "2026年11月1日到11月23日" in ahead


async def test_only_a_statements_own_link_opens_it(door: TestClient, town: Town):
    path = address_of(town, town.first).partition("?")[0]
    token = path.rpartition("/")[2]
    assert "3栋2单元501" in await text_of(door, path)

    paper = town.links.statement_url(
        PayLink(town.first.unit_id, 0, 0, TODAY + timedelta(days=7)), **DAYS
    )
    over = town.links.statement_url(
        PayLink(town.first.unit_id, town.first.binding_id, 0, TODAY - timedelta(days=1)), **DAYS
    )
    for strange in (
        f"/statements/{town.token(town.first)}",
        f"/pay/{token}",
        f"/receipts/{token}",
        f"/statements/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        paper.removeprefix("http://pay.test"),
        over.removeprefix("http://pay.test"),
    ):
        page = await text_of(door, strange, status=404)
        assert "3栋2单元501" not in page, strange


@pytest.mark.parametrize("ends", ["binding", "epoch"])
async def test_a_link_ends_with_its_binding_and_with_its_units_links(
    door: TestClient, town: Town, ends: str
):
    path = address_of(town, town.first).partition("?")[0]
    ending = {
        "binding": update(bindings)
        .where(bindings.c.id == town.first.binding_id)
        .values(state=BindingState.REMOVED),
        "epoch": update(units).where(units.c.id == town.first.unit_id).values(link_epoch=1),
    }
    await town.change(ending[ends])

    for address in (path, f"{path}/statement.xlsx"):
        await text_of(door, address, status=404)


async def test_the_neighbours_money_is_on_nobody_elses_statement(door: TestClient, town: Town):
    await pay(town, town.second)

    page = await text_of(door, address_of(town, town.first))

    assert "300.00" not in page
    assert "3栋2单元502" not in page


@pytest.mark.parametrize("live", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1"])
async def test_what_looks_like_a_formula_is_written_as_text(town: Town, live: str):
    await town.change(update(communities).values(name=f"{live}苑"))
    found = await town.db.read(statement_for, link_of(town.first), **DAYS)

    book = openpyxl.load_workbook(io.BytesIO(workbook_of(found)))

    cells = [cell for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type in ("s", "n", "d") for cell in cells)
    begun = [cell for cell in cells if str(cell.value).startswith(live.replace("\r", "\n"))]
    assert [cell.quotePrefix for cell in begun] == [True]


async def test_a_text_that_no_workbook_can_hold_does_not_break_it(town: Town):
    await town.change(
        update(fee_items).values(name="物业\x08费").where(fee_items.c.code == "property_fee")
    )
    found = await town.db.read(statement_for, link_of(town.first), **DAYS)

    book = openpyxl.load_workbook(io.BytesIO(workbook_of(found)))

    assert "2026年10月物业费" in [row[2].value for row in book.active.iter_rows()]
