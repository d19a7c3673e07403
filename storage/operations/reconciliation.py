"""Statements of platforms (渠道对账单) come in: expected, read line by line, or missing."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, case, func, select, update

from storage.frozen import dataclass
from storage.many import Rows
from storage.models.reconciliation import gateway_statements, statement_lines
from storage.operations.findings import close_gone, keep_finding
from storage.paying_kinds import StatementState
from storage.ports.payments import LineKind, StatementFile, StatementLine
from storage.queries.agreement import Finding
from storage.queries.reconciliation import READ, Statement, statement_of
from storage.rules.agreeing import FAILED, OF_LINES, DifferenceKind
from storage.sql import insert_once

_LINES: Final = Rows(
    statement_lines,
    *("statement_id", "kind", "gateway", "order_no", "refund_no", "transaction_id"),
    *("platform_refund_id", "amount_fen", "fee_fen", "state", "traded_at"),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A statement that should come: whose, and of which of the platform's days."""

    gateway: str
    merchant_id: str
    day_on: date


def expect_statement(tx: Connection, expected: Expected, *, now: datetime) -> Statement:
    """Note that a day's statement is asked for, and return how it stands."""
    insert_once(
        tx,
        gateway_statements,
        {
            "gateway": expected.gateway,
            "merchant_id": expected.merchant_id,
            "day_on": expected.day_on,
            "state": StatementState.WAITING,
            "asked_at": now,
        },
    )
    key: int = tx.execute(
        update(gateway_statements)
        .where(
            gateway_statements.c.gateway == expected.gateway,
            gateway_statements.c.merchant_id == expected.merchant_id,
            gateway_statements.c.day_on == expected.day_on,
        )
        .values(tries=gateway_statements.c.tries + 1, asked_at=now)
        .returning(gateway_statements.c.id)
    ).scalar_one()
    return statement_of(tx, key)


def begin_lines(tx: Connection, statement_id: int, file: StatementFile) -> str:
    """Make ready for a file's lines. Returns "" where this very file was read before.

    Else a token: who begins later takes the statement over, and the earlier reader's lines are no
    longer taken.
    """
    row = tx.execute(
        select(gateway_statements.c.state, gateway_statements.c.sha256)
        .where(gateway_statements.c.id == statement_id)
        .with_for_update()
    ).one()
    if row.state in READ and row.sha256 == file.sha256:
        return ""
    token = f"reading {secrets.token_hex(16)}"
    _set(tx, statement_id, state=StatementState.WAITING, sha256=token, file_name=file.path.name)
    return token


def _is_reading(tx: Connection, statement_id: int, token: str) -> bool:
    """Tell whether a reader has not been overtaken, and keep it so until the commit."""
    found = tx.execute(
        select(gateway_statements.c.sha256)
        .where(gateway_statements.c.id == statement_id)
        .with_for_update()
    ).scalar_one()
    return bool(found == token)


def clear_lines(tx: Connection, statement_id: int, *, limit: int) -> int:
    """Remove lines that an earlier file, or an attempt that died, has left; return how many."""
    some = (
        select(statement_lines.c.id).where(statement_lines.c.statement_id == statement_id)
    ).limit(limit)
    return tx.execute(
        statement_lines.delete().where(statement_lines.c.id.in_(some.scalar_subquery()))
    ).rowcount


def add_lines(
    tx: Connection, statement: Statement, lines: Sequence[StatementLine], *, token: str
) -> bool:
    """Write some lines of a statement that is being read. Returns False for who was overtaken."""
    if not _is_reading(tx, statement.statement_id, token):
        return False
    rows = [
        (
            *(statement.statement_id, one.kind.value, statement.gateway),
            *(one.order_no[:64], one.refund_no[:64]),
            *(one.transaction_id[:64], one.platform_refund_id[:64], one.amount_fen, one.fee_fen),
            *(one.state[:12], one.at),
        )
        for one in lines
    ]
    _LINES.insert(tx, rows)
    return True


def end_lines(
    tx: Connection, statement_id: int, file: StatementFile, *, token: str, now: datetime
) -> bool:
    """Take a statement for whole: its lines count from now on. The caller has read to its end.

    Returns False, and changes nothing, for who was overtaken.
    """
    if not _is_reading(tx, statement_id, token):
        return False
    line = statement_lines.c
    is_paid = (line.kind == LineKind.PAYMENT) & (line.state != FAILED)
    is_back = (line.kind == LineKind.REFUND) & (line.state != FAILED)
    sums = tx.execute(
        select(
            func.count(),
            _sum(case((is_paid, line.amount_fen), else_=0)),
            _sum(case((is_back, line.amount_fen), else_=0)),
            _sum(line.fee_fen),
        ).where(line.statement_id == statement_id)
    ).one()
    _set(
        tx,
        statement_id,
        state=StatementState.FETCHED,
        sha256=file.sha256,
        file_name=file.path.name,
        line_count=sums[0],
        paid_fen=int(sums[1]),
        refunded_fen=int(sums[2]),
        fee_fen=int(sums[3]),
        fetched_at=now,
        agreed_at=None,
    )
    _has_come(tx, statement_id, now)
    return True


def note_empty(tx: Connection, statement_id: int, *, now: datetime) -> None:
    """Take the platform's word that nothing was traded: that is a statement too."""
    empty = {"line_count": 0, "paid_fen": 0, "refunded_fen": 0, "fee_fen": 0}
    _set(tx, statement_id, state=StatementState.EMPTY, fetched_at=now, agreed_at=None, **empty)
    _has_come(tx, statement_id, now)


def note_broken(tx: Connection, statement_id: int, why: str, *, now: datetime) -> None:
    """Refuse a file as a whole, and put it before the office; it is asked for again.

    What was read of it does not count; `clear_lines` removes it.
    """
    _set(tx, statement_id, state=StatementState.BROKEN, agreed_at=None)
    _trouble(tx, statement_id, DifferenceKind.STATEMENT_BROKEN, why, now)


def note_missing(tx: Connection, statement_id: int, why: str, *, now: datetime) -> None:
    """Put before the office that a day has no statement, which is not a day without trades."""
    _trouble(tx, statement_id, DifferenceKind.NO_STATEMENT, why, now)


def agree(
    tx: Connection,
    statement: Statement,
    *,
    found: Mapping[DifferenceKind, int],
    keys: frozenset[str],
    now: datetime,
) -> int:
    """Note that a statement was compared, and close what no longer shows; return how many."""
    gone = close_gone(
        tx, statement.gateway, (statement.day_on, statement.day_on), OF_LINES, keys=keys, now=now
    )
    is_empty = statement.state is StatementState.EMPTY
    _set(
        tx,
        statement.statement_id,
        state=StatementState.EMPTY if is_empty else StatementState.AGREED,
        agreed_at=now,
        report=json.dumps({str(kind): count for kind, count in sorted(found.items())}),
    )
    return gone


def _set(tx: Connection, statement_id: int, **values: Any) -> None:  # noqa: ANN401
    tx.execute(
        update(gateway_statements).where(gateway_statements.c.id == statement_id).values(**values)
    )


def _sum(column: Any) -> Any:  # noqa: ANN401 - a SQL expression
    return func.coalesce(func.sum(column), 0)


_OF_FILES: Final = (DifferenceKind.NO_STATEMENT, DifferenceKind.STATEMENT_BROKEN)


def _has_come(tx: Connection, statement_id: int, now: datetime) -> None:
    one = statement_of(tx, statement_id)
    close_gone(tx, one.gateway, (one.day_on, one.day_on), _OF_FILES, keys=frozenset(), now=now)


def _trouble(
    tx: Connection, statement_id: int, kind: DifferenceKind, why: str, now: datetime
) -> None:
    one = statement_of(tx, statement_id)
    day = one.day_on.isoformat()
    finding = Finding(kind, one.gateway, one.day_on, f"{one.gateway}:{day}", None, None)
    keep_finding(tx, finding, now=now, detail=why)
