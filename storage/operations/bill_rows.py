"""Writing many bills at once: rows by the driver's own means, their entries by one SELECT."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    String,
    Table,
    TextClause,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)

from storage import ledger
from storage.kinds import Account, FeeClass
from storage.models.bills import bill_lines, bills, fee_items
from storage.models.deferrals import deferrals
from storage.models.payments import serials
from storage.operations.deferrals import defer, recognise
from storage.periods import BillingPeriod, DaySpan, shanghai_day
from storage.queries.pricing import DueBill
from storage.rules.billing import Due
from storage.rules.charging import AT_ONCE
from storage.rules.recognition import Parts, parts_apart, parts_to_come
from storage.sql import insert


class _Table:
    """Rows of a table, each a tuple of named columns as the driver takes them.

    PostgreSQL gets one array a column, in one statement; SQLite's driver gets them all at once.
    """

    def __init__(self, table: Table, *names: str) -> None:
        self._columns = [table.c[name] for name in names]
        self._into = f"INSERT INTO {table.name} ({', '.join(names)})"
        self._marks = f"{self._into} VALUES ({', '.join('?' * len(names))})"
        self._unnested: TextClause | None = None

    def insert(self, tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert some rows."""
        if tx.dialect.name == "sqlite":
            tx.exec_driver_sql(self._marks, list(rows))
            return
        if self._unnested is None:
            self._unnested = self._with_arrays(tx)
        columns = map(list, zip(*rows, strict=True))
        names = (column.name for column in self._columns)
        tx.execute(self._unnested, dict(zip(names, columns, strict=True)))

    def _with_arrays(self, tx: Connection) -> TextClause:
        """Write the statement; a text that is too long for its column is not cut in silence."""
        arrays = []
        for column in self._columns:
            kind = column.type
            inner = "TEXT" if isinstance(kind, String) else kind.compile(dialect=tx.dialect)
            arrays.append(f"CAST(:{column.name} AS {inner}[])")
        return text(f"{self._into} SELECT * FROM unnest({', '.join(arrays)})")  # noqa: S608


_BILLS = _Table(
    bills,
    *("id", "bill_no", "community_id", "unit_id", "fee_item_id", "liable_id", "period"),
    *("revision", "amount_fen", "due_on", "issued_at", "tariff_id", "explanation"),
    *("begins_on", "last_on", "corrects_id", "part"),
)
_BIGINTS = ARRAY(BigInteger)
_LINES = _Table(bill_lines, "bill_id", "label", "quantity", "unit_price", "kind", "amount_fen")

INCOME_OF = {
    FeeClass.OWN: Account.INCOME,
    FeeClass.RENEWAL: Account.INCOME,
    FeeClass.AGENCY: Account.AGENCY,
    FeeClass.DEPOSIT: Account.DEPOSIT,
}
"""Whose money a fee is → the account that a bill is booked against."""


class Corrected(NamedTuple):
    """The bill that is answered: its key, its revision, and which part of its period it is."""

    bill_id: int
    revision: int
    part: int

    def revision_of(self, part: int) -> int:
        """Return the revision of a bill that answers it; of another part it is the first."""
        return self.revision + 1 if part == self.part else 0


def write_bills(
    tx: Connection,
    new: Sequence[DueBill],
    *,
    community_id: int,
    now: datetime,
    instead_of: Corrected | None = None,
) -> list[int]:
    """Write bills with lines, explanations, ledger entries and balances; return their keys.

    Of a correction all are linked to the bill that they answer. Raises what the database raises
    where one of them is there already; then none is written.
    """
    if not new:
        return []
    days = _Days(tx, shanghai_day(now), is_correction=instead_of is not None)
    ordered = sorted(new, key=lambda one: (days.of(one.due)[0], one.unit_id, one.scheme.item_name))
    ids = _reserve(tx, bills, len(ordered))
    numbers = _numbers(tx, Counter(days.of(one.due)[0] for one in ordered))
    issued_at = _kept(tx, bills.c.issued_at, now)
    corrects_id = None if instead_of is None else instead_of.bill_id
    rows, lines, later = [], [], []
    for bill_id, bill_no, one in zip(ids, numbers, ordered, strict=True):
        period, due_on, begins_on, last_on, tariff_id = days.of(one.due)
        priced, scheme = one.priced, one.scheme
        revision = 0 if instead_of is None else instead_of.revision_of(one.part)
        rows.append(
            (
                *(bill_id, bill_no, community_id, one.unit_id, scheme.fee_item_id),
                *(one.liable_id, period, revision, priced.amount_fen, due_on, issued_at),
                *(tariff_id, priced.explanation, begins_on, last_on, corrects_id, one.part),
            )
        )
        lines += [(bill_id, *line) for line in priced.lines]
        if parts := days.parts_apart(one):
            later.append((bill_id, parts))
    _BILLS.insert(tx, rows)
    _LINES.insert(tx, lines)
    defer(tx, later)
    legs = _legs(tx, ids, has_parts_apart=bool(later))
    ledger.post_select(tx, legs, memo="出账", community_id=community_id, posted_at=now)
    while later and recognise(tx, community_id=community_id, now=now):
        pass  # what months before have earned is theirs at once
    return ids


class _Days:
    """What the days of a span are on its bills; a run has few spans and many bills."""

    def __init__(self, tx: Connection, today: date, *, is_correction: bool) -> None:
        self._tx, self._today = tx, today
        self._month = DaySpan.of(BillingPeriod.of(today))
        self._is_correction = is_correction
        self._known: dict[int, tuple[Due, tuple[str, Any, Any, Any, int]]] = {}

    def of(self, due: Due) -> tuple[str, Any, Any, Any, int]:
        """Return the month, the due day, the first and the last day, and the price's key."""
        found = self._known.get(id(due))
        if found is None:
            span = due.days
            made = (
                str(due.period),
                *(
                    _kept(self._tx, bills.c.due_on, day)
                    for day in (due.due_on(self._today), span.begins_on, span.last_on)
                ),
                due.last.tariff_id,
            )
            found = self._known[id(due)] = (due, made)
        return found[1]

    def parts_apart(self, one: DueBill) -> Parts:
        """Return what of a bill other months earn than this one; () of what is charged at once.

        A correction counts today, however long ago the days were: only what is to come is apart.
        """
        due = one.due
        if due.days.common(self._month) == due.days:
            return ()
        if INCOME_OF[one.scheme.fee_class] is not Account.INCOME:
            return ()
        if any(tariff.basis in AT_ONCE for tariff in due.tariffs):
            return ()
        amount_fen, today = one.priced.amount_fen, self._today
        if self._is_correction:
            return parts_to_come(amount_fen, due.days, booked_on=today)
        return parts_apart(amount_fen, due.days, booked_on=today)


def _kept(tx: Connection, column: Column[Any], value: date) -> Any:  # noqa: ANN401
    """Return a day or an instant as the driver takes it."""
    turn = column.type.dialect_impl(tx.dialect).bind_processor(tx.dialect)
    return value if turn is None else turn(value)


def _reserve(tx: Connection, table: Table, count: int) -> list[int]:
    """Return keys that no other row of a table will have, in order."""
    if tx.dialect.name == "sqlite":  # one connection writes, and it is ours now
        last: int = tx.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        return list(range(last + 1, last + count + 1))
    series = func.pg_get_serial_sequence(table.name, "id")
    numbers = func.generate_series(1, count).table_valued("number")
    return sorted(tx.execute(select(func.nextval(series)).select_from(numbers)).scalars())


def _numbers(tx: Connection, counts: Counter[str]) -> list[str]:
    """Give out the numbers of each month's bills; they run on without gaps."""
    found: list[str] = []
    for period, count in sorted(counts.items()):
        last = lock_series(tx, period, take=count)
        found += [f"B{period}-{number:06d}" for number in range(last - count + 1, last + 1)]
    return found


def lock_series(tx: Connection, period: str, *, take: int) -> int:
    """Take numbers of a month's series, hold its row until the end, and return the last one."""
    statement = (
        insert(tx, serials)
        .values(name=f"bill:{period}", last_used=take)
        .on_conflict_do_update(
            index_elements=["name"], set_={"last_used": serials.c.last_used + take}
        )
        .returning(serials.c.last_used)
    )
    last: int = tx.execute(statement).scalar_one()
    return last


def _legs(tx: Connection, ids: Sequence[int], *, has_parts_apart: bool) -> CompoundSelect[Any]:
    """Select what bills book: what a unit owes, whose money that is, and what other months earn."""
    mine: ColumnElement[bool]
    if tx.dialect.name == "sqlite":
        mine = bills.c.id.between(ids[0], ids[-1])
    else:
        mine = bills.c.id == any_(cast(bindparam("ids", list(ids), unique=True), _BIGINTS))
    key = literal("bill:").concat(bills.c.bill_no).label("entry_key")
    whose = case(
        {str(kind): str(account) for kind, account in INCOME_OF.items()},
        value=fee_items.c.fee_class,
    )
    nobodys = cast(null(), BigInteger)
    owed = select(
        key,
        literal(str(Account.RECEIVABLE)).label("account"),
        bills.c.unit_id,
        bills.c.amount_fen.label("amount_fen"),
    ).where(mine)
    earned = (
        select(key, whose.label("account"), nobodys, -bills.c.amount_fen)
        .join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        .where(mine)
    )
    if not has_parts_apart:
        return union_all(owed, earned)
    later = (
        select(deferrals.c.bill_id, func.sum(deferrals.c.amount_fen).label("fen"))
        .join(bills, bills.c.id == deferrals.c.bill_id)
        .where(mine)
        .group_by(deferrals.c.bill_id)
        .subquery("later")
    )
    left_fen = bills.c.amount_fen - func.coalesce(later.c.fen, 0)
    now = (
        earned.with_only_columns(key, whose.label("account"), nobodys, -left_fen)
        .outerjoin(later, later.c.bill_id == bills.c.id)
        .where(left_fen > 0)
    )
    deferred = select(
        key, literal(str(Account.DEFERRED)), nobodys, -cast(later.c.fen, BigInteger)
    ).join(later, later.c.bill_id == bills.c.id)
    return union_all(owed, now, deferred)
