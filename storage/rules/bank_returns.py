"""Money that a bank sends back (退汇): which earlier row of the account a later row undoes."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from storage.frozen import dataclass
from storage.lazy import regex
from storage.rules import remark_codes

WITHIN: Final = timedelta(days=60)
"""A bank returns a transfer in days; what is older was returned by nobody's accident."""
_RETURNED: Final = regex("退汇|退票|汇款?退回|退回|冲正|冲销|冲账|抹账|撤销|撤回")
_MARKS: Final = regex(r"[*＊]+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A row of a bank account: its key, fen (in above 0, out below), the other side, the memo."""

    row_key: str
    amount_fen: int
    name: str
    account: str
    memo: str
    booked_at: datetime


def says_returned(memo: str) -> bool:
    """Tell whether a memo is a bank's word for money going back."""
    return _RETURNED.search(unicodedata.normalize("NFKC", memo)) is not None


def undone_by(row: Passage, earlier: Iterable[Passage]) -> str | None:
    """Return the key of the one earlier row that this row undoes, or None.

    It must say that it is a return, and be the opposite amount with the same other side within
    `WITHIN`. Of several such rows the one with the same remark code is meant; where that does not
    settle it the answer is None and a person decides. Leave out of `earlier` what was undone.
    """
    if not says_returned(row.memo):
        return None
    fitting = [one for one in earlier if _fits(row, one)]
    codes = set(remark_codes.find(row.memo))
    coded = [one for one in fitting if codes & set(remark_codes.find(one.memo))]
    chosen = coded or fitting
    return chosen[0].row_key if len(chosen) == 1 else None


def _fits(row: Passage, earlier: Passage) -> bool:
    age = row.booked_at - earlier.booked_at
    is_opposite = earlier.amount_fen == -row.amount_fen and row.amount_fen != 0
    return is_opposite and timedelta() <= age <= WITHIN and _is_same_side(row, earlier)


def _is_same_side(row: Passage, earlier: Passage) -> bool:
    """Compare the accounts where both are known, masked ones by what they show; else the names."""
    if row.account and earlier.account:
        return _shows(row.account, earlier.account) or _shows(earlier.account, row.account)
    return bool(row.name) and row.name == earlier.name


def _shows(masked: str, whole: str) -> bool:
    if not _MARKS.search(masked):
        return masked == whole
    head, tail = _MARKS.split(masked)[0], _MARKS.split(masked)[-1]
    return bool(head + tail) and whole.startswith(head) and whole.endswith(tail)
