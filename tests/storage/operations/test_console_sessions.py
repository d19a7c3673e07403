"""Signing in to the console: a link opens once, a session ends, tries are counted."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from storage.audit import CLOCK
from storage.database import Database
from storage.kinds import StaffRole
from storage.models.console import console_passes, console_sessions
from storage.models.operating import audit_records
from storage.models.people import staff
from storage.operations import console_sessions as console
from storage.operations.console_sessions import Try
from storage.operations.staff import add_staff, dismiss
from storage.queries.console_sessions import proof_of, session_of
from tests import factories
from tests.factories import NOW

PHONE = "13900000001"
HER = Try(PHONE, "1.1.1.1")


def employ(tx: Connection) -> int:
    community_id = factories.add_community(tx)
    role = StaffRole.STEWARD
    return add_staff(tx, name="小陈", phone=PHONE, role=role, community_ids=[community_id], now=NOW)


@pytest.fixture
async def staff_id(db: Database) -> int:
    return await db.write(employ)


async def sign_in(db: Database, staff_id: int, *, now=NOW) -> str:
    link = await db.write(console.issue_console_pass, staff_id, now=now)
    secret = await db.write(console.sign_in_by_pass, link, now=now)
    assert secret is not None
    return secret


async def acts(db: Database) -> list[str]:
    asked = select(audit_records.c.act).where(audit_records.c.noun == "console")
    return await db.read(lambda tx: list(tx.execute(asked.order_by(audit_records.c.id)).scalars()))


async def test_a_link_signs_in_once_even_when_pressed_twice_at_once(db: Database, staff_id: int):
    link = await db.write(console.issue_console_pass, staff_id, now=NOW)

    found = await asyncio.gather(
        *(db.write(console.sign_in_by_pass, link, now=NOW) for _ in range(4))
    )

    assert sum(one is not None for one in found) == 1
    assert sorted(await acts(db)) == ["sign_in", *["sign_in_failed"] * 3]


async def test_a_link_is_over_after_ten_minutes_and_when_a_newer_one_was_sent(
    db: Database, staff_id: int
):
    old = await db.write(console.issue_console_pass, staff_id, now=NOW)
    new = await db.write(console.issue_console_pass, staff_id, now=NOW)

    assert await db.write(console.sign_in_by_pass, old, now=NOW) is None
    late = NOW + timedelta(minutes=10)
    assert await db.write(console.sign_in_by_pass, new, now=late) is None


async def test_neither_the_secret_of_a_link_nor_of_a_session_is_in_the_books(
    db: Database, staff_id: int
):
    link = await db.write(console.issue_console_pass, staff_id, now=NOW)
    secret = await db.write(console.sign_in_by_pass, link, now=NOW)

    def kept(tx: Connection) -> str:
        return str([tx.execute(select(one)).all() for one in (console_passes, console_sessions)])

    written = await db.read(kept)
    assert secret is not None
    assert link not in written
    assert secret not in written


@pytest.mark.parametrize(
    ("after", "is_over"),
    [(timedelta(minutes=29), False), (timedelta(minutes=30), True)],
)
async def test_a_session_nobody_uses_is_over_after_half_an_hour(
    db: Database, staff_id: int, after: timedelta, is_over: bool
):
    secret = await sign_in(db, staff_id)

    assert (await db.read(session_of, secret, now=NOW + after) is None) == is_over


async def test_a_session_that_is_used_lasts_twelve_hours_and_no_longer(db: Database, staff_id: int):
    secret, at = await sign_in(db, staff_id), NOW
    while at < NOW + timedelta(hours=12):
        session = await db.read(session_of, secret, now=at)
        assert session is not None
        await db.write(console.note_seen, session, now=at)
        at += timedelta(minutes=20)

    assert await db.read(session_of, secret, now=at) is None


async def test_who_signs_out_is_out(db: Database, staff_id: int):
    secret = await sign_in(db, staff_id)
    session = await db.read(session_of, secret, now=NOW)
    assert session is not None

    await db.write(console.sign_out, session, now=NOW)

    assert await db.read(session_of, secret, now=NOW) is None
    assert await acts(db) == ["sign_in", "sign_out"]


async def test_i11_who_is_dismissed_is_out_and_stays_out_when_she_is_taken_on_again(
    db: Database, staff_id: int
):
    await db.write(console.set_password, staff_id, "phc", actor=CLOCK, now=NOW)
    secret = await sign_in(db, staff_id)
    link = await db.write(console.issue_console_pass, staff_id, now=NOW)

    await db.write(dismiss, PHONE, now=NOW)
    await db.write(lambda tx: tx.execute(staff.update().values(is_active=True)))

    assert await db.read(session_of, secret, now=NOW) is None
    assert await db.write(console.sign_in_by_pass, link, now=NOW) is None
    assert await db.read(proof_of, PHONE) is None


async def test_a_new_password_ends_the_sessions_that_were_open(db: Database, staff_id: int):
    secret = await sign_in(db, staff_id)

    await db.write(console.set_password, staff_id, "phc", actor=CLOCK, now=NOW)

    assert await db.read(session_of, secret, now=NOW) is None


async def test_a_sixth_browser_ends_the_first(db: Database, staff_id: int):
    secrets = [await sign_in(db, staff_id) for _ in range(6)]

    live = [await db.read(session_of, one, now=NOW) is not None for one in secrets]

    assert live == [False, *[True] * 5]


async def test_j04_a_name_has_five_tries_in_fifteen_minutes_from_anywhere(db: Database):
    tries = [Try("nobody", f"1.1.1.{number}") for number in range(6)]

    allowed = [await db.write(console.count_try, one, now=NOW) for one in tries]

    assert allowed == [*[True] * 5, False]
    later = NOW + timedelta(minutes=15, seconds=1)
    assert await db.write(console.count_try, tries[0], now=later)


async def test_j04_an_address_has_twenty_tries_whatever_the_names(db: Database):
    tries = [Try(f"name {number}", "1.1.1.1") for number in range(21)]

    allowed = [await db.write(console.count_try, one, now=NOW) for one in tries]

    assert allowed == [*[True] * 20, False]


async def test_a_right_password_forgets_the_tries_of_its_name(db: Database, staff_id: int):
    for _ in range(5):
        await db.write(console.count_try, HER, now=NOW)

    await db.write(console.sign_in_by_password, HER, staff_id, now=NOW)

    assert await db.write(console.count_try, HER, now=NOW)
