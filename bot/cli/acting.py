"""What commands that change the books share: one write, refusals in words, whom they mean."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from typer import Argument, Option

from bot.cli.places import fail
from handlers import refusals
from storage.database import Database, open_database, open_reader
from storage.errors import Refusal, StorageUnavailable
from storage.queries.bills import open_bills_of_unit
from storage.queries.estate import Unit, community_named, find_unit
from storage.queries.residents import Staff, staff_member
from storage.queries.staff import staff_by_phone

T = TypeVar("T")

CommunityArgument = Annotated[str, Argument(help="小区名称")]
UnitArgument = Annotated[str, Argument(help="房号，例如 3-2-1201")]
BillArgument = Annotated[str, Argument(help="账单号，例如 B2026-10-000001")]
StaffOption = Annotated[str, Option("--staff", help="经办人的手机号")]


def write_books(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with the books, alone with them, or end with what kept us from it."""

    async def done() -> T:
        async with open_database(url) as db:
            return await work(db)

    return _said(done())


def write_as(url: str, phone: str, work: Callable[[Database, Staff, datetime], Awaitable[T]]) -> T:
    """Do something with the books now, as the member of staff with a phone number, or end."""

    async def write(db: Database) -> T:
        by = await person_or_exit(db, phone)
        return await work(db, by, datetime.now(UTC))

    return write_books(url, write)


def read_books(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Read the books beside a running bot, or end with what kept us from it."""

    async def done() -> T:
        async with open_reader(url) as db:
            return await work(db)

    return _said(done())


def _said(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except Refusal as refusal:
        fail(refusals.words(refusal))


async def community_or_exit(db: Database, name: str) -> int:
    """Return the community of a name, or end."""
    found = await db.read(community_named, name)
    if found is None:
        fail(f"没有叫“{name}”的小区；先用 wuyebot import estate 导入。")
    return found.community_id


async def unit_or_exit(db: Database, community_id: int, code: str) -> Unit:
    """Return the unit of a code ("3-2-1201"), or end."""
    found = await db.read(find_unit, community_id, code)
    if found is None:
        fail(f"没有房号 {code}，写成 3-2-1201 这样。")
    return found


async def staff_or_exit(db: Database, phone: str) -> int:
    """Return the member of staff with a phone number who still works here, or end."""
    found = await db.read(staff_by_phone, phone)
    if found is None:
        fail(f"没有手机号是 {phone} 的在职人员；先用 wuyebot staff add 登记。")
    return found


async def person_or_exit(db: Database, phone: str) -> Staff:
    """Return the member of staff with a phone number, with her role and communities, or end."""
    found: Staff | None = await db.read(staff_member, await staff_or_exit(db, phone))
    if found is None:
        fail(f"没有手机号是 {phone} 的在职人员。")
    return found


async def bill_or_exit(db: Database, unit_id: int, bill_no: str) -> int:
    """Return the open bill of a unit with a number, or end."""
    found = await db.read(open_bills_of_unit, unit_id)
    meant: int | None = next((one.bill_id for one in found if one.bill_no == bill_no), None)
    if meant is None:
        fail(f"这户没有待缴账单 {bill_no}，请核对账单号。")
    return meant


def day_or_exit(text: str, *, otherwise: date) -> date:
    """Read "2026-03-01"; "" is `otherwise`."""
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        fail(f"{text} 不是日期，写成 2026-03-01 这样。")
