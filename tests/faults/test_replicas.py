"""Several `wuyebot run` on one PostgreSQL: each answers, and what is done is done once."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from bot import demo_seed
from bot.demo_templates import sandbox_templates
from storage import outbox
from storage.database import open_database, open_reader
from storage.events import TalkMoved
from storage.kinds import Urgency
from storage.models.messages import delivery_attempts
from storage.models.messages import outbox as messages
from storage.models.operating import job_runs
from storage.models.people import identities
from storage.operations.job_runs import baseline
from storage.queries.proofs import prove
from tests.faults.process import Program, Stage, call, eventually, free_port
from tests.postgres import Postgres

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]

CONFIG = """
[web]
base_url = "http://127.0.0.1:{port}"
port = {port}
requests_per_minute = 0
[company]
name = "云栖物业服务有限公司"
[links]
secret = "{secret}"
[database]
url = "{database_url}"
[channels.demo]
kind = "wechat_official"
app_id = "{wechat[appid]}"
app_secret = "{wechat[app_secret]}"
original_id = "{wechat[original_id]}"
token = "{wechat[token]}"
aes_key = "{wechat[aes_key]}"
base_url = "{wechat[api_base_url]}"
oauth_url = "{wechat[api_base_url]}"
[gateways.wechat_pay]
mchid = "{wechat_pay[mchid]}"
app_id = "{wechat_pay[appid]}"
api_v3_key = "{wechat_pay[api_v3_key]}"
merchant_serial = "{wechat_pay[merchant_serial]}"
merchant_private_key_file = "{wechat_pay[merchant_private_key_file]}"
platform_public_key_file = "{wechat_pay[platform_public_key_file]}"
platform_public_key_id = "{wechat_pay[platform_public_key_id]}"
base_url = "{wechat_pay[base_url]}"
notify_url = "http://127.0.0.1:{port}/notify/wechat_pay/demo"
"""
NIGHTLY = ("accrue_late_fees", "check_ledger", "recognise_income", "tell_unanswered")
NIGHTS = 2
ALL_NIGHTS = NIGHTS * len(NIGHTLY)
MESSAGES = 60


class Replicas(Stage):
    """Platforms with the real time, and as many bots on one database as a test starts."""

    people: demo_seed.DemoPeople
    ports: tuple[int, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        return {"residents": self.people.residents}

    def start(self, *roles: str) -> list[Program]:
        """Start one bot per list of roles, all at once."""
        facts = self.control("platforms")
        self.ports = tuple(free_port() for _ in roles)
        begun = []
        for port, these in zip(self.ports, roles, strict=True):
            config = self.folder / f"{port}.toml"
            written = CONFIG.format(
                port=port, secret="s" * 40, database_url=self.database_url, **facts
            )
            config.write_text(written, encoding="utf-8")
            begun.append(self._run(["run", "--config", str(config), "--roles", these], "bot"))
        return [
            one.awaited(f"http://127.0.0.1:{port}/healthz")
            for one, port in zip(begun, self.ports, strict=True)
        ]

    def behind(self, chat: int, notify: int) -> None:
        """Lead chat and notices to these bots, as a proxy before all of them may."""
        self.control(
            "bots",
            callback_url=f"http://127.0.0.1:{chat}/wechat/demo",
            notify_urls={"wechat_pay": f"http://127.0.0.1:{notify}/notify/wechat_pay/demo"},
            followers=[{"openid": one, "nickname": one[-4:]} for one in self.everybody],
            templates=sandbox_templates(),
        )

    @property
    def everybody(self) -> list[str]:
        """Name who has a chat with us."""
        known = [*(one for one in self.people.residents if one["bound"]), *self.people.staff]
        return sorted({one["openid"] for one in known})

    def ask(self, question: Any) -> Any:
        """Ask the books beside the running bots."""

        async def look() -> Any:
            async with open_reader(self.database_url) as db:
                return await db.read(question)

        return asyncio.run(look())

    def write(self, operation: Any) -> None:
        """Write to the books beside the running bots."""

        async def put() -> None:
            async with open_database(self.database_url) as db:
                await db.write(operation)

        asyncio.run(put())


@pytest.fixture
def replicas(migrated_postgres: Postgres, tmp_path: Path) -> Iterator[Replicas]:
    """Give a seeded company whose nightly jobs have missed two nights."""
    url = migrated_postgres.copy()
    stage = Replicas(tmp_path, database_url=url)
    now = datetime.now(UTC)

    async def seed() -> None:
        async with open_database(url) as db:
            stage.people = await demo_seed.seed(db, folder=tmp_path, now=now, account="demo")
            before = (now - timedelta(days=NIGHTS)).strftime("%Y-%m-%dT%H:%M:%S+0000")
            for job in NIGHTLY:
                await db.write(baseline, job, before)

    asyncio.run(seed())
    with closing(stage):
        stage.start_platforms()
        yield stage
    migrated_postgres.drop(url)


def runs(tx: Connection) -> list[tuple[str, int, int]]:
    """Return (job, its finished nights, the highest epoch of any), without where it began."""
    rows = tx.execute(
        select(job_runs.c.job, func.count() - 1, func.max(job_runs.c.epoch))
        .where(job_runs.c.state == "done", job_runs.c.job.in_(NIGHTLY))
        .group_by(job_runs.c.job)
        .having(func.count() > 1)
        .order_by(job_runs.c.job)
    )
    return [(job, count, epoch) for job, count, epoch in rows]


def nights(tx: Connection) -> int:
    """Count the finished nights of all these jobs."""
    return sum(count for _, count, _ in runs(tx))


def unsent(tx: Connection) -> int:
    """Count what waits to be said."""
    waits = messages.c.state.in_(("waiting", "claimed"))
    return int(tx.execute(select(func.count()).where(waits)).scalar_one())


def attempts(tx: Connection) -> int:
    """Count the tries of the messages that a colleague wrote."""
    whole = delivery_attempts.join(messages, messages.c.id == delivery_attempts.c.outbox_id)
    mine = select(func.count()).select_from(whole).where(messages.c.message_key.like("said:%"))
    return int(tx.execute(mine).scalar_one())


def say_much(tx: Connection) -> None:
    """Have a colleague answer everybody several times."""
    everybody = tx.execute(select(identities).order_by(identities.c.id)).all()
    for number in range(MESSAGES):
        one = everybody[number % len(everybody)]
        outbox.enqueue(
            tx,
            TalkMoved("answered", f"第{number}句"),
            outbox.Addressee(one.account, one.openid, one.id),
            key=f"said:{number}",
            urgency=Urgency.RECEIPT,
            now=datetime.now(UTC),
        )


def test_two_that_do_everything_answer_each_and_do_everything_once(replicas: Replicas):
    both = replicas.start("web,worker,scheduler", "scheduler,web,worker")
    first, second = replicas.ports
    ann, ben = replicas.openid(0), replicas.openid(1)
    replicas.behind(first, second)
    for openid in replicas.everybody:
        replicas.say(openid, "你好")

    owed = replicas.say(ann, "我欠多少")
    asked = replicas.say(ben, "水表")
    order_no = replicas.order(ann)
    replicas.pay(order_no)
    replicas.behind(second, first)
    went_on = replicas.say(ann, "我要退款")
    replicas.write(say_much)
    eventually(lambda: replicas.ask(unsent) == 0, within=60, what="all is said")
    eventually(lambda: replicas.ask(nights) >= ALL_NIGHTS, within=60, what="the nights")

    assert "合计" in owed
    assert asked
    assert went_on
    assert len(replicas.heard(ann, "已收到")) == 1
    heard = [one["text"] for openid in replicas.everybody for one in replicas.inbox(openid)]
    said = [text for text in heard if "句" in text and "第" in text]
    assert len(said) == len(set(said))
    assert replicas.ask(attempts) == MESSAGES
    assert [(job, epoch) for job, _, epoch in replicas.ask(runs)] == [(it, 1) for it in NIGHTLY]
    assert replicas.ask(prove) == []
    assert [one.stop() for one in both] == [0, 0]


def test_roles_are_kept_apart_and_make_one_bot_together(replicas: Replicas):
    web, worker = replicas.start("web", "worker")
    street, works = replicas.ports
    replicas.behind(street, street)
    ann = replicas.openid(0)

    replicas.pay(replicas.order(ann))
    eventually(lambda: replicas.heard(ann, "已收到"), within=60, what="the receipt")
    without = replicas.ask(nights)
    (scheduler,) = replicas.start("scheduler")
    eventually(lambda: replicas.ask(nights) >= ALL_NIGHTS, within=60, what="the nights")

    assert without == 0
    assert [(job, epoch) for job, _, epoch in replicas.ask(runs)] == [(it, 1) for it in NIGHTLY]
    assert "deliver_outbox" in worker.said
    assert "job.done" not in web.said
    watched = (street, works, *replicas.ports)
    assert [call(f"http://127.0.0.1:{one}/").status for one in watched] == [200, 404, 404]
    assert {call(f"http://127.0.0.1:{one}/readyz").status for one in watched} == {200}
    assert [one.stop() for one in (web, worker, scheduler)] == [0, 0, 0]


def test_a_part_of_a_bot_is_refused_on_sqlite_and_an_unknown_role_is_named(tmp_path: Path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[web]\nbase_url = "http://127.0.0.1:1"\n[company]\nname = "x"\n'
        f'[links]\nsecret = "{"s" * 40}"\n',
        encoding="utf-8",
    )
    words = ["run", "--config", str(config), "--roles"]

    part = Program([*words, "web"], tmp_path / "part.log")
    wrong = Program([*words, "web,cook"], tmp_path / "wrong.log")

    assert (part.exit_code(60), wrong.exit_code(60)) == (1, 1)
    assert "a SQLite file has one process that does everything" in part.said
    assert "--roles web,cook: a list of web, worker, scheduler" in wrong.said
