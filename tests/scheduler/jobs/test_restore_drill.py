"""The machine is lost by day: last night's copy is put back, and what platforms know is asked."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from bot.cli.main import main
from scheduler.jobs import back_up, query_payments
from storage.backup import check_backup, restore_sqlite
from storage.database import lock_file, open_database
from storage.errors import StorageUnavailable
from storage.queries.proofs import prove
from tests.scheduler.conftest import open_hall

CONFIG = """
[web]
base_url = "http://127.0.0.1:1"
[company]
name = "安心物业"
[links]
secret = "ssssssssssssssssssssssssssssssssssssssss"
"""


@pytest.fixture
def books(sqlite_url: str, tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "wuyebot.db"


async def test_e05_after_the_nights_copy_is_back_no_payment_is_lost_and_none_is_doubled(
    books: Path, sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    async with open_database(sqlite_url) as db:
        hall = await open_hall(db, sqlite_url, tmp_path)
        order = await hall.stage.order(hall.stage.both)
        await back_up.run(hall.deps, hall.now)
        backed_up_at = hall.now
        paid = hall.stage.gateway.pay(order.order_no)
        await hall.stage.settle(paid)
        lost_at = hall.later(hours=7)
    (copy,) = (tmp_path / "backups").iterdir()

    begun = time.monotonic()
    os.truncate(books, 4096)
    kept = restore_sqlite(copy, books)
    async with open_database(sqlite_url) as db:
        again = await open_hall_again(db, hall)
        await query_payments.run(again, lost_at)
        took = time.monotonic() - begun
        broken = await db.read(prove)
        settled = await db.read(
            lambda tx: tx.exec_driver_sql("SELECT transaction_id FROM payments").all()
        )

    with capsys.disabled():
        hours = (lost_at - backed_up_at).total_seconds() / 3600
        print(f"\nrestore drill: RPO {hours:.1f} h, payments lost 0, RTO {took:.2f} s")  # noqa: T201
    assert [one[0] for one in settled] == [paid.transaction_id]
    assert broken == []
    assert kept == books.with_name("wuyebot.db.before-restore")


async def open_hall_again(db, hall):
    """Give the same surroundings over the books that were put back."""
    kind = type(hall.deps)
    facts = {name: getattr(hall.deps, name) for name in kind.__slots__}
    return kind(**(facts | {"db": db}))


def typed(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_a_copy_is_proved_without_a_change_and_then_takes_the_place(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    async def night() -> None:
        url = f"sqlite+aiosqlite:///{books}"
        async with open_database(url) as db:
            hall = await open_hall(db, url, tmp_path)
            await hall.stage.paid(hall.stage.both)
            await back_up.run(hall.deps, hall.now)

    asyncio.run(night())
    (copy,) = (tmp_path / "backups").iterdir()
    config = ("--config", tmp_path / "config.toml")
    was = copy.read_bytes(), books.read_bytes()

    checked = typed("restore", "--check", *config)
    said = capsys.readouterr().out
    unchanged = copy.read_bytes(), books.read_bytes()
    restored = typed("restore", copy, *config)

    assert (checked, restored) == (0, 0)
    assert "1 payments" in said
    assert unchanged == was
    assert books.read_bytes() == copy.read_bytes()
    assert books.with_name("wuyebot.db.before-restore").exists()


def test_what_is_no_copy_of_our_books_is_refused_and_a_running_bot_keeps_its_own(
    books: Path, tmp_path: Path
):
    was = books.read_bytes()
    torn = tmp_path / "torn.db"
    torn.write_bytes(was[: len(was) // 2])
    empty = tmp_path / "empty.db"
    empty.touch()

    for copy in (torn, empty, tmp_path / "gone.db"):
        with pytest.raises(StorageUnavailable):
            restore_sqlite(copy, books)
    whole = tmp_path / "whole.db"
    whole.write_bytes(was)
    with lock_file(books), pytest.raises(StorageUnavailable, match="in use by a running"):
        restore_sqlite(whole, books)

    assert books.read_bytes() == was
    assert check_backup(whole).payments == 0
    assert not books.with_name("wuyebot.db.before-restore").exists()
