"""Shared work: several who wait for the same go through in one go, and a bad one fails alone."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage.database import Database
from storage.models.payments import serials

TAKEN = "taken"


class Scribe:
    """Writes names down, and remembers with how many others each went."""

    def __init__(self) -> None:
        self.goes: list[list[str]] = []

    def __call__(self, tx: Connection, names: Sequence[str]) -> list[str]:
        self.goes.append(list(names))
        for number, name in enumerate(names):
            if name == "bug":
                raise ZeroDivisionError
            tx.execute(insert(serials).values(name=name, last_used=number))
        return [f"{name} is written" for name in names]


def written(tx: Connection) -> list[str]:
    return list(tx.execute(select(serials.c.name).order_by(serials.c.name)).scalars())


def put(tx: Connection, name: str) -> None:
    tx.execute(insert(serials).values(name=name, last_used=1))


async def both(*works) -> list:
    return await asyncio.gather(*works, return_exceptions=True)


async def test_those_who_wait_for_the_same_go_together_and_each_gets_her_own_result(db: Database):
    scribe = Scribe()

    told = await both(*(db.write_together(scribe, name) for name in ("a", "b", "c")))

    assert told == ["a is written", "b is written", "c is written"]
    assert scribe.goes == [["a", "b", "c"]]
    assert await db.read(written) == ["a", "b", "c"]


async def test_one_alone_is_an_item_of_one(db: Database):
    scribe = Scribe()

    assert await db.write_together(scribe, "a") == "a is written"
    assert scribe.goes == [["a"]]


async def test_nobody_is_let_past_another_who_came_before(db: Database):
    scribe, other = Scribe(), Scribe()

    await both(
        db.write_together(scribe, "a"),
        db.write(put, "b"),
        db.write_together(scribe, "c"),
        db.write_together(other, "d"),
    )

    assert (scribe.goes, other.goes) == ([["a"], ["c"]], [["d"]])
    assert await db.read(written) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("poison", "trouble"), [(TAKEN, IntegrityError), ("bug", ZeroDivisionError)]
)
async def test_one_that_fails_among_several_fails_alone(db: Database, poison: str, trouble: type):
    await db.write(put, TAKEN)
    scribe = Scribe()

    told = await both(
        db.write(put, "before"),
        *(db.write_together(scribe, name) for name in ("a", poison, "b")),
        db.write(put, "after"),
    )

    assert [type(one) for one in told[1:4]] == [str, trouble, str]
    assert await db.read(written) == ["a", "after", "b", "before", TAKEN]
    assert scribe.goes == [["a", poison, "b"], ["a"], [poison], ["b"]]


async def test_a_result_too_few_undoes_it_all_and_is_told_to_nobody_as_done(db: Database):
    def forgetful(tx: Connection, names: Sequence[str]) -> list[str]:
        for name in names:
            put(tx, name)
        return []

    told = await both(*(db.write_together(forgetful, name) for name in ("a", "b")))

    assert [type(one) for one in told] == [ValueError, ValueError]
    assert await db.read(written) == []


async def test_one_that_fails_at_the_disk_is_not_taken_for_done(db: Database):
    def impossible(tx: Connection, names: Sequence[str]) -> list[str]:
        tx.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
        return list(names)

    told = await both(*(db.write_together(impossible, name) for name in ("a", "b")))

    assert all(isinstance(one, Exception) for one in told)
    assert not any(isinstance(one, DBAPIError) and one.connection_invalidated for one in told)


async def test_what_went_together_wakes_those_who_deliver(db: Database):
    woken: list[int] = []
    db.wake_on_commit(lambda: woken.append(1))

    await both(*(db.write_together(Scribe(), name) for name in ("a", "b")))

    assert len(woken) == 2
