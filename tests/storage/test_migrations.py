"""The schema goes up and down on both engines, and is what the models say."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Row, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex

from storage import migrate
from storage.audit import Actor
from storage.database import Database, open_reader
from storage.kinds import StaffRole
from storage.models.all import metadata
from storage.models.bills import bills
from storage.models.operating import audit_records
from storage.models.policies import policies
from storage.models.prepayments import prepayment_moves
from storage.models.write_offs import write_offs
from storage.operations.bill_waivers import WaiverAsk, approve_waiver, ask_waiver
from storage.operations.payments import settle_payment
from storage.operations.refund_results import note_refund
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.operations.write_offs import WriteOffAsk, approve_write_off, ask_write_off
from storage.paying_kinds import WaiverKind
from storage.ports.payments import PaymentFact, PaymentState, RefundFact, RefundState
from storage.queries.policies import policy_on
from storage.queries.proofs import prove
from storage.queries.residents import staff_member
from storage.steps import VERSIONS, is_newest, newest_step, sqlite_file, step_of
from tests.factories import NOW, add_staff, begin_to_pay, build, pay
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without tables, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    server = request.getfixturevalue("migrated_postgres")
    url = server.empty()
    yield url
    server.drop(url)


async def tables(url: str) -> set[str]:
    async with open_reader(url) as db:
        return await db.read(lambda tx: set(inspect(tx).get_table_names()))


async def go(step: Callable[..., None], *way: str) -> None:
    await asyncio.to_thread(step, *way)


async def test_e14_the_schema_goes_up_and_down_and_up_again(empty_url: str):
    await go(migrate.upgrade, empty_url)
    full = await tables(empty_url)
    await go(migrate.downgrade, empty_url, "base")
    bare = await tables(empty_url)
    await go(migrate.upgrade, empty_url)

    assert full >= set(metadata.tables)
    assert bare <= {"alembic_version"}
    assert await tables(empty_url) == full


@pytest.mark.postgresql
async def test_two_processes_that_start_at_once_on_an_empty_server_take_each_step_once(
    migrated_postgres: Postgres,
):
    url = migrated_postgres.empty()
    steps = "import sys; from storage.migrate import upgrade; upgrade(sys.argv[1])"
    words = [sys.executable, "-c", steps]

    both = [await asyncio.create_subprocess_exec(*words, url) for _ in range(2)]
    ended = [await one.wait() for one in both]

    assert ended == [0, 0]
    assert await is_newest(url)
    migrated_postgres.drop(url)


async def test_a_step_down_and_up_keeps_the_books(db: Database, database_url: str):
    def live(tx: Connection) -> None:
        world = build(tx)
        pay(tx, world.unit_id, (world.october_id,))

    def everything(tx: Connection) -> dict[str, Sequence[Row]]:
        return {
            name: tx.execute(table.select().order_by(*table.primary_key)).all()
            for name, table in metadata.tables.items()
        }

    def dangling(tx: Connection) -> Sequence[Row]:
        is_sqlite = tx.dialect.name == "sqlite"
        return tx.exec_driver_sql("PRAGMA foreign_key_check").all() if is_sqlite else []

    await db.write(live)
    before = await db.read(everything)
    await go(migrate.downgrade, database_url, "0001")
    await go(migrate.upgrade, database_url)

    assert await db.read(everything) == before
    assert await db.read(dangling) == []
    assert await db.read(prove) == []


async def test_prepayments_of_before_get_their_moves(db: Database, database_url: str):
    """Money that was paid too much under the old schema is known by its moves after the step."""

    def live(tx: Connection) -> None:
        world = build(tx)
        both = begin_to_pay(tx, world.unit_id, (world.october_id, world.november_id))
        pay(tx, world.unit_id, (world.october_id,))
        fact = PaymentFact(
            gateway="wechat_pay",
            order_no=both.order_no,
            state=PaymentState.PAID,
            amount_fen=both.amount_fen,
            currency="CNY",
            merchant_id="1900000001",
            app_id="wx1",
            transaction_id="4200001",
            paid_at=NOW,
        )
        surplus_id = settle_payment(tx, fact, heard_at=NOW).payment_id
        assert surplus_id is not None
        for key, ends in (("kept", False), ("declined", True)):
            asked = RefundAskedFor(surplus_id, 5_000, "paid_too_much", "多缴", key)
            view = request_refund(tx, asked, actor=Actor(), now=NOW)
            if ends:
                closed = RefundFact(
                    "wechat_pay", view.refund_no, "", RefundState.REJECTED, 5_000, settled_at=NOW
                )
                note_refund(tx, closed, heard_at=NOW)

    await db.write(live)
    await go(migrate.downgrade, database_url, "0002")
    await go(migrate.upgrade, database_url)

    assert await db.read(prove) == []
    moved = select(prepayment_moves.c.amount_fen).order_by(prepayment_moves.c.id)
    assert list(await db.read(lambda tx: tx.execute(moved).scalars().all())) == [25_060, -5_000]


async def test_bills_of_before_learn_what_was_waived_of_them(db: Database, database_url: str):
    def live(tx: Connection) -> None:
        world = build(tx)
        staff = [
            staff_member(tx, add_staff(tx, world.community_id, role, role, role))
            for role in (StaffRole.CASHIER, StaffRole.MANAGER)
        ]
        cashier, manager = (one for one in staff if one is not None)
        paper = ("住院", "证明.jpg", b"paper")
        wanted = WaiverAsk(world.october_id, WaiverKind.HARDSHIP, 5_000, *paper)
        asked = ask_waiver(tx, wanted, by=cashier, now=NOW)
        approve_waiver(tx, asked.waiver_no, by=manager, now=NOW)

    await db.write(live)
    await go(migrate.downgrade, database_url, "0008")
    await go(migrate.upgrade, database_url)

    waived = select(bills.c.waived_fen).order_by(bills.c.id)
    assert sum(await db.read(lambda tx: tx.execute(waived).scalars().all())) == 5_000
    assert await db.read(prove) == []


async def test_bills_in_parts_are_so_again_after_a_step_down_and_up(
    db: Database, database_url: str
):
    """Else a run would bill the days of all parts but one a second time."""

    def live(tx: Connection) -> None:
        world = build(tx)
        parted = {"period": "2026-10", "part": 2, "revision": 1}
        tx.execute(update(bills).where(bills.c.id == world.november_id).values(**parted))

    kept = select(bills.c.id, bills.c.period, bills.c.part, bills.c.revision).order_by(bills.c.id)
    await db.write(live)
    before = await db.read(lambda tx: tx.execute(kept).all())
    await go(migrate.downgrade, database_url, "0008")
    await go(migrate.upgrade, database_url)

    assert await db.read(lambda tx: tx.execute(kept).all()) == before
    assert {(one.part, one.revision) for one in before} == {(0, 0), (2, 1)}


async def test_a_step_down_does_not_forget_what_was_written_off(db: Database, database_url: str):
    """Of a bill that was paid in part the old schema would take what it asks for now."""
    later = NOW + timedelta(days=60)

    def live(tx: Connection) -> None:
        world = build(tx)
        staff = [
            staff_member(tx, add_staff(tx, world.community_id, role, role, role))
            for role in (StaffRole.CASHIER, StaffRole.MANAGER)
        ]
        cashier, manager = (one for one in staff if one is not None)
        tx.execute(update(bills).where(bills.c.id == world.october_id).values(paid_fen=10_000))
        wanted = WriteOffAsk(world.october_id, "业主失联", "催告函退回")
        asked = ask_write_off(tx, wanted, by=cashier, now=later)
        approve_write_off(tx, asked.write_off_no, by=manager, now=later)

    kept = select(write_offs.c.state, write_offs.c.amount_fen)
    await db.write(live)
    with pytest.raises(RuntimeError):
        await go(migrate.downgrade, database_url, "0009")

    assert [tuple(one) for one in await db.read(lambda tx: tx.execute(kept).all())] == [
        ("approved", 15_060)
    ]


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("每天 08:30–20:30", ("08:30", "20:30", "1,2,3,4,5,6,7")),
        ("周一至周五9点到18点", ("09:00", "18:00", "1,2,3,4,5")),
        ("中午有人", ("08:30", "17:30", "1,2,3,4,5,6,7")),
        ("每天25:00到26:00", ("08:30", "17:30", "1,2,3,4,5,6,7")),
    ],
)
async def test_duty_hours_that_were_only_said_become_the_choice_and_no_word_is_lost(
    db: Database, database_url: str, said: str, chosen: tuple[str, ...]
):
    def say(tx: Connection) -> None:
        tx.execute(text("UPDATE communities SET duty_hours = :said"), {"said": said})

    def hours(tx: Connection) -> list[tuple[str, ...]]:
        columns = (policies.c.duty_from, policies.c.duty_until, policies.c.duty_days)
        return [tuple(row) for row in tx.execute(select(*columns))]

    def kept(tx: Connection) -> list[str]:
        asked = select(audit_records.c.detail).where(audit_records.c.act == "migrate")
        return list(tx.execute(asked).scalars())

    await db.write(build)
    await go(migrate.downgrade, database_url, "0008")
    await db.write(say)
    await go(migrate.upgrade, database_url)

    assert await db.read(hours) == [chosen]
    assert await db.read(kept) == [f"duty_hours={said}"]


async def test_duty_hours_that_were_chosen_stand_against_what_was_said(
    db: Database, database_url: str
):
    def contradict(tx: Connection) -> None:
        build(tx)
        tx.execute(policies.update().values(duty_until="18:30"))

    def say(tx: Connection) -> None:
        tx.execute(text("UPDATE communities SET duty_hours = '每天8:30到20:00'"))

    await db.write(contradict)
    await go(migrate.downgrade, database_url, "0008")
    await db.write(say)
    await go(migrate.upgrade, database_url)

    asked = select(policies.c.duty_until)
    assert await db.read(lambda tx: tx.execute(asked).scalar_one()) == "18:30"


async def test_duty_hours_of_a_community_that_chose_nothing_yet_become_its_first_choice(
    db: Database, database_url: str
):
    def unchosen(tx: Connection) -> None:
        build(tx)
        tx.execute(policies.delete())

    def say(tx: Connection) -> None:
        tx.execute(text("UPDATE communities SET duty_hours = '工作日9点到17点半'"))

    await db.write(unchosen)
    await go(migrate.downgrade, database_url, "0008")
    await db.write(say)
    await go(migrate.upgrade, database_url)

    duty = (await db.read(policy_on, 1)).duty
    assert (str(duty.begins), str(duty.ends), duty.days) == (
        "09:00:00",
        "17:30:00",
        (1, 2, 3, 4, 5),
    )


async def test_a_step_that_fails_leaves_everything_as_it_was_and_may_be_taken_again(
    empty_url: str,
):
    """The books hold what the new step forbids: SQLite finds out half-way."""
    path = sqlite_file(empty_url)
    if path is None:
        return
    await go(migrate.upgrade, empty_url, "0001")
    spoil = "UPDATE payments SET surplus_fen = ?"
    with closing(sqlite3.connect(path)) as link, link:
        link.execute("PRAGMA foreign_keys = OFF")
        link.execute(
            "INSERT INTO payments (order_id, community_id, unit_id, amount_fen, paid_at,"
            " settled_at) VALUES (1, 1, 1, 100, '2026-11-23 02:00:00', '2026-11-23 02:00:00')"
        )
        link.execute(spoil, ("much",))
    before = await tables(empty_url)

    with pytest.raises(IntegrityError, match="surplus_fen_whole"):
        await go(migrate.upgrade, empty_url)

    assert await tables(empty_url) == before
    with closing(sqlite3.connect(path)) as link, link:
        assert link.execute("SELECT surplus_fen FROM payments").fetchall() == [("much",)]
        link.execute(spoil, (0,))
    await go(migrate.upgrade, empty_url)
    assert await is_newest(empty_url)


async def test_the_schema_is_what_the_models_say(db: Database):
    def differences(tx: Connection) -> list:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await db.read(differences) == []


async def test_an_index_over_some_rows_is_so_on_both_engines():
    partial = [index for table in metadata.tables.values() for index in table.indexes if index.info]

    assert partial
    for index in partial:
        for engine in (postgresql.dialect(), sqlite.dialect()):
            assert " WHERE " in str(CreateIndex(index).compile(dialect=engine))


async def test_checks_and_unique_keys_are_in_the_schema_too(db: Database):
    def missing(tx: Connection) -> dict[str, set[str]]:
        found = inspect(tx)
        dialect = tx.dialect.name
        lacking = {}
        for name, table in metadata.tables.items():
            known = {one["name"] for one in found.get_check_constraints(name)}
            wanted = {
                str(one.name)
                for one in table.constraints
                if type(one).__name__ == "CheckConstraint"
                and (dialect == "sqlite" or not str(one.name).endswith("_whole"))
            }
            lacking[name] = wanted - known
        return {name: names for name, names in lacking.items() if names}

    assert await db.read(missing) == {}


async def test_going_up_where_nothing_is_to_be_done_leaves_the_books_alone(
    db: Database, database_url: str
):
    def live(tx: Connection) -> None:
        world = build(tx)
        pay(tx, world.unit_id, (world.october_id,))

    await db.write(live)
    await go(migrate.upgrade, database_url)

    assert await db.read(prove) == []
    assert await db.read(step_of) == newest_step()
    assert await is_newest(database_url)


async def test_a_database_without_tables_needs_every_step(empty_url: str):
    assert not await is_newest(empty_url)


async def test_a_file_that_lacks_a_step_is_seen(tmp_path: Path):
    path = tmp_path / "old.db"
    link = sqlite3.connect(path)
    link.execute("CREATE TABLE alembic_version (version_num TEXT)")
    link.execute("INSERT INTO alembic_version VALUES ('0000')")
    link.commit()
    link.close()

    assert not await is_newest(f"sqlite+aiosqlite:///{path}")


def test_steps_are_numbered_without_gaps():
    numbers = sorted(int(one.name.split("_")[0]) for one in VERSIONS.glob("[0-9]*.py"))

    assert numbers == list(range(1, len(numbers) + 1))
