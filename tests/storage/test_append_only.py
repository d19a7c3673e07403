"""What is booked cannot be edited or deleted, not even by hand: the database itself refuses."""

import asyncio

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from storage import migrate
from storage.database import Database
from storage.models.ledger import entries, postings
from storage.queries.proofs import prove
from tests.append_only import allow_edits
from tests.factories import build, pay

BY_HAND = (
    "UPDATE postings SET amount_fen = amount_fen + 1",
    "UPDATE postings SET amount_fen = amount_fen WHERE id = 1",
    "DELETE FROM postings WHERE entry_id = 1",
    "UPDATE entries SET memo = '改过'",
    "UPDATE entries SET effective_on = '2026-01-01' WHERE id = 1",
    "DELETE FROM entries WHERE id = 1",
)


def live(tx: Connection) -> None:
    world = build(tx)
    pay(tx, world.unit_id, (world.october_id,))


def booked(tx: Connection) -> list:
    return [tx.execute(select(one).order_by(one.c.id)).all() for one in (entries, postings)]


def edit(tx: Connection, statement: str) -> None:
    tx.exec_driver_sql(statement)


@pytest.mark.parametrize("statement", BY_HAND)
async def test_no_hand_edits_or_deletes_what_is_booked(db: Database, statement: str):
    await db.write(live)
    before = await db.read(booked)

    with pytest.raises(IntegrityError, match="is append-only"):
        await db.write(edit, statement)

    assert await db.read(booked) == before
    assert await db.read(prove) == []


async def test_the_tables_are_not_emptied_as_a_whole_either(db: Database):
    await db.write(live)
    before = await db.read(booked)
    is_sqlite = await db.read(lambda tx: tx.dialect.name == "sqlite")

    with pytest.raises(IntegrityError, match="is append-only"):
        await db.write(edit, "DELETE FROM postings" if is_sqlite else "TRUNCATE entries CASCADE")

    assert await db.read(booked) == before


@pytest.mark.parametrize("statement", BY_HAND[:1])
async def test_without_the_guard_the_same_edit_goes_through(db: Database, statement: str):
    await db.write(live)
    await db.write(allow_edits)

    await db.write(edit, statement)

    assert await db.read(prove)


async def test_what_is_booked_stays_guarded_after_a_step_down_and_up(
    db: Database, database_url: str
):
    await db.write(live)

    await asyncio.to_thread(migrate.downgrade, database_url, "0003")
    await db.write(edit, "UPDATE entries SET memo = '改过'")
    await asyncio.to_thread(migrate.upgrade, database_url)

    with pytest.raises(IntegrityError, match="is append-only"):
        await db.write(edit, "UPDATE entries SET memo = '又改'")
