"""The bare limit of a database: one row, one commit, one fsync, and nothing else.

Started as `tests.benchmarks.child commits URL COUNT`; prints JSON.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from time import perf_counter

import asyncpg
from sqlalchemy import make_url


def main(words: list[str]) -> None:
    """Commit so often, one after the other, and print how long it took."""
    url, count = words[0], int(words[1])
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    seconds = _sqlite(url, count) if is_sqlite else asyncio.run(_postgresql(url, count))
    print(json.dumps({"commits": count, "seconds": seconds}))


def _sqlite(url: str, count: int) -> float:
    path = make_url(url).database or ""
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA synchronous=FULL")
        link.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY)")
        began = perf_counter()
        for number in range(count):
            link.execute("BEGIN IMMEDIATE")
            link.execute("INSERT INTO bare VALUES (?)", (number,))
            link.execute("COMMIT")
        return perf_counter() - began


async def _postgresql(url: str, count: int) -> float:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    link = await asyncpg.connect(plain)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await link.fetchval(f"SHOW {setting}") == "on", setting
        await link.execute("CREATE TABLE bare (n bigint PRIMARY KEY)")
        insert = await link.prepare("INSERT INTO bare VALUES ($1)")
        began = perf_counter()
        for number in range(count):
            await insert.fetchval(number)
        return perf_counter() - began
    finally:
        await link.close()
