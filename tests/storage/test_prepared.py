"""Prepared statements: the same rows and the same troubles as SQLAlchemy's own, on both engines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import DateTime, bindparam, select, type_coerce
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.models.estate import communities
from storage.prepared import Prepared

NAMES = ("name", "opened_at")
FOUND = Prepared(
    lambda insert: (
        insert(communities)
        .values({name: bindparam(name) for name in NAMES})
        .returning(communities.c.id, communities.c.name, communities.c.opened_at)
    )
)
NAMED = Prepared(
    lambda _: (
        select(communities.c.name, communities.c.opened_at)
        .where(communities.c.opened_at <= bindparam("by"))
        .order_by(communities.c.id)
    )
)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone(timedelta(hours=8)))


async def test_an_instant_goes_in_from_any_zone_and_comes_back_in_utc(db: Database):
    ((_, name, opened_at),) = await db.write(FOUND.rows, name="云栖花园", opened_at=NOON)

    rows = await db.read(NAMED.rows, by=NOON)
    none = await db.read(NAMED.rows, by=NOON - timedelta(seconds=1))

    assert (name, opened_at) == ("云栖花园", NOON)
    assert [tuple(row) for row in rows] == [("云栖花园", datetime(2026, 11, 23, 4, tzinfo=UTC))]
    assert list(none) == []


async def test_a_naive_instant_is_refused(db: Database):
    with pytest.raises(Exception, match="naive"):
        await db.write(FOUND.rows, name="云栖花园", opened_at=NOON.replace(tzinfo=None))


async def test_a_broken_constraint_has_sqlalchemys_name_and_undoes_only_its_caller(db: Database):
    await db.write(FOUND.rows, name="云栖花园", opened_at=None)

    with pytest.raises(IntegrityError):
        await db.write(FOUND.rows, name="云栖花园", opened_at=None)
    await db.write(FOUND.rows, name="江南里", opened_at=None)

    names = await db.read(lambda tx: tx.execute(select(communities.c.name)).scalars().all())
    assert sorted(names) == ["云栖花园", "江南里"]


async def test_an_instant_is_kept_as_sqlalchemy_keeps_it(db: Database):
    """The same text on SQLite, so that days before and after compare as one."""
    kept = select(type_coerce(communities.c.opened_at, DateTime(timezone=True)))
    instants = [NOON, NOON.replace(microsecond=7), datetime(987, 6, 5, tzinfo=UTC)]
    for number, at in enumerate(instants):
        await db.write(FOUND.rows, name=str(number), opened_at=at)

    found = await db.read(lambda tx: tx.execute(kept.order_by(communities.c.id)).scalars().all())

    assert [one.replace(tzinfo=UTC) for one in found] == instants
    by = [await db.read(NAMED.rows, by=at) for at in instants]
    assert [len(rows) for rows in by] == [2, 3, 1]
