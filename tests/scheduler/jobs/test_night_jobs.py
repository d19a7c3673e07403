"""What happens in the night, and what is swept up: proof, copy, forgotten messages, reminders."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import update

from scheduler.jobs import back_up, check_ledger, send_reminders, sweep_inbox
from storage import backup, inbox
from storage.database import open_database
from storage.errors import StorageUnavailable
from storage.models.bills import bills
from storage.models.operating import discrepancies
from storage.models.policies import policies
from storage.queries.proofs import prove
from tests import factories
from tests.factories import incoming
from tests.scheduler.conftest import Hall, open_hall


def spoil(tx) -> None:
    tx.execute(update(bills).where(bills.c.id == 1).values(paid_fen=1))


async def test_books_that_hold_are_proved_in_silence(hall: Hall):
    await hall.stage.paid(hall.stage.both)

    assert await check_ledger.run(hall.deps, hall.now) == {"broken": 0}
    assert await hall.stage.trouble() == []


async def test_e13_what_does_not_hold_is_put_before_an_operator_once(hall: Hall, caplog):
    await hall.db.write(spoil)

    for _ in range(3):
        report = await check_ledger.run(hall.deps, hall.now)

    assert report == {"broken": 2}
    found = await hall.stage.rows(discrepancies)
    assert len(found) == 2
    assert {row.kind for row in found} == {"books"}


@pytest.fixture
async def sqlite_hall(sqlite_url: str, tmp_path):
    async with open_database(sqlite_url) as db:
        yield await open_hall(db, sqlite_url, tmp_path)


async def test_d8_a_copy_of_the_books_is_made_beside_the_running_bot_and_proved(sqlite_hall: Hall):
    hall = sqlite_hall
    await hall.stage.paid(hall.stage.both)

    assert await back_up.run(hall.deps, hall.now) == {"backups": 1, "removed": 0}

    (copy,) = hall.deps.backup_dir.iterdir()
    assert copy.name == "wuyebot-20261123.db"
    shutil.copy(copy, hall.deps.backup_dir / "restored.db")
    url = f"sqlite+aiosqlite:///{hall.deps.backup_dir}/restored.db"
    async with open_database(url) as restored:
        assert await restored.read(prove) == []
        assert len(await staged_payments(restored)) == 1


async def staged_payments(db):
    return await db.read(lambda tx: tx.exec_driver_sql("SELECT id FROM payments").all())


def test_e04_the_database_file_alone_is_no_backup(sqlite_url: str, tmp_path):
    """Positive control for VACUUM INTO: what was committed last still stands in the WAL."""
    source, target = tmp_path / "wuyebot.db", tmp_path / "alone.db"
    with closing(sqlite3.connect(source)) as link:
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("INSERT INTO serials VALUES ('receipt', 1)")
        link.commit()
        shutil.copy(source, target)
        backup.back_up_sqlite(source, tmp_path / "whole.db")

    def count(path):
        with closing(sqlite3.connect(path)) as link:
            return link.execute("SELECT count(*) FROM serials").fetchone()[0]

    assert (count(target), count(tmp_path / "whole.db")) == (0, 1)


async def test_a_copy_that_does_not_hold_never_takes_the_place_of_one_that_does(sqlite_hall: Hall):
    hall = sqlite_hall
    await back_up.run(hall.deps, hall.now)
    (good,) = hall.deps.backup_dir.iterdir()
    before = good.read_bytes()
    await hall.db.write(spoil)

    with pytest.raises(StorageUnavailable, match="does not hold"):
        await back_up.run(hall.deps, hall.now)

    assert good.read_bytes() == before


async def test_only_the_newest_copies_are_kept(sqlite_hall: Hall):
    hall = sqlite_hall
    hall.deps.backup_dir.mkdir(parents=True)
    for day in range(1, 21):
        (hall.deps.backup_dir / f"wuyebot-202610{day:02d}.db").touch()

    assert await back_up.run(hall.deps, hall.now) == {"backups": 1, "removed": 7}

    kept = sorted(one.name for one in hall.deps.backup_dir.iterdir())
    assert kept[0] == "wuyebot-20261008.db"
    assert kept[-1] == "wuyebot-20261123.db"


async def test_a_message_that_a_crash_left_without_an_answer_gets_one(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweep_inbox, "PATIENCE", timedelta())
    for key, said in (("m1", "账单"), ("m2", "poison"), ("m3", "缴费")):
        await hall.db.jot(inbox.accept, incoming("oLi", said, key=key), now=hall.now)

    await sweep_inbox.run(hall.deps, hall.now)
    again = await sweep_inbox.run(hall.deps, hall.now)

    assert [one.said for one in hall.late] == ["账单", "缴费"]
    assert again == {"answered": 0}


async def test_what_is_a_day_old_is_not_answered_any_more(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sweep_inbox, "PATIENCE", timedelta())
    await hall.db.jot(inbox.accept, incoming("oLi", "账单", key="m1"), now=hall.now)

    assert await sweep_inbox.run(hall.deps, hall.later(days=1)) == {"answered": 0}
    assert hall.late == []


async def test_a_turn_under_way_is_left_alone(hall: Hall):
    await hall.db.jot(inbox.accept, incoming("oLi", "账单", key="m1"), now=hall.now)

    assert await sweep_inbox.run(hall.deps, hall.now) == {"answered": 0}


async def test_each_community_is_reminded_by_its_own_plan_and_a_broken_one_stops_no_other(
    hall: Hall, caplog
):
    def spoil_the_plan_of_another(tx):
        other = factories.add_community(tx, "碧水园")
        values = {"reminder_days": "soon"}
        tx.execute(update(policies).where(policies.c.community_id == other).values(**values))
        tx.execute(update(policies).where(policies.c.community_id != other).values(weekly_cap=9))

    await hall.db.write(spoil_the_plan_of_another)
    day_before = hall.later(days=-1)

    report = await send_reminders.run(hall.deps, day_before)

    assert report["planned"] == 1
    assert await hall.stage.told() == ["ReminderDue"]
