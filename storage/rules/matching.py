"""Bank rows (银行流水) against what is awaited: sure by code and amount, else at most a suggestion.

A row books itself only where its memo carries the code of one transfer that is still awaited and
the amount is that transfer's to the fen. Everything else waits for a person: with the code and
another amount as that transfer's, with a unit or a payer recognised as a suggestion that says why,
and where two units are as likely, with both and no suggestion.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from storage.frozen import dataclass
from storage.periods import shanghai_day
from storage.rules import remark_codes
from storage.rules.unit_names import Naming, UnitNames, index


class MatchKind(StrEnum):
    """What may be done with a row of money received."""

    AUTOMATIC = "automatic"
    """Book it on `order_nos[0]`."""
    QUEUED = "queued"
    """It names `order_nos`, but something does not agree: `reasons` says what. A person decides."""
    SUGGESTED = "suggested"
    """`candidates[0]` is likely; a person confirms or refuses."""
    UNMATCHED = "unmatched"
    """Nothing, or several alike (`candidates`); the row stays in suspense."""


class Reason(StrEnum):
    """Why a row is where it is, or what speaks for a candidate."""

    CODE = "code"
    SEVERAL_CODES = "several_codes"
    OTHER_AMOUNT = "other_amount"
    NOT_AWAITED = "not_awaited"
    """The transfer with this code was closed, paid, or opened only after the row."""
    UNIT_NAMED = "unit_named"
    UNIT_DIGITS = "unit_digits"
    UNIT_IN_PART = "unit_in_part"
    PAYER_IS_RESIDENT = "payer_is_resident"
    RESIDENT_NAMED = "resident_named"
    AMOUNT_IS_ALL = "amount_is_all"
    AMOUNT_IS_OLDEST = "amount_is_oldest"
    """The sum of the oldest open bills."""
    AMOUNT_IS_ONE = "amount_is_one"
    """One open bill, and not the oldest."""
    FEE_ITEM_NAMED = "fee_item_named"
    COMMUNITY_NAMED = "community_named"
    ALIKE = "alike"
    """Another is as likely, or nearly, or the memo names another unit than the payer's."""


POINTS: Final[Mapping[Reason, int]] = {
    Reason.UNIT_NAMED: 45,
    Reason.UNIT_DIGITS: 25,
    Reason.UNIT_IN_PART: 20,
    Reason.PAYER_IS_RESIDENT: 30,
    Reason.RESIDENT_NAMED: 25,
    Reason.AMOUNT_IS_ALL: 25,
    Reason.AMOUNT_IS_OLDEST: 20,
    Reason.AMOUNT_IS_ONE: 15,
    Reason.FEE_ITEM_NAMED: 5,
    Reason.COMMUNITY_NAMED: 5,
}
"""What each reason counts; a score is their sum, at most 100."""
LIKELY: Final = 45
"""A suggestion needs as much: a unit named whole, or the payer's name and the amount."""
LEAD: Final = 10
"""By so much a suggestion is ahead of the next candidate, else neither is suggested."""
SHOWN: Final = 5
_NAMINGS: Final = {
    Naming.WHOLE: Reason.UNIT_NAMED,
    Naming.DIGITS: Reason.UNIT_DIGITS,
    Naming.PART: Reason.UNIT_IN_PART,
}
_LEAST_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class Arrival:
    """Money received as the bank tells it: fen above 0, aware instant, outsiders' words."""

    amount_fen: int
    payer_name: str
    memo: str
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Awaited:
    """A transfer that a payer was asked for; `is_open` is False once paid or closed."""

    order_no: str
    code: str
    amount_fen: int
    opened_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A bill with something left on it."""

    bill_no: str
    fee_item: str
    open_fen: int


@dataclass(frozen=True, slots=True)
class Household:
    """A unit, its labels in any form, the names of its residents, its open bills oldest first."""

    unit_id: int
    community: str
    labels: tuple[str, ...]
    residents: tuple[str, ...]
    bills: tuple[OpenBill, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may have paid, how likely of 100, why, and the bills that the amount is."""

    unit_id: int
    score: int
    reasons: tuple[Reason, ...]
    bill_nos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What became of one row."""

    kind: MatchKind
    reasons: tuple[Reason, ...] = ()
    order_nos: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """Households to look up by name and by place; made once for many rows, see `directory`."""

    households: Mapping[int, Household]
    names: UnitNames
    by_resident: Mapping[str, frozenset[int]]
    communities: frozenset[str]


def directory(households: Iterable[Household]) -> Directory:
    """Return the households arranged for looking up."""
    known = {one.unit_id: one for one in households}
    by_resident: dict[str, set[int]] = {}
    for one in known.values():
        for resident in one.residents:
            by_resident.setdefault(_bare(resident), set()).add(one.unit_id)
    labels = [(one.unit_id, label) for one in known.values() for label in one.labels]
    return Directory(
        known,
        index(labels),
        {name: frozenset(units) for name, units in by_resident.items()},
        frozenset(_bare(one.community) for one in known.values()),
    )


def match(arrival: Arrival, awaited: Mapping[str, Awaited], known: Directory) -> Match:
    """Decide about one row; `awaited` is by code and holds closed and paid transfers too."""
    meant = [awaited[code] for code in remark_codes.find(arrival.memo) if code in awaited]
    if meant:
        doubts = _doubts(arrival, meant)
        kind = MatchKind.QUEUED if doubts else MatchKind.AUTOMATIC
        return Match(kind, (Reason.CODE, *doubts), tuple(one.order_no for one in meant))
    candidates = _candidates(arrival, known)
    if not candidates:
        return Match(MatchKind.UNMATCHED)
    best, next_score = candidates[0], candidates[1].score if len(candidates) > 1 else 0
    is_contradicted = Reason.UNIT_NAMED not in best.reasons and any(
        Reason.UNIT_NAMED in one.reasons for one in candidates
    )
    if is_contradicted or best.score - next_score < LEAD:
        return Match(MatchKind.UNMATCHED, (Reason.ALIKE,), candidates=candidates[:SHOWN])
    if best.score < LIKELY:
        return Match(MatchKind.UNMATCHED, candidates=candidates[:SHOWN])
    return Match(MatchKind.SUGGESTED, best.reasons, candidates=candidates[:SHOWN])


def _doubts(arrival: Arrival, meant: Sequence[Awaited]) -> tuple[Reason, ...]:
    """Return why a row that carries known codes may not book itself; empty where it may."""
    doubts: list[Reason] = []
    if len(meant) > 1:
        doubts.append(Reason.SEVERAL_CODES)
    if sum(one.amount_fen for one in meant) != arrival.amount_fen:
        doubts.append(Reason.OTHER_AMOUNT)
    booked_on = shanghai_day(arrival.booked_at)
    if any(not one.is_open or shanghai_day(one.opened_at) > booked_on for one in meant):
        doubts.append(Reason.NOT_AWAITED)
    return tuple(doubts)


def _candidates(arrival: Arrival, known: Directory) -> tuple[Candidate, ...]:
    """Return every unit that anything but the amount speaks for, the likeliest first."""
    words = _bare(arrival.memo)
    named = known.names.named_in(arrival.memo)
    payers = known.by_resident.get(_bare(arrival.payer_name), frozenset())
    spoken_of = {
        unit_id
        for name, units in known.by_resident.items()
        if len(name) >= _LEAST_NAME and name in words
        for unit_id in units
    }
    said = frozenset(name for name in known.communities if name and name in words)
    found: list[Candidate] = []
    for unit_id in {*named, *payers, *spoken_of}:
        household = known.households[unit_id]
        community = _bare(household.community)
        if said and community not in said:
            continue
        reasons = [_NAMINGS[named[unit_id]]] if unit_id in named else []
        if unit_id in payers:
            reasons.append(Reason.PAYER_IS_RESIDENT)
        elif unit_id in spoken_of:
            reasons.append(Reason.RESIDENT_NAMED)
        if community in said:
            reasons.append(Reason.COMMUNITY_NAMED)
        found.append(_weighed(arrival, household, reasons, words))
    return tuple(sorted(found, key=lambda one: (-one.score, one.unit_id)))


def _weighed(
    arrival: Arrival, household: Household, reasons: list[Reason], words: str
) -> Candidate:
    agreed, bill_nos = _amount(arrival.amount_fen, household.bills)
    if agreed is not None:
        reasons.append(agreed)
    if any(bill.fee_item and _bare(bill.fee_item) in words for bill in household.bills):
        reasons.append(Reason.FEE_ITEM_NAMED)
    score = min(sum(POINTS[one] for one in reasons), 100)
    return Candidate(household.unit_id, score, tuple(reasons), bill_nos)


def _amount(amount_fen: int, bills: Sequence[OpenBill]) -> tuple[Reason | None, tuple[str, ...]]:
    """Return what the amount is of the open bills, and which they are."""
    total_fen = 0
    for count, bill in enumerate(bills, 1):
        total_fen += bill.open_fen
        if total_fen == amount_fen:
            is_all = count == len(bills)
            reason = Reason.AMOUNT_IS_ALL if is_all else Reason.AMOUNT_IS_OLDEST
            return reason, tuple(one.bill_no for one in bills[:count])
    alone = [bill.bill_no for bill in bills if bill.open_fen == amount_fen]
    return (Reason.AMOUNT_IS_ONE, (alone[0],)) if len(alone) == 1 else (None, ())


def _bare(text: str) -> str:
    """Return the letters of a name or a memo: half width, lower case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())
