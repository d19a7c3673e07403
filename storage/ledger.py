"""Double entry: every fen leaves one account and enters another, once.

Debit is positive, credit negative. Money that residents owe us sits in `receivable` (debit), what
they have with us in `prepayment` and `refund_due` (credit), what platforms hold for us in
`clearing` (debit).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from storage.frozen import dataclass
from storage.kinds import Account
from storage.models.base import UtcDateTime
from storage.models.ledger import entries, postings, unit_balances
from storage.periods import shanghai_day
from storage.prepared import Prepared, filled
from storage.sql import insert


@dataclass(frozen=True, slots=True)
class Leg:
    """One account's part of an entry: debit positive, in fen."""

    account: Account
    amount_fen: int
    unit_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One entry that is to be booked once; of a second one with its key nothing is booked."""

    key: str
    memo: str
    community_id: int
    posted_at: datetime
    legs: tuple[Leg, ...]
    reverses_id: int | None = None


def post(
    tx: Connection,
    *,
    key: str,
    memo: str,
    community_id: int,
    posted_at: datetime,
    legs: Sequence[Leg],
    reverses_id: int | None = None,
) -> bool:
    """Book an entry once. Returns False, and changes nothing, where the key was booked before.

    Raises ValueError where the legs do not sum to zero.
    """
    kept = tuple(leg for leg in legs if leg.amount_fen)
    entry = NewEntry(key, memo, community_id, posted_at, kept, reverses_id)
    return post_many(tx, [entry]) == 1


def post_many(tx: Connection, new: Sequence[NewEntry]) -> int:
    """Book many entries at once; return how many were not booked before.

    Raises ValueError where the legs of one do not sum to zero; then nothing is booked.
    """
    by_key = {entry.key: entry for entry in sorted(new, key=lambda one: one.key)}
    for entry in by_key.values():
        if sum(leg.amount_fen for leg in entry.legs) != 0 or len(entry.legs) < 2:
            raise ValueError(f"entry {entry.key} does not balance: {entry.legs}")
    if not by_key:
        return 0
    booked = tx.execute(
        insert(tx, entries).on_conflict_do_nothing().returning(entries.c.id, entries.c.entry_key),
        [_entry_row(one) for one in by_key.values()],
    ).all()
    legs = [(row.id, leg) for row in booked for leg in by_key[row.entry_key].legs]
    _POSTING.run_many(
        tx,
        [
            {
                "entry_id": entry_id,
                "account": leg.account,
                "unit_id": leg.unit_id,
                "amount_fen": leg.amount_fen,
            }
            for entry_id, leg in legs
        ],
    )
    _add_to_balances(tx, (leg for _, leg in legs))
    return len(booked)


def _entry_row(entry: NewEntry) -> dict[str, Any]:
    return {
        "entry_key": entry.key,
        "memo": entry.memo,
        "community_id": entry.community_id,
        "effective_on": shanghai_day(entry.posted_at),
        "posted_at": entry.posted_at,
        "reverses_id": entry.reverses_id,
    }


_POSTING = Prepared(
    lambda insert: filled(insert, postings, "entry_id", "account", "unit_id", "amount_fen")
)


def post_select(
    tx: Connection,
    legs: Select[Any] | CompoundSelect[Any],
    *,
    memo: str,
    community_id: int,
    posted_at: datetime,
    effective_on: date | None = None,
) -> int:
    """Book the legs that a SELECT gives, without bringing them here; return how many entries.

    Its columns are entry_key, account, unit_id and amount_fen. They count for the Shanghai day of
    `posted_at`, or for `effective_on`. Raises ValueError where the legs
    of a key do not sum to zero, and what the database raises for a key that was booked before;
    then nothing of it is booked.
    """
    given = legs.subquery("legs")
    key, amount_fen = given.c.entry_key, given.c.amount_fen
    wrong = tx.execute(
        select(key).group_by(key).having(or_(func.sum(amount_fen) != 0, func.count() < 2)).limit(1)
    ).scalar_one_or_none()
    if wrong is not None:
        raise ValueError(f"entry {wrong} does not balance")
    common: dict[str, ColumnElement[Any]] = {
        "memo": literal(memo),
        "community_id": literal(community_id),
        "effective_on": literal(effective_on or shanghai_day(posted_at), Date()),
        "posted_at": literal(posted_at, UtcDateTime()),
    }
    new = select(key, *common.values()).group_by(key, *common.values()).order_by(key)
    booked: int = tx.execute(
        entries.insert().from_select(["entry_key", *common], new, include_defaults=False)
    ).rowcount
    rows = (
        select(entries.c.id, given.c.account, given.c.unit_id, amount_fen)
        .select_from(given.join(entries, entries.c.entry_key == key))
        .order_by(entries.c.id)
    )
    names = ["entry_id", "account", "unit_id", "amount_fen"]
    tx.execute(postings.insert().from_select(names, rows, include_defaults=False))
    _add_selected(tx, given)
    return booked


def _add_selected(tx: Connection, legs: Subquery) -> None:
    """Add the legs of units to the summary rows, each locked in the order in which all lock them.

    The row is there before it is changed: engines check a row that an upsert only proposes.
    """
    place = (legs.c.unit_id, legs.c.account)
    changes = (
        select(*place, func.sum(legs.c.amount_fen).label("added_fen"))
        .where(legs.c.unit_id.is_not(None))
        .group_by(*place)
        .order_by(*place)
    )
    new = changes.with_only_columns(*place, literal(0))
    tx.execute(
        insert(tx, unit_balances)
        .from_select(["unit_id", "account", "balance_fen"], new, include_defaults=False)
        .on_conflict_do_nothing()
    )
    added = changes.order_by(None).subquery("added")
    is_same = and_(
        unit_balances.c.unit_id == added.c.unit_id, unit_balances.c.account == added.c.account
    )
    if tx.dialect.name != "sqlite":
        mine = tuple_(unit_balances.c.unit_id, unit_balances.c.account)
        tx.execute(
            select(unit_balances.c.unit_id)
            .where(mine.in_(select(added.c.unit_id, added.c.account)))
            .order_by(unit_balances.c.unit_id, unit_balances.c.account)
            .with_for_update()
        )
    tx.execute(
        update(unit_balances)
        .where(is_same)
        .values(balance_fen=unit_balances.c.balance_fen + added.c.added_fen)
    )


def reverse(tx: Connection, *, key: str, memo: str, posted_at: datetime) -> bool:
    """Answer an entry by its opposite, once; the entry itself stays as it is.

    Returns False where it was reversed before. Raises LookupError for an unknown key, and
    ValueError for a reversal, which is not itself reversed.
    """
    entry = tx.execute(select(entries).where(entries.c.entry_key == key)).one_or_none()
    if entry is None:
        raise LookupError(key)
    if entry.reverses_id is not None:
        raise ValueError(f"{key} is a reversal")
    legs = [
        Leg(Account(row.account), -row.amount_fen, row.unit_id)
        for row in tx.execute(select(postings).where(postings.c.entry_id == entry.id))
    ]
    return post(
        tx,
        key=f"reversal:{key}",
        memo=memo,
        community_id=entry.community_id,
        posted_at=posted_at,
        legs=legs,
        reverses_id=entry.id,
    )


def balance(tx: Connection, account: Account, unit_id: int | None = None) -> int:
    """Return an account's balance in fen (debit positive), of one unit or of all."""
    total = select(func.coalesce(func.sum(postings.c.amount_fen), 0)).where(
        postings.c.account == account
    )
    if unit_id is not None:
        total = total.where(postings.c.unit_id == unit_id)
    return int(tx.execute(total).scalar_one())


def unit_balance(tx: Connection, account: Account, unit_id: int) -> int:
    """Return a unit's balance from its summary row, in fen (debit positive)."""
    found = tx.execute(
        select(unit_balances.c.balance_fen).where(
            unit_balances.c.unit_id == unit_id, unit_balances.c.account == account
        )
    ).scalar_one_or_none()
    return found or 0


def _add_to_balances(tx: Connection, legs: Iterable[Leg]) -> None:
    """Add to the summary rows, each unit's account once, in the order in which all lock them.

    The row is there before it is changed: engines check a row that an upsert only proposes.
    """
    totals: dict[tuple[int, str], int] = {}
    for leg in legs:
        if leg.unit_id is not None:
            place = (leg.unit_id, str(leg.account))
            totals[place] = totals.get(place, 0) + leg.amount_fen
    changes = [
        {"at_unit": unit_id, "at_account": account, "added_fen": added}
        for (unit_id, account), added in sorted(totals.items())
        if added
    ]
    places = [{name: one[name] for name in ("at_unit", "at_account")} for one in changes]
    _BALANCE.run_many(tx, places)
    _ADD.run_many(tx, changes)


_BALANCE = Prepared(
    lambda insert: (
        insert(unit_balances)
        .values(
            unit_id=bindparam("at_unit"), account=bindparam("at_account"), balance_fen=literal(0)
        )
        .on_conflict_do_nothing()
    )
)
_ADD = Prepared(
    lambda _: (
        update(unit_balances)
        .where(
            unit_balances.c.unit_id == bindparam("at_unit"),
            unit_balances.c.account == bindparam("at_account"),
        )
        .values(balance_fen=unit_balances.c.balance_fen + bindparam("added_fen"))
    )
)
