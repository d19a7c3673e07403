"""The rows behind each figure: a page at a time, with the number that all pages sum to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from bot.web.figure_wishes import FigureWish
from handlers import rates, words
from storage.database import Database
from storage.frozen import dataclass
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.collection import CollectedBill, Question, Whose, collected, collected_bills
from storage.queries.debt_ages import AgedBill, debts_by_age, debts_of_age
from storage.queries.fee_summary import BillBalance, fee_summary, fee_summary_bills
from storage.queries.month_facts import (
    RefundRow,
    RemindedRow,
    month_facts,
    refund_rows,
    reminded_rows,
)
from storage.queries.takings import TakingRow, taking_rows, takings

ON_A_PAGE: Final = 50
AGES: Final = ("30天以内或没到期", "31到60天", "61到90天", "91到180天", "181到365天", "超过365天")
"""What each bucket of an age is called."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a page shows it."""

    key: int
    what: str
    about: str
    end: str
    end_about: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows. `after_id` begins the next, 0 where there is none."""

    title: str
    sum_text: str
    """The figure itself, as its page says it."""
    rows: tuple[Row, ...]
    after_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """Which rows: how an address narrows a figure, and where its page begins."""

    after_id: int
    age: int = 0
    gateway: str = ""


Read = Callable[[Database, FigureWish, Place], Awaitable[Rows]]


def question(wish: FigureWish, name: str) -> Question:
    """Return the rate that a page names."""
    match name:
        case "year":
            return Question.of_year_so_far(wish.scope, wish.period, wish.cut_off)
        case "old":
            return Question.of_old_debts(wish.scope, wish.period, wish.cut_off)
        case "developers":
            period = wish.period
            return Question(wish.scope, period, period, wish.cut_off, Whose.DEVELOPERS)
    return Question.of_month(wish.scope, wish.period, wish.cut_off)


def _rate(name: str, title: str) -> Read:
    async def read(db: Database, wish: FigureWish, place: Place) -> Rows:
        asked = question(wish, name)
        found = await db.read(collected_bills, asked, after_id=place.after_id, limit=ON_A_PAGE + 1)
        said = rates.by_amount(await db.read(collected, asked))
        return _page(title, said, found, _collected)

    return read


async def _summary(db: Database, wish: FigureWish, place: Place) -> Rows:
    found = await db.read(
        fee_summary_bills, wish.scope, wish.days, after_id=place.after_id, limit=ON_A_PAGE + 1
    )
    rows = list(rates.summary_rows(await db.read(fee_summary, wish.scope, wish.days)))
    said = "，".join(f"{name} {words.money(fen)}" for name, fen in rows[-1].columns)
    return _page("收费汇总表的账单", said, found, _balance)


async def _ages(db: Database, wish: FigureWish, place: Place) -> Rows:
    bucket = min(place.age, len(AGES) - 1)
    found = await db.read(
        debts_of_age,
        wish.scope,
        wish.cut_off,
        bucket,
        after_id=place.after_id,
        limit=ON_A_PAGE + 1,
    )
    one = (await db.read(debts_by_age, wish.scope, wish.cut_off))[bucket]
    said = f"{one.households} 户，{words.money(one.open_fen)}"
    return _page(f"账龄 {AGES[bucket]}", said, found, _aged)


async def _takings(db: Database, wish: FigureWish, place: Place) -> Rows:
    found = await db.read(
        taking_rows,
        wish.scope,
        wish.days,
        gateway=place.gateway,
        after_id=place.after_id,
        limit=ON_A_PAGE + 1,
    )
    every = await db.read(takings, wish.scope, wish.days)
    fen = sum(one.fen for one in every if place.gateway in ("", one.gateway))
    way = words.gateway(place.gateway) if place.gateway else ""
    return _page(f"{way}收款", words.money(fen), found, _taking)


async def _refunds(db: Database, wish: FigureWish, place: Place) -> Rows:
    found = await db.read(
        refund_rows, wish.scope, wish.days, after_id=place.after_id, limit=ON_A_PAGE + 1
    )
    facts = await db.read(month_facts, wish.scope, wish.days)
    said = f"{facts.refunded.count} 笔，{words.money(facts.refunded.fen)}"
    return _page("到账的退款", said, found, _refund)


async def _reminded(db: Database, wish: FigureWish, place: Place) -> Rows:
    found = await db.read(
        reminded_rows, wish.scope, wish.days, after_id=place.after_id, limit=ON_A_PAGE + 1
    )
    facts = await db.read(month_facts, wish.scope, wish.days)
    said = f"提醒 {facts.reminded} 户，之后缴费 {facts.paid_after} 户"
    return _page("提醒过的住户", said, found, _one_reminded)


KINDS: Final[Mapping[str, Read]] = {
    "current": _rate("current", "当期收缴率的账单"),
    "year": _rate("year", "今年累计收缴率的账单"),
    "old": _rate("old", "往月清欠率的账单"),
    "developers": _rate("developers", "开发商承担的账单"),
    "summary": _summary,
    "ages": _ages,
    "takings": _takings,
    "refunds": _refunds,
    "reminded": _reminded,
}
"""What `rows` may be asked of."""


def _page(title: str, said: str, found: Sequence[Any], shown: Callable[[Any], Row]) -> Rows:
    rows = tuple(map(shown, found[:ON_A_PAGE]))
    return Rows(title, said, rows, rows[-1].key if len(found) > ON_A_PAGE else 0)


def _collected(one: CollectedBill) -> Row:
    return Row(
        one.bill_id,
        one.unit_label,
        f"{_bill(one.item_name, one.period)}，{one.bill_no}",
        f"实收 {words.money(one.paid_fen)}",
        f"应收 {words.money(one.asked_fen)}",
    )


def _balance(one: BillBalance) -> Row:
    moved = one.balance.moved_fen
    said = [
        f"{name} {words.money(-moved[move] if move in rates.LESS else moved[move])}"
        for move, name in rates.MOVES.items()
        if moved[move]
    ]
    return Row(
        one.bill_id,
        one.unit_label,
        "，".join((_bill(one.item_name, one.period), one.bill_no, *said)),
        f"{rates.CLOSING} {words.money(one.balance.closing_fen)}",
        f"{rates.OPENING} {words.money(one.balance.opening_fen)}",
    )


def _aged(one: AgedBill) -> Row:
    about = f"{one.item_name}，{one.bill_no}，{one.due_on.year}年{words.day(one.due_on)}应缴"
    return Row(one.bill_id, one.unit_label, about, words.money(one.open_fen))


def _taking(one: TakingRow) -> Row:
    about = f"{one.item_name}，{words.gateway(one.gateway)}，{one.bill_no}"
    return Row(
        one.allocation_id,
        one.unit_label,
        about,
        words.money(one.fen),
        words.day(shanghai_day(one.booked_at)),
    )


def _refund(one: RefundRow) -> Row:
    about = f"{words.gateway(one.gateway)}，{one.refund_no}"
    on = words.day(shanghai_day(one.settled_at))
    return Row(one.refund_id, one.unit_label, about, words.money(one.fen), on)


def _one_reminded(one: RemindedRow) -> Row:
    about = f"{words.day(shanghai_day(one.first_at))}起提醒 {one.reminders} 次"
    paid = f"之后缴 {words.money(one.paid_fen)}" if one.paid_fen > 0 else "还没有缴"
    return Row(one.unit_id, one.unit_label, about, paid)


def _bill(item_name: str, period: str) -> str:
    return f"{item_name} {words.period(BillingPeriod.parse(period))}"
