"""Findings become tasks with a history, or heal by themselves.

What a person has closed stays closed, however often it is found again; what closed by itself is
open again when it shows again.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage.models.operating import discrepancies
from storage.operations.difference_notes import last_act, note_act
from storage.queries.agreement import Finding
from storage.rules.agreeing import AGAIN, BY_ITSELF, FOUND, HEALED, DifferenceKind
from storage.sql import insert_once


def keep_finding(tx: Connection, finding: Finding, *, now: datetime, detail: str = "") -> str:
    """Write a finding down once. Returns new | open | again | handled (a person has closed it)."""
    values = {
        "discrepancy_key": finding.key,
        "kind": finding.kind,
        "reference": finding.reference[:64],
        "detail": detail[:300],
        "opened_at": now,
        "gateway": finding.gateway,
        "day_on": finding.day_on,
        "ours_fen": finding.ours_fen,
        "theirs_fen": finding.theirs_fen,
    }
    number = insert_once(tx, discrepancies, values)
    if number is not None:
        note_act(tx, number, FOUND, at=now, note=detail)
        return "new"
    row = _known(tx, finding)
    if row.closed_at is None:
        return "open"
    if last_act(tx, row.id) not in BY_ITSELF:
        return "handled"
    _set_closed(tx, row.id, None)
    note_act(tx, row.id, AGAIN, at=now, note=detail)
    return "again"


def is_handled(tx: Connection, finding: Finding) -> bool:
    """Tell whether a person has closed this very finding: then it is left alone."""
    row = tx.execute(
        select(discrepancies.c.id, discrepancies.c.closed_at).where(
            discrepancies.c.discrepancy_key == finding.key
        )
    ).one_or_none()
    if row is None or row.closed_at is None:
        return False
    return last_act(tx, row.id) not in BY_ITSELF


def _known(tx: Connection, finding: Finding) -> Row[Any]:
    return tx.execute(
        select(discrepancies)
        .where(discrepancies.c.discrepancy_key == finding.key)
        .with_for_update()
    ).one()


def _set_closed(tx: Connection, difference_id: int, at: datetime | None) -> None:
    tx.execute(
        update(discrepancies).where(discrepancies.c.id == difference_id).values(closed_at=at)
    )


def close_finding(
    tx: Connection, finding: Finding, act: str, *, now: datetime, note: str = ""
) -> None:
    """Note a finding that is settled already: it is history, and nobody's task."""
    if keep_finding(tx, finding, now=now) == "handled":
        return
    row = _known(tx, finding)
    _set_closed(tx, row.id, now)
    note_act(tx, row.id, act, at=now, note=note)


def close_gone(
    tx: Connection,
    gateway: str,
    days: tuple[date, date],
    kinds: Iterable[DifferenceKind],
    *,
    keys: frozenset[str],
    now: datetime,
) -> int:
    """Close what was open of these days and kinds and is not among `keys`; return how many."""
    rows = tx.execute(
        select(discrepancies.c.id, discrepancies.c.discrepancy_key).where(
            discrepancies.c.closed_at.is_(None),
            discrepancies.c.kind.in_([*kinds]),
            discrepancies.c.gateway == gateway,
            discrepancies.c.day_on.between(*days),
        )
    ).all()
    gone = [row.id for row in rows if row.discrepancy_key not in keys]
    for number in gone:
        _set_closed(tx, number, now)
        note_act(tx, number, HEALED, at=now, note="no longer found")
    return len(gone)


def note_on(tx: Connection, finding: Finding, act: str, note: str, *, now: datetime) -> None:
    """Add to the history of a finding that is written down."""
    note_act(tx, _known(tx, finding).id, act, at=now, note=note)


def close_about(
    tx: Connection, reference: str, kinds: Iterable[DifferenceKind], *, now: datetime, note: str
) -> int:
    """Close what was open about an order or refund that has ended meanwhile; return how many."""
    rows = tx.execute(
        select(discrepancies.c.id).where(
            discrepancies.c.closed_at.is_(None),
            discrepancies.c.reference == reference,
            discrepancies.c.kind.in_([*kinds]),
        )
    ).scalars()
    numbers = list(rows)
    for number in numbers:
        _set_closed(tx, number, now)
        note_act(tx, number, HEALED, at=now, note=note)
    return len(numbers)
