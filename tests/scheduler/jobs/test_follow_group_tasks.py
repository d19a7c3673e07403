"""A notice to residents' own group waits for its owner: reminded, sent by her, or taken back."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from handlers.staff.broadcast_report import reason, task_words
from handlers.staff.preview import limit_words
from scheduler.jobs import follow_group_tasks, send_broadcasts
from storage.errors import CommunitySilent
from storage.kinds import BroadcastState, StaffRole
from storage.models.estate import communities
from storage.operations import notices
from storage.operations.notices import Writing
from storage.queries.audiences import Audience
from storage.queries.group_tasks import GroupKind, group_limits
from storage.queries.notices import BroadcastReport, deliveries, figures, find_broadcast
from storage.queries.residents import Staff
from tests import factories
from tests.scheduler.jobs.test_keep_chats import RESIDENTS, Office, office  # noqa: F401 - fixture


class Notice:
    """One notice to the residents' group, and what the group has read."""

    def __init__(self, place: Office, by: Staff) -> None:
        self.office, self.by, self.no = place, by, ""

    async def write(self, text: str = "周六清洗水箱") -> None:
        hall = self.office.hall
        audience = Audience(self.by.community_ids[0], group=RESIDENTS)
        writing = Writing(audience, f"{RESIDENTS}（群）", "notice", text)
        view = await hall.db.write(notices.draft, writing, by=self.by, now=hall.now)
        self.no = view.broadcast_no
        await hall.db.write(notices.confirm, self.no, by=self.by, now=hall.now)
        await self.go_on()

    async def go_on(self, **by: float) -> dict[str, int]:
        """Let time pass and every job take its turn; return what the follower did."""
        hall = self.office.hall
        hall.later(**by or {"minutes": 1})
        app = self.office.app.ground.clock
        await app.advance_to(max(app.now(), hall.now))
        await send_broadcasts.run(hall.deps, hall.now)
        await self.office.deliver()
        deps = replace(hall.deps, staff_chats={"office": self.office.channel})
        done = await follow_group_tasks.run(deps, hall.now)
        await send_broadcasts.run(hall.deps, hall.now)
        return done

    async def report(self) -> BroadcastReport:
        ids = self.by.community_ids
        view = await self.office.hall.db.read(find_broadcast, self.no, community_ids=ids)
        return await self.office.hall.db.read(figures, view)

    async def why(self) -> list[str]:
        view = (await self.report()).broadcast
        return [reason(one) for one in await self.office.hall.db.read(deliveries, view)]

    def tasks(self) -> list[tuple[str, str]]:
        return [(one["state"], one["msgid"]) for one in self.office.app.customers.tasks()]

    def read(self) -> list[str]:
        return [one["text"] for one in self.office.app.robots.messages(RESIDENTS)]


def _member(tx, community_id: int) -> Staff:
    key = factories.add_staff(tx, community_id, "陈", StaffRole.MANAGER, "m-chen")
    return Staff(key, "陈", StaffRole.MANAGER, (community_id,))


@pytest.fixture
async def notice(office: Office) -> Notice:  # noqa: F811 - the fixture
    await office.work("zhou")
    community_id = office.hall.stage.world.community_id
    return Notice(office, await office.hall.db.write(_member, community_id))


async def test_residents_read_nothing_until_the_owner_presses_and_she_is_reminded(notice: Notice):
    hall = notice.office.hall
    await notice.write()
    early = await notice.report()
    quiet = await notice.go_on(hours=3)
    reminded = await notice.go_on(hours=2)
    waiting, unread = await notice.report(), notice.read()
    notice.office.app.customers.press(notice.tasks()[0][1])
    sent = await notice.go_on()
    done = await notice.report()

    assert early.task is not None
    assert (quiet, reminded, sent) == ({"waiting": 1}, {"reminded": 1}, {"sent": 1})
    assert waiting.broadcast.state is BroadcastState.SENDING
    assert waiting.task is not None
    assert task_words(waiting.task).startswith("等群主点发送：住户还没有看到，已提醒 1 次")
    assert unread == []
    assert len(notice.read()) == 1
    assert (done.broadcast.state, done.task) == (BroadcastState.DONE, None)
    limits = await hall.db.read(group_limits, RESIDENTS, now=hall.now)
    assert limits is not None
    assert (limits.kind, limits.owner) == (GroupKind.RESIDENTS, "zhou")
    assert (limits.today, limits.this_month) == (1, 1)
    assert "今天已经有 1 条" in limit_words(limits)


async def test_what_is_not_pressed_in_two_days_is_taken_back_before_it_may_be_sent_again(
    notice: Notice,
):
    await notice.write()
    taken_back = await notice.go_on(hours=49)
    why = await notice.why()
    hall = notice.office.hall
    again = await hall.db.write(notices.resend_failed, notice.no, by=notice.by, now=hall.now)
    await notice.go_on()
    for _, msgid in notice.tasks():
        notice.office.app.customers.press(msgid)
    await notice.go_on()

    assert taken_back == {"not_pressed": 1}
    assert why == ["群主两天没有点发送，已经收回"]
    assert again == 1
    assert [state for state, _ in notice.tasks()] == ["cancelled", "pressed"]
    assert len(notice.read()) == 1


async def test_a_cancelled_notice_is_taken_from_the_owner_and_a_second_one_of_a_day_is_not_shown(
    notice: Notice,
):
    await notice.write("第一条")
    notice.office.app.customers.press(notice.tasks()[0][1])
    await notice.go_on()
    await notice.write("第二条")
    notice.office.app.customers.press(notice.tasks()[1][1])
    await notice.go_on()
    already = await notice.why()
    await notice.write("第三条")
    hall = notice.office.hall
    await hall.db.write(notices.cancel, notice.no, by=notice.by, now=hall.now)
    taken_back = await notice.go_on()

    assert already == ["这个群今天已经发过一条，企业微信没有再发"]
    assert taken_back == {"cancelled": 1}
    assert [state for state, _ in notice.tasks()] == ["pressed", "pressed", "cancelled"]
    assert len(notice.read()) == 1


async def test_an_answer_that_is_lost_asks_the_owner_only_once(notice: Notice):
    lost = {"kind": "timeout_after", "on": "answer", "path": "/add_msg_template"}
    notice.office.app.ground.faults.add("wecom", lost)
    await notice.write()
    for _ in range(3):
        await notice.go_on(hours=1)

    assert len(notice.tasks()) == 1
    assert await notice.why() == ["可能收到了，平台没有回应"]


async def test_at_night_no_owner_is_asked_or_reminded_and_before_the_opening_none_at_all(
    notice: Notice,
):
    hall = notice.office.hall
    await notice.write()
    late = [await notice.go_on(hours=9 + n) for n in range(2)]
    await notice.write("夜里写的")
    at_night = len(notice.tasks())
    await hall.db.write(lambda tx: tx.execute(update(communities).values(opened_at=None)))

    with pytest.raises(CommunitySilent):
        await notice.write("还没有签字")
    assert (late, at_night) == ([{"reminded": 1}, {"waiting": 1}], 1)
