"""A charge shared among those whose days it is for (按天分给交费人), to the fen.

The whole is reckoned and rounded once; each party bears of it what her days are of all days, by
largest remainder. A part keeps, under "part" in its explanation:

    of_fen   the whole
    shares   all parts in order: [first day, last day, how many]
    unit     what is counted
    at       which of the shares this part is
    whose    owner, tenant, developer or company
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from storage import money
from storage.kinds import Payer
from storage.periods import DaySpan
from storage.rules.figures import money_text

DAYS: Final = "天"


def part_of(
    whole_fen: int, spans: Sequence[DaySpan], at: int, whose: Payer
) -> tuple[int, dict[str, Any]]:
    """Return what one of several spans bears of a whole, in fen, and the account of it."""
    kept = {
        "of_fen": whole_fen,
        "shares": [[one.begins_on.isoformat(), one.last_on.isoformat(), one.days] for one in spans],
        "unit": DAYS,
        "at": at,
        "whose": str(whose),
    }
    return recompute(kept, whole_fen), kept


def recompute(kept: Mapping[str, Any], whole_fen: int) -> int:
    """Return the fen of a part from its account. Raises ValueError for another whole."""
    if kept["of_fen"] != whole_fen:
        raise ValueError(f"the whole is {whole_fen} fen, a part was taken of {kept['of_fen']}")
    shares = money.split(whole_fen, [count for _, _, count in kept["shares"]])
    return shares[int(kept["at"])]


def share_text(kept: Mapping[str, Any]) -> str:
    """Print which part it is: "14/30天"."""
    counts = [count for _, _, count in kept["shares"]]
    return f"{counts[kept['at']]}/{sum(counts)}{kept['unit']}"


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
    counts, at = [count for _, _, count in kept["shares"]], kept["at"]
    off = [-money.split(-one, counts)[at] if one < 0 else 0 for one in amounts_fen]
    borne = money.split(part_fen - sum(off), [max(one, 0) for one in amounts_fen])
    return tuple(one + two for one, two in zip(off, borne, strict=True))
