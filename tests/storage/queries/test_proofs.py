"""Every sentence of the proof has a way to be broken, and sees it (positive control)."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from storage.audit import Actor
from storage.database import Database
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.ports.payments import RefundFact, RefundState
from storage.queries.proofs import SENTENCES, prove
from tests.factories import NOW, World, build, meet, pay


def live_a_little(tx: Connection) -> World:
    """Pay two bills, take one of them back, ask for a part of the other."""
    world = build(tx)
    identity_id = meet(tx, "oLi")
    payment_id = pay(
        tx, world.unit_id, (world.october_id, world.november_id), identity_id=identity_id
    )
    for key, fen, ends in (("whole", 25_060, True), ("part", 1_000, False)):
        asked = RefundAskedFor(payment_id, fen, "asked", "重复缴费", key, identity_id)
        view = request_refund(tx, asked, actor=Actor(identity_id=identity_id), now=NOW)
        if ends:
            fact = RefundFact(
                "wechat_pay", view.refund_no, "", RefundState.SUCCESS, fen, settled_at=NOW
            )
            assert note_refund(tx, fact, heard_at=NOW).outcome == "moved"
    return world


@pytest.fixture
async def lived(db: Database) -> World:
    return await db.write(live_a_little)


async def test_clean_books_prove_clean(db: Database, lived: World):
    assert await db.read(prove) == []


async def test_empty_books_prove_clean(db: Database):
    assert await db.read(prove) == []


BREAKS = {
    "every entry sums to zero and has two legs": (
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE id = 1",
        "DELETE FROM postings WHERE entry_id = 1",
    ),
    "every balance equals its postings": (
        "UPDATE unit_balances SET balance_fen = balance_fen + 1 WHERE account = 'receivable'",
        "DELETE FROM unit_balances WHERE account = 'receivable'",
        "INSERT INTO unit_balances (unit_id, account, balance_fen) VALUES (1, 'prepayment', -5)",
    ),
    "every bill is paid by its allocations": (
        "UPDATE bills SET paid_fen = amount_fen WHERE id = 3",
        "DELETE FROM allocations WHERE id = 1",
    ),
    "every bill is the sum of its lines": (
        "UPDATE bill_lines SET amount_fen = amount_fen - 1 WHERE id = 1",
    ),
    "what a unit owes is the sum of its open bills": (
        "UPDATE bills SET amount_fen = amount_fen + 1 WHERE id = 3",
        "UPDATE bills SET voided_at = issued_at WHERE id = 3",
        "UPDATE unit_balances SET balance_fen = balance_fen + 1 WHERE account = 'receivable'",
    ),
    "every payment is placed to the fen": (
        "UPDATE payments SET surplus_fen = surplus_fen + 1",
        "UPDATE payments SET allocated_fen = allocated_fen - 1, surplus_fen = surplus_fen + 1",
    ),
    "reserved money is that of live refunds": (
        "UPDATE payments SET reserved_fen = reserved_fen - 1",
        "UPDATE refunds SET state = 'closed' WHERE state = 'approved'",
    ),
    "every refund is the sum of its parts": (
        "DELETE FROM refund_parts WHERE refund_id = 2",
        "UPDATE refund_parts SET amount_fen = amount_fen + 1 WHERE refund_id = 1",
    ),
    "paid orders and payments are the same": (
        "UPDATE payment_orders SET state = 'open'",
        "UPDATE payment_orders SET amount_fen = amount_fen + 1",
    ),
    "every payment has its receipt": (
        "DELETE FROM receipts",
        "UPDATE receipts SET amount_fen = amount_fen - 1",
    ),
    "clearing holds what came less what went back": (
        "UPDATE refunds SET state = 'success' WHERE state = 'approved'",
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE account = 'clearing'",
    ),
}


def test_every_sentence_has_its_control():
    assert BREAKS.keys() == SENTENCES.keys()


def by_hand(statement: str) -> Callable[[Connection], None]:
    def change(tx: Connection) -> None:
        assert tx.exec_driver_sql(statement).rowcount >= 1

    return change


@pytest.mark.parametrize(
    ("sentence", "statement"), [(name, one) for name, many in BREAKS.items() for one in many]
)
async def test_e13_a_row_edited_by_hand_is_found_and_named(
    db: Database, lived: World, sentence, statement
):
    await db.write(by_hand(statement))

    broken = await db.read(prove)

    assert sentence in {one.sentence for one in broken}
    assert all(one.reference and one.reference != "None" for one in broken)
