"""Killed at its work, a job goes on where it was; what comes out is as if nothing had happened."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from storage.database import open_reader
from storage.models.bills import bills
from storage.models.ledger import entries, postings
from tests.faults.books import outlast_claims, read_books
from tests.faults.conftest import PAYER, SQLITE, Seeded
from tests.faults.process import Program, Stage, staged
from tests.postgres import Postgres

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]

EVE, BILLED = "2027-01-01T01:00:00+08:00", "2027-01-01T02:30:00+08:00"
"""Before and after January's bills are issued."""
SMALL = "works_in_small_parts"
RECEIPT = "已收到"


@pytest.fixture
def undisturbed(
    seeded: Seeded, engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    """Give one more copy of the seeded stage, on which nobody is killed."""
    folder, url = tmp_path / "undisturbed", ""
    folder.mkdir()
    server: Postgres | None = None
    if engine != SQLITE:
        server = request.getfixturevalue("postgres_server")
        url = server.copy(seeded.database_url)
    with staged(folder, seeded.folder, url) as copied:
        copied.start_platforms()
        yield copied
    if server is not None:
        server.drop(url)


def died_at(bot: Program, point: str) -> None:
    """Check that the bot was killed, and that it was at this point."""
    assert (bot.exit_code(120), f"crashpoint {point}" in bot.said) == (-9, True), bot.said[-2000:]


def look(stage: Stage, of: Any) -> list[tuple[Any, ...]]:
    """Read rows of a stage's books while its bot may run."""

    async def ask() -> list[tuple[Any, ...]]:
        async with open_reader(stage.database_url or stage.facts["database_url"]) as db:
            return await db.read(rows)

    def rows(tx: Connection) -> list[tuple[Any, ...]]:
        return sorted(map(tuple, tx.execute(of)), key=repr)

    return asyncio.run(ask())


BILLS = select(
    bills.c.unit_id,
    bills.c.fee_item_id,
    bills.c.period,
    bills.c.revision,
    bills.c.part,
    bills.c.amount_fen,
    bills.c.due_on,
    bills.c.liable_id,
)
MONEY = select(entries.c.memo, postings.c.account, postings.c.unit_id, postings.c.amount_fen).join(
    postings, postings.c.entry_id == entries.c.id
)


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("bills.after_chunk:2", id="d24"),
        pytest.param("bills.after_chunk:4", id="d25"),
    ],
)
def test_a_night_cut_off_anywhere_bills_what_an_undisturbed_one_bills(
    stage: Stage, undisturbed: Stage, point: str
):
    before = None
    for one, crash in ((undisturbed, ""), (stage, point)):
        bot = one.start_bot(altered=SMALL)
        one.control("clock", set=EVE)
        before = before or look(one, BILLS)
        if crash:
            assert bot.stop() == 0
            bot = one.start_bot(crash=crash, altered=SMALL)
        one.control("clock", set=BILLED)
        if crash:
            died_at(bot, point.partition(":")[0])
            at_death = look(one, BILLS)
            outlast_claims(one)
            one.start_bot(altered=SMALL)
            one.advance(120)

    assert before is not None
    expected = look(undisturbed, BILLS)
    assert len(before) < len(at_death) <= len(expected)
    assert look(stage, BILLS) == expected
    assert look(stage, MONEY) == look(undisturbed, MONEY)
    assert read_books(stage).broken == []


@pytest.mark.parametrize("engine", [SQLITE], indirect=True)
def test_d33_a_backup_cut_off_is_named_by_nobody_and_made_anew(stage: Stage):
    bot = stage.start_bot(crash="backup.before_rename")
    folder = stage.bot_folder
    before = {one.name: one.stat().st_size for one in folder.rglob("wuyebot-*.db")}

    stage.control("clock", set="2026-12-02T03:31:00+08:00")
    died_at(bot, "backup.before_rename")
    at_death = {one.name: one.stat().st_size for one in folder.rglob("wuyebot-*.db")}
    stage.start_bot()
    stage.advance(120)

    made = {one.name for one in folder.rglob("wuyebot-*.db")} - before.keys()
    assert at_death == before
    assert len(made) == 1
    assert not [one for one in folder.rglob("*.partial") if "wuyebot-" in one.name]


def test_d37_killed_again_while_it_recovers_it_still_books_once(stage: Stage):
    payer = stage.openid(PAYER)
    bot = stage.start_bot(crash="settle.before_commit")
    order_no = stage.order(payer)
    stage.pay(order_no)
    died_at(bot, "settle.before_commit")

    for point in ("settle.after_ledger", "notice.before_answer"):
        outlast_claims(stage)
        bot = stage.start_bot(crash=point)
        for _ in range(8):
            if not bot.is_running:
                break
            stage.advance(20)
        died_at(bot, point)
    outlast_claims(stage)
    stage.start_bot()
    stage.until_heard(order_no)
    stage.advance(5)

    books = read_books(stage)
    assert (books.payments_of(order_no), books.differences, books.broken) == (1, [], [])
    assert len(stage.heard(payer, RECEIPT)) == 1


def test_d34_a_token_fetched_and_not_kept_costs_one_more_fetch(stage: Stage):
    bot = stage.start_bot()
    payer = stage.openid(PAYER)
    order_no = stage.order(payer)
    assert bot.stop() == 0
    before = tokens_fetched(stage)
    bot = stage.start_bot(crash="token.before_keep")

    stage.pay(order_no)
    stage.advance(5)
    died_at(bot, "token.before_keep")
    outlast_claims(stage)
    stage.start_bot()
    stage.until_heard(order_no)
    stage.advance(5)

    assert tokens_fetched(stage) - before == 2
    assert len(stage.heard(payer, RECEIPT)) == 1


def tokens_fetched(stage: Stage) -> int:
    """Count the calls that asked the platform for a token."""
    return sum("stable_token" in str(one) for one in stage.control("calls?platform=wechat"))
