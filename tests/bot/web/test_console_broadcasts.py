"""Broadcasts in the console: counted by reason, agreed to, paused, and told person by person."""

import re
from datetime import date

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import insert, select, update

from storage.events import NoticeSent
from storage.kinds import BroadcastState, OutboxState, StaffRole, Urgency
from storage.models.bills import bills
from storage.models.messages import delivery_attempts, outbox
from storage.models.notices import broadcasts
from storage.models.people import identities
from storage.models.policies import policies
from storage.operations import broadcasting, notices
from storage.operations.notices import Writing
from storage.operations.work_chats import know_work_chats
from storage.outbox import Addressee, enqueue
from storage.queries.audiences import Audience
from storage.queries.residents import Staff
from tests import factories
from tests.bot.web.conftest import Open
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import NOW, Town

WAITS_MANY = "超过 1 人，确认后还要另一位同事同意"


@pytest.fixture
async def desk(town: Town) -> Desk:
    return await furnish(town)


@pytest.fixture
async def steward(town: Town, desk: Desk, open_doors: Open) -> TestClient:
    door = await open_doors(town.parts())
    await sign_in(door, town, desk.ours[StaffRole.STEWARD])
    return door


@pytest.fixture
async def manager(town: Town, desk: Desk, open_doors: Open) -> TestClient:
    door = await open_doors(town.parts())
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


async def write(door: TestClient, act: str = "draft", **clicked) -> tuple[int, str, str]:
    """Send the form of a new broadcast; return its status, where it leads, and the page."""
    html = await page(door, "/console/broadcasts/new")
    form = {"press": field(html, "press"), "act": act, "text": "周六上午打药。"} | clicked
    answer = await door.post("/console/broadcasts", data=form, allow_redirects=False)
    return answer.status, answer.headers.get("Location", ""), await answer.text()


async def step(door: TestClient, where: str, act: str, **more) -> tuple[int, str]:
    html = await page(door, where)
    form = {"press": field(html, "press"), "act": act} | more
    answer = await door.post(where.partition("?")[0], data=form, allow_redirects=False)
    return answer.status, await answer.text()


async def states(town: Town) -> list[str]:
    """Where all broadcasts stand, but for the one that furnishes the town."""
    chosen = select(broadcasts.c.state).order_by(broadcasts.c.id)
    return (await town.db.read(lambda tx: list(tx.execute(chosen).scalars())))[1:]


async def test_who_is_meant_is_clicked_and_counted_by_reason_before_anything_is_written(
    steward: TestClient, town: Town
):
    off = update(identities).where(identities.c.openid == "openid-3-2-502").values(muted="notices")
    await town.change(off)

    status, _, html = await write(steward, "count", building="3栋", role="owner")

    assert status == 200
    assert "3栋，业主<" in html
    assert 'data-figure="recipients">1 人' in html
    assert "关了通知" in html
    assert "周六上午打药。" in html
    assert await states(town) == []


@pytest.mark.parametrize(
    ("clicked", "told"),
    [
        ({"text": "3栋2单元501欠费580元"}, "住户隐私"),
        ({"text": ""}, "内容太长"),
        ({"rooms": "9-9-999"}, "没看懂要发给谁"),
        ({"entrance": "2"}, "没看懂要发给谁"),
        ({"yuan": "很多"}, "很多"),
        ({"category": "legal"}, "权限"),
    ],
)
async def test_what_may_not_be_written_is_told_beside_what_was_typed(
    steward: TestClient, town: Town, clicked: dict[str, str], told: str
):
    status, _, html = await write(steward, **clicked)

    assert status == 409
    assert told in html[html.index('role="alert"') :]
    assert clicked.get("text", "周六上午打药。") in html
    assert await states(town) == []


async def test_a_draft_is_its_writers_alone_until_she_confirms_it(
    steward: TestClient, manager: TestClient, town: Town
):
    _, where, _ = await write(steward, building="3栋")
    await page(manager, where, status=404)
    assert where.rpartition("/")[2] not in await page(manager, "/console/broadcasts")

    status, html = await step(steward, where, "confirm", send_at="2020-01-01T09:00")
    assert (status, "它已经过了" in html) == (409, True)
    later = {"send_at": "2026-11-24T09:00"}
    assert (await step(steward, where, "confirm", **later))[0] == 303

    assert await states(town) == ["scheduled"]
    assert "2026-11-24 09:00" in await page(manager, where)
    for act in ("pause", "resume", "pause", "cancel"):
        assert (await step(manager, where, act))[0] == 303
    assert (await step(steward, "/console/broadcasts/N0001", "resume"))[0] == 409
    assert await states(town) == ["cancelled"]


async def test_over_the_number_it_waits_for_another_who_opens_its_page(
    steward: TestClient, manager: TestClient, town: Town
):
    few = {"effective_on": date(2020, 1, 1), "broadcast_approval_over": 1}
    await town.change(insert(policies).values(community_id=town.community_id, **few))
    _, where, _ = await write(steward)
    assert WAITS_MANY in await page(steward, where)
    await step(steward, where, "confirm")

    refused, html = await step(steward, where, "approve")
    agreed, _ = await step(manager, where, "approve")

    assert (refused, agreed) == (409, 303)
    assert "不能由自己审批" in html
    assert await states(town) == ["scheduled"]


async def test_the_writer_sees_it_on_her_own_phone_first(
    steward: TestClient, town: Town, desk: Desk
):
    _, where, _ = await write(steward, text="{姓名}您好。")
    status, html = await step(steward, where, "preview")
    assert (status, "员工绑定" in html) == (409, True)
    hers = insert(identities).values(
        account="demo", openid="o-staff", first_seen_at=NOW, staff_id=desk.ours[StaffRole.STEWARD]
    )
    await town.change(hers)

    status, _ = await step(steward, where, "preview")

    told = await town.db.read(
        lambda tx: [
            row.recipient
            for row in tx.execute(select(outbox).where(outbox.c.event == "NoticeSent"))
        ]
    )
    assert (status, told, await states(town)) == (303, ["o-staff"], ["draft"])


async def test_progress_is_told_by_person_with_the_reason_and_who_paid_afterwards(
    steward: TestClient, town: Town
):
    await town.change(update(bills).values(due_on=date(2026, 10, 25)))
    _, where, _ = await write(steward, days="1", text="您有账单过了应缴日。")
    await step(steward, where, "confirm")
    number = where.rpartition("/")[2]
    found = select(broadcasts.c.id).where(broadcasts.c.broadcast_no == number)
    key = await town.db.read(lambda tx: tx.execute(found).scalar_one())
    await town.db.write(broadcasting.begin, key, now=NOW)
    await town.db.write(broadcasting.queue_part, key, now=NOW)
    before = await (await steward.get(f"{where}/state")).json()
    of_it = outbox.c.broadcast_id == key

    def deliver(tx):
        first = outbox.c.recipient == "openid-3-2-501"
        tx.execute(update(outbox).where(of_it).values(state="dead", why="被平台拒收"))
        tx.execute(update(outbox).where(of_it, first).values(state="sent", why="", sent_at=NOW))

    await town.db.write(deliver)
    for flat in (town.first, town.second):
        await town.db.write(factories.pay, flat.unit_id, flat.bill_ids, paid_at=NOW)

    html = await page(steward, where)
    assert before != await (await steward.get(f"{where}/state")).json()
    assert re.search(r'data-figure="sent">1 人', html)
    assert re.search(r'data-figure="paid">1 户', html)
    assert "送达 1 户，之后7天内缴过费" in html
    assert "没有已读人数" in html
    failed = await page(steward, f"{where}/people?of=failed")
    assert ("平台没有接收" in failed, "502" in failed, "501" in failed) == (True, True, False)
    assert (await step(steward, where, "resend"))[0] == 303
    assert await states(town) == [BroadcastState.SENDING]
    assert "这里没有人" in await page(steward, f"{where}/people?of=failed")
    assert "这里没有人" in await page(steward, f"{where}/people?of=left")


async def test_each_group_stands_with_its_limits_and_residents_wait_for_their_owner(
    manager: TestClient, town: Town, desk: Desk
):
    empty = await page(manager, "/console/broadcasts")
    told = {"值班群": "wecom", "工作群": "office", "3栋业主群": "office"}
    await town.db.write(know_work_chats, ["office"], told, {"3栋业主群": "zhou"})
    writer = Staff(desk.ours[StaffRole.MANAGER], "陈", StaffRole.MANAGER, (town.community_id,))
    audience = Audience(town.community_id, group="3栋业主群")
    writing = Writing(audience, "3栋业主群（群）", "notice", "周六清洗水箱")
    view = await town.db.write(notices.draft, writing, by=writer, now=NOW)
    where = f"/console/broadcasts/{view.broadcast_no}"
    before = await page(manager, where)
    await town.db.write(_asked, view.broadcast_id, view.community_id)
    waits, people = await page(manager, where), await page(manager, f"{where}/people")
    listed = await page(manager, "/console/broadcasts")

    assert "还没有接上群" in empty
    assert re.findall(r'data-group="([^"]+)"', listed) == sorted(told)
    limits = (
        "群机器人来说：一分钟最多 20 条",
        "绑定的同事自动进群",
        "要群主 zhou 在企业微信里点“发送”",
    )
    assert [words in listed for words in limits] == [True] * 3
    assert "本月已请群主发 0 条" in before
    assert "今天已经有 1 条" in listed
    assert "等群主点发送：住户还没有看到" in waits
    assert "已送达 " not in waits
    assert 'data-figure="sent"' not in waits
    assert "等群主点发送" in people


def _asked(tx, broadcast_id: int, community_id: int) -> None:
    """Have the owner asked, by hand: what the outbox and its attempt look like then."""
    to = Addressee("office", "3栋业主群")
    event = NoticeSent("N1", "翡翠湾", "notice", "周六清洗水箱")
    key = enqueue(
        tx,
        event,
        to,
        key="group",
        urgency=Urgency.NOTICE,
        now=NOW,
        community_id=community_id,
    )
    assert key is not None
    mine = outbox.c.message_key == "group"
    values = {"state": OutboxState.SENT, "route": "group_task", "broadcast_id": broadcast_id}
    tx.execute(update(outbox).where(mine).values(values))
    row = tx.execute(select(outbox.c.id).where(mine)).scalar_one()
    attempt = {"outbox_id": row, "tried_at": NOW, "route": "group_task", "verdict": "sent"}
    tx.execute(insert(delivery_attempts).values(attempt | {"platform_message_id": "m1"}))
    begun = {"state": BroadcastState.SENDING, "started_at": NOW}
    tx.execute(update(broadcasts).where(broadcasts.c.id == broadcast_id).values(begun))
