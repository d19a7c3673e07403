"""How a step reaches the database: over asyncpg or the standard sqlite3, one transaction each."""

import asyncio
from typing import Any, Final, Literal

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.models.all import metadata

ONE_AT_A_TIME: Final = 0x77757965
"""The advisory lock of whoever takes steps; it ends with the connection."""


def _render(kind: str, thing: Any, autogen: Any) -> str | Literal[False]:  # noqa: ANN401 - alembic's hook
    if kind == "type" and type(thing).__module__ == "storage.models.base":
        autogen.imports.add("from storage.models import base")
        return f"base.{type(thing).__name__}()"
    return False


def _run(tx: Connection) -> None:
    context.configure(
        connection=tx,
        target_metadata=metadata,
        render_item=_render,
        render_as_batch=tx.dialect.name == "sqlite",
        transaction_per_migration=True,
        user_module_prefix=None,
    )
    with context.begin_transaction():
        context.run_migrations()


def _step_or_nothing(engine: Engine) -> None:
    """Have SQLite take a step as a whole: by itself, Python's driver commits half-way."""

    def leave_alone(link: Any, _pool: Any) -> None:  # noqa: ANN401 - the driver's own connection
        link.isolation_level = None

    def begin(tx: Connection) -> None:
        tx.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", leave_alone)
    event.listen(engine, "begin", begin)


async def _run_postgres(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as tx:
            # Of processes that start at once one takes the steps; the others find them taken.
            await tx.execute(text("SELECT pg_advisory_lock(:one)"), {"one": ONE_AT_A_TIME})
            await tx.commit()
            await tx.run_sync(_run)
            await tx.commit()
    finally:
        await engine.dispose()


def _main() -> None:
    url = make_url(context.config.attributes["url"])
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url.set(drivername="sqlite"))
        _step_or_nothing(engine)
        with engine.connect() as tx:
            _run(tx)
            tx.commit()
        engine.dispose()
    else:
        asyncio.run(_run_postgres(url.render_as_string(hide_password=False)))


_main()
