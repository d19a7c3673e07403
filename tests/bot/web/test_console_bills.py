"""Bills in the console: found, issued as previewed, taken back and waived by other hands, once."""

import re
from decimal import Decimal

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient
from sqlalchemy import func, select, update

from storage.kinds import Account, StaffRole
from storage.ledger import balance
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.messages import outbox
from storage.models.operating import audit_records
from storage.models.refund_terms import bill_waivers
from storage.operations.staff import add_staff
from tests.bot.web.conftest import Open
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import NOW, Town

OCTOBER = "B2026-10-000001"
ISSUE = "/console/bills/issue"


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


def shown(html: str) -> list[str]:
    return re.findall('data-bill="([^"]+)"', html)


async def one_bill(town: Town, bill_no: str):
    asked = select(bills).where(bills.c.bill_no == bill_no)
    return await town.db.read(lambda tx: tx.execute(asked).one())


async def acts(town: Town, noun: str) -> list[tuple[str, int | None]]:
    asked = select(audit_records.c.act, audit_records.c.staff_id).where(
        audit_records.c.noun == noun
    )
    found = await town.db.read(lambda tx: tx.execute(asked.order_by(audit_records.c.id)).all())
    return [(row.act, row.staff_id) for row in found]


async def press(door: TestClient, html: str, act: str, **more: str):
    form = {"press": field(html, "press"), "seen": field(html, "seen"), "act": act} | more
    return await door.post(f"/console/bills/{OCTOBER}", data=form, allow_redirects=False)


async def ask_waiver(door: TestClient, amount: str = "60.60", name: str = "证明.jpg"):
    form = FormData()
    html = await page(door, f"/console/bills/{OCTOBER}")
    told = {"press": field(html, "press"), "kind": "hardship", "amount": amount, "reason": "住院"}
    for key, text in told.items():
        form.add_field(key, text)
    form.add_field("file", b"\xff\xd8 paper", filename=name, content_type="image/jpeg")
    return await door.post(f"/console/bills/{OCTOBER}/waiver", data=form, allow_redirects=False)


async def test_bills_are_found_by_month_fee_building_state_and_room_a_page_at_a_time(
    inside: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
):
    await town.change(update(bills).where(bills.c.bill_no == OCTOBER).values(paid_fen=60))
    wanted = {
        "": 4,
        "month=2026-10": 1,
        "month=2026-13": 4,
        "item=水费": 1,
        "state=overdue": 1,
        "state=part": 1,
        "state=settled": 0,
        "state=voided": 0,
        "state=waiver": 0,
        "q=502": 1,
        "q=３栋2单元501": 3,
        f"q={OCTOBER}": 1,
        "q=%25": 0,
        "q=' OR 1=1--": 0,
        "building=99": 0,
        "building=1&state=open": 4,
    }

    found = {asked: len(shown(await page(inside, f"/console/bills?{asked}"))) for asked in wanted}
    monkeypatch.setattr("bot.web.console_bills.ON_A_PAGE", 3)
    first = await page(inside, "/console/bills?state=open")
    after = re.findall(r'<a href="([^"]+)" rel="next"', first)[0].replace("&amp;", "&")
    second = await page(inside, after)

    assert found == wanted
    assert len(shown(first)) == 3
    assert shown(second) == [OCTOBER]
    assert 'rel="next"' not in second


async def test_j11_of_two_tabs_one_voids_a_bill_and_the_other_is_told(
    inside: TestClient, town: Town, desk: Desk
):
    html = await page(inside, f"/console/bills/{OCTOBER}")
    before = await town.db.read(balance, Account.RECEIVABLE)

    silent = await press(inside, html, "void", words="  ")
    first = await press(inside, html, "void", words="面积登记错了")
    second = await press(inside, html, "void", words="面积登记错了")
    other = await press(inside, html, "correct", words="面积登记错了")

    assert [one.status for one in (silent, first, second, other)] == [409, 303, 409, 409]
    assert "账上已经有变化" in await second.text()
    assert (await one_bill(town, OCTOBER)).void_reason == "面积登记错了"
    assert await town.db.read(balance, Account.RECEIVABLE) == before - 25060
    assert await acts(town, "bill") == [("void", desk.ours[StaffRole.MANAGER])]
    after = await page(inside, f"/console/bills/{OCTOBER}")
    assert "作废：面积登记错了" in after
    assert 'value="void"' not in after


async def test_who_asks_for_a_waiver_never_agrees_to_it_and_each_hand_is_on_the_books(
    inside: TestClient, town: Town, desk: Desk, open_doors: Open
):
    asker = desk.ours[StaffRole.MANAGER]
    other = await town.db.write(
        add_staff,
        name="另一位经理",
        phone="13900000009",
        role=StaffRole.MANAGER,
        community_ids=[town.community_id],
        now=NOW,
    )
    second = await open_doors(town.parts())
    await sign_in(second, town, other)

    asked = await ask_waiver(inside, name='x"; filename="evil.jpg')
    again = await ask_waiver(inside)
    number = asked.headers["Location"].rpartition("=")[2]
    html = await page(inside, f"/console/bills/{OCTOBER}")
    own = await press(inside, html, "approve", waiver=number)
    untouched = (await one_bill(town, OCTOBER)).amount_fen
    theirs = await page(second, f"/console/bills/{OCTOBER}")
    agreed = await press(second, theirs, "approve", waiver=number)
    twice = await press(second, theirs, "approve", waiver=number)

    assert asked.headers["Location"] == again.headers["Location"]
    assert (own.status, agreed.status, twice.status) == (409, 303, 409)
    assert "自己提出的事不能由自己审批" in await own.text()
    assert (untouched, (await one_bill(town, OCTOBER)).amount_fen) == (25060, 19000)
    assert await acts(town, "waiver") == [("ask", asker), ("approve", other)]
    assert await town.db.read(balance, Account.WAIVER) == 6060
    paper = await second.get(f"/console/waivers/{number}/paper")
    assert await paper.read() == b"\xff\xd8 paper"
    assert paper.headers["Content-Disposition"] == f'attachment; filename="{number}.jpg"'
    seen = await page(second, f"/console/bills/{OCTOBER}")
    assert seen.index("同意减免") < seen.index("申请减免")
    assert "另一位经理" in seen


async def test_a_cashier_asks_for_a_waiver_and_decides_on_nothing(
    door: TestClient, town: Town, desk: Desk
):
    await sign_in(door, town, desk.ours[StaffRole.CASHIER])

    asked = await ask_waiver(door)
    number = asked.headers["Location"].rpartition("=")[2]
    html = await page(door, f"/console/bills/{OCTOBER}")
    form = {"press": field(html, "press"), "seen": "x", "waiver": number}
    tried = [
        await door.post(f"/console/bills/{OCTOBER}", data=form | {"act": act, "words": "x"})
        for act in ("approve", "decline", "void", "correct")
    ]
    too_much = await ask_waiver(door, amount="9999")

    assert [one.status for one in tried] == [404] * 4
    assert too_much.status == 409
    assert 'value="9999"' in await too_much.text()
    states = await town.db.read(lambda tx: list(tx.execute(select(bill_waivers.c.state)).scalars()))
    assert states == ["asked"]
    assert (await one_bill(town, OCTOBER)).amount_fen == 25060


async def charge(town: Town) -> None:
    """Sign the opening sheet: the property fee has its price."""
    await town.change(update(communities).values(opened_at=NOW, widened_at=NOW))


async def issue(door: TestClient, html: str, act: str = "issue", month: str = "2026-12"):
    form = {"press": field(html, "press"), "community": field(html, "community"), "month": month}
    form |= {"seen": field(html, "seen") if act == "issue" else "", "act": act}
    return await door.post(ISSUE, data=form, allow_redirects=False)


async def counted(town: Town, where) -> int:
    asked = select(func.count()).select_from(where.table).where(where.like("%2026-12%"))
    return await town.db.read(lambda tx: tx.execute(asked).scalar_one())


async def test_a_month_is_issued_just_as_it_was_previewed_and_once(
    inside: TestClient, town: Town, desk: Desk
):
    await charge(town)
    where = f"{ISSUE}?month=2026-12"
    stale = await page(inside, where)
    second = units.c.id == town.second.unit_id
    await town.change(update(units).where(second).values(floor_area_m2=None))

    refused = await issue(inside, stale)
    nothing = await counted(town, bills.c.bill_no)
    html = await page(inside, where)
    made = await issue(inside, html)
    again = await issue(inside, html)
    told = [await issue(inside, html, "tell") for _ in range(2)]

    assert 'data-new="2"' in stale
    assert refused.status == 409
    assert "没有出账" in await refused.text()
    assert nothing == 0
    assert 'data-new="1"' in html
    assert 'data-left-out="area_missing"' in html
    assert [one.headers["Location"][-9:] for one in (made, again)] == ["&issued=1", "&issued=0"]
    assert [one.headers["Location"][-7:] for one in told] == ["&told=1", "&told=0"]
    assert await counted(town, bills.c.bill_no) == 1
    assert await acts(town, "billing") == [("issue", desk.ours[StaffRole.MANAGER])]
    news = select(outbox.c.id).where(outbox.c.event == "BillsIssued")
    assert len(await town.db.read(lambda tx: tx.execute(news).all())) == 1
    assert 'data-issued="1"' in await page(inside, where)


async def test_a_correction_leads_to_the_new_bill_and_both_name_each_other(
    inside: TestClient, town: Town
):
    await charge(town)
    await issue(inside, await page(inside, f"{ISSUE}?month=2026-12"))
    await town.change(update(units).values(floor_area_m2=Decimal(100)))
    where = "/console/bills/B2026-12-000001"
    html = await page(inside, where)
    form = {"press": field(html, "press"), "seen": field(html, "seen"), "act": "correct"}

    answer = await inside.post(where, data=form | {"words": "面积量错"}, allow_redirects=False)

    new_no = answer.headers["Location"].rpartition("/")[2]
    assert answer.status == 303
    assert (await one_bill(town, new_no)).amount_fen == 28000
    assert new_no in await page(inside, where)
    assert "B2026-12-000001" in await page(inside, f"/console/bills/{new_no}")


async def test_nothing_is_issued_before_the_opening_sheet_is_signed(inside: TestClient, town: Town):
    await charge(town)
    html = await page(inside, f"{ISSUE}?month=2026-12")
    await town.change(update(communities).values(opened_at=None))

    answer = await issue(inside, html)

    assert answer.status == 409
    assert "期初账还没有签字" in await answer.text()
    assert await counted(town, bills.c.bill_no) == 0
