"""Our books as read beside a running bot, held against the platform's."""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import Connection, make_url, select

from storage.database import open_reader
from storage.models.payments import payment_orders
from storage.queries.book import book
from storage.queries.proofs import prove
from tests.faults.process import Stage, differences


@dataclass(frozen=True)
class Books:
    """What both sides have written down."""

    ours: dict[str, list[dict[str, Any]]]
    theirs: dict[str, list[dict[str, Any]]]
    broken: list[str]
    """Sentences about our books that are not true."""
    order_numbers: list[str]
    gateway: str = "wechat_pay"
    """Whose book theirs is."""

    @property
    def differences(self) -> list[str]:
        """Rows that one side has and the other has not."""
        return differences(self.ours, self.theirs, self.gateway)

    def payments_of(self, order_no: str) -> int:
        """Count the payments that we booked for an order."""
        return sum(one["order_no"] == order_no for one in self.ours["payments"])

    def given_fen(self, order_no: str) -> int:
        """Add up what an order's payment gave to bills, less what refunds took back."""
        given = (one for one in self.ours["allocations"] if one["order_no"] == order_no)
        return sum(one["amount_fen"] for one in given)


def read_books(stage: Stage, gateway: str = "wechat_pay") -> Books:
    """Read our book and a platform's; the bot may run meanwhile."""
    ours, broken, numbers = asyncio.run(_read(stage.database_url or stage.facts["database_url"]))
    return Books(ours, stage.control(f"{gateway}/book"), broken, numbers, gateway)


async def _read(url: str) -> tuple[dict[str, list[dict[str, Any]]], list[str], list[str]]:
    async with open_reader(url) as db:
        return await db.read(_look)


def _look(tx: Connection) -> tuple[dict[str, list[dict[str, Any]]], list[str], list[str]]:
    broken = [f"{one.sentence}: {one.reference} {one.found}" for one in prove(tx)]
    numbers = tx.execute(select(payment_orders.c.order_no).order_by(payment_orders.c.id))
    return book(tx), broken, list(numbers.scalars())


PASSED = (
    "UPDATE outbox SET claimed_until = claimed_until - interval '1 hour' WHERE state = 'claimed'",
    "UPDATE job_runs SET lease_until = lease_until - interval '1 day' WHERE state = 'running'",
)


def outlast_claims(stage: Stage) -> None:
    """Let the time pass for which a dead process holds what it had taken.

    On SQLite there is one owner, who frees it when she starts; on PostgreSQL others may live.
    """
    if stage.database_url:
        asyncio.run(execute(stage.database_url, *PASSED))


async def execute(url: str, *statements: str) -> None:
    """Run statements on a PostgreSQL beside everybody else."""
    link = await asyncpg.connect(plain(url))
    try:
        for statement in statements:
            await link.execute(statement)
    finally:
        await link.close()


def plain(url: str) -> str:
    """Return a PostgreSQL's URL as its own driver writes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
