"""What commands that change the books share: one write, a refusal in words, names found or told."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import date
from typing import Any, TypeVar

from bot.cli.places import fail
from handlers import refusals
from storage.database import Database, open_database, open_reader
from storage.errors import Refusal, StorageUnavailable
from storage.queries.estate import Unit, community_named, find_unit
from storage.queries.staff import staff_by_phone

T = TypeVar("T")


def write_books(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with the books, alone with them, or end with what kept us from it."""

    async def done() -> T:
        async with open_database(url) as db:
            return await work(db)

    return _said(done())


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


def day_or_exit(text: str, *, otherwise: date) -> date:
    """Read "2026-03-01"; "" is `otherwise`."""
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        fail(f"{text} 不是日期，写成 2026-03-01 这样。")
