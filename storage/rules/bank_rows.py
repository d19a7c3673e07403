"""The key (去重键) of a bank row: read again it is the same, and two rows have two."""

import hashlib
from collections.abc import Iterable
from datetime import date

from storage.frozen import dataclass

KEY_LENGTH = 40


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What a bank tells of one row; `time` and `serial` are "" and the balance None if untold."""

    day: date
    time: str
    amount_fen: int
    balance_fen: int | None
    name: str
    account: str
    memo: str
    serial: str = ""


def row_keys(account_no: str, rows: Iterable[RowFacts]) -> tuple[str, ...]:
    """Return a key for each row of an account, in the order in which the bank booked them.

    With the bank's serial it is that, the day and the amount (interest and its tax share a serial);
    without one it is all that is told. Rows alike in that are counted: give whole days.
    """
    seen: dict[str, int] = {}
    keys: list[str] = []
    for row in rows:
        base = _base(account_no, row)
        seen[base] = seen.get(base, 0) + 1
        keys.append(f"{base}:{seen[base]}")
    return tuple(keys)


def _base(account_no: str, row: RowFacts) -> str:
    day, amount = row.day.isoformat(), str(row.amount_fen)
    if is_serial(row.serial):
        return "s" + _digest(account_no, day, row.serial, amount)
    balance = "" if row.balance_fen is None else str(row.balance_fen)
    told = (day, row.time, amount, balance, row.name, row.account, row.memo)
    return "h" + _digest(account_no, *told)


def is_serial(serial: str) -> bool:
    """Tell whether a serial says anything: banks fill the column with zeros or dashes."""
    return serial.strip("0-") != ""


def _digest(*parts: str) -> str:
    # A length before each part: no two ways to cut the same text.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_LENGTH]
