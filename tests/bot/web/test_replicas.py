"""Several processes on one PostgreSQL: what reaches them at once happens once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, func, select

from scheduler.deps import JobDeps
from scheduler.jobs import query_payments
from storage.database import open_database
from storage.models.payments import payment_orders
from storage.ports.chat import OutgoingMessage
from tests.bot.web.conftest import Open
from tests.bot.web.test_checkout import start
from tests.bot.web.test_webhooks import counts, ordered, told
from tests.bot.web.town import Town, settle
from tests.postgres import Postgres

pytestmark = pytest.mark.postgresql


@dataclass
class Replicas:
    """One town, seen by two processes, each with its own door to the same books."""

    town: Town
    other: Town
    doors: tuple[TestClient, TestClient]


@pytest.fixture
async def replicas(migrated_postgres: Postgres, open_doors: Open) -> AsyncIterator[Replicas]:
    url = migrated_postgres.copy()
    async with open_database(url) as first, open_database(url) as second:
        town = await settle(first)
        other = replace(town, db=second)
        doors = (await open_doors(town.parts()), await open_doors(other.parts()))
        yield Replicas(town, other, doors)
    migrated_postgres.drop(url)


def at_the_job(town: Town, folder: Path) -> JobDeps:
    """Give the clock of a process what it needs to ask the till."""

    async def silent(*_: object) -> None:
        raise AssertionError

    return JobDeps(
        db=town.db,
        clock=town.clock,
        links=town.links,
        channels={},
        gateways={town.till.name: town.till},
        compose=lambda event, _manner: OutgoingMessage(type(event).__name__, ""),
        answer_late=silent,
        backup_dir=folder,
        sqlite_file=None,
    )


async def test_o04_a_notice_a_look_and_an_enquiry_at_three_places_at_once_are_one_payment(
    replicas: Replicas, tmp_path: Path
):
    order_no = await ordered(replicas.town)
    replicas.town.till.pay(order_no)
    notice = replicas.town.till.notice(order_no)
    one, other = replicas.doors

    replicas.town.clock.advance(minutes=6)
    found = await asyncio.gather(
        told(one, notice),
        told(other, notice),
        query_payments.JOB.run(at_the_job(replicas.other, tmp_path), replicas.town.clock.now()),
    )

    assert list(found[:2]) == [204, 204]
    assert await replicas.town.db.read(counts) == (1, 1, 0)


async def test_o06_pay_pressed_at_two_processes_at_once_is_one_order(replicas: Replicas):
    token = replicas.town.token(replicas.town.first)

    orders = await asyncio.gather(*(start(door, token) for door in replicas.doors * 3))

    def kept(tx: Connection) -> int:
        return tx.execute(select(func.count(payment_orders.c.id))).scalar_one()

    assert len(set(orders)) == 1
    assert await replicas.town.db.read(kept) == 1
    assert len(replicas.town.till.asks) == 1
