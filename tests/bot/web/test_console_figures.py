"""Figures on the console: each number is the books', opens its rows, and they sum to it."""

import re
from io import BytesIO

import openpyxl
import pytest
from aiohttp.test_utils import TestClient
from defusedxml import ElementTree
from sqlalchemy import Connection, func, insert, select, update

from bot.spreadsheets.vouchers import CODES
from bot.web import charts
from bot.web.pages import POLICY
from storage.kinds import Account, StaffRole
from storage.models.bills import fee_items
from storage.models.dunning import dunning_acts
from storage.models.estate import buildings
from storage.models.ledger import postings
from storage.models.people import staff
from storage.operations.month_reports import keep_report
from storage.periods import BillingPeriod
from storage.queries import collection
from storage.queries.month_reports import facts_of
from tests import factories
from tests.bot.web.conftest import Open
from tests.bot.web.console import MANAGER, Desk, field, furnish, page, sign_in
from tests.bot.web.town import NOW, Town

NAMED = "=1+1"
"""A fee item whose name would be a formula."""
FIRST_FEN = 25060


@pytest.fixture
async def inside(door: TestClient, town: Town) -> TestClient:
    """A browser of the manager, in a town where Ms Li was reminded and then paid October."""
    desk: Desk = await furnish(town)
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])

    def live(tx: Connection) -> None:
        one = town.first
        told = {"unit_id": one.unit_id, "act": "reminder", "amount_fen": 1}
        tx.execute(insert(dunning_acts).values(done_at=NOW.replace(hour=0), **told))
        factories.pay(tx, one.unit_id, one.bill_ids[:1], paid_at=NOW)
        tx.execute(update(fee_items).where(fee_items.c.name == "水费").values(name=NAMED))

    await town.db.write(live)
    return door


async def manager(town: Town) -> int:
    asked = select(staff.c.id).where(staff.c.phone == MANAGER)
    return int(await town.db.read(lambda tx: tx.execute(asked).scalar_one()))


async def receivable(town: Town) -> int:
    """Return what the ledger says is owed."""
    asked = select(func.sum(postings.c.amount_fen)).where(postings.c.account == Account.RECEIVABLE)
    return int(await town.db.read(lambda tx: tx.execute(asked).scalar_one()))


def yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def links(html: str) -> list[str]:
    found = re.findall(r'href="(/console/figures/rows[^"]+)"', html)
    return [one.replace("&amp;", "&") for one in found]


async def test_the_page_shows_the_ledgers_arrears_and_both_sides_of_each_rate(
    inside: TestClient, town: Town
):
    html = await page(inside, "/console/figures")

    owed = await receivable(town)
    assert f'data-figure="open">¥{yuan(owed)}' in html
    assert f'data-figure="takings">¥{yuan(FIRST_FEN)}' in html
    assert f"实收 ¥0.00 / 应收 ¥{yuan(FIRST_FEN + 4321 + 30000)}" in html
    assert f"实收 ¥{yuan(FIRST_FEN)} / 应收 ¥{yuan(FIRST_FEN)}" in html
    assert "公众号提醒过 1 户" in html
    assert "当月内接着缴费的 1 户" in html
    assert not re.search(r"\sstyle=|<style|<script(?! src)", html)
    assert "style-src 'self'" in POLICY


async def test_every_number_opens_rows_that_say_the_same_number(inside: TestClient, town: Town):
    html = await page(inside, "/console/figures")

    found = links(html)

    assert {"current", "year", "old", "summary", "ages", "takings", "refunds", "reminded"} <= {
        re.findall("kind=([a-z]+)", one)[0] for one in found
    }
    for one in found:
        await page(inside, one)
    old = await page(inside, next(one for one in found if "kind=old" in one))
    assert "100.00%：实收 250.60元 / 应收 250.60元" in old
    told = await page(inside, next(one for one in found if "kind=reminded" in one))
    assert "之后缴 250.60元" in told


async def test_all_pages_of_rows_sum_to_the_number(
    inside: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.web.figure_rows.ON_A_PAGE", 1)
    ends, where = [], "/console/figures/rows?kind=summary"

    while where:
        html = await page(inside, where)
        ends += re.findall(r'class="end">期末欠费 ([0-9,.]+)元', html)
        more = re.findall(r'<a href="([^"]+)" rel="next"', html)
        where = more[0].replace("&amp;", "&") if more else ""

    assert len(ends) == 4
    fen = sum(round(float(one.replace(",", "")) * 100) for one in ends)
    assert fen == await receivable(town)


async def test_a_building_or_a_fee_item_narrows_every_figure(inside: TestClient, town: Town):
    asked = select(fee_items.c.id).where(fee_items.c.name == NAMED)
    item_id = await town.db.read(lambda tx: tx.execute(asked).scalar_one())

    html = await page(inside, f"/console/figures?item={item_id}")

    assert 'data-figure="open">¥43.21' in html
    assert "公众号提醒过" not in html
    assert all(f"item={item_id}" in one for one in links(html))


async def test_what_is_not_hers_is_not_there(inside: TestClient, town: Town):
    elsewhere = town.community_id + 1
    made = insert(buildings).values(community_id=elsewhere, label="9栋").returning(buildings.c.id)
    foreign = await town.db.write(lambda tx: tx.execute(made).scalar_one())

    for asked in (f"community={elsewhere}", f"building={foreign}", "item=99", "item=x"):
        for where in ("figures?", "figures/rows?kind=summary&", "figures/figures.xlsx?"):
            await page(inside, f"/console/{where}{asked}", status=404)
    await page(inside, "/console/figures/rows?kind=salaries", status=404)


async def test_a_month_that_is_none_or_ahead_is_this_one(inside: TestClient):
    for month in ("2026-10", "2026-13", "9999-01", "x", "0001-01"):
        html = await page(inside, f"/console/figures?month={month}")

        shown = "2026年10月" if month == "2026-10" else "2026年11月"
        assert f"<h1>{shown}报表</h1>" in html, month


async def test_the_workbook_holds_the_pages_numbers_and_no_formula(inside: TestClient, town: Town):
    answer = await inside.get("/console/figures/figures.xlsx")
    book = openpyxl.load_workbook(BytesIO(await answer.read()))

    assert book.sheetnames == ["收缴率", "收费汇总表", "账龄", "收款"]
    rows = list(book["收费汇总表"].iter_rows())
    assert round(rows[-1][-1].value * 100) == await receivable(town)
    cell = next(one[0] for one in rows if one[0].value == NAMED)
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert sum(round(one[-1].value * 100) for one in book["收款"].iter_rows(min_row=3)) == FIRST_FEN


async def test_the_vouchers_of_a_month_are_balanced_and_are_the_ledgers(
    inside: TestClient, town: Town
):
    answer = await inside.get("/console/figures/vouchers.xlsx?month=2026-11")
    book = openpyxl.load_workbook(BytesIO(await answer.read()))

    sums: dict[int, int] = {}
    owed = 0
    for row in book["凭证"].iter_rows(min_row=3, values_only=True):
        fen = round((row[6] or 0) * 100) - round((row[7] or 0) * 100)
        sums[row[2]] = sums.get(row[2], 0) + fen
        owed += fen if row[4] == CODES[Account.RECEIVABLE][0] else 0
    assert len(sums) >= 2
    assert set(sums.values()) == {0}
    assert owed == await receivable(town)
    assert set(CODES) == set(Account)


async def test_the_insights_state_their_methods_and_name_nobody_without_a_past(inside: TestClient):
    html = await page(inside, "/console/figures/insights")

    assert "提醒放在 <b>12 点</b>最合适" in html
    assert html.count("算法：") == 2
    assert "前三个月里两次过了应缴日" in html


async def test_a_report_is_published_by_one_confirmation_of_the_manager(
    inside: TestClient, town: Town, open_doors: Open, monkeypatch: pytest.MonkeyPatch
):
    town.clock.advance(days=10)
    facts = await town.db.read(facts_of, town.community_id, BillingPeriod(2026, 11))
    await town.db.write(keep_report, town.community_id, facts, now=town.clock.now())
    await sign_in(inside, town, await manager(town))
    public = f"/disclosure/{town.community_id}/reports/2026-11"
    anybody = await open_doors(town.parts())
    await page(anybody, public, status=404)
    where = "/console/figures/report?month=2026-11"
    assert "不到20户的小区不公示" in await page(inside, where)
    monkeypatch.setattr(collection, "LEAST_UNITS", 1)
    html = await page(inside, where)
    names = ("press", "community", "month")
    form = {name: field(html, name) for name in names}

    evil = {"Origin": "https://evil.test"}
    for more, headers in (({}, evil), ({"press": "x"}, {})):
        answer = await inside.post(
            "/console/figures/report", data=form | more, headers=headers, allow_redirects=False
        )
        assert answer.status == 403
    await page(anybody, public, status=404)
    for _ in range(2):
        answer = await inside.post("/console/figures/report", data=form, allow_redirects=False)
        assert answer.status == 303

    shown = await page(anybody, public)
    assert "收费汇总表" in shown
    assert "3栋2单元501" not in shown
    assert "各楼栋" not in shown
    assert "2026年11月收费月报" in await page(anybody, f"/disclosure/{town.community_id}")
    assert "data-publish" not in await page(inside, where)


def test_a_chart_is_named_told_and_plain():
    drawn = charts.bars("欠费<的账龄>", [("30天以内 & 没到期", 1200), ("更久", 0)], "元")

    root = ElementTree.fromstring(drawn)
    told = [one.text for one in root[:2]]
    assert told == ["欠费<的账龄>", "30天以内 & 没到期 1,200元；更久 0元"]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == " ".join(one.get("id") for one in root[:2])
    assert "style" not in drawn
    assert charts.bars("空", [("一", 0)]) == ""
