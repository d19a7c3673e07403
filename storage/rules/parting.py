"""A charge shared among those whose days it is for (按天分给交费人), to the fen.

The whole is reckoned and rounded once; each party bears of it what her days are of all days, by
largest remainder. What a meter counted is shared by use, where it was read on each day on which
the party changed. A part keeps, under "part" in its explanation:

    of_fen   the whole
    shares   all parts in order: [first day, last day, how many days or how much used]
    unit     what is counted
    at       which of the shares this part is
    whose    owner, tenant, developer or company
"""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Final

from storage import money
from storage.kinds import Basis
from storage.periods import DaySpan
from storage.rules.figures import figure, money_text
from storage.rules.rounding import apportion

DAYS: Final = "天"
_METERED: Final = (Basis.BY_METER, Basis.TIERED)


def shares_of(whole: Mapping[str, Any], spans: Sequence[DaySpan]) -> tuple[list[Any], str]:
    """Return what each of some spans counts in sharing a charge, and in which unit."""
    used = _uses(whole, spans)
    if used is None:
        counts: Sequence[Any] = [one.days for one in spans]
        unit = DAYS
    else:
        counts = [figure(one) for one in used]
        unit = str(whole["steps"][0]["factors"][0][1])
    days = [(one.begins_on.isoformat(), one.last_on.isoformat()) for one in spans]
    return [[*of, count] for of, count in zip(days, counts, strict=True)], unit


def _uses(whole: Mapping[str, Any], spans: Sequence[DaySpan]) -> list[Fraction] | None:
    """Return what was used in each span, None where no reading tells it."""
    if whole["basis"] not in _METERED or not whole["steps"]:
        return None
    readings = whole["usage"].get("parts", ())
    cuts = [one.begins_on.isoformat() for one in spans[1:]]
    if not set(cuts) <= {one["to"] for one in readings}:
        return None
    used = [Fraction()] * len(spans)
    for one in readings:
        at = sum(cut < one["to"] for cut in cuts)
        turned = Fraction(one["turned"]) + Fraction(one["after"]) - Fraction(one["before"])
        used[at] += turned * Fraction(one["multiplier"])
    return used if min(used) >= 0 and any(used) else None


def part_of(whole_fen: int, shares: list[Any], unit: str, at: int) -> tuple[int, dict[str, Any]]:
    """Return what one of several shares is of a whole, in fen, and the account of it."""
    kept = {"of_fen": whole_fen, "shares": shares, "unit": unit, "at": at}
    return recompute(kept, whole_fen), kept


def recompute(kept: Mapping[str, Any], whole_fen: int) -> int:
    """Return the fen of a part from its account. Raises ValueError for another whole."""
    if kept["of_fen"] != whole_fen:
        raise ValueError(f"the whole is {whole_fen} fen, a part was taken of {kept['of_fen']}")
    return apportion(whole_fen, _counts(kept))[int(kept["at"])]


def _counts(kept: Mapping[str, Any]) -> list[Fraction]:
    return [Fraction(count) for _, _, count in kept["shares"]]


def share_text(kept: Mapping[str, Any]) -> str:
    """Print which part it is: "14/30天"."""
    counts = _counts(kept)
    return f"{figure(counts[kept['at']])}/{figure(sum(counts, Fraction()))}{kept['unit']}"


def days_text(kept: Mapping[str, Any]) -> str:
    """Print the days of a part: "6月1日–6月14日"."""
    first, last, _ = kept["shares"][kept["at"]]
    days = (date.fromisoformat(one) for one in (first, last))
    return "–".join(f"{one.month}月{one.day}日" for one in days)


def told(kept: Mapping[str, Any], amount_fen: int) -> str:
    """Print the last line of a part's reckoning: "其中 6月1日–6月14日 14/30天 = 116.95元"."""
    return f"其中 {days_text(kept)} {share_text(kept)} = {money_text(amount_fen)}"


def lines_of_part(
    amounts_fen: Sequence[int], kept: Mapping[str, Any], part_fen: int
) -> tuple[int, ...]:
    """Return what each line of the whole is of a part, in fen; together they are the part.

    What is taken off (below 0) is shared like the whole, the other lines bear the rest.
    """
    counts, at = _counts(kept), kept["at"]
    off = [-apportion(-one, counts)[at] if one < 0 else 0 for one in amounts_fen]
    borne = money.split(part_fen - sum(off), [max(one, 0) for one in amounts_fen])
    return tuple(one + two for one, two in zip(off, borne, strict=True))
