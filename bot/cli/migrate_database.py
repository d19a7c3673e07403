"""`wuyebot migrate-database`: a grown company moves from SQLite to PostgreSQL, row by row."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Annotated, Any, Final, TypeVar

import typer

from bot.cli.places import fail
from storage import relocation
from storage.lazy import load
from storage.relocation import CannotMove, Comparison

T = TypeVar("T")

UNTOUCHED: Final = (
    "The source was only read, and nothing is in the target that was not there before."
    " Put right what is named above and type the same again."
)
NEXT: Final = (
    "Now write the target's address into [database] url of the configuration, run"
    " `wuyebot doctor`, start `wuyebot run`, and keep the old file away from it, as a backup."
)


def command(
    source: Annotated[str, typer.Option("--from", help="sqlite:FILE, its bot stopped.")],
    target: Annotated[str, typer.Option("--to", help="postgresql://…, a new database.")],
    check: Annotated[bool, typer.Option("--check", help="Compare only, move nothing.")] = False,  # noqa: FBT002
) -> None:
    """Copy every row in one transaction, compare every row and prove the books, then commit.

    A password is better in the environment (PGPASSWORD) or in ~/.pgpass than in --to.
    """
    old, new = _sqlite(source), _postgres(target)
    if check:
        found = _settled(relocation.compare(old, new))
        for one in found.differing:
            typer.echo(f"DIFFERENT  {one.table} {one.key}: {one.found}")
        _tell(found)
        raise typer.Exit(1 if found.differing else 0)
    if _settled(relocation.is_bare(new)):
        load("storage.migrate").upgrade(new)
    _tell(_settled(relocation.move(old, new, tell=lambda name, rows: _count(name, rows))))
    typer.echo(NEXT)


def _settled(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except CannotMove as trouble:
        fail(f"{trouble}\n{UNTOUCHED}")


def _count(name: str, rows: int) -> None:
    if rows:
        typer.echo(f"{name}: {rows} rows on their way", err=True)


def _tell(found: Comparison) -> None:
    for one in found.alike:
        typer.echo(f"{one.table:<26}{one.rows:>12}  {one.digest[:16]}")
    for broken in found.broken:
        typer.echo(f"NOT TRUE on both sides: {broken.sentence}: {broken.reference}")
    word = "different" if found.differing else "the same, row by row; audit says the same of both"
    typer.echo(f"{len(found.alike)} tables, {found.rows} rows: {word}")


def _sqlite(url: str) -> str:
    """Take `sqlite:FILE`, `sqlite:///FILE` and the configuration's own spelling."""
    path = re.sub(r"^sqlite(\+aiosqlite)?:(///)?", "", url)
    return f"sqlite+aiosqlite:///{path}"


def _postgres(url: str) -> str:
    return re.sub(r"^postgres(ql)?(\+asyncpg)?:", "postgresql+asyncpg:", url)
