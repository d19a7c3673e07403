"""The public page: what it must show, whom it must never show, and that the sums are right."""

import json
import re
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, insert, update

from storage.models.month_reports import month_reports
from storage.models.sharing import public_accounts, shared_costs
from storage.operations.payments import settle_payment
from storage.queries import collection
from storage.queries.disclosure import shared_proof
from tests.bot.web.published import CANARIES, plant, publish, settled_refunds
from tests.bot.web.test_webhooks import ordered
from tests.bot.web.town import NOW, Town


@pytest.fixture
async def cost_id(town: Town) -> int:
    """Publish what the town has to say, among facts that are nobody's business."""

    def write(tx: Connection) -> int:
        found = publish(tx, town.community_id, now=NOW)
        plant(tx, town.community_id, now=NOW)
        return found

    return await town.db.write(write)


async def text_of(door: TestClient, path: str, *, status: int = 200) -> str:
    async with door.get(path) as answer:
        assert answer.status == status
        return await answer.text()


async def test_the_page_shows_prices_by_day_costs_accounts_and_how_each_is_reckoned(
    door: TestClient, town: Town, cost_id: int
):
    page = await text_of(door, f"/disclosure/{town.community_id}")

    for fact in (
        "桂花苑 信息公示",
        "2.80元/㎡·月",
        "2026年6月1日到2026年12月31日执行",
        "建筑面积 × 单价 × 月数",
        "2.50元/㎡·月",
        "已停用",
        "3.00元/㎡·月",
        "将执行",
        "总数四舍五入到角",
        "每月最低 5.00元",
        "第2档：每年超过 216吨 到 300吨（每多一人加 75吨），4.10元/吨",
        "0.538元/度",
        "公式：面积 × 3 + 50",
        "代收代缴",
        "现在不收",
        "物业服务合同第十二条",
        f"/disclosure/{town.community_id}/shared/{cost_id}",
        "电梯广告",
        "分众传媒",
        "收入 ¥15,456.78，支出 ¥8,000.00",
    ):
        assert fact in page, fact


async def test_no_person_is_on_the_public_pages_wherever_she_is_in_the_books(
    door: TestClient, town: Town, cost_id: int
):
    pages = [
        await text_of(door, f"/disclosure/{town.community_id}"),
        await text_of(door, f"/disclosure/{town.community_id}/shared/{cost_id}"),
    ]

    assert [one for one in CANARIES for page in pages if one in page] == []
    assert "有疑问请找" not in "".join(pages)


async def test_a_canary_that_is_published_would_be_seen(door: TestClient, town: Town, cost_id: int):
    await town.change(update(public_accounts).values(note=CANARIES[0]))

    assert CANARIES[0] in await text_of(door, f"/disclosure/{town.community_id}")


async def test_a_shared_cost_is_shown_unit_by_unit_and_sums_to_the_whole(
    door: TestClient, town: Town, cost_id: int
):
    page = await text_of(door, f"/disclosure/{town.community_id}/shared/{cost_id}")

    assert 'data-shares-fen="123457"' in page
    assert "179.00㎡" in page
    for fact in ("3栋2单元501", "3栋2单元502", "89.50㎡", "¥617.29", "¥617.28"):
        assert fact in page, fact


async def test_the_units_of_a_shared_cost_follow_as_rooms_are_counted(
    door: TestClient, town: Town, cost_id: int
):
    rooms = ["3-2-1001", "3-2-101", "10-1-101", "3-10-101", "3-2-201"]
    shares = [{"unit": one, "weight": "0.1", "rank": 1, "fen": 100} for one in rooms]
    proof = {"total_fen": 500, "method": "by_area", "weight_sum": "0.5", "spare_fen": 0}
    await town.change(
        update(shared_costs)
        .where(shared_costs.c.id == cost_id)
        .values(proof=json.dumps(proof | {"shares": shares}), total_fen=500)
    )

    page = await text_of(door, f"/disclosure/{town.community_id}/shared/{cost_id}")

    in_order = ["3-2-101", "3-2-201", "3-2-1001", "3-10-101", "10-1-101"]
    assert sorted(in_order, key=page.index) == in_order
    assert page.count("0.10㎡") == 5
    assert "0.50㎡" in page


async def test_a_draft_and_another_communitys_cost_are_not_shown(
    door: TestClient, town: Town, cost_id: int
):
    page = await text_of(door, f"/disclosure/{town.community_id}")
    assert "2026年11月 电梯公摊" not in page

    for path in (
        f"/disclosure/{town.community_id}/shared/{cost_id + 1}",
        f"/disclosure/{town.community_id + 1}/shared/{cost_id}",
        f"/disclosure/{town.community_id}/shared/999999999999999999",
        f"/disclosure/{town.community_id}/shared/x",
        f"/disclosure/{town.community_id + 1}",
        "/disclosure/999999999999999999",
        "/disclosure/桂花苑",
        "/disclosure/",
    ):
        await text_of(door, path, status=404)

    await town.change(update(shared_costs).values(state="cancelled"))
    assert "2026年10月 电梯公摊" not in await text_of(door, f"/disclosure/{town.community_id}")


async def test_refund_times_are_told_only_of_several_refunds(door: TestClient, town: Town):
    order_no = await ordered(town)
    town.till.pay(order_no)
    settled = await town.db.write(settle_payment, town.till.fact(order_no), heard_at=NOW)
    assert settled.payment_id is not None
    spans = [timedelta(minutes=10), timedelta(hours=3), timedelta(hours=5), timedelta(days=2)]
    address = f"/disclosure/{town.community_id}"

    for is_enough in (False, True):
        more = spans if not is_enough else [timedelta(hours=4)]
        first = 0 if not is_enough else len(spans)
        await town.db.write(
            settled_refunds, town.community_id, settled.payment_id, more, first=first, now=NOW
        )
        page = await text_of(door, address)
        assert ("暂不统计" in page) is not is_enough

    assert "5 笔" in page
    assert "4 小时" in page
    assert "80%" in page


async def test_a_chat_asks_for_the_public_accounts_and_gets_the_page(
    door: TestClient, town: Town, cost_id: int
):
    address = town.links.disclosure_url(town.community_id)

    assert address == f"http://pay.test/disclosure/{town.community_id}"
    assert await town.db.read(shared_proof, town.community_id, cost_id) is not None


async def test_a_page_with_nothing_published_says_so(door: TestClient, town: Town):
    page = await text_of(door, f"/disclosure/{town.community_id}")

    for said in ("收费标准还没有录入", "没有公示中的公摊费用", "还没有公布公共收支", "暂不统计"):
        assert said in page


async def test_the_collection_rate_by_building_is_shown_only_where_the_office_chose_so(
    door: TestClient, town: Town, monkeypatch
):
    monkeypatch.setattr(collection, "LEAST_UNITS", 1)

    assert "收缴率" not in await text_of(door, f"/disclosure/{town.community_id}")
    await town.change(
        insert(month_reports).values(
            community_id=town.community_id,
            period="2026-10",
            facts="{}",
            made_at=NOW,
            published_at=NOW,
            shows_buildings=1,
        )
    )

    page = await text_of(door, f"/disclosure/{town.community_id}")

    assert re.search(r'<td class="n">\d+%</td>', page)
