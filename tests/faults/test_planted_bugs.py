"""Positive control: with a guard taken away the same crashes do harm that the comparison sees."""

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest

from tests.faults.books import execute, outlast_claims, read_books
from tests.faults.conftest import PAYER, REFUNDER
from tests.faults.process import Stage

pytestmark = pytest.mark.timeout(300)


def test_events_committed_before_the_books_lose_a_payment_that_every_sum_calls_right(stage: Stage):
    planted = "events_are_committed_before_the_books"
    bot = stage.start_bot(crash="settle.before_commit", altered=planted)
    order_no = stage.order(stage.openid(PAYER))

    stage.pay(order_no)
    died = bot.exit_code()
    outlast_claims(stage)
    stage.start_bot(altered=planted)
    stage.until_heard(order_no)
    stage.advance(600)

    books = read_books(stage)
    assert died == -9
    assert books.payments_of(order_no) == 0
    assert [one[:20] for one in books.differences] == ["payments only theirs"]
    assert books.broken == []


def test_a_refund_that_is_not_the_same_refund_when_tried_again_is_paid_back_twice(stage: Stage):
    planted = "every_try_of_a_refund_has_a_new_number"
    half_fen = 10_000
    bot = stage.start_bot(crash="refund.after_call", altered=planted)
    asker = stage.openid(REFUNDER)

    with stage.meanwhile(lambda: stage.ask_refund(asker, f"{half_fen // 100}元")):
        died = bot.exit_code()
        outlast_claims(stage)
        stage.start_bot(altered=planted)
    stage.advance(1200)

    books = read_books(stage)
    assert died == -9
    assert len(books.ours["refunds"]) == 1
    assert [one["amount_fen"] for one in books.theirs["refunds"]] == [half_fen, half_fen]
    assert len([one for one in books.differences if one.startswith("refunds only theirs")]) == 2


def test_what_is_repeated_and_booked_again_doubles_a_payment_once_the_tables_allow_it(
    stage: Stage,
):
    planted = "what_is_repeated_is_booked_again"
    allow_two_payments_of_an_order(stage)
    bot = stage.start_bot(crash="notice.before_answer", altered=planted)
    order_no = stage.order(stage.openid(PAYER))

    stage.pay(order_no)
    died = bot.exit_code()
    outlast_claims(stage)
    stage.start_bot(altered=planted)
    stage.until_heard(order_no)

    books = read_books(stage)
    assert died == -9
    assert books.payments_of(order_no) == 2
    assert any(one.startswith("payments only ours") for one in books.differences)


def allow_two_payments_of_an_order(stage: Stage) -> None:
    """Take the second line of defence away: the tables' own unique keys."""
    if stage.database_url:
        keys = (("payments", "uq_payments_order_id"), ("entries", "uq_entries_entry_key"))
        drops = [f"ALTER TABLE {table} DROP CONSTRAINT {key}" for table, key in keys]
        asyncio.run(execute(stage.database_url, *drops))
        return
    with closing(sqlite3.connect(stage.bot_folder / "wuyebot.db")) as db:
        db.execute("PRAGMA legacy_alter_table = ON")
        for table, column in (("payments", "order_id"), ("entries", "entry_key")):
            (made,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()
            loose, found = re.subn(rf",\s*CONSTRAINT \w+ UNIQUE \({column}\)", "", made)
            assert found == 1, made
            db.execute(f"ALTER TABLE {table} RENAME TO strict_{table}")
            db.execute(loose)
            db.execute(f"INSERT INTO {table} SELECT * FROM strict_{table}")
            db.execute(f"DROP TABLE strict_{table}")
        db.commit()
