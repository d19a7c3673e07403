"""The page of reconciliation: for who looks after the money, by her own link, while it lasts."""

from datetime import date, timedelta

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select, update

from storage.kinds import StaffRole
from storage.models.estate import communities
from storage.models.people import staff, staff_communities
from storage.models.reconciliation import gateway_statements
from storage.operations.findings import close_finding, keep_finding
from storage.queries.agreement import Finding
from storage.rules.agreeing import HEALED, DifferenceKind
from tests.bot.web.town import NOW, TODAY, Town

DAY = TODAY - timedelta(days=1)


def found(kind: DifferenceKind, reference: str, theirs_fen: int | None = None) -> Finding:
    return Finding(kind, "wechat_pay", DAY, reference, None, theirs_fen)


async def employ(town: Town, role: StaffRole = StaffRole.CASHIER) -> int:
    """Employ somebody of the town's community, with yesterday's statement compared."""

    def write(tx: Connection) -> int:
        staff_id: int = tx.execute(
            staff.insert().values(name="小吴", phone="13900000001", role=role).returning(staff.c.id)
        ).scalar_one()
        community_id = tx.execute(select(communities.c.id)).scalars().first()
        tx.execute(staff_communities.insert().values(staff_id=staff_id, community_id=community_id))
        tx.execute(
            gateway_statements.insert().values(
                gateway="wechat_pay",
                merchant_id="1",
                day_on=DAY,
                state="agreed",
                line_count=3,
                paid_fen=75_180,
                fee_fen=451,
                asked_at=NOW,
                agreed_at=NOW,
            )
        )
        keep_finding(tx, found(DifferenceKind.PLATFORM_ONLY, "<b>CONSOLE1</b>", 12_345), now=NOW)
        healed = found(DifferenceKind.STATE, "W1", 25_060)
        close_finding(tx, healed, HEALED, now=NOW)
        return staff_id

    return await town.db.write(write)


def path_of(town: Town, staff_id: int, expires_on: date = TODAY) -> str:
    url = town.links.reconciliation_url(staff_id, expires_on=expires_on)
    return url.removeprefix("http://pay.test")


async def test_the_page_shows_statements_differences_and_their_history(
    door: TestClient, town: Town
):
    page = await door.get(path_of(town, await employ(town)))

    text = await page.text()
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "微信支付" in text
    assert "¥751.80" in text
    assert "¥747.29" in text, "what the bank should get: paid less fee"
    assert 'data-kind="platform_only"' in text
    assert "&lt;b&gt;CONSOLE1" in text, "what a platform wrote is text"
    assert "自动核对上了" in text
    assert "等着处理的差异一共 1 件" in text


async def test_another_day_has_its_own_page_and_nonsense_is_yesterday(door: TestClient, town: Town):
    path = path_of(town, await employ(town))

    empty = await (await door.get(f"{path}?day=2026-01-01")).text()
    odd = await (await door.get(f"{path}?day=<script>")).text()

    assert "还没有来" in empty
    assert "data-kind" not in empty
    assert "data-kind" in odd


async def test_the_link_opens_for_nobody_else_and_not_for_ever(door: TestClient, town: Town):
    staff_id = await employ(town)
    path = path_of(town, staff_id)
    receipt = f"/reconciliation/{town.links.receipt_token(staff_id)}"
    over = path_of(town, staff_id, TODAY - timedelta(days=1))
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")

    for address in (receipt, over, forged, path_of(town, staff_id + 1)):
        page = await door.get(address)
        assert page.status in (404, 410), address
        assert "CONSOLE1" not in await page.text()


@pytest.mark.parametrize("values", [{"is_active": False}, {"role": StaffRole.STEWARD}])
async def test_who_left_or_no_longer_looks_after_money_sees_nothing(
    door: TestClient, town: Town, values
):
    staff_id = await employ(town)
    path = path_of(town, staff_id)
    assert (await door.get(path)).status == 200

    await town.db.write(lambda tx: tx.execute(update(staff).values(**values)) and None)

    assert (await door.get(path)).status in (404, 410)
