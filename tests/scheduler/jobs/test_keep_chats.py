"""Chats of staff at WeCom: made once, told by the outbox, and their members are those who work."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from bot.channels.exchange import Patience
from bot.channels.wecom import Config, Wecom
from bot.channels.wecom_tasks import CustomerGroup
from bot.sandbox.clock import VirtualClock
from bot.sandbox.ground import CallLog, Ground
from bot.sandbox.keys import Names
from bot.sandbox.wecom import PREFIX, WecomRobots
from bot.sandbox.wecom_app import WecomApp
from scheduler.jobs import deliver_outbox, keep_chats
from storage.kinds import OutboxState, StaffRole
from storage.models.estate import communities
from storage.models.messages import delivery_attempts, outbox
from storage.models.people import identities, staff
from storage.operations.alarms import tell_of_troubles
from storage.operations.staff import dismiss
from storage.operations.work_chats import know_work_chats
from tests import factories
from tests.factories import NOW
from tests.scheduler.conftest import Hall
from tests.scheduler.jobs.test_raise_alarms import heal, trouble

GROUP, EVERYBODY, ELSEWHERE, RESIDENTS = "工作群", "全体同事", "别处工作群", "3栋业主群"


@dataclass
class Office:
    """A hall whose staff speak in an app of WeCom."""

    hall: Hall
    app: WecomApp
    channel: Wecom

    async def keep(self) -> dict[str, int]:
        deps = replace(self.hall.deps, staff_chats={"office": self.channel})
        return await keep_chats.run(deps, self.hall.now)

    async def deliver(self) -> None:
        deps = replace(self.hall.deps, channels={"office": self.channel})
        await deliver_outbox.run(deps, self.hall.now)

    async def work(self, userid: str) -> None:
        """Let a colleague begin to work here, bound in WeCom."""
        self.app.add_member(userid, userid)
        await self.hall.db.write(_begin, self.hall.stage.world.community_id, userid)

    async def leave(self, userid: str) -> None:
        await self.hall.db.write(dismiss, await self.hall.db.read(_phone, userid), now=NOW)

    async def alarm(self) -> None:
        await self.hall.db.write(trouble, at=self.hall.now)
        await self.hall.db.write(tell_of_troubles, group=GROUP, now=self.hall.now)

    async def states(self) -> set[tuple[str, str]]:
        asked = select(outbox.c.account, outbox.c.state).where(outbox.c.recipient == GROUP)
        return await self.hall.db.read(lambda tx: {tuple(one) for one in tx.execute(asked)})

    def members(self, group: str = GROUP) -> list[str]:
        """Return who sits in the one chat of a name, as the platform knows it."""
        assert self.app.chats().count(group) <= 1, "made twice"
        number = self.app.book.value("SELECT chatid FROM chats WHERE name = ?", group)
        chat = None if number is None else self.app.chat(number)
        return [] if chat is None else [chat["owner"], *chat["userlist"]]

    def said(self) -> int:
        return len(self.app.robots.messages(GROUP))


def _begin(tx, community_id: int, userid: str) -> None:
    member = factories.add_staff(tx, community_id, userid, StaffRole.STEWARD, f"demo-{userid}")
    row = {"account": "office", "openid": userid, "first_seen_at": NOW, "staff_id": member}
    tx.execute(identities.insert().values(row))


def _phone(tx, userid: str) -> str:
    return str(tx.execute(select(staff.c.phone).where(staff.c.name == userid)).scalar_one())


@pytest.fixture
async def office(hall: Hall, tmp_path: Path) -> AsyncIterator[Office]:
    clock = VirtualClock(tmp_path / "clock.json")
    ground = Ground(tmp_path, "", clock, CallLog(clock))
    robots, keys = WecomRobots(ground), Names.invent()
    app = WecomApp(ground, keys, robots)
    street = web.Application()
    street.add_routes(robots.routes() + app.routes())
    server = TestServer(street)
    await server.start_server(access_log=None)
    place = await hall.db.read(lambda tx: tx.execute(select(communities.c.name)).scalar_one())
    config = Config(
        *("office", keys.corp_id, keys.agent_id, app.secret),
        *(keys.wecom_token, keys.wecom_aes_key, f"{server.make_url('')}".rstrip("/") + PREFIX),
        residents_groups={
            RESIDENTS: CustomerGroup(app.customers.add_group(RESIDENTS, "zhou"), "zhou")
        },
        groups={GROUP: place, EVERYBODY: "", ELSEWHERE: "别处"},
    )
    names = dict.fromkeys([*config.groups, RESIDENTS], "office")
    await hall.db.write(know_work_chats, ["office"], names, {RESIDENTS: "zhou"})
    async with aiohttp.ClientSession() as http:
        now = hall.stage.clock.now
        yield Office(hall, app, Wecom(config, http=http, now=now, patience=Patience(answer=0.4)))
    await ground.close()
    await server.close()
    robots.book.close()
    app.book.close()


async def test_a_chat_is_made_once_and_its_members_are_those_who_work_here(office: Office):
    await office.work("zhou")
    alone = await office.keep()
    await office.work("lin")
    made, same = await office.keep(), await office.keep()
    first = office.members()
    await office.work("wu")
    joined = await office.keep()
    await office.leave("zhou")
    left = await office.keep()

    assert alone == {"too_few": 3}
    assert (made, same) == ({"made": 2, "too_few": 1}, {"same": 2, "too_few": 1})
    assert first == ["zhou", "zhou", "lin"]
    assert joined == left == {"changed": 2, "too_few": 1}
    assert office.members() == office.members(EVERYBODY) == ["lin", "lin", "wu"]
    assert office.members(ELSEWHERE) == []


async def test_an_alarm_waits_for_its_chat_and_stands_in_it_once(office: Office):
    await office.work("zhou")
    await office.work("lin")
    await office.alarm()
    await office.deliver()
    waits, early = await office.states(), office.said()
    await office.keep()
    office.hall.later(minutes=11)
    await office.deliver()
    told = office.said()
    await office.hall.db.write(heal, at=office.hall.now)
    await office.deliver()

    assert (waits, early) == ({("office", OutboxState.WAITING)}, 0)
    assert (await office.states(), told, office.said()) == ({("office", OutboxState.SENT)}, 4, 4)
    asked = select(delivery_attempts.c.route).distinct()
    ways = await office.hall.db.read(lambda tx: list(tx.execute(asked).scalars()))
    assert ways == ["group"], "the app's own way would be repeated as if the platform knew our id"


async def test_a_platform_that_refuses_is_asked_again_at_the_next_look(office: Office):
    await office.work("zhou")
    await office.work("lin")
    office.app.ground.faults.add("wecom", {"kind": "errcode", "path": "/create", "code": 60011})
    refused, later = await office.keep(), await office.keep()

    assert refused == {"refused": 1, "made": 1, "too_few": 1}
    assert later == {"made": 1, "same": 1, "too_few": 1}
    assert office.members() == ["zhou", "zhou", "lin"]


@pytest.mark.parametrize("group", ["", "zhou", "群" * 51])
def test_a_chat_cannot_be_named_like_a_member(group: str):
    with pytest.raises(ValueError, match="groups"):
        Config("office", "ww1", "1", "s", "t", "k", groups={group: ""})
