"""The bot with a bug planted in it, to prove that the crash tests would see one.

`python -m tests.faults.altered NAME demo ...` runs the same program as `python -m bot demo ...`.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

import handlers.checkout
import handlers.webhooks.payments
from bot.cli.main import main
from bot.gateways.wechat_pay import Gateway
from scheduler.jobs import issue_bills
from storage import crashpoints
from storage.models.payments import payment_events
from storage.operations import payments
from storage.ports.payments import PaymentFact, RefundAsk, RefundFact
from storage.sql import insert_once

REACHED, GO_ON = "reached", "go_on"
HELD_SECONDS = 60.0


def events_are_committed_before_the_books() -> None:
    """Remember a notice in a transaction of its own, and take a remembered one for booked."""
    settle = payments.settle_payment

    def planted(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> payments.Settlement:
        event = payments._event_row(payments.Heard(fact, heard_at), "settled")
        event["event_key"] = f"{fact.gateway}:{fact.order_no}:{fact.state}"
        is_new = insert_once(tx, payment_events, event) is not None
        _commit_and_begin_anew(tx)
        if not is_new:
            return payments.Settlement("repeated")
        return settle(tx, fact, heard_at=heard_at)

    _settle_with(planted)


def _commit_and_begin_anew(tx: Connection) -> None:
    """End the door's transaction behind its back, and leave it one that looks the same."""
    if tx.dialect.name == "sqlite":
        raw: Any = tx.connection.driver_connection
        for statement in ("RELEASE one", "COMMIT", "BEGIN IMMEDIATE", "SAVEPOINT one"):
            raw.execute(statement)
        return
    inner: Any = tx.get_nested_transaction()
    for statement in ("RELEASE", "COMMIT", "BEGIN", "SAVEPOINT"):
        name = f" {inner._savepoint}" if statement in ("RELEASE", "SAVEPOINT") else ""
        tx.exec_driver_sql(statement + name)


def what_is_repeated_is_booked_again() -> None:
    """Forget that an order is paid: whatever is heard of it is new money."""
    settle, hearings = payments.settle_payment, itertools.count()
    payments._denies_number = lambda *_: False

    def planted(tx: Connection, fact: PaymentFact, *, heard_at: datetime) -> payments.Settlement:
        known = f"UPDATE payment_orders SET state = 'open' WHERE order_no = '{fact.order_no}'"
        tx.exec_driver_sql(known)
        return settle(tx, _renamed(fact, next(hearings)), heard_at=heard_at)

    _settle_with(planted)


def _renamed(fact: PaymentFact, hearing: int) -> PaymentFact:
    return replace(fact, transaction_id=f"{fact.transaction_id}-{os.getpid()}-{hearing}")


def _settle_with(planted: Callable[..., payments.Settlement]) -> None:
    for module in (payments, handlers.checkout):
        vars(module)["settle_payment"] = planted
    vars(handlers.webhooks.payments)["settle_payments"] = lambda tx, heard: [
        planted(tx, one.fact, heard_at=one.at) for one in heard
    ]


def every_try_of_a_refund_has_a_new_number() -> None:
    """Send a refund under another number after each start."""
    refund = Gateway.refund

    async def planted(self: Gateway, ask: RefundAsk) -> RefundFact:
        fact = await refund(self, replace(ask, refund_no=f"{ask.refund_no}P{os.getpid()}"))
        return replace(fact, refund_no=ask.refund_no)

    Gateway.refund = planted  # type: ignore[method-assign]


def waits_before_it_commits() -> None:
    """Hold the first settlement until the test says go on; nothing is broken here."""
    folder = Path(sys.argv[sys.argv.index("--data") + 1])
    reach = crashpoints.reach

    def held(name: str) -> None:
        if name == "settle.before_commit":
            (folder / REACHED).touch()
            deadline = time.monotonic() + HELD_SECONDS
            while not (folder / GO_ON).exists() and time.monotonic() < deadline:
                time.sleep(0.02)
        reach(name)

    crashpoints.reach = held


def works_in_small_parts() -> None:
    """Let jobs take a few units at a time, so that a small town has parts; nothing is broken."""
    issue_bills.PART = 100  # type: ignore[misc]


ALTERATIONS = {
    one.__name__: one
    for one in (
        events_are_committed_before_the_books,
        what_is_repeated_is_booked_again,
        every_try_of_a_refund_has_a_new_number,
        waits_before_it_commits,
        works_in_small_parts,
    )
}

if __name__ == "__main__":
    ALTERATIONS[sys.argv.pop(1)]()
    main()
