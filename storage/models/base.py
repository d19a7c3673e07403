"""What all tables share: names of constraints, and column types that refuse what is unsafe."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    TypeDecorator,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Key = BigInteger().with_variant(Integer, "sqlite")
"""A key of ours; SQLite numbers rows only where the type is INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC. Refuses naive ones (SQLite would drop the zone in silence)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Return what writes an instant; SQLite's text without SQLAlchemy's four steps to it."""
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Return what reads an instant."""
        if dialect.name == "sqlite":
            return _from_sqlite_text
        return super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC. Raises ValueError for a naive one."""
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant its zone back."""
        return None if value is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime may not be stored")
    return value.astimezone(UTC)


def _sqlite_text(value: datetime | None) -> str | None:
    return None if value is None else _in_utc(value).isoformat(" ", "microseconds")[:26]


def _from_sqlite_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


class Area(TypeDecorator[Decimal]):
    """A floor area in square metres with two decimals, kept as whole square decimetres."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Refuse areas with more than two decimals. Raises ValueError."""
        if value is None:
            return None
        scaled = value * 100
        if scaled != scaled.to_integral_value():
            raise ValueError(f"a floor area has at most two decimals: {value}")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Return square metres."""
        return None if value is None else Decimal(value).scaleb(-2)


def key() -> Column[int]:
    """Return the primary key that every table has."""
    return Column("id", Key, primary_key=True, autoincrement=True)


def ref(name: str, target: str, **options: Any) -> Column[int]:  # noqa: ANN401
    """Return a column that points at another table's key; never null unless said."""
    return Column(name, Key, ForeignKey(f"{target}.id"), **{"nullable": False, **options})


def fen(name: str, **options: Any) -> Column[int]:  # noqa: ANN401
    """Return a column of whole fen."""
    return Column(name, BigInteger, **{"nullable": False, **options})


def text(name: str, length: int, **options: Any) -> Column[str]:  # noqa: ANN401
    """Return a column of text; the empty text stands for "nothing"."""
    return Column(name, String(length), **{"nullable": False, "server_default": "", **options})


def instant(name: str, **options: Any) -> Column[datetime]:  # noqa: ANN401
    """Return a column of aware UTC instants."""
    return Column(name, UtcDateTime, **{"nullable": False, **options})


def choice(name: str, kinds: type[StrEnum] | Iterable[str], **options: Any) -> Column[str]:  # noqa: ANN401
    """Return a text column; pair it with `one_of` in the table."""
    longest = max(len(str(kind)) for kind in kinds)
    return Column(name, String(max(longest, 16)), **{"nullable": False, **options})


def one_of(name: str, kinds: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """Return the CHECK that keeps a text column to its words."""
    words = ", ".join(f"'{kind}'" for kind in kinds)
    return CheckConstraint(f"{name} IN ({words})", name=name)


def whole_fen(*names: str) -> list[CheckConstraint]:
    """Return the CHECKs that keep SQLite from storing text in columns of money."""
    return [
        CheckConstraint(f"typeof({name}) = 'integer'", name=f"{name}_whole").ddl_if("sqlite")
        for name in names
    ]


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows that a condition holds for.

    `storage.models.all` hands the condition to the engines: each would be loaded here for it.
    """
    return Index(name, *columns, unique=unique, info={"where": where})


__all__ = ["Area", "Key", "Numeric", "UtcDateTime", "metadata"]
