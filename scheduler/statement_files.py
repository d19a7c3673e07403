"""A statement's file goes into the books in pieces: whole, or not at all."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Final, cast

from storage.database import Database
from storage.operations.reconciliation import (
    add_lines,
    begin_lines,
    clear_lines,
    end_lines,
    note_broken,
)
from storage.ports.payments import PaymentGateway, StatementBroken, StatementFile, StatementLine
from storage.queries.reconciliation import READ, Statement

HELD: Final = 20_000
"""Lines that are in memory at a time: in the order of their numbers, indexes grow at few places."""
PIECE: Final = 5_000
"""Lines in one transaction, so that nobody waits long behind it."""


async def take_in(
    db: Database,
    gateway: PaymentGateway,
    file: StatementFile,
    statement: Statement,
    *,
    now: datetime,
) -> str:
    """Read a file into a statement's lines. Returns fetched | known | broken | overtaken.

    The same file again changes nothing. A file that is not whole leaves no line behind, and what
    was read before stays as it is.
    """
    statement_id = statement.statement_id
    if statement.state in READ and not await asyncio.to_thread(_is_whole, gateway, file):
        return "broken"
    token = await db.write(begin_lines, statement_id, file)
    if not token:
        return "known"
    await _clear(db, statement_id)
    try:
        await _read(db, gateway, file, statement, token)
    except StatementBroken as trouble:
        await db.write(note_broken, statement_id, str(trouble), now=now)
        await _clear(db, statement_id)
        return "broken"
    is_ours = await db.write(end_lines, statement_id, file, token=token, now=now)
    return "fetched" if is_ours else "overtaken"


def _is_whole(gateway: PaymentGateway, file: StatementFile) -> bool:
    try:
        for _ in gateway.read_statement(file.path, file.day):
            continue
    except StatementBroken:
        return False
    return True


async def _read(
    db: Database, gateway: PaymentGateway, file: StatementFile, statement: Statement, token: str
) -> None:
    lines = gateway.read_statement(file.path, file.day)
    with closing(cast("_Closable", lines)):
        while held := await asyncio.to_thread(_next, lines):
            for first in range(0, len(held), PIECE):
                piece = held[first : first + PIECE]
                if not await db.jot(add_lines, statement, piece, token=token):
                    return


class _Closable(Iterator[StatementLine]):
    def close(self) -> None: ...


def _next(lines: Iterator[StatementLine]) -> list[StatementLine]:
    """Read the next lines, in a thread of its own: a long file keeps nobody waiting."""
    return sorted(islice(lines, HELD), key=_number)


def _number(line: StatementLine) -> str:
    return line.order_no


async def _clear(db: Database, statement_id: int) -> None:
    while await db.jot(clear_lines, statement_id, limit=PIECE):
        continue
