"""The demo's communities: seeded through the same imports, and true to what outsiders are told."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from bot import demo_seed
from bot.demo_seed import DemoPeople
from storage.database import Database
from storage.models.bills import bills
from storage.models.estate import communities, units
from storage.models.people import bindings
from storage.queries.proofs import prove

NOW = datetime.fromisoformat("2026-11-23T10:00:00+08:00")


async def seeded(db: Database, folder: Path, now: datetime = NOW) -> DemoPeople:
    return await demo_seed.seed(db, folder=folder, now=now, account="demo")


def owed(tx: Connection, label: str) -> int:
    found: int = tx.execute(
        select(func.sum(bills.c.amount_fen - bills.c.paid_fen))
        .join(units, units.c.id == bills.c.unit_id)
        .where(units.c.label == label)
    ).scalar_one()
    return found


async def test_the_demo_is_what_outsiders_are_told(db: Database, tmp_path: Path):
    people = await seeded(db, tmp_path)

    bound = [one for one in people.residents if one["bound"]]
    free = [one for one in people.residents if not one["bound"]]
    assert len(people.residents) >= 20
    assert people.residents[0] in bound
    assert {one["role"] for one in people.staff} == {"manager", "cashier", "steward"}
    for one in free:
        assert 10_000 <= await db.read(owed, one["unit_label"]) <= 100_000
    assert await db.read(owed, people.residents[0]["unit_label"]) > 0
    per_person = await db.read(
        lambda tx: (
            tx.execute(select(func.count(bindings.c.id)).group_by(bindings.c.identity_id))
            .scalars()
            .all()
        )
    )
    faces = {one["openid"] for one in bound}
    assert sorted(per_person) == [1] * (len(faces) - 1) + [2]
    assert len(bound) == len(faces) + 1
    assert await db.read(prove) == []


async def test_seeding_again_a_month_later_changes_nothing(db: Database, tmp_path: Path):
    first = await seeded(db, tmp_path)
    count = await db.read(lambda tx: tx.execute(select(func.count(bills.c.id))).scalar_one())

    again = await seeded(db, tmp_path, datetime.fromisoformat("2026-12-24T10:00:00+08:00"))

    assert again == first
    assert count == await db.read(
        lambda tx: tx.execute(select(func.count(bills.c.id))).scalar_one()
    )


async def test_seeding_that_was_cut_off_goes_on(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as cut:
        cut.setattr(demo_seed, "issue_bills", None)
        with pytest.raises(TypeError):
            await seeded(db, tmp_path)

    await seeded(db, tmp_path)

    opened = await db.read(lambda tx: tx.execute(select(communities.c.opened_at)).scalars().all())
    assert None not in opened
    assert await db.read(prove) == []
