"""Rates (收缴率、清欠率) and the summary of fees in words: chat and commands show the same."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from handlers import words
from storage.database import Database
from storage.frozen import dataclass
from storage.periods import BillingPeriod
from storage.queries.collection import (
    BuildingRate,
    Question,
    Whose,
    collected,
    collected_by_building,
)
from storage.queries.debt_moves import Scope
from storage.queries.fee_summary import ItemBalance
from storage.rules.collecting import PAID, Move, Rate

OPENING: Final = "期初欠费"
CLOSING: Final = "期末欠费"
MOVES: Final = {
    Move.ISSUED: "本期应收",
    Move.WAIVED: "减免",
    Move.WRITTEN_OFF: "坏账核销",
    Move.RECEIVED: "收款",
    Move.OFFSET: "预存抵扣",
}
"""What each column of the summary is called."""
LESS: Final = (Move.WAIVED, Move.WRITTEN_OFF, *PAID)
"""Columns that are taken off and shown as positive."""


@dataclass(frozen=True, slots=True)
class MonthRates:
    """A month's rates as of a cut-off."""

    cut_off: date
    current: Rate
    year: Rate
    old: Rate
    developers: Rate
    by_building: tuple[BuildingRate, ...]


async def rates_of(db: Database, scope: Scope, period: BillingPeriod, today: date) -> MonthRates:
    """Read a month's rates: its own, the year's so far, of old debts, and the developer's."""
    month = Question.of_month(scope, period, today)
    developers = Question(scope, period, period, month.cut_off, Whose.DEVELOPERS)
    return MonthRates(
        month.cut_off,
        await db.read(collected, month),
        await db.read(collected, Question.of_year_so_far(scope, period, today)),
        await db.read(collected, Question.of_old_debts(scope, period, today)),
        await db.read(collected, developers),
        await db.read(collected_by_building, month),
    )


def lines_of(found: MonthRates) -> list[str]:
    """Say rates, each with what it divides by what; the developer's only where there are any."""
    said = [f"当期收缴率 {by_amount(found.current)}"]
    if found.current.households:
        said.append(f"当期户收缴率 {by_household(found.current)}")
    said.append(f"今年累计收缴率 {by_amount(found.year)}")
    said.append(f"往月清欠率 {by_amount(found.old)}")
    if found.developers.asked_fen:
        said.append(f"另外，开发商承担的 {by_amount(found.developers)}")
    return said


def by_amount(rate: Rate) -> str:
    """Say a rate by amount with both its sides."""
    if rate.percent_e2 is None:
        return "没有应收"
    return (
        f"{_percent(rate.percent_e2)}：实收 {words.money(rate.paid_fen)}"
        f" / 应收 {words.money(rate.asked_fen)}"
    )


def by_household(rate: Rate) -> str:
    """Say a rate by household with both its sides."""
    if rate.household_percent_e2 is None:
        return "没有应缴的住户"
    return (
        f"{_percent(rate.household_percent_e2)}：缴清 {rate.households_paid} 户"
        f" / 应缴 {rate.households} 户"
    )


def percent(rate: Rate) -> str:
    """Say a rate by amount, "—" where nothing was asked for."""
    return "—" if rate.percent_e2 is None else _percent(rate.percent_e2)


def household_percent(rate: Rate) -> str:
    """Say a rate by household, "—" where no household was asked."""
    return "—" if rate.household_percent_e2 is None else _percent(rate.household_percent_e2)


def _percent(percent_e2: int) -> str:
    """Say hundredths of a percent, also of one that refunds make negative: 8533 → "85.33%"."""
    sign, rest = ("-", -percent_e2) if percent_e2 < 0 else ("", percent_e2)
    return f"{sign}{rest // 100}.{rest % 100:02d}%"


class SummaryRow(NamedTuple):
    """A line of the summary of fees: a fee item, or all of them."""

    label: str
    columns: tuple[tuple[str, int], ...]
    """The name of each column and its fen, opening first and closing last."""
    fee_item_id: int = 0
    """0 for all of them."""


def summary_rows(found: Sequence[ItemBalance]) -> Iterator[SummaryRow]:
    """Return the lines of the summary, the sum of all last.

    Opening + 应收 − each column that is taken off = closing, line by line.
    """
    rows = [SummaryRow(one.item_name, _columns(one), one.fee_item_id) for one in found]
    yield from rows
    names = (OPENING, *MOVES.values(), CLOSING)
    sums = [sum(row.columns[at][1] for row in rows) for at in range(len(names))]
    yield SummaryRow("合计", tuple(zip(names, sums, strict=True)))


def _columns(one: ItemBalance) -> tuple[tuple[str, int], ...]:
    moved = one.balance.moved_fen
    shown = [(MOVES[move], -moved[move] if move in LESS else moved[move]) for move in Move]
    return ((OPENING, one.balance.opening_fen), *shown, (CLOSING, one.balance.closing_fen))
