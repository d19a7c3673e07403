"""Double entry: nothing is booked that does not balance, nothing twice, nothing is edited."""

import asyncio

import pytest
from sqlalchemy import BigInteger, Connection, cast, func, literal, null, select, union_all, update
from sqlalchemy.exc import IntegrityError

from storage import ledger
from storage.database import Database
from storage.kinds import Account
from storage.ledger import Leg, NewEntry
from storage.models.estate import units
from storage.models.ledger import entries, postings, unit_balances
from storage.queries.proofs import prove
from tests.factories import NOW, World, build


def book(tx: Connection, world: World, key: str, *legs: Leg) -> bool:
    return ledger.post(
        tx, key=key, memo="收款", community_id=world.community_id, posted_at=NOW, legs=legs
    )


def prepay(tx: Connection, world: World, key: str, fen: int) -> bool:
    return book(
        tx,
        world,
        key,
        Leg(Account.OPENING, fen),
        Leg(Account.PREPAYMENT, -fen, world.unit_id),
    )


def count(tx: Connection) -> tuple[int, int]:
    return (
        tx.execute(select(func.count()).select_from(entries)).scalar_one(),
        tx.execute(select(func.count()).select_from(postings)).scalar_one(),
    )


@pytest.fixture
async def world(db: Database) -> World:
    return await db.write(build)


async def test_an_entry_moves_money_from_one_account_to_another(db: Database, world: World):
    assert await db.write(prepay, world, "payment:1", 500)

    assert await db.read(ledger.balance, Account.OPENING) == 500
    assert await db.read(ledger.balance, Account.PREPAYMENT, world.unit_id) == -500
    assert await db.read(ledger.unit_balance, Account.PREPAYMENT, world.unit_id) == -500
    assert await db.read(ledger.balance, Account.PREPAYMENT, world.next_door_id) == 0


@pytest.mark.parametrize(
    "legs",
    [
        (Leg(Account.OPENING, 100), Leg(Account.INCOME, -99)),
        (Leg(Account.OPENING, 100),),
        (),
        (Leg(Account.OPENING, 0), Leg(Account.INCOME, 0)),
    ],
)
async def test_what_does_not_balance_is_not_booked(db: Database, world: World, legs):
    before = await db.read(count)

    with pytest.raises(ValueError, match="does not balance"):
        await db.write(book, world, "payment:1", *legs)

    assert await db.read(count) == before


async def test_a_key_is_booked_once_however_often_it_comes(db: Database, world: World):
    booked = await asyncio.gather(*(db.write(prepay, world, "payment:1", 500) for _ in range(10)))

    assert sorted(booked) == [False] * 9 + [True]
    assert await db.read(ledger.balance, Account.OPENING) == 500


async def test_many_entries_are_booked_once_each_or_not_at_all(db: Database, world: World):
    def entry(key: str, fen: int, back_fen: int) -> NewEntry:
        receivable = Leg(Account.RECEIVABLE, fen, world.unit_id)
        legs = (receivable, Leg(Account.INCOME, -back_fen))
        return NewEntry(key, "出账", world.community_id, NOW, legs)

    def book_all(tx: Connection, *new: NewEntry) -> int:
        return ledger.post_many(tx, new)

    before = await db.read(ledger.balance, Account.RECEIVABLE, world.unit_id)
    assert await db.write(book_all, entry("a", 10, 10), entry("b", 20, 20)) == 2
    assert await db.write(book_all, entry("b", 20, 20), entry("c", 30, 30)) == 1
    with pytest.raises(ValueError, match="does not balance"):
        await db.write(book_all, entry("d", 40, 40), entry("e", 50, 49))

    assert await db.read(ledger.balance, Account.RECEIVABLE, world.unit_id) == before + 60
    assert await db.read(ledger.unit_balance, Account.RECEIVABLE, world.unit_id) == before + 60


async def test_a_mistake_is_answered_by_its_opposite_once(db: Database, world: World):
    def undo(tx: Connection, key: str) -> bool:
        return ledger.reverse(tx, key=key, memo="冲正", posted_at=NOW)

    await db.write(prepay, world, "payment:1", 500)
    before = await db.read(count)

    assert await db.write(undo, "payment:1")
    assert not await db.write(undo, "payment:1")

    assert await db.read(count) == (before[0] + 1, before[1] + 2)
    assert await db.read(ledger.balance, Account.OPENING) == 0
    assert await db.read(ledger.unit_balance, Account.PREPAYMENT, world.unit_id) == 0

    def what_it_answers(tx: Connection):
        original = entries.alias()
        return tx.execute(
            select(original.c.entry_key)
            .join(entries, entries.c.reverses_id == original.c.id)
            .where(entries.c.entry_key == "reversal:payment:1")
        ).scalar_one()

    assert await db.read(what_it_answers) == "payment:1"
    with pytest.raises(LookupError):
        await db.write(undo, "payment:2")


async def test_l2_a_reversal_is_not_reversed(db: Database, world: World):
    await db.write(prepay, world, "payment:1", 500)

    def undo(tx: Connection, key: str) -> bool:
        return ledger.reverse(tx, key=key, memo="冲正", posted_at=NOW)

    await db.write(undo, "payment:1")

    with pytest.raises(ValueError, match="is a reversal"):
        await db.write(undo, "reversal:payment:1")


NO_ROWS_OF_PREPAYMENT = {
    "prepayment is the surplus that nobody has taken back",
    "prepayment is the sum of its moves",
}
NO_ROWS_OF_REFUNDS = {"what is due back is what came twice or is being refunded"}
"""What the proofs miss where only the ledger is written: all that they say of its own is true."""


async def sentences(db: Database) -> set[str]:
    return {one.sentence for one in await db.read(prove)}


async def test_b18_prepayment_is_never_overdrawn(db: Database, world: World):
    await db.write(prepay, world, "payment:1", 50)

    def spend(tx: Connection, key: str, fen: int) -> bool:
        return book(
            tx,
            world,
            key,
            Leg(Account.PREPAYMENT, fen, world.unit_id),
            Leg(Account.REFUND_DUE, -fen, world.unit_id),
        )

    outcomes = await asyncio.gather(
        *(db.write(spend, f"use:{n}", 30) for n in range(4)), return_exceptions=True
    )

    assert [type(one) for one in outcomes].count(IntegrityError) == 3
    assert await db.read(ledger.balance, Account.PREPAYMENT, world.unit_id) == -20
    assert await db.read(ledger.unit_balance, Account.PREPAYMENT, world.unit_id) == -20
    assert await sentences(db) == NO_ROWS_OF_PREPAYMENT | NO_ROWS_OF_REFUNDS


async def test_b22_sums_far_beyond_32_bits_stay_exact(db: Database, world: World):
    for number in range(100):
        await db.write(prepay, world, f"payment:{number}", 99_999_999_999)

    assert await db.read(ledger.balance, Account.OPENING) == 9_999_999_999_900
    assert await sentences(db) == NO_ROWS_OF_PREPAYMENT


async def test_d13_a_column_of_money_takes_nothing_but_whole_fen(db: Database, world: World):
    def spoil(tx: Connection, value: object) -> None:
        tx.exec_driver_sql(f"UPDATE unit_balances SET balance_fen = {value}")

    for value in ("'12abc'", "NULL"):
        with pytest.raises(Exception, match=r"(?i)constraint|invalid input|null"):
            await db.write(spoil, value)

    def keep(tx: Connection) -> None:
        tx.execute(update(unit_balances).values(balance_fen=2**63))

    outcome = await asyncio.gather(db.write(keep), return_exceptions=True)
    assert isinstance(outcome[0], Exception)
    assert await db.read(prove) == []


def legs_of_all(tx: Connection, world: World, *, spare_fen: int = 0) -> int:
    """Book, by one SELECT, that each flat of the world owes a hundredth of its key."""
    key = literal("select:").concat(units.c.code).label("entry_key")
    owed = select(
        key,
        literal(str(Account.RECEIVABLE)).label("account"),
        units.c.id.label("unit_id"),
        (units.c.id * 100).label("amount_fen"),
    )
    earned = select(
        key,
        literal(str(Account.INCOME)),
        cast(null(), BigInteger),
        -units.c.id * 100 + spare_fen,
    )
    return ledger.post_select(
        tx,
        union_all(owed, earned),
        memo="出账",
        community_id=world.community_id,
        posted_at=NOW,
    )


async def test_a_select_books_what_single_entries_would(db: Database, world: World):
    before, booked_before = await db.read(count), await db.read(ledger.balance, Account.RECEIVABLE)

    booked = await db.write(legs_of_all, world)

    flats = await db.read(lambda tx: list(tx.execute(select(units.c.id)).scalars()))
    after = await db.read(count)
    assert booked == len(flats) == after[0] - before[0] == (after[1] - before[1]) // 2
    added = await db.read(ledger.balance, Account.RECEIVABLE) - booked_before
    assert added == 100 * sum(flats)
    broken = {one.sentence for one in await db.read(prove)}
    assert not any("balance" in one or "zero" in one for one in broken)


async def test_a_select_that_does_not_balance_books_nothing(db: Database, world: World):
    before = await db.read(count)

    with pytest.raises(ValueError, match="does not balance"):
        await db.write(lambda tx: legs_of_all(tx, world, spare_fen=1))

    assert await db.read(count) == before


async def test_a_select_books_no_key_a_second_time(db: Database, world: World):
    await db.write(legs_of_all, world)
    before = await db.read(count)

    with pytest.raises(IntegrityError):
        await db.write(legs_of_all, world)

    assert await db.read(count) == before
